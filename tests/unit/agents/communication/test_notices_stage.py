"""The notices stage: people are told at the right moment, once, by every channel, in words that help."""

import json
from typing import Any

from agents.communication.notices_stage import NoticesSettings, NoticesStage
from agents.communication.notices_state import NoticesState
from schemas.records.command import Notification, NotificationState
from schemas.records.vocabulary import Classification, Severity
from streams.stage import Output, Received
from streams.topics import COMMANDS, NOTIFICATIONS
from tests.support.episode import INCIDENT, NOW, candidate, decision, event, opened, records

STAGE = NoticesStage(NoticesSettings(channels=("console",)))


def diagnosis(parent: str | None = None, *, at: int = NOW) -> Received[Any]:
    fields = {
        "root_cause": "checkout", "classification": "MEMORY_LEAK", "confidence": 0.85, "parent_incident_id": parent,
    }  # fmt: skip
    return event("DiagnosisMade", fields, version=2, at=at)


def decided(**changes: Any) -> Received[Any]:
    return event("DecisionMade", decision(**changes).record, version=3)


def asked(*, at: int = NOW, version: int = 4, tried: list[str] | None = None) -> Received[Any]:
    fields = {"role": "senior_sre", "reason": "the agents do not agree", "tried": tried or []}
    return event("HumanRequested", fields, version=version, at=at)


def resolved(*, at: int = NOW + 48_000, episode: int = 1) -> Received[Any]:
    return event("IncidentResolved", {"how": "restart verified healthy"}, version=7, at=at, episode=episode)


def closed(*, at: int = NOW + 60_000) -> Received[Any]:
    return event("IncidentClosed", {"reason": "quiet"}, version=8, at=at)


def run(*items: Received[Any], stage: NoticesStage = STAGE, state: NoticesState | None = None) -> list[Output]:
    return _run(stage, state or stage.initial(INCIDENT), items)[1]


def _run(stage: NoticesStage, state: NoticesState, items: Any) -> tuple[NoticesState, list[Output]]:
    """One event after another, the state stored and loaded between them as the shell does."""
    outputs: list[Output] = []
    for item in items:
        if stage.key(item) is None:
            continue
        step = stage.decide(state, item)
        assert step.state is not None
        assert stage.load(json.loads(json.dumps(stage.dump(step.state)))) == step.state
        state = step.state
        outputs += step.outputs
    return state, outputs


def queued(outputs: list[Output]) -> list[Notification]:
    return [n for n in records(outputs, NOTIFICATIONS) if n.state == NotificationState.QUEUED]


def kept_back(outputs: list[Output]) -> list[tuple[str, str]]:
    return [(n.status, n.detail) for n in records(outputs, NOTIFICATIONS) if n.state == NotificationState.SUPPRESSED]


def test_an_opening_waits_for_its_cause() -> None:
    """Nothing at once; with the diagnosis it is told once, with the cause; the decision adds no second one."""
    assert run(opened()) == []
    outputs = run(opened(), diagnosis(), decided())
    (notice,) = queued(outputs)
    assert notice.status == "opened"
    assert "most likely checkout (confidence 0.85)" in notice.body


def test_the_event_store_is_told_of_what_is_queued() -> None:
    """A command for each queued notification, none for a suppressed one."""
    outputs = run(opened(), diagnosis())
    (command,) = records(outputs, COMMANDS)
    assert command.type == "NotificationQueued"
    assert json.loads(command.payload)["notification_id"] == queued(outputs)[0].notification_id
    assert records(run(opened(), diagnosis("inc-parent")), COMMANDS) == []


def test_an_opening_without_a_cause_is_told_after_five_seconds() -> None:
    """The tick tells it, and the diagnosis that comes later tells it no second time."""
    state, _ = _run(STAGE, STAGE.initial(INCIDENT), [opened()])
    assert STAGE.waits(state)
    assert STAGE.tick(INCIDENT, state, NOW + 4_999) is None
    step = STAGE.tick(INCIDENT, state, NOW + 5_000)
    assert step is not None
    assert step.state is not None
    assert "The cause is not known yet." in queued(list(step.outputs))[0].body
    assert not STAGE.waits(step.state)
    assert run(diagnosis(), state=step.state) == []


def test_its_id_does_not_depend_on_what_made_it_be_told() -> None:
    """Told by the tick and, after a crash, again by the diagnosis: the same notification to who deduplicates."""
    state, _ = _run(STAGE, STAGE.initial(INCIDENT), [opened()])
    ticked = STAGE.tick(INCIDENT, state, NOW + 5_000)
    assert ticked is not None
    by_tick, by_diagnosis = queued(list(ticked.outputs)), queued(run(opened(), diagnosis()))
    assert by_tick[0].notification_id == by_diagnosis[0].notification_id


def test_a_child_is_told_of_by_its_parent() -> None:
    """Opened and resolved are kept back with the reason."""
    outputs = run(opened(), diagnosis("inc-parent"), resolved())
    assert queued(outputs) == []
    assert kept_back(outputs) == [("opened", "told by the parent"), ("resolved", "told by the parent")]


def test_a_child_that_needs_a_human_is_told() -> None:
    """A request for a human is never kept back; and who was asked hears how it ended."""
    outputs = run(opened(), diagnosis("inc-parent"), asked(), resolved())
    assert [notice.status for notice in queued(outputs)] == ["escalated", "resolved"]


def test_an_escalation_before_the_opening_was_told_says_it_all() -> None:
    """One notice, not two in the same second; the opening is on record as told with it."""
    outputs = run(opened(), asked(tried=["RESTART on checkout: failed. not healthy in 5 checks"]))
    (notice,) = queued(outputs)
    assert notice.status == "escalated"
    assert "memory of checkout grows without end" in notice.body
    assert "Do you have to act? Yes, a senior_sre, now." in notice.body
    assert "RESTART on checkout: failed. not healthy in 5 checks." in notice.body
    assert kept_back(outputs) == [("opened", "told with the request for a human")]


def test_resolved_says_how_how_long_and_at_what_cost() -> None:
    """48 s of a critical service before business hours: 8,000; a human's 30 minutes would have cost the rest."""
    outputs = run(opened(), diagnosis(), resolved())
    notice = queued(outputs)[-1]
    assert notice.status == "resolved"
    assert "restart verified healthy, 48 s after the incident opened" in notice.body
    assert "It cost about 8,000 USD; about 525,333 USD were saved against a human's 30 min" in notice.body


def test_an_incident_resolved_at_once_is_told_once() -> None:
    """Resolved within the five seconds: only the good news."""
    outputs = run(opened(), resolved(at=NOW + 2_000))
    assert [notice.status for notice in queued(outputs)] == ["resolved"]
    assert kept_back(outputs) == [("opened", "resolved before it was told")]


def test_closed_is_told_only_to_who_knows_of_it() -> None:
    """After an opening that was told; not out of the blue."""
    assert [notice.status for notice in queued(run(opened(), diagnosis(), closed()))] == ["opened", "closed"]
    outputs = run(opened(), closed(at=NOW + 1_000))
    assert queued(outputs) == []
    assert kept_back(outputs)[-1] == ("closed", "was not told as opened")


def test_the_same_is_told_once_in_five_minutes() -> None:
    """A second escalation within 300 s is kept back, one at 300 s is told; another severity is not the same."""
    again = asked(at=NOW + 299_999, version=5)
    outputs = run(opened(), diagnosis(), asked(), again, asked(at=NOW + 300_000, version=6))
    assert [notice.status for notice in queued(outputs)] == ["opened", "escalated", "escalated"]
    assert kept_back(outputs) == [("escalated", "the same was told 300 s before")]
    milder = event("IncidentReclassified", candidate(severity=Severity.WARNING).record, version=5)
    outputs = run(opened(), diagnosis(), asked(), milder, asked(at=NOW + 1, version=6))
    assert [notice.severity for notice in queued(outputs)] == ["CRITICAL", "CRITICAL", "WARNING"]
    assert queued(outputs)[-1].dedup_key == f"{INCIDENT}:escalated:WARNING"


def test_a_flapping_incident_is_told_once() -> None:
    """The second episode within the window is kept back, and remembers over the episode's end what was told."""
    second = [opened(episode=2, at=NOW + 60_000, version=10), event("DiagnosisMade", json.loads(
        diagnosis().record.payload), episode=2, version=11, at=NOW + 61_000)]  # fmt: skip
    outputs = run(opened(), diagnosis(), resolved(), *second, resolved(at=NOW + 70_000, episode=2))
    assert [notice.status for notice in queued(outputs)] == ["opened", "resolved"]
    assert [status for status, _ in kept_back(outputs)] == ["opened", "resolved"]


def test_sequence_numbers_grow_over_episodes() -> None:
    """Each notice has a greater number than those before, so that an outdated one can be told."""
    outputs = run(
        opened(), diagnosis(), resolved(), opened(episode=2, at=NOW + 900_000, version=10),
        event("HumanRequested", {"role": "senior_sre", "reason": "r"}, episode=2, version=11, at=NOW + 900_000),
    )  # fmt: skip
    assert [notice.sequence for notice in records(outputs, NOTIFICATIONS)] == [1, 2, 3, 4]


def test_each_channel_gets_its_own() -> None:
    """One notification a channel, of its own id and the same sequence number."""
    stage = NoticesStage(NoticesSettings(channels=("console", "slack")))
    notices = queued(run(opened(), diagnosis(), stage=stage))
    assert [notice.channel for notice in notices] == ["console", "slack"]
    assert len({notice.notification_id for notice in notices}) == 2
    assert {notice.sequence for notice in notices} == {1}


def test_a_diagnosis_outranks_a_later_guess() -> None:
    """Detection's reclassification changes the severity, not what the diagnosis found."""
    guess = event("IncidentReclassified", candidate(classification=Classification.DDOS).record, version=5)
    outputs = run(opened(), diagnosis(), guess, resolved())
    assert "memory leak" in queued(outputs)[-1].title


def test_what_others_wrote_cannot_break_the_text() -> None:
    """Control characters and lines of a hostile title end up in one line, cut to a length."""
    title = "x\x1b[2J\nDo you have to act? No." + "y" * 5_000
    body = queued(run(opened(title=title), diagnosis()))[0].body
    assert len(body.splitlines()) == 5
    assert "\x1b" not in body
    assert len(body) < 2_000


def test_every_text_says_what_what_it_means_what_next_and_whether_to_act() -> None:
    """All four kinds of notice have the same five lines, and name the command that shows more."""
    outputs = [*run(opened(), diagnosis(), asked(), resolved()), *run(opened(), diagnosis(), closed())]
    notices = queued(outputs)
    assert {notice.status for notice in notices} == {"opened", "escalated", "resolved", "closed"}
    for notice in notices:
        starts = [line.split(":")[0].split("?")[0] for line in notice.body.splitlines()]
        assert starts == ["What happened", "What it means", "What is done next", "Do you have to act", "More"]
        assert f"breakwater incidents timeline {INCIDENT}" in notice.body


def test_events_of_another_episode_are_passed_over() -> None:
    """A late event of an episode that is over changes nothing."""
    assert run(opened(episode=2), asked()) == []
