"""`breakwater lag` as a terminal shows it."""

import io

import pytest
from rich.console import Console

from ops.commands.lag import _page, document
from ops.lag.judgement import LagRow, LagStatus

BUSY = LagRow(
    "breakwater-analysis", "incident.candidates", 15, 1_234_567, 86_400.5, 12_345.6, None, LagStatus.REWIND,
    [f"inc-0a1b2c3d4e5f607{n}" for n in range(9)],
)  # fmt: skip


@pytest.mark.parametrize("columns", [80, 110, 160])
def test_a_row_is_one_line_of_the_terminal(columns: int) -> None:
    """None wraps, none is wider; status and lag are there whole."""
    console = Console(file=io.StringIO(), width=columns)
    console.print(_page(document([BUSY]), columns))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert all(len(line.rstrip()) <= columns for line in lines)
    for said in ("analysis", "incident.candidates", "1,234,567", "86,400", "REWIND"):
        assert said in lines[1]
    assert {80: "inc-" not in lines[1], 110: "+8" in lines[1], 160: "+6" in lines[1]}[columns]


def test_json_has_everything_whole() -> None:
    """Ids and group in full."""
    (row,) = document([BUSY])["rows"]
    assert (row["group"], row["incidents"]) == ("breakwater-analysis", BUSY.incidents)
