"""Lag is judged by rule, from two samples."""

from dataclasses import replace

import pytest

from ops.lag import LagRow, LagStatus, Sample, Unread, lag_of, lag_rows

PLACE = ("breakwater-edge-v1", "alerts", 0)
NOW_S = 1_700_000_000.0


def sample(at: float, committed: int, end: int = 1_000, members: int = 1, unread: Unread | None = None) -> Sample:
    """One group, one partition."""
    return Sample(at, {PLACE: committed}, {PLACE[1:]: end}, {PLACE[0]: members}, {PLACE: unread} if unread else {})


def unread(age_s: float, *incidents: str) -> Unread:
    """More records than are counted one by one, of which the oldest has this age."""
    return Unread(None, round((NOW_S - age_s) * 1000), incidents)


def row(before: Sample, now: Sample) -> LagRow:
    """The only row of two samples."""
    (only,) = lag_rows(before, now)
    return only


def test_a_lag_is_told_in_records_seconds_and_time_to_close() -> None:
    """500 unread, 100 a second done while 50 a second come: ten seconds."""
    found = row(sample(NOW_S - 1, 400, end=950), sample(NOW_S, 500, unread=unread(7.5, "inc-1", "inc-2")))
    assert found == LagRow("breakwater-edge-v1", "alerts", 0, 500, 7.5, 100.0, 10.0, LagStatus.OK, ["inc-1", "inc-2"])


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
    ("before", "committed", "members", "age_s", "status"),
    [
        (400, 500, 1, 9.9, LagStatus.OK),
        (500, 500, 1, 9.9, LagStatus.OK),
        (500, 500, 0, 9.9, LagStatus.OK),
        (400, 500, 1, 10.0, LagStatus.WARN),
        (500, 500, 1, 10.0, LagStatus.STALL),
        (500, 500, 0, 10.0, LagStatus.STOP),
        (600, 500, 1, 1.0, LagStatus.REWIND),
        (600, 500, 0, 99.0, LagStatus.REWIND),
    ],
)
def test_the_status_follows_the_documented_rule(
    before: int, committed: int, members: int, age_s: float, status: LagStatus
) -> None:
    """The first rule that holds gives it."""
    now = sample(NOW_S, committed, members=members, unread=unread(age_s))
    assert row(sample(NOW_S - 1, before), now).status == status


def test_a_partition_that_was_not_there_before_does_not_move() -> None:
    """Its velocity is not its whole offset."""
    first = replace(sample(NOW_S - 1, 0), committed={}, ends={})
    found = row(first, sample(NOW_S, 500, unread=unread(1)))
    assert (found.velocity, found.status) == (0.0, LagStatus.OK)
