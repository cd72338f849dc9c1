"""Figures: what baseline and product did in each round, and what of it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

ROUNDS = 3

T = TypeVar("T")

# Told what is being done, a line each.
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """One round, in the figure's unit."""

    baseline: float
    product: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured.

    Attributes:
        group: which benchmark. name: what was measured. unit: of both values. against: what the baseline is.
        rounds: in the order in which they were run. less_is_better: for times and memory. note: what else belongs to it.
    """

    group: str
    name: str
    unit: str
    against: str
    rounds: tuple[Pair, ...]
    less_is_better: bool = False
    note: str = ""

    @property
    def baseline(self) -> float:
        """The median of the rounds."""
        return median(pair.baseline for pair in self.rounds)

    @property
    def product(self) -> float:
        """The median of the rounds."""
        return median(pair.product for pair in self.rounds)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Product over baseline, round by round."""
        return tuple(pair.product / pair.baseline for pair in self.rounds)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: what slows both down in a round is not in it."""
        return median(self.ratios)

    def document(self) -> dict[str, Any]:
        """The figure as JSON holds it."""
        return {
            "group": self.group,
            "name": self.name,
            "unit": self.unit,
            "against": self.against,
            "baseline": self.baseline,
            "product": self.product,
            "ratio": self.ratio,
            "less_is_better": self.less_is_better,
            "rounds": [{"baseline": pair.baseline, "product": pair.product} for pair in self.rounds],
            "note": self.note,
        }


def interleaved(rounds: int, baseline: Callable[[], T], product: Callable[[], T]) -> list[tuple[T, T]]:
    """What both returned, round by round; they take turns in going first, so that neither always finds things warm."""
    results = []
    for number in range(rounds):
        if number % 2 == 0:
            measured = product()
            results.append((baseline(), measured))
        else:
            measured = baseline()
            results.append((measured, product()))
    return results


def pairs(rounds: Sequence[tuple[T, T]], value: Callable[[T], float]) -> tuple[Pair, ...]:
    """One value of what `interleaved` returned."""
    return tuple(Pair(value(baseline), value(product)) for baseline, product in rounds)
