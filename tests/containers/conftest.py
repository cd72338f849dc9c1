"""The engine and the servers in containers, each started when first needed and ended with the test run."""

from collections.abc import Callable, Iterator

import docker
import pytest
from docker import DockerClient
from docker.errors import DockerException, ImageNotFound
from testcontainers.community.cassandra import CassandraContainer
from testcontainers.core.config import testcontainers_config

from tests.containers.apache_kafka import ApacheKafkaContainer
from tests.containers.images import CASSANDRA_IMAGE, KAFKA_IMAGE
from tests.integration.conftest import topic_prefix, unique

__all__ = ["topic_prefix", "unique"]

# Every container here is ended by its own `with`; the reaper would be one more image to pull.
testcontainers_config.ryuk_disabled = True

NeedImage = Callable[[str], str]


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """The Docker engine; without one the test is skipped."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def need_image(engine: DockerClient) -> NeedImage:
    """Gives an image's name back, or skips the test where the engine does not hold it: tests pull nothing."""

    def need(name: str) -> str:
        try:
            engine.images.get(name)
        except ImageNotFound:
            pytest.skip(f"the image {name} is not here; `docker pull {name}` gets it")
        return name

    return need


@pytest.fixture(scope="session")
def kafka_bootstrap(need_image: NeedImage) -> Iterator[str]:
    """`host:port` of a Kafka in a container: takes the place of the embedded one."""
    with ApacheKafkaContainer(need_image(KAFKA_IMAGE)) as kafka:
        yield kafka.bootstrap


@pytest.fixture(scope="session")
def cassandra_contact_point(need_image: NeedImage) -> Iterator[str]:
    """`host:port` of a Cassandra in a container: takes the place of the embedded one."""
    with CassandraContainer(need_image(CASSANDRA_IMAGE)) as cassandra:
        ((host, port),) = cassandra.get_contact_points()
        yield f"{host}:{port}"
