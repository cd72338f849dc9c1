"""Batches that aiokafka cannot read are read all the same."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.transport.tolerant import TolerantRecords, given_up, records_of
from tests.support.mock_broker import RawText

NONE, LZ4 = 0, 3


def framed(compression: int, *names: str, first: int = 0) -> bytes:
    """A batch of a record a header name."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for offset, name in enumerate(names):
        builder.append(offset, timestamp=1_000, key=b"k", value=b"%d" % offset, headers=[(name, b"\xff")])
    batch = bytearray(builder.build())
    batch[:8] = first.to_bytes(8, "big")  # which no checksum covers
    return bytes(batch)


def fetched(data: bytes, position: int) -> TolerantRecords:
    """What a fetch brought, read tolerantly."""
    part: Any = SimpleNamespace(
        _tp=TopicPartition("t", 0), _aborted_transactions=None, next_fetch_offset=position, _check_crcs=True,
        _isolation_level=1,
    )  # fmt: skip
    return TolerantRecords(part, data)


@pytest.mark.parametrize("compression", [NONE, LZ4])
def test_a_name_that_is_no_text_is_replaced(compression: int) -> None:
    """Everything else of the record, and all others, come as they are."""
    records = records_of(framed(compression, "good", RawText(), "søk"))
    assert [(r.offset, r.key, r.value) for r in records] == [(n, b"k", b"%d" % n) for n in range(3)]
    assert [list(r.headers) for r in records] == [[("good", b"\xff")], [("\ufffd\ufffd", b"\xff")], [("søk", b"\xff")]]


@pytest.mark.parametrize("compression", [NONE, LZ4])
def test_a_fetch_of_several_batches_is_read_from_its_position_on(compression: int) -> None:
    """A part of a batch at its end is fetched again, as always; the position moves past what was read."""
    data = framed(compression, "a", RawText()) + framed(compression, RawText(), "b", first=2)
    part = fetched(data + framed(compression, "c", first=4)[:30], 1)
    assert [(r.offset, r.value) for r in part] == [(1, b"1"), (2, b"0"), (3, b"1")]
    assert part.next_fetch_offset == 4


def test_a_reading_that_ended_over_an_error_is_told() -> None:
    """From one that has not begun, and from one that is over."""

    def reading() -> Any:
        yield 1
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "no text")

    result = SimpleNamespace(_partition_records=SimpleNamespace(_records_iterator=reading()))
    assert not given_up(result)
    with pytest.raises(UnicodeDecodeError):
        list(result._partition_records._records_iterator)
    assert given_up(result)
    result._partition_records = None
    assert not given_up(result)
