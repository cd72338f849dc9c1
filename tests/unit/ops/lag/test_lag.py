"""Lag is judged by rule, from a window of samples."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.lag.judgement import LagRow, LagStatus, Sample, Unread, lag_of, lag_rows

PLACE = ("breakwater-edge-v1", "alerts", 0)
NOW_S = 1_700_000_000.0


def sample(at: float, committed: int, end: int = 1_000, members: int = 1, unread: Unread | None = None) -> Sample:
    """One group, one partition."""
    return Sample(at, {PLACE: committed}, {PLACE[1:]: end}, {PLACE[0]: members}, {PLACE: unread} if unread else {})


def unread(age_s: float, *incidents: str) -> Unread:
    """More records than are counted one by one, of which the oldest has this age."""
    return Unread(None, round((NOW_S - age_s) * 1000), incidents)


def row(*window: Sample) -> LagRow:
    """The only row of a window."""
    (only,) = lag_rows(*window)
    return only


def window(*committed: int, ends: Sequence[int] = (), members: int = 1, age_s: float = 60.0) -> list[Sample]:
    """Samples two seconds apart, the last one now, of a group that commits so; what is unread is `age_s` old at each."""
    ends = ends or [1_000] * len(committed)
    return [
        sample(NOW_S - 2.0 * back, at, end, members, unread(age_s) if at < end else Unread())
        for back, at, end in zip(range(len(committed) - 1, -1, -1), committed, ends, strict=True)
    ]


def test_a_lag_is_told_in_records_seconds_and_time_to_close() -> None:
    """500 unread, 100 a second done while 50 a second come: ten seconds."""
    found = row(sample(NOW_S - 1, 400, end=950), sample(NOW_S, 500, unread=unread(7.5, "inc-1", "inc-2")))
    assert found == LagRow(
        "breakwater-edge-v1", "alerts", 0, 500, 7.5, 100.0, 10.0, LagStatus.OK, ["inc-1", "inc-2"], 500, 1_000
    )


def test_who_falls_behind_further_will_never_close_it() -> None:
    """More comes than is done."""
    assert row(sample(NOW_S - 1, 400, end=800), sample(NOW_S, 500, unread=unread(1))).eta_s is None


def test_offsets_without_records_are_no_lag() -> None:
    """Behind the last record lies the marker of its transaction, or a gap of any width that compaction left."""
    for committed in (999, 3):
        found = row(sample(NOW_S - 1, committed), sample(NOW_S, committed, unread=Unread()))
        assert (found.lag, found.eta_s, found.status) == (0, 0.0, LagStatus.OK)


def test_few_records_are_counted_one_by_one() -> None:
    """Of seven offsets three hold a record."""
    now = sample(NOW_S, 993, unread=Unread(3, round(NOW_S * 1000)))
    assert row(sample(NOW_S - 1, 993), now).lag == 3


def test_without_a_look_the_offsets_are_all_that_is_known() -> None:
    """An upper bound."""
    assert lag_of(PLACE, sample(NOW_S, 993)) == 7


@pytest.mark.parametrize(
    ("committed", "ends", "members", "age_s", "status"),
    [
        pytest.param([500, 500], [], 1, 9.9, LagStatus.OK, id="young"),
        pytest.param([500, 500], [], 0, 9.9, LagStatus.OK, id="young-without-members"),
        pytest.param([400, 500], [], 1, 10.0, LagStatus.OK, id="closing"),
        pytest.param([500], [], 0, 60.0, LagStatus.OK, id="one-look-judges-nothing"),
        pytest.param([400, 450, 500], [900, 960, 1_020], 1, 60.0, LagStatus.WARN, id="falls-behind"),
        pytest.param([400, 450, 500], [900, 950, 1_000], 1, 60.0, LagStatus.WARN, id="keeps-its-distance"),
        pytest.param([400, 500, 510], [900, 990, 1_050], 1, 60.0, LagStatus.OK, id="came-nearer-once"),
        pytest.param([500] * 10, [], 1, 10.0, LagStatus.STALL, id="stands"),
        pytest.param([500] * 9 + [501], [*[1_000] * 9, 1_001], 1, 60.0, LagStatus.WARN, id="moved-once-of-ten"),
        pytest.param([500] * 10, [500] * 5 + [600] * 5, 1, 60.0, LagStatus.OK, id="all-was-read-in-the-window"),
        pytest.param([500] * 10, [500] * 5 + [600] * 5, 0, 60.0, LagStatus.STOP, id="stopped-behind-no-lag"),
        pytest.param([500, 500], [], 0, 10.0, LagStatus.STOP, id="nobody-is-there"),
        pytest.param([400, 500], [950, 1_050], 0, 60.0, LagStatus.WARN, id="commits-without-being-a-member"),
        pytest.param([600, 500], [], 1, 1.0, LagStatus.REWIND, id="went-back"),
        pytest.param([600, 100, 150, 200], [], 0, 99.0, LagStatus.REWIND, id="went-back-some-looks-ago"),
        pytest.param([1_000, 100, 1_000], [], 1, 60.0, LagStatus.OK, id="went-back-and-caught-up"),
    ],
)
def test_the_status_follows_the_documented_rules(
    committed: list[int], ends: list[int], members: int, age_s: float, status: LagStatus
) -> None:
    """The first rule that holds gives it."""
    assert row(*window(*committed, ends=ends, members=members, age_s=age_s)).status == status


def test_speed_and_time_to_close_are_of_the_whole_window() -> None:
    """A pause of one sample does not make the time to close infinite: 300 closed in six seconds, 400 to go."""
    found = row(*window(300, 500, 500, 600))
    assert (found.velocity, found.eta_s) == (50.0, 8.0)


@given(
    committed=st.lists(st.integers(0, 2_000), min_size=1, max_size=10),
    end=st.integers(0, 2_000),
    age_s=st.floats(0, 1e6),
    members=st.integers(0, 3),
)
def test_any_window_has_a_lag(committed: list[int], end: int, age_s: float, members: int) -> None:
    """Never negative; OK where all is read; never standing where the offset moved, never going back where it did not."""
    found = row(*window(*committed, ends=[end] * len(committed), members=members, age_s=age_s))
    assert found.lag == max(end - committed[-1], 0)
    assert found.lag_s >= 0
    if found.lag == 0:
        assert (found.status, found.eta_s) == (LagStatus.OK, 0.0)
    if found.status in {LagStatus.STALL, LagStatus.STOP}:
        assert set(committed) == {committed[0]}
    assert found.status != LagStatus.REWIND or committed != sorted(committed)


def test_a_partition_that_was_not_there_before_does_not_move() -> None:
    """Its velocity is not its whole offset."""
    first = replace(sample(NOW_S - 1, 0), committed={}, ends={})
    found = row(first, sample(NOW_S, 500, unread=unread(1)))
    assert (found.velocity, found.status) == (0.0, LagStatus.OK)
