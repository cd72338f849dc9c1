"""Stories are told whatever the payloads hold."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ops.terminal.story import tell
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


def test_nothing_to_tell_is_no_story() -> None:
    """No events, no lines."""
    assert tell([]) == []
