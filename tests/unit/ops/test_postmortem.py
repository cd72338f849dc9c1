"""The postmortem page: durations against budgets, the story, and text that stays text."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ops.terminal.postmortem import markdown, plain
from ops.terminal.stage_times import OVER_LIMIT, OVER_TARGET, WITHIN, StageTime, stage_times
from ops.terminal.story import tell
from state.incident import EventType, fold
from tests.support.event_sequences import EventLog, story


def times(log: EventLog) -> dict[tuple[int, str], StageTime]:
    """By episode and stage."""
    return {(one.episode, one.stage): one for one in stage_times([stored.event for stored in log.events])}


def page(log: EventLog) -> str:
    """The page of the log's first incident."""
    events = log.of("inc-checkout")
    told = [stored.event for stored in events]
    return markdown(fold("inc-checkout", told), tell(events), stage_times(told))


def test_stages_are_measured_from_event_to_event() -> None:
    """From the opening to the root cause, to the decision, to the end."""
    log = story()
    found = times(log)
    first = log.events[0].event
    ended = next(s.event for s in log.events if s.event.type == EventType.INCIDENT_RESOLVED)
    assert found[1, "whole incident"].took_s == (ended.recorded_at - first.recorded_at) / 1000
    assert found[1, "diagnosis"].verdict == WITHIN


def test_what_did_not_happen_took_no_time() -> None:
    """An episode that is under way has no end; a stage that was not needed is left out."""
    log = story()
    log.append("inc-checkout", EventType.INCIDENT_OPENED, after_ms=60_000)
    found = times(log)
    assert found[2, "whole incident"].took_s is None
    assert (2, "resolution") not in found


def test_a_budget_has_a_target_and_a_limit() -> None:
    """Beyond the one it is late, beyond the other too late."""
    one = StageTime(1, "detection", "", 30.0, 30, 60)
    assert [replace(one, took_s=s).verdict for s in (30.0, 45.0, 61.0)] == [WITHIN, OVER_TARGET, OVER_LIMIT]


def test_a_clock_that_was_set_back_makes_no_negative_times() -> None:
    """No stage took less than nothing."""
    events = [stored.event for stored in story().events]
    backwards = [replace(event, recorded_at=event.recorded_at - 10_000 * n) for n, event in enumerate(events)]
    assert all(one.took_s is None or one.took_s >= 0 for one in stage_times(backwards))


def test_the_page_tells_the_whole_story() -> None:
    """Every line of it, the durations, and how to check it."""
    log = story()
    text = page(log)
    assert len(re.findall(r"^- \*\*", text, re.MULTILINE)) == len(log.of("inc-checkout"))
    assert "| 1 | diagnosis | opening to root cause |" in text
    assert "breakwater events verify --incident inc-checkout" in text


def test_hostile_text_stays_text() -> None:
    """A log line in a title makes no heading, no table cell, no link, no script."""
    shown = plain("# <script>x</script> | [a](http://evil) `b` ![c](d)\n## e")
    assert shown == r"\# \<script\>x\</script\> \| \[a\](http&#58;//evil) \`b\` \!\[c\](d)·\#\# e"


@given(st.text())
def test_any_text_is_one_line_without_markup(text: str) -> None:
    """Whatever characters there are."""
    shown = plain(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[<>|`\[\]]", shown.replace("\\\\", ""))
