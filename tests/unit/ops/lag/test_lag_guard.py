"""Who is furthest behind, for consensus."""

from dataclasses import dataclass

import pytest

from agents.consensus.lagging import Behind
from ops.lag.guard import LagGuard
from ops.lag.judgement import LagRow, LagStatus


@dataclass(frozen=True)
class Shown:
    """A board."""

    some: tuple[LagRow, ...] = ()
    age: float | None = 1.0

    def rows(self) -> tuple[LagRow, ...]:
        """What it shows."""
        return self.some

    def age_s(self, now_s: float) -> float | None:  # noqa: ARG002 - a board's shape
        """Since when."""
        return self.age


def row(group: str, topic: str, lag_s: float) -> LagRow:
    """A group that is behind."""
    return LagRow(group, topic, 0, 5, lag_s, 0.0, None, LagStatus.WARN, [])


def test_the_oldest_unread_record_of_analysis_and_command_counts() -> None:
    """Not that of others, nor of topics whose acknowledgement waits for an action under way."""
    rows = (
        row("breakwater-edge", "alerts", 900.0), row("breakwater-command-projection", "incident.events", 800.0),
        row("breakwater-command", "incident.events", 250.0), row("breakwater-command", "notifications", 250.0),
        row("breakwater-analysis", "alerts.sampled", 40.9), row("breakwater-command", "recommendations", 61.5),
    )  # fmt: skip
    assert LagGuard(Shown(rows))() == Behind("breakwater-command", "recommendations", 61)


def test_where_all_is_read_nobody_is_behind() -> None:
    """Also where there are no groups yet."""
    assert LagGuard(Shown((row("breakwater-analysis", "alerts.sampled", 0.0),)))() == Behind()
    assert LagGuard(Shown())() == Behind()


@pytest.mark.parametrize("age", [None, 31.0])
def test_where_nobody_looked_lately_nobody_knows(age: float | None) -> None:
    """Before the first look, and when Kafka has not answered for half a minute."""
    assert LagGuard(Shown(age=age))() == Behind(lag_s=None)
