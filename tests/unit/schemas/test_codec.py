"""What is encoded is decoded, in both framings, and whatever else comes is a DecodeError with its reason."""

import dataclasses
import random
import types
import typing
from enum import EnumType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import fingerprint, schema_of
from schemas.codec import Codec
from schemas.contracts import CONTRACTS
from schemas.errors import DecodeError
from schemas.framing import confluent, frame_of, single_object
from schemas.records.intake import Alert, LogLine
from schemas.records.log import SchemaRegistered
from schemas.samples import sample

ANY = pytest.mark.parametrize("record", CONTRACTS, ids=lambda record: record.__name__)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Every value that a field of this type may have on the wire."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        fields = typing.get_type_hints(hint)
        return st.builds(hint, **{name: values(kind) for name, kind in fields.items()})
    if isinstance(hint, EnumType):
        return st.sampled_from(list(hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(), values(arguments[1]), max_size=3)
    if origin in (types.UnionType, typing.Union):
        return st.none() | values(arguments[0])
    return {
        str: st.text(),
        int: st.integers(-(1 << 63), (1 << 63) - 1),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        bytes: st.binary(),
    }[hint]


@ANY
@given(data=st.data())
def test_every_record_comes_back_as_it_was(record: type[Any], data: st.DataObject) -> None:
    """Whatever its fields hold."""
    codec = Codec(record)
    written = data.draw(values(record))
    assert codec.decode(codec.encode(written)) == written


@ANY
def test_both_framings_are_read_alike(record: type[Any]) -> None:
    """With the registry's id in the place of the fingerprint, the body is the same."""
    known = schema_of(record)
    by_id = Codec(record, header=confluent(7), find=lambda frame: known if frame.registry_id == 7 else None)
    one = sample(record)
    plain, framed = Codec(record).encode(one), by_id.encode(one)
    assert framed[:5] == b"\x00\x00\x00\x00\x07"
    assert framed[5:] == plain[10:]
    assert by_id.decode(framed) == by_id.decode(plain) == one


@ANY
def test_random_bytes_do_no_worse_than_a_decode_error(record: type[Any]) -> None:
    """Bytes changed, cut and made up: a record or a DecodeError, never another exception."""
    codec = Codec(record)
    source = random.Random(record.__name__)
    for _ in range(2000):
        with_faults = bytearray(codec.encode(sample(record, source.randrange(4))))
        for _ in range(source.randrange(6)):
            with_faults[source.randrange(len(with_faults))] = source.choice([0, 1, 0x7F, 0x80, 0xFF])
        cut = bytes(with_faults[: source.randrange(len(with_faults) + 1)])
        for message in (bytes(with_faults), cut, codec.header + source.randbytes(source.randrange(60))):
            try:
                codec.decode(message)
            except DecodeError as error:
                assert error.reason  # noqa: PT017 - that nothing else is raised is the test


def reason(message: bytes | None, codec: Codec[Any] | None = None) -> str:
    """Why a message is no log line."""
    with pytest.raises(DecodeError) as error:
        (codec or Codec(LogLine)).decode(message)
    return error.value.reason


GOOD = Codec(LogLine).encode(sample(LogLine))


@pytest.mark.parametrize("message", [None, b""])
def test_empty(message: bytes | None) -> None:
    """A message without bytes, or a tombstone."""
    assert reason(message) == "empty"


@pytest.mark.parametrize("message", [b"{}", b"\xc3", b"\xc3\x02" + GOOD[2:], b"\x1f\x8b"])
def test_not_avro(message: bytes) -> None:
    """JSON, half a marker, another version of the encoding, gzip."""
    assert reason(message) == "not_avro"


@pytest.mark.parametrize("message", [GOOD[:2], GOOD[:9], b"\x00", b"\x00\x00\x00\x01"])
def test_truncated(message: bytes) -> None:
    """It ends within its frame."""
    assert reason(message) == "truncated"


@pytest.mark.parametrize("message", [b"\xc3\x01" + bytes(8) + GOOD[10:], b"\x00\x00\x00\x00\x09" + GOOD[10:]])
def test_unknown_schema(message: bytes) -> None:
    """A fingerprint and an id that nobody knows."""
    assert reason(message) == "unknown_schema"


def test_a_schema_of_another_contract_is_unknown() -> None:
    """An alert on the topic of logs is not read as a log, though its schema can be found."""
    codec = Codec(LogLine, find=lambda _: schema_of(Alert))
    assert reason(Codec(Alert).encode(sample(Alert)), codec) == "unknown_schema"


@pytest.mark.parametrize("found", ["string", ["null"], {"name": "LogLine"}, {"name": "LogLine", "type": "nonsense"}])
def test_a_found_schema_that_is_none_is_unknown(found: object) -> None:
    """Somebody else's registry may say anything."""
    assert reason(b"\x00\x00\x00\x00\x09" + GOOD[10:], Codec(LogLine, find=lambda _: found)) == "unknown_schema"


def test_a_writers_schema_that_cannot_be_resolved_is_malformed() -> None:
    """The contract's name, but nothing of what it has to hold."""
    other = {"type": "record", "name": "LogLine", "namespace": "breakwater", "fields": [{"name": "x", "type": "long"}]}
    assert reason(single_object(fingerprint(other)) + b"\x02", Codec(LogLine, find=lambda _: other)) == "malformed"


@pytest.mark.parametrize(
    "message", [GOOD[:-1], GOOD[:10], GOOD[:10] + b"\xff" * 20, GOOD[:11] + b"\xff\xff" + GOOD[13:]]
)
def test_malformed(message: bytes) -> None:
    """The body ends early, has lengths beyond all bounds, or text that is not UTF-8."""
    assert reason(message) == "malformed"


def test_trailing_bytes() -> None:
    """More than the record."""
    assert reason(GOOD + b"\x00") == "trailing_bytes"


def test_the_fingerprint_is_the_specifications() -> None:
    """CRC-64-AVRO of "int" in Avro's own test vectors is 7275d51a3f395c8f; on the wire little endian."""
    assert fingerprint("int").hex() == "8f5c393f1ad57572"


def test_a_frame_says_where_the_body_begins() -> None:
    """After 10 bytes of single-object encoding, after 5 of Confluent's."""
    assert frame_of(single_object(bytes(range(8))) + b"x").body_at == 10
    assert frame_of(confluent(1 << 31) + b"x").registry_id == 1 << 31


def test_samples_are_the_same_on_every_machine() -> None:
    """Golden bytes rest on them."""
    made = sample(SchemaRegistered)
    assert made == SchemaRegistered(
        fingerprint="fingerprint-0", name="name-0", version=1_700_000_000_003, schema="schema-0"
    )
