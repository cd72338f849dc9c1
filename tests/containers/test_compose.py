"""docker-compose.yml brings everything up, well and closed to other machines, and it works as a whole."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker import DockerClient

from tests.containers.compose import ROOT, Project, brought_down, compose_command
from tests.containers.conftest import NeedImage
from tests.containers.images import CASSANDRA_IMAGE, KAFKA_IMAGE, PYTHON_IMAGE
from tests.support.waiting import eventually, free_port

pytestmark = pytest.mark.docker

OURS = {"edge", "analysis", "command", "serve", "target"}
WORKERS = ("edge", "analysis", "command")
IMAGE = "breakwater-test"
SOCKET = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
LEAK = """from urllib.request import urlopen; urlopen("http://127.0.0.1:8000/fault", b'{"kind": "leak"}')"""

# The image of compose's file comes from a registry of others; what it is given and where it looks is the same.
DEBIANS_PROMETHEUS = """services:
  prometheus:
    image: {image}
    entrypoint: [/bin/prometheus, --config.file=/etc/prometheus/prometheus.yml, --storage.tsdb.path=/prometheus]
    volumes: ["{binary}:/bin/prometheus:ro"]
    healthcheck:
      test: [CMD, python, -c, "from urllib.request import urlopen; urlopen('http://127.0.0.1:9090/-/ready')"]
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """All services, up, and where the intake and the API answer; and Prometheus, once it is up."""

    project: Project
    url: str
    prometheus: str

    def alert(self, service: str) -> None:
        """Have a service complain."""
        alert = {"container_name": service, "alert_type": "HighCpu", "severity": "critical"}
        assert httpx.post(f"{self.url}/webhook", json=alert, timeout=15).json()["accepted"] == 1

    def incidents(self, service: str) -> list[dict[str, Any]]:
        """The incidents of a service, as the API tells of them."""
        found: list[dict[str, Any]] = httpx.get(
            f"{self.url}/api/v1/incidents", params={"service": service}, timeout=15
        ).json()["incidents"]
        return found

    def all_healthy(self) -> bool:
        """Whether every health check passes."""
        return set(self.project.health().values()) == {"healthy"}


@pytest.fixture(scope="module")
def image(need_image: NeedImage) -> str:
    """The image, built of the tree as it is; the engine's cache has what did not change since the last time."""
    need_image(PYTHON_IMAGE)
    line = ["docker", "build", "--quiet", "--network=host", "--tag", IMAGE, "."]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return IMAGE


@pytest.fixture(scope="module")
def stack(
    image: str, need_image: NeedImage, engine: DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Everything, up under names and ports of this test's own; down afterwards, with its volumes."""
    command = compose_command()
    if command is None:
        pytest.skip("neither docker-compose nor `docker compose` is installed")
    for needed in (KAFKA_IMAGE, CASSANDRA_IMAGE):
        need_image(needed)
    name, serve = f"breakwater-test-{uuid.uuid4().hex[:8]}", free_port()
    environment = {
        **os.environ,
        "BREAKWATER_IMAGE": image,
        "BREAKWATER_SERVE_PORT": str(serve),
        "BREAKWATER_KAFKA_PORT": str(free_port()),
        "BREAKWATER_PROMETHEUS_PORT": str(free_port()),
        **remedies(name, tmp_path_factory.mktemp("targets")),
    }
    project = Project(command, name, environment, engine)
    with brought_down(project):
        project.up()
        prometheus = f"http://127.0.0.1:{environment['BREAKWATER_PROMETHEUS_PORT']}"
        yield Stack(project, f"http://127.0.0.1:{serve}", prometheus)


def remedies(project: str, folder: Path) -> dict[str, str]:
    """What docker-compose.remedies.yml asks for: the engine's socket, and targets.json with this project's container."""
    (target,) = json.loads((ROOT / "containers/targets/targets.json").read_text())
    (folder / "targets.json").write_text(json.dumps([{**target, "container": f"{project}-target"}]))
    folder.chmod(0o755)  # the container's user is another one
    return {
        "DOCKER_SOCKET": SOCKET,
        "DOCKER_GID": str(Path(SOCKET).stat().st_gid) if Path(SOCKET).exists() else "0",
        "BREAKWATER_TARGET_CONTAINER": f"{project}-target",
        "BREAKWATER_TARGETS_FOLDER": str(folder),
    }


def test_the_image_holds_the_program_and_nothing_else(image: str, engine: DockerClient) -> None:
    """No tests, no build's leftovers; it runs as nobody special, and `breakwater` is what it runs."""
    # On a file system in memory, not a volume of which nobody would rid the engine.
    once: dict[str, Any] = {"remove": True, "tmpfs": {"/var/lib/breakwater": ""}}
    look = ["-c", "id -u && ls -A /opt/breakwater && echo left: && ls -A /tmp"]
    answer = engine.containers.run(image, look, entrypoint="sh", **once).decode()
    (user, *packages), left = (part.split() for part in answer.split("left:"))
    assert (user, left) == ("10001", [])
    assert {name for name in packages if "." not in name} == {"agents", "bin", "ops", "schemas", "state", "streams"}
    assert b"breakwater demo" in engine.containers.run(image, ["--help"], **once)


@pytest.mark.chaos
def test_everything_is_well_and_published_on_this_machine_alone(stack: Stack) -> None:
    """All health checks pass; ours do not run as root; no port is open to another machine."""
    eventually(stack.all_healthy, limit_s=60)
    containers = stack.project.containers()
    assert set(containers) == OURS | {"kafka", "cassandra"}
    assert {containers[service].attrs["Config"]["User"] for service in OURS} == {"breakwater"}
    published = {
        service: {b["HostIp"] for bound in container.ports.values() for b in bound or ()}
        for service, container in containers.items()
    }
    open_to = {service: addresses for service, addresses in published.items() if addresses}
    assert open_to == {"serve": {"127.0.0.1"}, "kafka": {"127.0.0.1"}}


@pytest.mark.chaos
def test_an_alert_becomes_an_incident(stack: Stack) -> None:
    """Taken by the intake, through all the workers, into Cassandra, and out by the API."""
    stack.alert("payments")
    eventually(lambda: len(stack.incidents("payments")) == 1, limit_s=60)
    status = json.loads(stack.project.run("exec", "-T", "serve", "breakwater", "status", "--json"))
    assert status["healthy"], status["checks"]
    assert status["alerts"]["received"] == 1


@pytest.mark.chaos
def test_workers_that_are_made_anew_go_on_where_they_were(stack: Stack) -> None:
    """New containers recover what the old ones knew from Kafka: nothing is opened twice, what comes next is seen."""
    (before,) = stack.incidents("payments")
    stack.project.run("up", "--detach", "--no-deps", "--force-recreate", *WORKERS, limit_s=90)
    stack.alert("search")
    eventually(lambda: len(stack.incidents("search")) == 1, limit_s=60)
    eventually(stack.all_healthy, limit_s=60)
    (after,) = stack.incidents("payments")
    assert (after["incident_id"], after["episode"]) == (before["incident_id"], before["episode"])
    verdict = json.loads(stack.project.run("exec", "-T", "serve", "breakwater", "events", "verify", "--json"))
    assert (verdict["verified"], verdict["incidents"]) == (True, 2)


@pytest.mark.chaos
def test_prometheus_scrapes_every_target_by_its_name(stack: Stack, tmp_path: Path) -> None:
    """docker-compose.observability.yml's configuration, mounts and names, with Debian's Prometheus in the place of the image."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("there is no Prometheus: apt-get install prometheus")
    in_its_place = tmp_path / "in-its-place.yml"
    in_its_place.write_text(DEBIANS_PROMETHEUS.format(image=PYTHON_IMAGE, binary=binary))
    stack.project.files = ("docker-compose.yml", "docker-compose.observability.yml", str(in_its_place))
    stack.project.run("up", "--detach", "--no-deps", *WORKERS, "serve", "prometheus", limit_s=120)

    def asked(what: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = httpx.get(f"{stack.prometheus}/api/v1/{what}", timeout=5).json()["data"]
        except (httpx.HTTPError, KeyError, ValueError):
            return {}
        return found

    def up() -> dict[str, str]:
        return {one["labels"]["job"]: one["health"] for one in asked("targets").get("activeTargets", [])}

    eventually(lambda: up() == dict.fromkeys((*WORKERS, "serve"), "up"), limit_s=90)
    rules = [rule for group in asked("rules")["groups"] for rule in group["rules"]]
    assert "BreakwaterTargetDown" in {rule["name"] for rule in rules}
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}  # unknown: not evaluated yet
    eventually(lambda: stack.project.health()["prometheus"] == "healthy", limit_s=30)


@pytest.mark.chaos
def test_a_service_that_leaks_is_restarted_through_the_engine(stack: Stack) -> None:
    """With the remedies let in: noticed, diagnosed, decided on, restarted by Docker, verified, resolved; by nobody's hand."""
    if not Path(SOCKET).exists():
        pytest.skip(f"the engine's socket is not on this machine: {SOCKET}")
    stack.project.files = ("docker-compose.yml", "docker-compose.remedies.yml")
    stack.project.up()
    eventually(stack.all_healthy, limit_s=60)
    started_at = stack.project.containers()["target"].attrs["State"]["StartedAt"]
    stack.project.run("exec", "-T", "target", "python", "-c", LEAK)
    eventually(lambda: [i["status"] for i in stack.incidents("checkout")] == ["resolved"], limit_s=90)
    (incident,) = stack.incidents("checkout")
    assert incident["classification"] == "MEMORY_LEAK"
    assert [(a["action"], a["state"], a["executor"]) for a in incident["actions"]] == [
        ("RESTART", "SUCCEEDED", "docker")
    ]
    assert stack.project.containers()["target"].attrs["State"]["StartedAt"] > started_at
    eventually(stack.all_healthy, limit_s=30)
