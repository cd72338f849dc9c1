"""The lag's last half hour: bounded, and only of those who were behind in it."""

from ops.lag.history import _LOOKS, LagHistory
from ops.lag.judgement import LagRow, LagStatus


def row(lag: int, partition: int = 0) -> LagRow:
    """A row of the edge worker's group."""
    return LagRow("breakwater-edge", "alerts", partition, lag, float(lag), 0.0, None, LagStatus.OK, [])


def test_who_falls_behind_later_was_up_to_date_before() -> None:
    """Lines are as long as the time that is told of."""
    history = LagHistory()
    history.add(1.0, [row(0)])
    history.add(2.0, [row(7)])
    found = history.view()
    assert (found["at"], found["lines"][0]["lag"]) == ([1_000, 2_000], [0, 7])


def test_the_furthest_behind_come_first_and_the_rest_is_counted() -> None:
    """Nobody reads fifty lines in one plot."""
    history = LagHistory()
    history.add(1.0, [row(partition, partition) for partition in range(5)])
    found = history.view(shown=2)
    assert ([line["partition"] for line in found["lines"]], found["others"]) == ([4, 3], 2)


def test_half_an_hour_after_it_was_closed_a_lag_is_forgotten() -> None:
    """And no line grows beyond that."""
    history = LagHistory()
    for look in range(_LOOKS + 1):
        history.add(float(look), [row(1 if look == 0 else 0), row(1, 1)])
    (line,) = history.view()["lines"]
    assert (line["partition"], len(line["lag"]), len(history.view()["at"])) == (1, _LOOKS, _LOOKS)


def test_a_group_that_is_gone_has_no_lag() -> None:
    """Its line goes on at nothing."""
    history = LagHistory()
    history.add(1.0, [row(3)])
    history.add(2.0, [])
    assert history.view()["lines"][0]["lag"] == [3, 0]
