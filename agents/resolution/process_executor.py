"""Acts on managed process units."""

import asyncio

from agents.resolution.errors import NotSupportedError
from agents.resolution.executors import Outcome
from agents.resolution.plan import Plan
from agents.resolution.process_units import ProcessUnits
from agents.resolution.unit_file import Done
from schemas.records.vocabulary import Action


class ProcessExecutor:
    """Implements Executor on the process units of one folder; the work is done in threads."""

    def __init__(self, units: ProcessUnits) -> None:
        self._units = units

    async def dry_run(self, plan: Plan) -> str | None:
        """Whether the unit is defined, and can be scaled or rolled back where that is planned."""
        return await asyncio.to_thread(self._obstacle, plan)

    async def find(self, plan: Plan) -> Outcome | None:
        """The unit's own note of the action."""
        done = await asyncio.to_thread(self._units.outcome, plan.name, plan.action_id)
        return _outcome(done) if done else None

    async def execute(self, plan: Plan) -> Outcome:
        """Restart, scale up or roll back, once for the plan's action."""
        return _outcome(await asyncio.to_thread(self._act, plan))

    async def undo(self, plan: Plan) -> Outcome | None:
        """Stop the new instance, or go back to the former command; a restart cannot be undone."""
        done = await asyncio.to_thread(self._units.undo, plan.name, plan.action_id)
        return _outcome(done) if done else None

    def _obstacle(self, plan: Plan) -> str | None:
        unit = self._units.status(plan.name)
        if plan.action == Action.SCALE_UP:
            return self._units.scale_obstacle(plan.name, plan.max_instances)
        if plan.action == Action.ROLLBACK and not unit.previous_command:
            return f"The unit {plan.name} has no previous command to roll back to."
        return None

    def _act(self, plan: Plan) -> Done:
        if plan.action == Action.RESTART:
            return self._units.restart(plan.name, plan.action_id, since=plan.intended_at)
        if plan.action == Action.SCALE_UP:
            return self._units.scale_up(plan.name, plan.action_id, max_instances=plan.max_instances)
        if plan.action == Action.ROLLBACK:
            return self._units.rollback(plan.name, plan.action_id)
        raise NotSupportedError(f"{plan.action} is nothing that can be done to the process unit {plan.name}.")


def _outcome(done: Done) -> Outcome:
    return Outcome(done.detail, undone=done.undone)
