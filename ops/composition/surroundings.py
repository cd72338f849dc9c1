"""What every role is given, and how it runs a stage."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ops.settings import Settings
from streams.answers import AnswersNoted
from streams.journal import Basis
from streams.outbox import Outbox
from streams.shell import StageShell
from streams.stage import SharingStage, Stage
from streams.wire import Wire


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every stage of a worker is given."""

    app: Any
    settings: Settings
    bootstrap: str
    partitions: int
    outbox: Outbox
    wire: Wire


def run_stage(
    around: Surroundings, stage: Stage[Any] | SharingStage[Any], hold_s: float = 0.0, most: int | None = None
) -> StageShell:
    """The shell of a stage; `hold_s` and `most` as it has them."""
    return StageShell(
        around.app, stage, around.outbox, around.wire, partitions=around.partitions, bootstrap=around.bootstrap,
        hold_s=hold_s, most=most,
    )  # fmt: skip


def run_stages(
    around: Surroundings, stages: Iterable[Stage[Any]], basis: Basis, answers: AnswersNoted
) -> list[StageShell]:
    """The shells of stages whose steps are kept in the decision journal, with what they ask through `answers`."""
    return [
        StageShell(
            around.app, stage, around.outbox, around.wire, partitions=around.partitions, bootstrap=around.bootstrap,
            basis=basis, answers=answers,
        )
        for stage in stages
    ]  # fmt: skip
