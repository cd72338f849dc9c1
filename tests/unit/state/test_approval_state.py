"""An approval in the incident's state: who may answer what, once."""

import pytest

from state.incident import EventType, IncidentState, admits
from tests.support.event_sequences import EventLog
from tests.support.payloads import payload_of

ID = "inc-checkout"
ANSWERS = (EventType.APPROVAL_GIVEN, EventType.APPROVAL_REFUSED, EventType.APPROVAL_EXPIRED)


@pytest.fixture
def log() -> EventLog:
    """An incident in which a plan waits."""
    log = EventLog()
    for kind in (EventType.INCIDENT_OPENED, EventType.DECISION_MADE, EventType.APPROVAL_REQUESTED):
        log.append(ID, kind)
    return log


def why_not(state: IncidentState, kind: EventType, **changes: str) -> str | None:
    """Why this answer is not taken."""
    return admits(state, kind, state.episode, {**payload_of(kind, state, 0, 0), **changes})


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_first_answer_counts(log: EventLog, kind: EventType) -> None:
    """Whoever comes second, with whatever answer, is told what it is already."""
    assert log.state(ID).status == "escalated"
    log.append(ID, kind)
    state = log.state(ID)
    assert state.approval is not None
    assert (state.approval["by"], state.approval["answered_at"]) == ("ana", log.now_ms)
    for second in ANSWERS:
        assert str(why_not(state, second)).endswith(f"it is {state.approval['state'].lower()}.")


def test_an_answer_to_another_plan_is_refused(log: EventLog) -> None:
    """By its hash, and by its id."""
    state = log.state(ID)
    assert "another plan" in str(why_not(state, EventType.APPROVAL_GIVEN, plan_hash="0" * 64))
    assert "No such plan" in str(why_not(state, EventType.APPROVAL_GIVEN, approval_id="other"))


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        (EventType.DECISION_MADE, "SUPERSEDED"),
        (EventType.ACTION_INTENDED, "SUPERSEDED"),
        (EventType.INCIDENT_RESOLVED, "OVER"),
        (EventType.HUMAN_REQUESTED, "PENDING"),
        (EventType.ALERTS_ACCOUNTED, "PENDING"),
    ],
)
def test_what_happens_meanwhile_may_end_the_wait(log: EventLog, kind: EventType, becomes: str) -> None:
    """A later decision or action takes its place, the end of the episode makes it moot."""
    log.append(ID, kind)
    approval = log.state(ID).approval
    assert approval is not None
    assert approval["state"] == becomes


def test_the_decision_that_is_asked_about_does_not_end_its_own_wait(log: EventLog) -> None:
    """Both come by different topics, in either order."""
    approval = log.state(ID).approval
    assert approval is not None
    log.append(ID, EventType.DECISION_MADE, decision_id=approval["decision_id"])
    assert (log.state(ID).approval or {})["state"] == "PENDING"
