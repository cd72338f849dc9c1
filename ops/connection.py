"""Which Kafka a command talks to."""

from ops.embedded.kafka import EmbeddedKafka
from ops.settings import Settings
from schemas.errors import BreakwaterError


class NoKafkaError(BreakwaterError):
    """There is neither a Kafka in the settings nor an embedded one that runs."""

    retriable = True


def bootstrap_servers(settings: Settings) -> str:
    """`host:port,…` of the Kafka that the settings name, else of the embedded one.

    Raises:
        NoKafkaError: none is named and the embedded one does not run.
    """
    if settings.kafka_bootstrap_servers:
        return settings.kafka_bootstrap_servers
    status = EmbeddedKafka(settings.home, jars_dir=settings.jars).status()
    if not status.running:
        raise NoKafkaError(
            f"No Kafka runs under {settings.home}. Start the embedded one with `breakwater kafka up`, "
            "or set KAFKA_BOOTSTRAP_SERVERS to one that runs."
        )
    return status.address
