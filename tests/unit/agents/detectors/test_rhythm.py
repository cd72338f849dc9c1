"""What comes in a rhythm is expected after three times."""

from agents.detectors.rhythm import Rhythm

DAY_S = 86_400.0


def told(events: list[tuple[float, float]]) -> list[bool]:
    """Whether each of these events (day, surprise) is told."""
    rhythm = Rhythm()
    return [rhythm.step(score, day * DAY_S) > 0.0 for day, score in events]


def test_the_fourth_beat_is_expected_and_a_worse_one_is_told() -> None:
    """A nightly job drifts by ten minutes a day; the sixth night is twice as bad."""
    events = [(night * 1.007, 4.0) for night in range(5)] + [(5 * 1.007, 8.0)]
    assert told(events) == [True, True, True, False, False, True]


def test_what_comes_at_no_rhythm_is_told() -> None:
    """Gaps that grow are no period."""
    assert all(told([(float(2**n), 4.0) for n in range(8)]))


def test_weak_surprises_and_times_that_run_backwards_make_no_rhythm() -> None:
    """Neither is an event that another could follow."""
    assert all(told([(float(night), 1.5) for night in range(6)]))
    assert all(told([(float(-night), 4.0) for night in range(6)]))
    assert all(told([(0.0, 4.0)] * 6))


def test_it_is_bounded() -> None:
    """Two hundred events leave 32."""
    rhythm = Rhythm()
    for n in range(200):
        rhythm.step(3.0, n * n * 60.0)
    assert len(rhythm._times) == len(rhythm._scores) == 32
