"""A plot as the page is given it: figures for uPlot, and the same as a table and in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ops.page.words import clock, duration

_TABLE_ROWS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """A name, and a value an instant."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Plot:
    """`at` are epoch ms; `say` writes a value with its unit."""

    id: str
    title: str
    at: Sequence[int]
    lines: Sequence[Line]
    say: Callable[[Any], str]

    @property
    def series(self) -> dict[str, Any]:
        """What the page's script draws."""
        unit = "duration" if self.say is duration else "brief"
        return {"at": self.at, "unit": unit, "lines": [{"name": one.name, "values": one.values} for one in self.lines]}

    @property
    def latest(self) -> str:
        """The newest figures."""
        if not self.at:
            return ""
        parts = [f"{line.name} {self.say(line.values[-1] if line.values else 0)}" for line in self.lines]
        return f"{clock(self.at[-1])} UTC: {', '.join(parts)}"

    @property
    def figures(self) -> list[list[str]]:
        """The last values as rows, the newest first: when, and one of each line."""
        newest = range(len(self.at) - 1, max(-1, len(self.at) - 1 - _TABLE_ROWS), -1)
        return [[clock(self.at[one]), *(self.say(line.values[one]) for line in self.lines)] for one in newest]
