"""Batches of alerts as columns: what fastavro reads is read, what it refuses is refused, one by one where it matters."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pytest
from fastavro import schemaless_writer
from fastavro.schema import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sampling.columns import AlertDecoder, Columns
from schemas.avro import fingerprint, schema_of
from schemas.codec import Codec
from schemas.convert import to_dict
from schemas.errors import DecodeError
from schemas.framing import SINGLE_OBJECT_BYTES, Frame, confluent, single_object
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity
from tests.support.alerts import ALERT, CODEC, framed
from tests.support.sampling import Record

OLDER = {**schema_of(Alert), "fields": [f for f in schema_of(Alert)["fields"] if f["name"] != "correlation_id"]}


MAX_BYTES = 1 << 20


def raw(messages: Sequence[bytes | None]) -> list[Record]:
    """Messages as records, each at its place."""
    return [Record(place, message) for place, message in enumerate(messages)]


def decoded(messages: list[bytes | None]) -> tuple[Columns, dict[int, str]]:
    """The columns, and the reasons of the rest by place."""
    columns, rejects = AlertDecoder().decode(raw(messages), MAX_BYTES)
    assert columns is not None
    return columns, {place: error.reason for place, error in rejects.items()}


def texts(columns: Columns, name: str) -> list[str]:
    return columns.texts(name, np.arange(len(columns)))


def written_by(schema: dict[str, object], header: bytes) -> bytes:
    """The sample alert by another schema."""
    out = BytesIO(header)
    out.seek(len(header))
    fields = {k: v for k, v in to_dict(ALERT).items() if k in {f["name"] for f in schema["fields"]}}  # type: ignore[attr-defined]
    schemaless_writer(out, parse_schema(schema), fields)
    return out.getvalue()


def test_an_earlier_version_of_the_contract_is_read() -> None:
    """Beside the present one, in one batch, the missing field filled with its default."""

    def find(frame: Frame) -> dict[str, object] | None:
        return OLDER if frame.fingerprint == fingerprint(OLDER) else None

    older = written_by(OLDER, single_object(fingerprint(OLDER)))
    columns, rejects = AlertDecoder(Codec(Alert, find=find)).decode(raw([framed(), older, framed()]), MAX_BYTES)
    assert rejects == {}
    assert columns is not None
    assert columns.rows.tolist() == [0, 1, 2]
    assert texts(columns, "correlation_id") == ["", "", ""]
    assert texts(columns, "service") == ["checkout"] * 3


def test_an_alert_framed_by_a_registry_is_read_where_its_schema_is_known() -> None:
    """And refused by name where it is not."""
    message = confluent(7) + framed()[SINGLE_OBJECT_BYTES:]

    def find(frame: Frame) -> dict[str, object] | None:
        return schema_of(Alert) if frame.registry_id == 7 else None

    columns, rejects = AlertDecoder(Codec(Alert, find=find)).decode(raw([message]), MAX_BYTES)
    assert columns is not None
    assert texts(columns, "name") == ["HighCpu"]
    assert rejects == {}
    columns, rejects = AlertDecoder().decode(raw([message]), MAX_BYTES)
    assert columns is None
    assert rejects[0].reason == "unknown_schema"


@pytest.mark.parametrize("place", [0, 1, 499, 998, 999])
def test_one_bad_alert_in_a_large_batch_is_found_and_named(place: int) -> None:
    """Wherever it lies; its 999 neighbours are columns, each with its own place."""
    messages: list[bytes | None] = [framed(alert_id=f"a{n}") for n in range(1000)]
    messages[place] = framed()[:-3]
    columns, reasons = decoded(messages)
    assert reasons == {place: "malformed"}
    others = [n for n in range(1000) if n != place]
    assert sorted(columns.rows.tolist()) == others
    assert {int(row): id_ for row, id_ in zip(columns.rows, texts(columns, "alert_id"), strict=True)} == {
        n: f"a{n}" for n in others
    }


def test_every_alert_bad_is_no_columns() -> None:
    """There is nothing to sample."""
    columns, rejects = AlertDecoder().decode(raw([b"x", None, b""] * 20), MAX_BYTES)
    assert columns is None
    assert len(rejects) == 60


def test_bytes_behind_an_alert_are_not_passed_over() -> None:
    """The quick decoder would; a truncated and glued record would be forwarded as sound."""
    _, reasons = decoded([framed(), framed() + b"\x00", framed()])
    assert reasons == {1: "trailing_bytes"}


def test_text_that_is_not_utf8_is_refused() -> None:
    """The quick decoder would take it, and readers downstream would not."""
    body = framed().replace(b"checkout-1", b"check\xff\xfe\xfa-1")
    _, reasons = decoded([framed(), body])
    assert reasons == {1: "malformed"}


def test_an_alert_written_in_another_of_avros_ways_is_read() -> None:
    """A map in several blocks, or in blocks with their byte length, is Avro too."""
    plain = framed(labels={"a": "1", "b": "2"}, correlation_id="c")
    blocks = plain.replace(b"\x04\x02a\x021\x02b\x022\x00", b"\x02\x02a\x021\x01\x08\x02b\x022\x00")
    assert blocks != plain
    columns, reasons = decoded([plain, blocks])
    assert reasons == {}
    assert texts(columns, "correlation_id") == ["c", "c"]


labels = st.dictionaries(st.text(max_size=70), st.text(max_size=200), max_size=5)
ids = st.text(st.characters(codec="utf-8"), max_size=130)


@given(st.lists(st.tuples(ids, labels, st.integers(-(1 << 63), (1 << 63) - 1)), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_columns_hold_what_was_written(some: list[tuple[str, dict[str, str], int]]) -> None:
    """Lengths over every varint boundary, maps of several entries, times of all sizes: nothing is refused, nothing changed."""
    messages: list[bytes | None] = [framed(message=m, labels=named, occurred_at=at) for m, named, at in some]
    columns, reasons = decoded(messages)
    assert reasons == {}
    assert columns.occurred_at.tolist() == [at for _, _, at in some]
    assert texts(columns, "message") == [m for m, _, _ in some]


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_whatever_happens_to_the_bytes_fastavro_and_the_columns_agree(data: st.DataObject) -> None:
    """Bytes flipped, cut, put in: what the codec decodes is a row, what it refuses is refused for the same reason."""
    messages: list[bytes | None] = []
    for _ in range(data.draw(st.integers(1, 30))):
        changed = bytearray(framed(severity=data.draw(st.sampled_from(Severity)), status=AlertStatus.FIRING))
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(changed) - 1))
            cut = data.draw(st.integers(0, 3))
            changed[at : at + cut] = data.draw(st.binary(max_size=3))
        messages.append(bytes(changed))
    columns, rejects = AlertDecoder().decode(raw(messages), MAX_BYTES)
    rows = set() if columns is None else set(columns.rows.tolist())
    verdicts = {place: judged(message) for place, message in enumerate(messages)}
    assert rows == {place for place, reason in verdicts.items() if reason is None}
    assert {place: error.reason for place, error in rejects.items()} == {p: r for p, r in verdicts.items() if r}


def judged(message: bytes | None) -> str | None:
    """Why fastavro refuses a message, or None."""
    try:
        CODEC.decode(message)
    except DecodeError as error:
        return error.reason
    return None
