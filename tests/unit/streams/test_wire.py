"""What a record says is read once for all; dead letters of records that are larger than a dead letter."""

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.errors import DecodeError
from schemas.records.intake import MetricPoint
from streams.stage import Received
from streams.topics import DEAD_LETTERS, METRICS
from streams.wire import Wire, dead_letter
from tests.support.fleets import climbers, fleet_points


def _letter(key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> Any:
    raw = SimpleNamespace(offset=3, timestamp=1000, key=key, value=value, headers=headers)
    output = dead_letter("stage", "alerts", 0, raw, DecodeError("malformed", "No alert."))
    assert len(Wire().message(output).value or b"") <= DEAD_LETTERS.max_bytes
    return output.record


def test_a_record_of_a_compressed_batch_may_be_larger_than_any_letter() -> None:
    """Its letter tells how large it was and its hash, and keeps the rest."""
    value = b"\0" * 5_000_000
    letter = _letter(b"key", value, [("h", b"v")])
    assert (letter.key, letter.value, letter.headers) == (b"key", None, {"h": b"v"})
    assert f"5000000 bytes, sha256 {hashlib.sha256(value).hexdigest()}" in letter.detail


@pytest.mark.parametrize(("key", "header"), [(b"k" * 5_000_000, b""), (b"k", b"v" * 5_000_000)])
def test_a_key_or_headers_without_measure_are_left_out(key: bytes, header: bytes) -> None:
    """The value stays byte for byte."""
    letter = _letter(key, b"value", [("h", header)])
    assert (letter.key, letter.value, letter.headers) == (None, b"value", {})
    assert "too large" in letter.detail


def test_what_several_agents_read_is_decoded_once_and_what_is_none_for_each_of_them() -> None:
    """By offset, as long as they hand on what has been read; a record that cannot be read is refused every time."""
    point = fleet_points(climbers(1, 1))[0]
    good, bad = (
        SimpleNamespace(value=value, offset=at, timestamp=5)
        for at, value in enumerate((Wire().codec(MetricPoint).encode(point), b"no point"))
    )
    wire, read = Wire(), dict[int, Received[Any]]()
    first = wire.received(METRICS, 0, good, read)
    assert first.record == point
    assert wire.received(METRICS, 0, good, read) is first
    assert wire.received(METRICS, 0, good) is not first
    for _ in range(2):
        with pytest.raises(DecodeError):
            wire.received(METRICS, 0, bad, read)
    assert list(read) == [0]
