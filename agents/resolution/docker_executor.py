"""Acts on containers of a Docker engine: restarts them, and starts replicas that stand by.

Labels cannot be changed on a container, so what was done is marked in a file an action: the container's start time before
the restart. The restart took place when the container has started anew since; a repeated one would be a second effect.

A scale-up starts a stopped container with the label `breakwater.replica-of=<container>`: Docker alone has no replicas, and
a container of our own making would miss what the operator's tooling gives it. A rollback is refused: an engine does not
know which image was before.
"""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from docker import DockerClient
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from agents.resolution.errors import EngineUnreachableError, ExecutorError, NotSupportedError
from agents.resolution.executors import Outcome
from agents.resolution.plan import Plan
from schemas.records.vocabulary import Action

REPLICA_LABEL = "breakwater.replica-of"
# What the engine gives a container to end by itself.
_STOP_PATIENCE_S = 10

T = TypeVar("T")


class DockerExecutor:
    """Implements Executor on the containers of one engine.

    Args:
        connect: makes a client, `docker.from_env` for one; called when first needed, and again after a failure.
        marks: folder of the marks, one small file an action.
    """

    def __init__(self, connect: Callable[[], DockerClient], marks: Path) -> None:
        self._connect, self._marks = connect, marks
        self._client: DockerClient | None = None

    async def dry_run(self, plan: Plan) -> str | None:
        """Whether the engine answers, has the container, and can do what is planned."""
        return await self._ask(lambda client: self._obstacle(client, plan))

    async def find(self, plan: Plan) -> Outcome | None:
        """By the action's mark and the container's start time."""
        return await self._ask(lambda client: self._found(client, plan))

    async def execute(self, plan: Plan) -> Outcome:
        """Restart the container, or start a replica that stands by."""
        return await self._ask(lambda client: self._act(client, plan))

    async def undo(self, plan: Plan) -> Outcome | None:
        """Stop the replica that was started; a restart cannot be undone."""
        return await self._ask(lambda client: self._undo(client, plan))

    async def _ask(self, question: Callable[[DockerClient], T]) -> T:
        return await asyncio.to_thread(self._answered, question)

    def _answered(self, question: Callable[[DockerClient], T]) -> T:
        try:
            if self._client is None:
                self._client = self._connect()
            return question(self._client)
        except NotFound as error:
            raise ExecutorError(
                f"The engine has no such container: {error.explanation}. Correct targets.json."
            ) from error
        except (DockerException, OSError) as error:
            self._client = None
            raise EngineUnreachableError(
                f"The Docker engine did not do it: {error}. See that it runs (`docker info`) and that DOCKER_HOST is right."
            ) from error

    def _obstacle(self, client: DockerClient, plan: Plan) -> str | None:
        client.containers.get(plan.name)
        if plan.action == Action.SCALE_UP and self._standby(client, plan) is None:
            return (
                f"No stopped container stands by for {plan.name}. "
                f"Create one with the label {REPLICA_LABEL}={plan.name}, or scale it by your own tooling."
            )
        if plan.action == Action.ROLLBACK:
            return f"A rollback of the container {plan.name} is not supported: Docker does not know its previous image."
        return None

    def _found(self, client: DockerClient, plan: Plan) -> Outcome | None:
        mark = self._mark(plan)
        if mark is None:
            return None
        if mark.get("undone"):
            return Outcome(f"stopped the replica {mark['container']} again", undone=True)
        now = _started_at(client.containers.get(mark["container"]))
        return None if now == mark["started_at"] else Outcome(f"container {mark['container']} started at {now}")

    def _act(self, client: DockerClient, plan: Plan) -> Outcome:
        if (found := self._found(client, plan)) is not None:
            return found
        if plan.action == Action.RESTART:
            container = client.containers.get(plan.name)
            self._write(plan, container)
            container.restart(timeout=_STOP_PATIENCE_S)
        elif plan.action == Action.SCALE_UP and (standby := self._standby(client, plan)) is not None:
            container = standby
            self._write(plan, container)
            container.start()
        else:
            raise NotSupportedError(self._obstacle(client, plan) or f"{plan.action} cannot be done to {plan.name}.")
        container.reload()
        return Outcome(f"container {container.name} started at {_started_at(container)}")

    def _undo(self, client: DockerClient, plan: Plan) -> Outcome | None:
        mark = self._mark(plan)
        if plan.action != Action.SCALE_UP or mark is None:
            return None
        client.containers.get(mark["container"]).stop(timeout=_STOP_PATIENCE_S)
        self._save(plan, {**mark, "undone": "yes"})
        return Outcome(f"stopped the replica {mark['container']} again", undone=True)

    def _standby(self, client: DockerClient, plan: Plan) -> Container | None:
        if (mark := self._mark(plan)) is not None:
            return client.containers.get(mark["container"])  # the one that was begun with
        wanted: dict[str, str | list[str] | bool] = {"label": f"{REPLICA_LABEL}={plan.name}"}
        stopped = [c for c in client.containers.list(all=True, filters=wanted) if c.status in ("created", "exited")]
        return min(stopped, key=lambda c: str(c.name), default=None)

    def _mark(self, plan: Plan) -> dict[str, str] | None:
        try:
            mark: dict[str, str] = json.loads(self._file(plan).read_bytes())
        except FileNotFoundError:
            return None
        return mark

    def _write(self, plan: Plan, container: Container) -> None:
        # A second attempt keeps the first one's mark: a restart that went through unheard must be seen.
        if self._mark(plan) is None:
            self._save(plan, {"container": str(container.name), "started_at": _started_at(container)})

    def _save(self, plan: Plan, mark: dict[str, str]) -> None:
        self._marks.mkdir(parents=True, exist_ok=True)
        partial = self._file(plan).with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(mark, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._file(plan))

    def _file(self, plan: Plan) -> Path:
        return self._marks / f"{plan.action_id}.json"


def _started_at(container: Container) -> str:
    return str(container.attrs["State"]["StartedAt"])
