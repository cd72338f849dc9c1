"""A container of `apache/kafka`; the one that testcontainers brings scripts against Confluent's image alone."""

from typing import Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

_SETTINGS = {
    # One setting replaces the image's defaults as a whole, so here are all that a node needs.
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "HOST://:9092,INSIDE://:9093,CONTROLLER://:9094",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_MESSAGE_MAX_BYTES": str(3 << 20),
    "KAFKA_REPLICA_FETCH_MAX_BYTES": str(3 << 20),
}
_START = "/tmp/start"  # noqa: S108 - inside the container
_START_S = 60


class ApacheKafkaContainer(DockerContainer):
    """One node, broker and controller at once; a context manager that ends it.

    A client is told the broker's address, which is known once the port is published: so the container waits for a script
    that names it, and then runs the image's own start.
    """

    def __init__(self, image: str) -> None:
        super().__init__(image)
        self.with_exposed_ports(9092).with_envs(**_SETTINGS)
        self.with_command(["sh", "-c", f"until [ -f {_START}.whole ]; do sleep 0.1; done; . {_START}"])

    @property
    def bootstrap(self) -> str:
        """`host:port`, once it runs."""
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(9092)}"

    def start(self) -> Self:
        """Start it; return when it serves."""
        super().start()
        listeners = f"HOST://{self.bootstrap},INSIDE://localhost:9093"
        script = f"export KAFKA_ADVERTISED_LISTENERS={listeners}\nexec /etc/kafka/docker/run\n"
        self.copy_into_container(script.encode(), _START)
        # Its own file says that the script is there whole.
        self.copy_into_container(b"", f"{_START}.whole")
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(_START_S).wait_until_ready(self)
        return self
