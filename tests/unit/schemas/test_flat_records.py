"""Flat records are written and read the quick way as fastavro writes and reads them, whatever they hold."""

import dataclasses
import typing
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import parsed
from schemas.codec import Codec
from schemas.contracts import CONTRACTS
from schemas.convert import to_dict
from schemas.errors import DecodeError
from schemas.flat_reading import UNREAD, flat_decoder
from schemas.flat_writing import UNFIT, flat_encoder
from schemas.framing import SINGLE_OBJECT_BYTES
from schemas.records.analysis import IncidentCandidate
from schemas.records.intake import LogLine, MetricPoint
from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent, IncidentSnapshot
from schemas.records.vocabulary import Agent, Severity
from schemas.samples import sample
from schemas.varint import avro_long

FLAT = (IncidentCommand, IncidentEvent, IncidentSnapshot, CommandRefused)
READ = (*FLAT, MetricPoint, LogLine)  # these are written by fastavro
_WHOLE = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-70, 5000),
    st.sampled_from([2**n + d for n in range(62) for d in (-1, 0)]),
)
_TEXT = st.one_of(st.text(max_size=40), st.integers(4090, 4100).map("x".__mul__), st.just("é" * 2048))
_SHORT = st.text(max_size=3)
_MAP = st.dictionaries(_TEXT, _TEXT, max_size=3) | st.dictionaries(_SHORT, _SHORT, min_size=60, max_size=70)
_OF = {
    str: _TEXT, int: _WHOLE, Agent: st.sampled_from(Agent), int | None: st.none() | _WHOLE, dict[str, str]: _MAP,
    float: st.floats(allow_nan=False), Severity: st.sampled_from(Severity),
}  # fmt: skip


def records(kind: type) -> st.SearchStrategy[Any]:
    """Any record of a flat class."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: _OF[hints[field.name]] for field in dataclasses.fields(kind)})


def by_fastavro(record: Any) -> bytes:
    """A framed record, written without the quick way."""
    codec, out = Codec(type(record)), BytesIO()
    out.write(codec.header)
    schemaless_writer(out, parsed(type(record)), to_dict(record))
    return out.getvalue()


def slowly(kind: type, message: bytes) -> Any:
    """What a message holds, read without the quick way: the record, or why there is none."""
    try:
        return Codec(kind).decode_body(message, SINGLE_OBJECT_BYTES, parsed(kind))
    except DecodeError as error:
        return str(error)


@given(data=st.data(), kind=st.sampled_from(FLAT))
def test_the_bytes_and_the_record_are_those_of_fastavro(kind: type, data: st.DataObject) -> None:
    """Both ways are the quick ones: they raise nothing."""
    record = data.draw(records(kind))
    encode, decode = flat_encoder(kind, Codec(kind).header), flat_decoder(kind)
    assert encode is not None
    assert decode is not None
    message = encode(record)
    assert message == by_fastavro(record) == Codec(kind).encode(record)
    assert decode(message, SINGLE_OBJECT_BYTES) == record == slowly(kind, message)


@given(data=st.data(), kind=st.sampled_from(READ))
def test_what_fastavro_wrote_is_read_the_quick_way(kind: type, data: st.DataObject) -> None:
    """Numbers with a fraction, and maps, too."""
    record = data.draw(records(kind))
    decode = flat_decoder(kind)
    assert decode is not None
    assert decode(by_fastavro(record), SINGLE_OBJECT_BYTES) == record


@given(data=st.data(), kind=st.sampled_from(READ))
def test_bytes_that_were_spoilt_are_read_or_refused_as_fastavro_has_it(kind: type, data: st.DataObject) -> None:
    """Bytes changed, cut off or added behind the frame: the same record, or the same words."""
    message = bytearray(Codec(kind).encode(data.draw(records(kind))))
    for _ in range(data.draw(st.integers(0, 3))):
        message[data.draw(st.integers(SINGLE_OBJECT_BYTES, len(message) - 1))] = data.draw(st.integers(0, 255))
    spoilt = bytes(message[: data.draw(st.integers(SINGLE_OBJECT_BYTES, len(message)))]) + data.draw(
        st.binary(max_size=2)
    )
    try:
        found: Any = Codec(kind).decode(spoilt)
    except DecodeError as error:
        found = str(error)
    assert found == slowly(kind, spoilt)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_contract_that_is_flat_says_what_fastavro_says(kind: type) -> None:
    """Those that are not flat have no quick way at all."""
    for variant in range(4):
        record: Any = sample(kind, variant)
        assert Codec(kind).encode(record) == by_fastavro(record)
        assert Codec(kind).decode(by_fastavro(record)) == record
    assert flat_decoder(IncidentCandidate) is None
    assert flat_encoder(IncidentCandidate, b"") is None


@pytest.mark.parametrize(
    "wrong",
    [{"version": 2**63}, {"version": "1"}, {"tenant": 7}, {"tenant": "\ud800"}, {"agent": "nobody"}],
)
def test_what_is_no_value_of_its_field_is_refused_in_fastavros_words(wrong: dict[str, Any]) -> None:
    """The quick way takes none of it."""
    record = dataclasses.replace(sample(IncidentEvent), **wrong)
    encode = flat_encoder(IncidentEvent, b"")
    assert encode is not None
    with pytest.raises(UNFIT):
        encode(record)
    with pytest.raises((ValueError, TypeError, OverflowError)) as refused:
        by_fastavro(record)
    with pytest.raises(type(refused.value)) as told:
        Codec(IncidentEvent).encode(record)
    assert str(told.value) == str(refused.value)


def test_what_fastavro_takes_all_the_same_is_left_to_it() -> None:
    """It makes a whole number of one with a fraction of nought."""
    record = dataclasses.replace(sample(IncidentEvent), version=1.0)  # type: ignore[arg-type]
    assert Codec(IncidentEvent).encode(record) == by_fastavro(record)


def test_a_union_takes_only_its_own_types() -> None:
    """True is no number of versions."""
    with pytest.raises(ValueError, match="True"):
        Codec(IncidentCommand).encode(dataclasses.replace(sample(IncidentCommand), expected_version=True))


@given(_WHOLE)
def test_a_number_is_as_avro_has_it(number: int) -> None:
    """Of 64 bits, all of them."""
    out = BytesIO()
    schemaless_writer(out, "long", number)
    assert avro_long(number) == out.getvalue()


def test_a_number_beyond_64_bits_is_refused() -> None:
    """It would be another one."""
    for number in (2**63, -(2**63) - 1, 2**70):
        with pytest.raises(OverflowError, match="64 bits"):
            avro_long(number)


def test_a_number_without_an_end_is_left_to_fastavro() -> None:
    """More than ten bytes."""
    decode = flat_decoder(IncidentSnapshot)
    assert decode is not None
    with pytest.raises(UNREAD):
        decode(b"\xff" * 40, 0)
