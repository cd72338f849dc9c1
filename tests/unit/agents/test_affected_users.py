"""Users who are affected: from an alert's label to what the incident says of itself, and what it costs."""

import json

import pytest

from agents.communication.notices_stage import NoticesSettings, NoticesStage
from agents.detection.candidates_stage import CandidatesStage
from ops.api.impact import Yardstick, impact_view
from schemas.records.analysis import IncidentCandidate
from schemas.records.intake import Alert
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Severity
from state.incident import EventType, IncidentState, fold
from streams.stage import Output
from streams.topics import EVENTS, NOTIFICATIONS, SAMPLED
from tests.support.episode import candidate, event, records
from tests.support.signals import INCIDENT, NOW, alert, resolved
from tests.support.stage_run import StageRun

RETELL_MS = 6_000
# A Saturday: no hours of business.
SATURDAY = 1_760_140_800_000


def told(users: str, at: int = NOW, name: str = "OutOfMemory") -> Alert:
    """A critical alert with the label."""
    return alert(name, at, severity=Severity.CRITICAL, labels={"affected_users": users})


def heard(*alerts: Alert) -> list[int]:
    """What the candidates say, one after the other, when these come."""
    run = StageRun(CandidatesStage())
    for each in alerts:
        run.take(SAMPLED, each, each.occurred_at)
    return [o.record.affected_users for o in run.outputs if isinstance(o.record, IncidentCandidate)]


@pytest.mark.parametrize(("label", "users"), [("2500", 2500), ("", 0), ("-3", 0), ("many", 0), ("²", 0), ("9" * 40, 0)])
def test_the_number_is_the_labels(label: str, users: int) -> None:
    """What is no number of users is none; the label stays in the alert's record."""
    assert heard(told(label)) == [users]


def test_many_more_are_told_of_anew_and_fewer_are_not() -> None:
    """The most of the episode counts; where the cost does not change by much nothing is said."""
    later = [told(users, NOW + RETELL_MS * n) for n, users in enumerate(("2000", "2100", "900", "3000"), 1)]
    assert heard(told("10"), *later) == [10, 2000, 3000]


def test_the_next_episode_begins_with_none() -> None:
    """Whoever was affected by the last one is not any more."""
    run = StageRun(CandidatesStage())
    again = NOW + 60_000
    opened = event(EventType.INCIDENT_OPENED, {}, version=1, at=NOW + 1).record
    over = event(EventType.INCIDENT_RESOLVED, {"how": "alerts cleared"}, version=2, at=NOW + 21_000).record
    for topic, record, at in (
        (SAMPLED, told("5000"), NOW), (EVENTS, opened, NOW + 1), (SAMPLED, resolved("OutOfMemory", NOW + 20_000), NOW + 20_000),
        (EVENTS, over, NOW + 21_000), (SAMPLED, alert("Other", again, severity=Severity.CRITICAL), again),
    ):  # fmt: skip
        run.take(topic, record, at)
    opening = [o.record for o in run.outputs if isinstance(o.record, IncidentCommand)]
    said = [json.loads(c.payload)["affected_users"] for c in opening if c.type == EventType.INCIDENT_OPENED]
    assert said == [5000, 0]


def state_of(*users: int | None) -> IncidentState:
    """The state after an opening and reclassifications that name so many; None where an earlier version wrote them."""
    fields = json.loads(event(EventType.INCIDENT_OPENED, candidate().record).record.payload)
    events = []
    for number, count in enumerate(users, 1):
        kind = EventType.INCIDENT_OPENED if number == 1 else EventType.INCIDENT_RECLASSIFIED
        payload = {k: v for k, v in fields.items() if k != "affected_users"}
        payload |= {} if count is None else {"affected_users": count}
        events.append(event(kind, payload, version=number, at=SATURDAY).record)
    return fold(INCIDENT, events)


def test_the_state_keeps_the_most() -> None:
    """Events of earlier versions name nobody."""
    assert [state_of(*users).affected_users for users in ((None,), (7,), (7, 9), (9, 7), (9, None))] == [0, 7, 9, 9, 9]


def test_they_cost_once_they_are_many() -> None:
    """One each on top of the tier's 10,000 a minute, from 1,001 users on."""
    yardstick = Yardstick(300.0, 3600.0)
    views = [impact_view(state_of(users), yardstick, SATURDAY + 60_000) for users in (1_000, 2_500)]
    assert [(view["per_minute"], view["cost"]) for view in views if view] == [(10_000, 10_000), (12_500, 12_500)]


def test_people_are_told_how_many() -> None:
    """With the diagnosis, beside what it costs."""
    fields = json.loads(event(EventType.INCIDENT_OPENED, candidate().record).record.payload) | {"affected_users": 2_500}
    stage = NoticesStage(NoticesSettings(channels=("console",)))
    state = stage.initial(INCIDENT)
    diagnosis = {
        "root_cause": "checkout",
        "classification": "MEMORY_LEAK",
        "confidence": 0.85,
        "parent_incident_id": None,
    }
    outputs: list[Output] = []
    for version, (kind, payload) in enumerate(
        ((EventType.INCIDENT_OPENED, fields), (EventType.DIAGNOSIS_MADE, diagnosis)), 1
    ):
        step = stage.decide(state, event(kind, payload, version=version, at=SATURDAY))
        assert step.state is not None
        state, outputs = step.state, [*outputs, *step.outputs]
    (notice,) = records(outputs, NOTIFICATIONS)
    assert "12,500 USD a minute" in notice.body
    assert "2,500 users are affected" in notice.body
