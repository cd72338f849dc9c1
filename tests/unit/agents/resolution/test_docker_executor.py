"""The Docker executor, against an engine of the test's own that keeps containers as Docker tells of them."""

# ruff: noqa: ARG002 - doubles have the shape of what they stand for

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from docker import DockerClient, from_env
from docker.errors import DockerException, NotFound

from agents.resolution.docker_executor import DockerExecutor
from agents.resolution.errors import EngineUnreachableError, ExecutorError
from agents.resolution.plan import Plan, make_plan
from agents.resolution.targets import Target
from schemas.records.vocabulary import Action
from tests.support.episode import NOW, decision


@dataclass
class FakeContainer:
    """One container; its start time is a count of starts."""

    name: str
    status: str = "running"
    labels: dict[str, str] = field(default_factory=dict)
    starts: int = 1
    answer_lost: bool = False

    @property
    def attrs(self) -> dict[str, Any]:
        return {"State": {"StartedAt": f"start {self.starts}"}}

    def restart(self, timeout: int) -> None:
        self.start()

    def start(self) -> None:
        self.starts, self.status = self.starts + 1, "running"
        if self.answer_lost:
            self.answer_lost = False
            raise DockerException("connection reset")

    def stop(self, timeout: int) -> None:
        self.status = "exited"

    def reload(self) -> None:
        """Nothing is cached."""


class FakeEngine:
    """An engine with containers."""

    def __init__(self, *containers: FakeContainer) -> None:
        self._containers = {container.name: container for container in containers}
        self.containers = self

    def get(self, name: str) -> FakeContainer:
        if name not in self._containers:
            raise NotFound("404", explanation=f"No such container: {name}")
        return self._containers[name]

    def list(self, *, all: bool, filters: dict[str, str]) -> list[FakeContainer]:  # noqa: A002 - Docker's name
        label, _, value = filters["label"].partition("=")
        return [c for c in self._containers.values() if c.labels.get(label) == value]


def plan(action: Action = Action.RESTART) -> Plan:
    target = Target(
        service="checkout", tenant="acme", environment="prod", executor="docker", container="shop-checkout-1",
        health_url="http://127.0.0.1:9/", max_instances=3,
    )  # fmt: skip
    return make_plan(decision(action=action).record, target, NOW)


Start = Callable[..., DockerExecutor]


@pytest.fixture
def on(tmp_path: Path) -> Start:
    """An executor on an engine with these containers; made anew it stands for a restarted worker."""

    def start(*containers: FakeContainer) -> DockerExecutor:
        return DockerExecutor(lambda: cast(DockerClient, FakeEngine(*containers)), tmp_path / "marks")

    return start


async def test_a_restart_takes_place_once(on: Start) -> None:
    """Executed twice, by two workers, the container starts once more; before, it is not found, afterwards it is."""
    container = FakeContainer("shop-checkout-1")
    assert await on(container).dry_run(plan()) is None
    assert await on(container).find(plan()) is None
    await on(container).execute(plan())
    found = await on(container).find(plan())
    assert found is not None
    assert "started at start 2" in found.detail
    await on(container).execute(plan())
    assert container.starts == 2


async def test_a_restart_whose_answer_was_lost_is_found(on: Start) -> None:
    """The connection broke while the engine restarted it: the start time tells that it took place."""
    container = FakeContainer("shop-checkout-1", answer_lost=True)
    with pytest.raises(EngineUnreachableError):
        await on(container).execute(plan())
    assert await on(container).find(plan()) is not None


async def test_a_restart_cannot_be_undone(on: Start) -> None:
    """None, so that the outcome says so."""
    container = FakeContainer("shop-checkout-1")
    await on(container).execute(plan())
    assert await on(container).undo(plan()) is None


async def test_scale_up_starts_a_labelled_replica(on: Start) -> None:
    """The container that stands by is started, once; undone, it is stopped and found undone."""
    service = FakeContainer("shop-checkout-1")
    standby = FakeContainer("shop-checkout-2", "exited", {"breakwater.replica-of": "shop-checkout-1"})
    scale = plan(Action.SCALE_UP)
    assert await on(service, standby).dry_run(scale) is None
    await on(service, standby).execute(scale)
    await on(service, standby).execute(scale)
    assert (standby.status, standby.starts) == ("running", 2)
    await on(service, standby).undo(scale)
    found = await on(service, standby).find(scale)
    assert found is not None
    assert found.undone
    assert standby.status == "exited"


async def test_scale_up_without_a_replica_is_refused(on: Start) -> None:
    """The reason names the label that is missing."""
    refusal = await on(FakeContainer("shop-checkout-1")).dry_run(plan(Action.SCALE_UP))
    assert refusal is not None
    assert "breakwater.replica-of=shop-checkout-1" in refusal


async def test_a_rollback_is_refused(on: Start) -> None:
    """An engine does not know what was before, by dry run and by execution."""
    container = FakeContainer("shop-checkout-1")
    refusal = await on(container).dry_run(plan(Action.ROLLBACK))
    assert refusal is not None
    assert "does not know its previous image" in refusal
    with pytest.raises(ExecutorError, match="not supported"):
        await on(container).execute(plan(Action.ROLLBACK))


async def test_no_such_container_says_what_to_correct(on: Start) -> None:
    """The name in targets.json is wrong."""
    with pytest.raises(ExecutorError, match=r"No such container: shop-checkout-1.*Correct targets\.json"):
        await on().dry_run(plan())


async def test_without_an_engine_the_error_says_so(tmp_path: Path) -> None:
    """No engine at the address: an error that names the way out, not a traceback."""
    address = {"DOCKER_HOST": "unix:///no/such/docker.sock"}
    executor = DockerExecutor(lambda: from_env(environment=address), tmp_path)
    with pytest.raises(EngineUnreachableError, match="docker info"):
        await executor.dry_run(plan())
