"""Real servers, one Kafka and one Cassandra a test run, for what only they can tell; started when first needed."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.embedded.cassandra import EmbeddedCassandra
from ops.embedded.kafka import EmbeddedKafka
from tests.support.streaming import Log, Workers


@pytest.fixture(scope="session")
def jars_dir() -> Path:
    """Where the servers' jars are kept from run to run, so that they are downloaded once."""
    return Path(__file__).parents[2] / ".breakwater" / "jars"


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[str]:
    """`host:port` of a Kafka of this test run's own."""
    server = EmbeddedKafka(tmp_path_factory.mktemp("kafka-home"), jars_dir=jars_dir, progress=print)
    try:
        yield server.up().address
    finally:
        server.down()


@pytest.fixture(scope="session")
def cassandra_contact_point(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[str]:
    """`host:port` of a Cassandra of this test run's own."""
    server = EmbeddedCassandra(tmp_path_factory.mktemp("cassandra-home"), jars_dir=jars_dir, progress=print)
    try:
        yield server.up().address
    finally:
        server.down()


@pytest.fixture
def log(kafka_bootstrap: str) -> Log:
    """The run's Kafka, as tests of streams look at it."""
    return Log(kafka_bootstrap)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Worker processes, none of which outlives the test."""
    some = Workers(tmp_path)
    try:
        yield some
    finally:
        some.end()


@pytest.fixture
def topic_prefix() -> str:
    """A name that no other test has, for topics, groups and transactional ids; valid in each of those."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def unique(topic_prefix: str) -> Callable[[str], str]:
    """Makes names that no other test has: `unique("alerts")`."""
    return lambda name: f"{topic_prefix}.{name}"
