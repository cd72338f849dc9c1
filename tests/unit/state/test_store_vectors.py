"""`docs/event-store.md` and its vectors: a verifier written after the page alone, and this program, agree with them."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from schemas.convert import from_dict
from schemas.records.log import HeadsCheckpoint, IncidentEvent
from state.chain import check, encode
from state.checkpoints import genuine, newest, signed_bytes
from state.head import Mark
from state.signing import SigningKey

DOCS = Path(__file__).parents[3] / "docs"
VECTORS = json.loads((DOCS / "vectors" / "event-store.json").read_text(encoding="utf-8"))
EVENTS = VECTORS["events"]
CHECKPOINT = VECTORS["checkpoint"]

# The table of the page, column by column.
TEXTS_AND_INTS = (
    ("event_id", "s"), ("incident_id", "s"), ("tenant", "s"), ("version", "i"), ("episode", "i"), ("type", "s"),
    ("payload", "s"), ("occurred_at", "i"), ("recorded_at", "i"), ("agent", "s"), ("correlation_id", "s"),
    ("causation_id", "s"), ("source_topic", "s"), ("source_partition", "i"), ("source_offset", "i"),
    ("command_offset", "i"), ("previous_hash", "s"),
)  # fmt: skip


def by_the_page(fields: dict[str, Any]) -> bytes:
    """The canonical encoding, after the page."""
    out = _text("breakwater/IncidentEvent/2" if fields.get("basis") else "breakwater/IncidentEvent/1")
    for name, kind in TEXTS_AND_INTS:
        out += _text(fields[name]) if kind == "s" else b"\x69" + fields[name].to_bytes(8, "big", signed=True)
    return out + _text(fields["basis"]) if fields.get("basis") else out


def _text(value: str) -> bytes:
    return b"\x73" + len(value.encode()).to_bytes(8, "big") + value.encode()


@pytest.mark.parametrize("vector", EVENTS)
def test_the_page_leads_to_the_vectors(vector: dict[str, Any]) -> None:
    """The encoding, and its hash."""
    encoded = by_the_page(vector["fields"])
    assert encoded.hex() == vector["encoded"]
    assert hashlib.sha256(encoded).hexdigest() == vector["fields"]["hash"]


def test_the_vectors_are_one_chain() -> None:
    """From 64 zeros on."""
    first, second, third = (vector["fields"] for vector in EVENTS)
    bound = [one["previous_hash"] for one in (first, second, third)]
    assert bound == ["0" * 64, first["hash"], second["hash"]]
    assert ["basis" in one for one in (first, second, third)] == [False, False, True]


@pytest.mark.parametrize("vector", EVENTS)
def test_this_program_agrees_with_the_vectors(vector: dict[str, Any]) -> None:
    """Byte for byte."""
    event = from_dict(IncidentEvent, vector["fields"])
    assert encode(event).hex() == vector["encoded"]
    assert check(event)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_INT = st.integers(-(2**63), 2**63 - 1)


_FIELDS = {name: _TEXT if kind == "s" else _INT for name, kind in TEXTS_AND_INTS}


@given(st.fixed_dictionaries(_FIELDS, optional={"basis": _TEXT}))
def test_this_program_agrees_with_the_page(fields: dict[str, Any]) -> None:
    """For any event; texts beyond 4 KiB too, which are written in another way."""
    event = IncidentEvent(**{**fields, "payload": fields["payload"] + "ø" * 3000}, hash="")
    assert encode(event) == by_the_page({**fields, "payload": event.payload})


def test_the_checkpoint_is_signed_as_the_page_says() -> None:
    """With nothing but an Ed25519 library."""
    names = ("partition", "end", "covered_below", "part", "parts", "signed_at")
    signed = b"breakwater/HeadsCheckpoint/1" + struct.pack(">6q", *(CHECKPOINT[name] for name in names))
    signed += bytes.fromhex(CHECKPOINT["heads"])
    assert signed.hex() == CHECKPOINT["signed"]
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(CHECKPOINT["public_key"]))
    public.verify(bytes.fromhex(CHECKPOINT["signature"]), signed)


def test_the_packed_heads_are_as_the_page_says() -> None:
    """One head: the second event."""
    packed, head = bytes.fromhex(CHECKPOINT["heads"]), EVENTS[1]["fields"]
    length = int.from_bytes(packed[:2], "big")
    assert packed[2 : 2 + length].decode() == head["incident_id"]
    rest = packed[2 + length :]
    assert (int.from_bytes(rest[:8], "big"), rest[16:].hex()) == (head["version"], head["hash"])


def test_this_program_agrees_with_the_checkpoint() -> None:
    """It signs the same, and reads it back."""
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(CHECKPOINT["private_key"])))
    fields: dict[str, Any] = {n: CHECKPOINT[n] for n in CHECKPOINT.keys() - {"private_key", "signed"}}
    fields |= {n: bytes.fromhex(CHECKPOINT[n]) for n in ("heads", "public_key", "signature")}
    record = HeadsCheckpoint(**fields)
    assert genuine(record)
    assert key.sign(signed_bytes(record)) == record.signature
    found = newest([record], {key.public}, 2)
    assert found is not None
    assert found.marks == {"inc-søk": Mark("inc-søk", 2, 2, EVENTS[1]["fields"]["hash"])}
