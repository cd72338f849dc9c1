"""Which Kafka a command talks to."""

from ops.embedded.kafka import EmbeddedKafka
from ops.errors import NoKafkaError
from ops.settings import Settings


def bootstrap_servers(settings: Settings) -> str:
    """`host:port,…` of the Kafka that the settings name, else of the embedded one.

    Raises:
        NoKafkaError: none is named and the embedded one does not run.
    """
    if settings.kafka_bootstrap_servers:
        return settings.kafka_bootstrap_servers
    status = EmbeddedKafka(settings.home, jars_dir=settings.jars).status()
    if not status.running or not status.address:  # one that was just begun has not chosen where it answers
        raise NoKafkaError(settings.home)
    return status.address
