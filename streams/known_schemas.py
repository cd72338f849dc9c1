"""The compacted topic `schemas`: every version of every contract by its fingerprint, for readers without a registry."""

import json
import time
from collections.abc import Callable

import structlog

from schemas.avro import Schema, fingerprint, schema_of
from schemas.codec import Codec
from schemas.contracts import CONTRACTS
from schemas.errors import DecodeError
from schemas.framing import Frame
from schemas.history import versions
from schemas.records.log import SchemaRegistered
from streams.errors import BrokerUnreachableError
from streams.reading import read_all
from streams.telemetry import TelemetryProducer
from streams.topics import SCHEMAS

log = structlog.get_logger()

# Bytes that name no schema of ours come by the thousand from hostile senders; the topic is not read for each of them.
_READ_AGAIN_S = 30.0
# It is read on a worker's event loop, which stands still meanwhile.
_PATIENCE_S = 3.0


def all_schemas() -> list[SchemaRegistered]:
    """Every version of every contract that this program knows, its own records included."""
    known: dict[str, SchemaRegistered] = {}
    for record in CONTRACTS:
        past = [(v.version, v.schema) for v in versions(record.__name__)]
        for version, schema in [*past, (len(past) + 1, schema_of(record))]:
            name = fingerprint(schema).hex()
            text = json.dumps(schema, separators=(",", ":"))
            known.setdefault(
                name, SchemaRegistered(fingerprint=name, name=record.__name__, version=version, schema=text)
            )
    return list(known.values())


def publish_schemas(bootstrap: str) -> list[str]:
    """Put the schemas that the topic lacks on it; return their fingerprints. Doing it again changes nothing.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`.
        DeliveryError: Kafka did not take one of them.
    """
    there = {record.key for record in read_all(bootstrap, SCHEMAS.name)}
    missing = [known for known in all_schemas() if known.fingerprint.encode() not in there]
    codec = Codec(SchemaRegistered)
    with TelemetryProducer(bootstrap, client_id="breakwater-schemas") as producer:
        for known in missing:
            producer.send_raw(SCHEMAS.name, known.fingerprint.encode(), codec.encode(known))
    return [known.fingerprint for known in missing]


class KnownSchemas:
    """Finds a writer's schema on the topic; a `FindSchema` for `schemas.codec.Codec`.

    Reads the topic when a fingerprint is asked for that it has not seen, at most every 30 s. While Kafka is away, what was
    read before is all that is known: a fingerprint of nobody's must not end a worker.

    Args:
        bootstrap: Kafka's `host:port,…`.
        clock: seconds that only grow.
    """

    def __init__(self, bootstrap: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._schemas: dict[bytes, Schema] = {}
        self._read_at: float | None = None

    def __call__(self, frame: Frame) -> Schema | None:
        """The schema that a single-object frame names; None where the topic has none.

        Raises:
            BrokerUnreachableError: the topic cannot be read now, and never was.
        """
        if frame.fingerprint is None:
            return None
        if frame.fingerprint not in self._schemas and self._may_read():
            self._read_if_there()
        return self._schemas.get(frame.fingerprint)

    def _may_read(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at >= _READ_AGAIN_S

    def _read_if_there(self) -> None:
        try:
            self.read()
        except BrokerUnreachableError as error:
            if self._read_at is None:
                raise
            log.warning("schemas not read", reason=str(error))
            self._read_at = self._clock()

    def read(self) -> None:
        """Read the topic now, so that an outage later finds its schemas known.

        Raises:
            BrokerUnreachableError: nothing answers at `bootstrap`.
        """
        codec = Codec(SchemaRegistered)
        for record in read_all(self._bootstrap, SCHEMAS.name, patience_s=_PATIENCE_S):
            try:
                known = codec.decode(record.value)
                schema = json.loads(known.schema)
            except (DecodeError, ValueError):
                continue  # not ours; what is asked for stays unknown, and its record becomes a dead letter
            self._schemas[fingerprint(schema)] = schema
        self._read_at = self._clock()
