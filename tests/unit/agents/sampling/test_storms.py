"""When a storm opens and closes: loud enough within a window opens it, calm windows close it, nothing makes it flap."""

from collections.abc import Iterable

import numpy as np

from agents.sampling.incidents import COUNTS, Incidents, N, key_of
from agents.sampling.rules import SamplingRules
from agents.sampling.sources import REGISTERS, estimate, merged, register_of, sketch
from agents.sampling.storms import judge, to_be_judged, without_sources
from schemas.records.sampling import StormChanged

RULES = SamplingRules(window_ms=10_000, open_per_s=50.0, close_per_s=10.0, close_windows=3)
LOUD, MIDDLING, CALM = 600, 200, 50  # alerts a window: 60, 20 and 5 a second
SLOT = 0


def told(windows: Iterable[int], state: Incidents | None = None) -> tuple[list[StormChanged], Incidents]:
    """What is said over windows of so many alerts each, judged at the end of each."""
    state = state or Incidents()
    state.slot_of("inc-1")
    changes = []
    first = (int(state.numbers[SLOT, N.WATERMARK]) + 1) // RULES.window_ms
    for number, alerts in enumerate(windows, first):
        if alerts:
            counts = np.zeros((1, COUNTS + 2), np.int64)
            counts[0, N.RECEIVED] = alerts
            state.windows.ensure(key_of(np.asarray([SLOT]), np.asarray([number])), counts)
        state.numbers[SLOT, N.WATERMARK] = state.numbers[SLOT, N.ARRIVED] = (number + 1) * RULES.window_ms - 1
        change = judged(state)
        if change is not None:
            changes.append(change)
    return changes, state


def judged(state: Incidents, after_ms: int = 0) -> StormChanged | None:
    """The change at a time after the last arrival, told as a flush would: of incidents that may have one."""
    assert to_be_judged(state, np.asarray([SLOT]), RULES).tolist() in ([SLOT], [])
    now = int(state.numbers[SLOT, N.ARRIVED]) + after_ms
    if not len(to_be_judged(state, np.asarray([SLOT]), RULES)):
        return None
    return judge(state, SLOT, RULES, 0, now)


def opens(changes: Iterable[StormChanged]) -> list[bool]:
    return [change.open for change in changes]


def test_a_loud_window_opens_a_storm_and_says_how_loud() -> None:
    """Rate and baseline, in alerts a second; who is loudest."""
    state = Incidents()
    state.slot_of("inc-1")
    prints = state.texts.codes(["quiet", "loud", "A", "B"])
    state.prints.ensure(
        key_of(np.asarray([SLOT, SLOT]), prints[:2]), np.asarray([[0, 1, 1, prints[2]], [0, 1, 599, prints[3]]])
    )
    (opened,), _ = told([CALM] * 10 + [LOUD], state)
    assert opened.open
    assert opened.rate_per_s == 60.0
    assert 0 < opened.baseline_per_s <= 5.0
    assert [f.fingerprint for f in opened.loudest] == ["loud", "quiet"]
    assert [f.name for f in opened.loudest] == ["B", "A"]


def test_less_than_loud_opens_nothing() -> None:
    """Above the closing rate is not above the opening one."""
    changes, _ = told([MIDDLING] * 20)
    assert changes == []


def test_three_calm_windows_close_it() -> None:
    """Under the same id that it opened by."""
    changes, _ = told([LOUD, CALM, CALM, CALM, CALM])
    assert opens(changes) == [True, False]
    assert changes[0].storm_id == changes[1].storm_id


def test_middling_windows_keep_it_open() -> None:
    """Between the two rates nothing changes: that is the hysteresis."""
    changes, state = told([LOUD] + [MIDDLING] * 30)
    assert opens(changes) == [True]
    assert SLOT in state.storms


def test_calm_windows_must_follow_each_other() -> None:
    """A storm with pauses is one storm."""
    changes, state = told([LOUD] + [CALM, CALM, MIDDLING] * 5)
    assert opens(changes) == [True]
    assert SLOT in state.storms


def test_a_storm_that_comes_back_is_another_one() -> None:
    """With an id of its own, which is a function of incident, partition and window."""
    changes, _ = told([LOUD, CALM, CALM, CALM, CALM, LOUD])
    assert opens(changes) == [True, False, True]
    assert changes[0].storm_id != changes[2].storm_id
    assert told([LOUD])[0][0].storm_id == changes[0].storm_id


def test_a_storm_that_closes_takes_its_own_sources_along() -> None:
    """One that opens later counts anew; those of other incidents stay, and so do those of a storm that opens."""
    (opened, closed), state = told([LOUD, CALM, CALM, CALM, CALM])
    other = state.slot_of("inc-2")
    state.sources.ensure(key_of(np.asarray([SLOT, SLOT, other]), np.asarray([3, 9, 3])), np.ones((3, 1), np.int64))
    without_sources(state, [opened])
    assert state.sources.owners().tolist() == [SLOT, SLOT, other]
    without_sources(state, [closed])
    assert state.sources.owners().tolist() == [other]


def test_windows_without_any_alert_are_calm() -> None:
    """The alert after a pause tells that there was one."""
    changes, _ = told([LOUD, 0, 0, 0, CALM])
    assert opens(changes) == [True, False]


def test_silence_closes_it_by_the_clock_of_arrival() -> None:
    """No alert will come to tell of the pause."""
    _, state = told([LOUD])
    still = judged(state, 30_000)
    closed = judged(state, 30_001)
    assert still is None
    assert closed is not None
    assert not closed.open
    assert closed.rate_per_s == 0.0
    assert SLOT not in state.storms


def test_a_storm_does_not_raise_its_own_baseline() -> None:
    """The baseline is of calm times."""
    _, before = told([CALM] * 20)
    _, after = told([CALM] * 20 + [LOUD] * 20)
    assert after.baselines[SLOT] < before.baselines[SLOT] + 6.0


def test_years_between_two_alerts_are_judged_at_once() -> None:
    """Real data has event times of years ago, then of today."""
    _, state = told([LOUD])
    state.numbers[SLOT, N.WATERMARK] += 5 * 365 * 86_400_000
    closed = judged(state, 1)
    assert closed is not None
    assert not closed.open


def sketched(sources: Iterable[str]) -> bytes:
    """The sketch of some sources."""
    state = Incidents()
    state.slot_of("inc-1")
    for source in sources:
        place = register_of(source)
        at = state.sources.ensure(key_of(np.asarray([SLOT]), np.asarray([place >> 8])), np.zeros((1, 1), np.int64))
        state.sources.values[at, 0] = np.maximum(state.sources.values[at, 0], place & 0xFF)
    return sketch(state, SLOT)


def test_a_sketch_tells_distinct_sources_within_a_tenth() -> None:
    """From one to a hundred thousand, however often each is seen, in 3 kB."""
    for count in (0, 1, 20, 500, 3_000, 20_000):
        found = sketched([f"host-{n}" for n in range(count)] * (2 if count < 1_000 else 1))
        assert abs(estimate(found) - count) <= count * 0.1
        assert len(found) <= 3 * REGISTERS


def test_sketches_of_partitions_add_up() -> None:
    """What both have seen counts once."""
    both = merged([sketched(f"h{n}" for n in range(400)), sketched(f"h{n}" for n in range(200, 600))])
    assert both == sketched(f"h{n}" for n in range(600))
