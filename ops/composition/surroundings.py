"""What every role is given, and how it runs a stage."""

from dataclasses import dataclass
from typing import Any

from ops.settings import Settings
from streams.outbox import Outbox
from streams.shell import StageShell
from streams.stage import Stage
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


def run_stage(around: Surroundings, stage: Stage[Any]) -> StageShell:
    """The shell of a stage."""
    return StageShell(
        around.app, stage, around.outbox, around.wire, partitions=around.partitions, bootstrap=around.bootstrap
    )
