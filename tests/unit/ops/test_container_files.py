"""What the container files name is there: settings, roles, topics' limits, packages, targets."""

import re
from pathlib import Path

import pytest

from agents.resolution.targets import read_targets
from ops.roles import ROLES
from ops.settings import Settings
from streams.topics import TOPICS
from tests.containers.images import CASSANDRA_IMAGE, KAFKA_IMAGE, PYTHON_IMAGE

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"
REMEDIES = ROOT / "docker-compose.remedies.yml"
PACKAGES = ("schemas", "state", "streams", "agents", "ops")


@pytest.mark.parametrize("file", [COMPOSE, REMEDIES], ids=lambda f: f.name)
def test_every_variable_of_ours_is_a_setting(file: Path) -> None:
    """A misspelt one would be passed over in silence; those in `${…}` are compose's own."""
    text = re.sub(r"\$\{.*?\}", "", file.read_text())
    named = set(re.findall(r"\b(BREAKWATER_[A-Z_]+|KAFKA_BOOTSTRAP_SERVERS|CASSANDRA_CONTACT_POINTS):", text))
    known = {
        str(field.validation_alias or f"BREAKWATER_{name.upper()}") for name, field in Settings.model_fields.items()
    }
    assert named
    assert named <= known


def test_every_role_has_a_service_and_its_own_heartbeat_is_looked_at() -> None:
    """By its name, its command and the folder of its health check."""
    text = COMPOSE.read_text()
    for role in ROLES:
        assert re.search(rf'^  {role}:\n    <<: \*\w+\n    command: \["worker", "{role}"\]$', text, re.MULTILINE)
        assert f'"ops.heartbeat", "/var/lib/breakwater/workers/{role}-1"' in text


def test_the_broker_takes_the_largest_record_of_every_topic() -> None:
    """Its limit is not below that of a topic."""
    (limit,) = re.findall(r"KAFKA_MESSAGE_MAX_BYTES: (\d+)", COMPOSE.read_text())
    assert int(limit) >= max(int(topic.settings()["max.message.bytes"]) for topic in TOPICS)


def test_tests_run_on_the_images_that_are_deployed() -> None:
    """The same names and versions."""
    assert {f"image: {KAFKA_IMAGE}", f"image: {CASSANDRA_IMAGE}"} <= {
        line.strip() for line in COMPOSE.read_text().splitlines()
    }
    assert set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)) == {PYTHON_IMAGE}


def test_the_image_is_made_of_every_package_and_of_no_test() -> None:
    """A package that is left out would be missed when the container starts."""
    dockerfile, context = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text().split("\n")
    for package in PACKAGES:
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}" in context
    assert "*" in context
    assert "tests" not in dockerfile


def test_the_targets_that_come_with_it_can_be_read() -> None:
    """They name the container as docker-compose.remedies.yml does."""
    (target,) = read_targets(ROOT / "containers/targets/targets.json").values()
    assert target.executor == "docker"
    assert f":-{target.handle}}}" in REMEDIES.read_text()
