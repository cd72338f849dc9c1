"""Schemas by fingerprint on their topic."""

import json

import pytest

from schemas.avro import fingerprint
from schemas.codec import Codec
from schemas.framing import Frame, single_object
from schemas.records.log import SchemaRegistered
from schemas.records.vocabulary import Severity
from schemas.samples import sample
from streams.errors import BrokerUnreachableError
from streams.known_schemas import KnownSchemas, all_schemas, publish_schemas
from streams.reading import read_all
from streams.registry import CodecFactory
from streams.telemetry import TelemetryProducer
from streams.topics import SCHEMAS, create_topics

pytestmark = pytest.mark.kafka


def test_every_schema_is_published_once(kafka_bootstrap: str) -> None:
    """Publishing again adds nothing; each is found by its fingerprint."""
    create_topics(kafka_bootstrap, 4, 1)
    publish_schemas(kafka_bootstrap)
    assert publish_schemas(kafka_bootstrap) == []
    keys = [message.key for message in read_all(kafka_bootstrap, SCHEMAS.name)]
    assert {known.fingerprint.encode() for known in all_schemas()} <= set(keys)
    assert len(keys) == len(set(keys))
    find = KnownSchemas(kafka_bootstrap)
    for known in all_schemas():
        assert find(Frame(bytes.fromhex(known.fingerprint), None, 10)) == json.loads(known.schema)


def test_a_record_of_a_newer_program_is_read_by_its_published_schema(kafka_bootstrap: str) -> None:
    """A field that this program does not know is passed over."""
    create_topics(kafka_bootstrap, 4, 1)
    known = next(known for known in all_schemas() if known.name == "SchemaRegistered")
    newer = json.loads(known.schema)
    newer["fields"].append({"name": "origin", "type": "string", "default": ""})
    newer_print = fingerprint(newer)
    find = KnownSchemas(kafka_bootstrap)
    assert find(Frame(newer_print, None, 10)) is None
    told = SchemaRegistered(fingerprint=newer_print.hex(), name=known.name, version=99, schema=json.dumps(newer))
    with TelemetryProducer(kafka_bootstrap) as producer:
        producer.send_raw(SCHEMAS.name, newer_print.hex().encode(), Codec(SchemaRegistered).encode(told))
    record = sample(SchemaRegistered)
    message = single_object(newer_print) + Codec(SchemaRegistered).encode(record)[10:] + b"\x06abc"
    assert Codec(SchemaRegistered, find=KnownSchemas(kafka_bootstrap)).decode(message) == record


def test_the_topic_is_not_read_for_every_unknown_fingerprint(kafka_bootstrap: str) -> None:
    """At most every 30 s, however many hostile records there are."""
    create_topics(kafka_bootstrap, 4, 1)
    now_s = [0.0]
    find = KnownSchemas(kafka_bootstrap, clock=lambda: now_s[0])
    unknown = json.dumps({"type": "enum", "name": "Severity", "symbols": [s.value for s in Severity]})
    frame = Frame(fingerprint(json.loads(unknown)), None, 10)
    assert find(frame) is None
    told = SchemaRegistered(fingerprint=(frame.fingerprint or b"").hex(), name="Severity", version=1, schema=unknown)
    with TelemetryProducer(kafka_bootstrap) as producer:
        producer.send_raw(SCHEMAS.name, told.fingerprint.encode(), Codec(SchemaRegistered).encode(told))
    assert find(frame) is None
    now_s[0] = 31.0
    assert find(frame) == json.loads(unknown)


def test_an_outage_of_kafka_makes_no_schema_known_and_ends_nobody(kafka_bootstrap: str) -> None:
    """What was read before is all that is known; only one who never read anything is told that Kafka is away."""
    create_topics(kafka_bootstrap, 4, 1)
    publish_schemas(kafka_bootstrap)
    now_s = [0.0]
    find = KnownSchemas(kafka_bootstrap, clock=lambda: now_s[0])
    known, nobodys = all_schemas()[0], Frame(b"nobodys!", None, 10)
    assert find(nobodys) is None
    find._bootstrap, now_s[0] = "127.0.0.1:1", 31.0
    assert find(nobodys) is None
    assert find(Frame(bytes.fromhex(known.fingerprint), None, 10)) == json.loads(known.schema)
    with pytest.raises(BrokerUnreachableError):
        KnownSchemas("127.0.0.1:1")(nobodys)
    with pytest.raises(BrokerUnreachableError):
        CodecFactory(bootstrap="127.0.0.1:1").read_schemas()
