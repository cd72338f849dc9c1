"""Which framing records get: Confluent's with a schema registry, single-object encoding without. Readers take both."""

from typing import Any

from schemas.avro import Schema, schema_of
from schemas.codec import Codec, FindSchema, nothing_more
from schemas.framing import Frame, confluent
from streams.confluent_registry import ConfluentRegistry
from streams.known_schemas import KnownSchemas
from streams.topics import Topic


class CodecFactory:
    """Makes the codec of a topic; a `CodecFor` for producers, and the readers' way to schemas of other versions.

    Args:
        registry_url: of a Confluent-compatible registry; None writes single-object encoding.
        bootstrap: Kafka's `host:port,…`, whose topic `schemas` is looked into for unknown fingerprints; None looks nowhere.
    """

    def __init__(self, registry_url: str | None = None, bootstrap: str | None = None) -> None:
        self._registry = ConfluentRegistry(registry_url) if registry_url else None
        self._topic = KnownSchemas(bootstrap) if bootstrap else None
        self._known: FindSchema = self._topic or nothing_more

    def __call__(self, topic: Topic) -> Codec[Any]:
        """The codec of a topic's contract; with a registry, its schema is registered now.

        Raises:
            RegistryUnreachableError, RegistryRefusedError: there is a registry and it does not take the schema.
        """
        if self._registry is None:
            return Codec(topic.record, find=self._known)
        header = confluent(self._registry.register(topic.name, schema_of(topic.record)))
        return Codec(topic.record, header=header, find=self._find)

    def read_schemas(self) -> None:
        """Read the topic `schemas` now, where it is looked into, so that an outage of Kafka finds its schemas known.

        Raises:
            BrokerUnreachableError: Kafka does not answer.
        """
        if self._topic is not None:
            self._topic.read()

    def _find(self, frame: Frame) -> Schema | None:
        if frame.registry_id is not None and self._registry is not None:
            return self._registry(frame)
        return self._known(frame)
