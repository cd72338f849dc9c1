"""The Docker executor on real containers: acts once, finds what it did, and says what an engine refuses."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import httpx
import pytest
from docker import DockerClient
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer

from agents.resolution.docker_executor import REPLICA_LABEL, DockerExecutor
from agents.resolution.errors import ExecutorError
from agents.resolution.executor_agent import ActionExecutor
from agents.resolution.health import HealthCheck, HealthLimits
from agents.resolution.outcomes import OutcomeLog
from agents.resolution.plan import Plan, intent_of, make_plan
from agents.resolution.targets import Target, TargetsFile
from schemas.records.command import ActionRecord, ActionState
from schemas.records.vocabulary import Action
from streams.topics import ACTIONS
from tests.containers.conftest import NeedImage
from tests.containers.images import PYTHON_IMAGE
from tests.support.episode import NOW, decision, event, records
from tests.support.waiting import eventually, free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

# Answers every GET with 200, and ends at SIGTERM, which the first process of a container does not do by itself.
_SERVICE = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("", 8000), Answer).serve_forever()
"""


class Service:
    """A running container, and what targets.json has of it."""

    def __init__(self, container: DockerContainer, port: int) -> None:
        self._container: Container = container.get_wrapped_container()
        self.name = str(self._container.name)
        self.target = Target.model_validate({
            "service": "checkout", "tenant": "acme", "environment": "prod", "executor": "docker", "max_instances": 2,
            "container": self.name, "health_url": f"http://{container.get_container_host_ip()}:{port}/",
        })  # fmt: skip

    def plan(self, action: Action = Action.RESTART) -> Plan:
        """What is to be done to it."""
        return make_plan(decision(action=action).record, self.target, NOW)

    def started_at(self) -> str:
        """When it was started the last time."""
        self._container.reload()
        return str(self._container.attrs["State"]["StartedAt"])

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return httpx.get(str(self.target.health_url), timeout=2).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture
def service(need_image: NeedImage) -> Iterator[Service]:
    """A service in a container; its port stays the same when it is started again."""
    port = free_port()
    container = DockerContainer(need_image(PYTHON_IMAGE)).with_bind_ports(8000, port)
    with container.with_command(["python", "-c", _SERVICE]) as running:
        found = Service(running, port)
        eventually(found.answers)
        yield found


@pytest.fixture
def executor(tmp_path: Path) -> Callable[[], DockerExecutor]:
    """Makes executors on one folder of marks; a second one stands for a worker that was started again."""
    return lambda: DockerExecutor(docker.from_env, tmp_path / "marks")


async def test_a_restart_takes_place_once_and_the_next_worker_finds_it(
    service: Service, executor: Callable[[], DockerExecutor]
) -> None:
    """Executed by one worker and again by the next, the container starts anew once."""
    first, before = service.plan(), service.started_at()
    assert await executor().dry_run(first) is None
    assert await executor().find(first) is None
    await executor().execute(first)
    restarted_at = service.started_at()
    assert restarted_at != before
    found = await executor().find(first)
    assert found is not None
    assert restarted_at in found.detail
    await executor().execute(first)
    assert service.started_at() == restarted_at


async def test_an_intent_is_carried_out_verified_and_reconciled_after_a_crash(
    service: Service, executor: Callable[[], DockerExecutor], tmp_path: Path
) -> None:
    """The worker dies before it noted the outcome: the next one asks the engine, and restarts nothing."""
    targets = tmp_path / "targets.json"
    targets.write_text(json.dumps([service.target.model_dump(mode="json")]))
    intended = event("ActionIntended", intent_of(service.plan(), {}))

    async def outcome(worker: str) -> ActionRecord:
        agent = ActionExecutor(
            {"docker": executor()}, TargetsFile(targets), HealthCheck(HealthLimits(first_wait_s=0.2)),
            OutcomeLog(tmp_path / worker), clock=lambda: NOW,
        )  # fmt: skip
        (record,) = records(await agent.handle([intended]), ACTIONS)
        assert isinstance(record, ActionRecord)
        return record

    first = await outcome("first")
    restarted_at = service.started_at()
    again = await outcome("second")
    assert [(r.state, r.healthy, r.reconciled) for r in (first, again)] == [
        (ActionState.SUCCEEDED, True, False),
        (ActionState.SUCCEEDED, True, True),
    ]
    assert service.started_at() == restarted_at


async def test_scale_up_starts_the_container_that_stands_by_and_undo_stops_it(
    service: Service, executor: Callable[[], DockerExecutor], engine: DockerClient
) -> None:
    """It is found by its label; without one the dry run says which label is missing."""
    plan = service.plan(Action.SCALE_UP)
    obstacle = await executor().dry_run(plan)
    assert obstacle is not None
    assert f"{REPLICA_LABEL}={service.name}" in obstacle
    standby = engine.containers.create(
        PYTHON_IMAGE, ["python", "-c", _SERVICE], labels={REPLICA_LABEL: service.name}, name=f"test-{uuid.uuid4().hex}"
    )
    try:
        assert await executor().dry_run(plan) is None
        await executor().execute(plan)
        standby.reload()
        assert standby.status == "running"
        assert await executor().undo(plan) is not None
        standby.reload()
        assert standby.status == "exited"
        found = await executor().find(plan)
        assert found is not None
        assert found.undone
    finally:
        standby.remove(force=True)


async def test_a_container_that_is_not_there_is_named(
    engine: DockerClient, executor: Callable[[], DockerExecutor]
) -> None:
    """The engine's own words, and the file to correct."""
    target = Target.model_validate({
        "service": "checkout", "tenant": "acme", "environment": "prod", "executor": "docker",
        "container": "no-such-container", "health_url": "http://127.0.0.1:9/",
    })  # fmt: skip
    with pytest.raises(ExecutorError, match=r"no-such-container.*Correct targets\.json"):
        await executor().dry_run(make_plan(decision().record, target, NOW))
