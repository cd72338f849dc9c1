"""An incident's alert rate against its own last day."""

from hypothesis import given
from hypothesis import strategies as st

from agents.detection.alert_rates import DAY_MS, AlertRates
from tests.support.signals import NOW, account

WINDOW_MS = 10_000


def after(*counts: tuple[int, int]) -> AlertRates:
    """The rates after windows of (index, alerts)."""
    rates = AlertRates()
    for index, received in counts:
        rates = rates.heard(account(received, NOW + index * WINDOW_MS))
    return rates


def test_twenty_alerts_out_of_silence_are_unusual_and_two_are_not() -> None:
    """A service that was never heard from was silent before."""
    assert after((0, 20)).score > 0.99
    assert after((0, 2)).score < 0.9


def test_what_is_usual_all_day_is_no_news() -> None:
    """Thirty alerts in every window make thirty alerts usual, not three hundred."""
    usual = [(i, 30 + i % 5) for i in range(500)]
    assert after(*usual).score < 0.5
    assert after(*usual, (500, 300)).score > 0.99


def test_windows_without_alerts_count_as_zeros() -> None:
    """Twenty alerts a day for one window each: the baseline is near 0, for nothing is said of the silent windows."""
    rates = after(*((i * 8640, 20) for i in range(5)))
    assert rates.baseline.mean < 0.05
    assert rates.score > 0.99


def test_a_gap_teaches_as_much_as_the_silent_windows_that_it_holds() -> None:
    """Told of the zeros one by one, the baseline is the same."""
    told, untold = after((0, 9), *((i, 0) for i in range(1, 200)), (200, 3)), after((0, 9), (200, 3))
    assert abs(told.baseline.mean - untold.baseline.mean) < 1e-9
    assert abs(told.baseline.variance - untold.baseline.variance) < 1e-9


def test_a_day_fades() -> None:
    """After three days of silence a busy day is nearly forgotten."""
    busy = [(i, 30) for i in range(8640)]
    later = after(*busy, (8640 + 3 * DAY_MS // WINDOW_MS, 30))
    assert after(*busy).baseline.mean > 15
    assert later.baseline.mean < 2


def test_a_window_is_told_of_anew_while_it_fills_and_is_scored_as_it_stands() -> None:
    """Counts of a window are cumulative; the greatest holds, and is learned once."""
    filling = after((0, 5), (0, 25), (0, 20))
    assert filling.received == 25
    assert filling.baseline == AlertRates().baseline


def test_a_late_word_about_an_earlier_window_changes_nothing() -> None:
    """The window was learned when the next one began."""
    rates = after((0, 5), (1, 7))
    assert rates.heard(account(50, NOW)) == rates


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10**6)), max_size=30))
def test_the_score_stays_within_0_and_1(windows: list[tuple[int, int]]) -> None:
    """Whatever the order of windows and their counts."""
    assert 0.0 <= after(*windows).score <= 1.0


WEEK = 7 * DAY_MS // WINDOW_MS


def test_what_comes_every_week_at_this_hour_is_no_news() -> None:
    """A batch job that makes 60 alerts every Monday at three: news twice, and never again; ten times that many is."""
    rates = after((0, 60), (WEEK, 62))
    assert rates.score > 0.99
    weeks = [(week * WEEK, 60 + week % 3) for week in range(4)]
    assert after(*weeks[:3]).score < 0.5
    assert after(*weeks).score < 0.5
    assert after(*weeks[:3], (3 * WEEK, 600)).score > 0.99


def test_an_hour_later_it_is_news() -> None:
    """The habit is of that hour of the week, not of the day and not of the week."""
    weeks = [(week * WEEK, 60) for week in range(3)]
    for later in (720, 8640):
        assert after(*weeks, (3 * WEEK + later, 60)).score > 0.99


def test_a_habit_is_forgotten_when_it_stays_out_for_months() -> None:
    """Silent weeks count as zeros."""
    weeks = [(week * WEEK, 60) for week in range(4)]
    assert after(*weeks, (40 * WEEK, 60)).score > 0.99


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 500)), max_size=40))
def test_hours_of_the_week_are_bounded(steps: list[tuple[int, int]]) -> None:
    """However the weeks go, no more than 168 hours are kept."""
    rates, hour = AlertRates(), 0
    for skip, received in steps:
        hour += skip
        rates = rates.heard(account(received, NOW + hour * 3_600_000))
    assert len(rates.weekly.hours) <= 168
    assert 0.0 <= rates.score <= 1.0
