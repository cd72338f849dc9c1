"""The canonical encoding and the hash of events: what any other program must be able to compute."""

import hashlib
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Agent
from state.chain import FIELDS, GENESIS, check, digest, encode, seal

FIRST = IncidentEvent(
    event_id="e-1",
    incident_id="inc-1",
    tenant="default",
    version=1,
    episode=1,
    type="IncidentOpened",
    payload='{"service":"søk"}',
    occurred_at=1_700_000_000_000,
    recorded_at=1_700_000_000_250,
    agent=Agent.DETECTION,
    correlation_id="inc-1:1",
    causation_id="cause-1",
    source_topic="incident.candidates",
    source_partition=3,
    source_offset=41,
    command_offset=-1,
    previous_hash=GENESIS,
    hash="",
)

# Written by hand after the page in state/chain.py: tag, length or value, bytes.
FIRST_BYTES = (
    b"s\x00\x00\x00\x00\x00\x00\x00\x1abreakwater/IncidentEvent/1"
    b"s\x00\x00\x00\x00\x00\x00\x00\x03e-1"
    b"s\x00\x00\x00\x00\x00\x00\x00\x05inc-1"
    b"s\x00\x00\x00\x00\x00\x00\x00\x07default"
    b"i\x00\x00\x00\x00\x00\x00\x00\x01"
    b"i\x00\x00\x00\x00\x00\x00\x00\x01"
    b"s\x00\x00\x00\x00\x00\x00\x00\x0eIncidentOpened"
    b's\x00\x00\x00\x00\x00\x00\x00\x12{"service":"s\xc3\xb8k"}'
    b"i\x00\x00\x01\x8b\xcf\xe5\x68\x00"
    b"i\x00\x00\x01\x8b\xcf\xe5\x68\xfa"
    b"s\x00\x00\x00\x00\x00\x00\x00\x09detection"
    b"s\x00\x00\x00\x00\x00\x00\x00\x07inc-1:1"
    b"s\x00\x00\x00\x00\x00\x00\x00\x07cause-1"
    b"s\x00\x00\x00\x00\x00\x00\x00\x13incident.candidates"
    b"i\x00\x00\x00\x00\x00\x00\x00\x03"
    b"i\x00\x00\x00\x00\x00\x00\x00\x29"
    b"i\xff\xff\xff\xff\xff\xff\xff\xff"
    b"s\x00\x00\x00\x00\x00\x00\x00\x40" + b"0" * 64
)
FIRST_HASH = "a476cf1ffd1274806f26c7158fde30fe09a14edea3c7f7b69f45e1bced82d0f8"


def test_the_encoding_is_the_documented_one_byte_by_byte() -> None:
    """A program written from the documentation alone gets the same bytes."""
    assert encode(FIRST) == FIRST_BYTES


def test_the_hash_of_the_test_vector() -> None:
    """SHA-256 over the bytes of the vector; it may never change, or every chain on record would break."""
    assert hashlib.sha256(FIRST_BYTES).hexdigest() == FIRST_HASH
    assert digest(FIRST) == FIRST_HASH


def test_every_field_but_the_hash_is_covered() -> None:
    """A field that is added to the record must be decided on: covered, by a new version of the encoding, or not."""
    assert {f.name for f in fields(IncidentEvent)} - set(FIELDS) == {"hash"}


@pytest.mark.parametrize("name", FIELDS)
def test_a_change_of_any_field_is_seen(name: str) -> None:
    """One letter or one unit in one field breaks the seal."""
    sealed = seal(FIRST)
    value = getattr(sealed, name)
    other: Any = value + 1 if isinstance(value, int) else Agent.OPERATOR if name == "agent" else value + "x"
    assert check(sealed)
    assert not check(replace(sealed, **{name: other}))


def test_text_cannot_move_from_one_field_to_the_next() -> None:
    """Lengths are part of the encoding, so that fields cannot run into one another."""
    one = replace(FIRST, correlation_id="ab", causation_id="c")
    other = replace(FIRST, correlation_id="a", causation_id="bc")
    assert digest(one) != digest(other)


@given(payload=st.text(), offset=st.integers(-(2**63), 2**63 - 1))
def test_a_seal_survives_the_wire(payload: str, offset: int) -> None:
    """What is read back is what was sealed, whatever text and number it holds."""
    codec = Codec(IncidentEvent)
    sealed = seal(replace(FIRST, payload=payload, source_offset=offset))
    assert check(codec.decode(codec.encode(sealed)))
