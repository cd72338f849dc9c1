"""A plot's figures as a table: the last ones, the newest first."""

import pytest

from ops.page.plots import Line, Plot


@pytest.mark.parametrize(("count", "first", "last"), [(0, None, None), (1, 0, 0), (30, 29, 0), (45, 44, 15)])
def test_the_last_thirty_values_are_rows(count: int, first: int | None, last: int | None) -> None:
    """However many there are."""
    plot = Plot("p", "Plot", [1_000 * (n + 1) for n in range(count)], [Line("line", list(range(count)))], str)
    rows = plot.figures
    assert len(rows) == min(count, 30)
    assert [row[1] for row in (rows[0], rows[-1])] == [str(first), str(last)] if rows else first is None
