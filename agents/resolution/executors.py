"""The port of executors: what carries an action out on a target, and can tell afterwards whether it did."""

from dataclasses import dataclass
from typing import Protocol

from agents.resolution.plan import Plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """An effect that took place, as a sentence; `undone`: it was taken back since."""

    detail: str
    undone: bool = False


class Executor(Protocol):
    """Carries plans out. Every method may take as long as its target needs; the caller bounds the whole."""

    async def dry_run(self, plan: Plan) -> str | None:
        """Why the plan cannot be carried out, as a sentence; None where it can. Changes nothing.

        Raises:
            ExecutorError: it cannot be told.
        """

    async def find(self, plan: Plan) -> Outcome | None:
        """Ask the target whether the plan's action took place; None where it did not, or not wholly.

        Raises:
            ExecutorError: it cannot be told, so the action must not be carried out now.
        """

    async def execute(self, plan: Plan) -> Outcome:
        """Carry the action out, or finish what a crash interrupted; for an action that took place, change nothing.

        Raises:
            ExecutorError: it did not take place; says why.
        """

    async def undo(self, plan: Plan) -> Outcome | None:
        """Take the action back, once; None where that cannot be done.

        Raises:
            ExecutorError: it could not be taken back; says why.
        """
