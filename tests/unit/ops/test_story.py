"""Stories are told whatever the payloads hold."""

import json
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ops.terminal.story import Line, tell
from state.incident import EventType
from state.ports import StoredEvent
from tests.support.event_sequences import EventLog, event_logs, story

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "action", "autonomous", "breach_in_s", "channel", "checks", "classification", "confidence", "cost", "evidence",
    "hypotheses", "loudest", "quality", "received", "state", "title", "tried", "votes",
)  # fmt: skip


@given(event_logs())
def test_every_legal_log_has_a_line_an_event(log: EventLog) -> None:
    """Each event is told once, in order, in words, and never before its episode opened."""
    for state in log.states():
        events = log.of(state.incident_id)
        lines = tell(events)
        assert [line.at_ms for line in lines] == [stored.event.recorded_at for stored in events]
        assert all(line.what and line.after_s >= 0 for line in lines)


@given(st.sampled_from([*EventType, "OfALaterVersion"]), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
def test_a_payload_of_any_shape_is_told(kind: str, payload: dict[str, object]) -> None:
    """What another version wrote, or left out, never breaks the story."""
    first = story().events[0]
    odd = StoredEvent(replace(first.event, type=kind, payload=json.dumps(payload)), first.topic, 0, 0)
    (line,) = tell([odd])
    assert line.what.isprintable()
    assert all(reason.isprintable() for reason in line.why)


def test_seconds_count_from_the_opening_of_the_episode() -> None:
    """A second episode begins at zero again."""
    log = story()
    log.append("inc-checkout", EventType.INCIDENT_OPENED, after_ms=60_000)
    log.append("inc-checkout", EventType.DIAGNOSIS_MADE, after_ms=1_500)
    assert [line.after_s for line in tell(log.events)][-3:] == [11.0, 0.0, 1.5]
    assert [line.episode for line in tell(log.events)][-3:] == [1, 2, 2]


def told(*events: tuple[EventType, Mapping[str, object]]) -> list[Line]:
    """The story of these, one after the other."""
    first = story().events[0]
    made = [replace(first.event, type=kind, payload=json.dumps(payload)) for kind, payload in events]
    return tell([StoredEvent(event, first.topic, 0, 0) for event in made])


PROOF = {"summary": "Heap at 91 %", "topic": "alerts.sampled", "partition": 0, "offset": 7}


def test_a_record_that_two_statements_rest_on_is_told_once_an_episode() -> None:
    """The opening tells it; the diagnosis that follows does not again, a new episode does."""
    opened = (EventType.INCIDENT_OPENED, {"evidence": [PROOF, PROOF]})
    diagnosed = (
        EventType.DIAGNOSIS_MADE,
        {"root_cause": "db", "hypotheses": [{"rationale": "r", "evidence": [PROOF]}]},
    )
    told_by = ["91 %" in " ".join(line.why) for line in told(opened, diagnosed, opened)]
    assert told_by == [True, False, True]
    assert sum("91 %" in reason for reason in told(opened)[0].why) == 1


def test_a_cause_that_names_its_kind_is_not_told_twice() -> None:
    """Neither is the kind left out where the cause does not name it."""
    named, unnamed = told(
        (EventType.DIAGNOSIS_MADE, {"root_cause": "checkout: memory leak", "classification": "MEMORY_LEAK"}),
        (EventType.DIAGNOSIS_MADE, {"root_cause": "checkout", "classification": "MEMORY_LEAK"}),
    )
    assert named.what.lower().count("memory leak") == 1
    assert unnamed.what.startswith("Root cause found: checkout, memory leak")


def test_one_check_is_one_check() -> None:
    """And two are checks."""
    one, two = told(*((EventType.ACTION_COMPLETED, {"checks": n, "healthy": True}) for n in (1, 2)))
    assert one.what.endswith("healthy after 1 check")
    assert two.what.endswith("healthy after 2 checks")


def test_nothing_to_tell_is_no_story() -> None:
    """No events, no lines."""
    assert tell([]) == []
