"""What a fetch brought takes no more memory than it may, whatever it was packed with."""

import random
import struct
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.codec import lz4_encode, zstd_encode
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from state.unreadable import offsets_of
from streams.transport import bounded_fetch
from streams.transport.bounded_fetch import bounded
from streams.transport.chunks import ChunkedRecords
from tests.support.alerts import START, framed

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
PACKED = [GZIP, SNAPPY, LZ4, ZSTD]
MOST = 1_000_000


def batch(compression: int, *values: bytes, first: int = 0, transactional: bool = False) -> bytes:
    """A record batch of these values at the offsets from `first` on."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=compression, is_transactional=transactional, producer_id=7, producer_epoch=0,
        base_sequence=0, batch_size=1 << 30,
    )  # fmt: skip
    for offset, value in enumerate(values):
        builder.append(offset, timestamp=1_000 + offset, key=b"k", value=value, headers=[("h", b"v")])
    built = bytearray(builder.build())
    built[:8] = first.to_bytes(8, "big")
    return bytes(built)


def records(data: bytes) -> list[Any]:
    """All records, checksums tried."""
    found, whole = [], MemoryRecords(data)
    while whole.has_next():
        one = whole.next_batch()
        assert one.validate_crc()
        found += list(one)
    return found


@pytest.mark.parametrize("compression", [NONE, *PACKED])
def test_what_may_be_opened_is_left_as_it_is(compression: int) -> None:
    """The very same bytes, also where the last batch is cut off."""
    data = batch(compression, b"a" * 50, b"b" * 50) + batch(compression, b"c", first=2)[:40]
    assert bounded(data, MOST) is data


@pytest.mark.parametrize("compression", PACKED)
def test_a_batch_that_is_too_large_is_one_record_that_says_so(compression: int) -> None:
    """Its neighbours come as they are; offsets go on, and its time is the batch's."""
    huge = batch(compression, b"x", bytes(2 * MOST), b"y", first=5)
    data = batch(NONE, b"before", first=4) + huge + batch(compression, b"behind", first=8)
    before, stand_in, behind = records(bounded(data, MOST))
    assert (before.value, behind.value, before.offset, behind.offset) == (b"before", b"behind", 4, 8)
    assert (stand_in.offset, stand_in.timestamp, stand_in.key, stand_in.value) == (7, 1_000, None, None)
    assert offsets_of(stand_in.headers) == range(5, 8)


@pytest.mark.parametrize("compression", PACKED)
def test_a_fetch_ends_before_the_batch_that_makes_it_too_large(compression: int) -> None:
    """That one comes with the next fetch, however small the packed bytes are."""
    some = [batch(compression, bytes(MOST * 2 // 5), first=n) for n in range(5)]
    assert bounded(b"".join(some), MOST) == some[0] + some[1]
    assert bounded(b"".join(some[2:]), MOST) == some[2] + some[3]
    assert bounded(some[4], MOST) is some[4]


@pytest.mark.parametrize("compression", [NONE, LZ4])
def test_records_are_bounded_like_bytes(compression: int) -> None:
    """Those that hold nothing take little on the wire, and much as objects: too many for a fetch, and for one batch."""
    some = [batch(compression, *[b""] * 40, first=40 * n) for n in range(3)]
    assert bounded(b"".join(some), MOST, 100) == some[0] + some[1]
    (record,) = records(bounded(batch(compression, *[b""] * 101), MOST, 100))
    assert (record.value, offsets_of(record.headers)) == (None, range(101))


def test_a_stand_in_is_of_the_same_transaction() -> None:
    """An aborted transaction's is passed over as the batch would have been."""
    data = bounded(batch(ZSTD, bytes(2 * MOST), first=3, transactional=True), MOST)
    found = DefaultRecordBatch(data)
    assert (found.is_transactional, found.producer_id, found.compression_type) == (True, 7, 0)
    assert (found.base_offset, found.next_offset, found.is_control_batch) == (3, 4, False)


def test_a_damaged_batch_is_left_to_its_checksum() -> None:
    """It may be whole in the next fetch."""
    data = bytearray(batch(ZSTD, bytes(2 * MOST)))
    data[-3] ^= 0xFF
    assert bounded(bytes(data), MOST) == data


@pytest.mark.parametrize("compression", [GZIP, LZ4, ZSTD, 6])
def test_what_cannot_be_unpacked_is_told_like_what_is_too_large(compression: int) -> None:
    """Bytes that are not what they say, and codecs that nobody knows."""
    data = bytearray(batch(NONE, b"no such codec", first=9))
    data[22] |= compression
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    (record,) = records(bounded(bytes(data), MOST))
    assert (record.value, offsets_of(record.headers)) == (None, range(9, 10))


@pytest.mark.parametrize("blocks", [1, 40])
def test_snappy_says_how_much_it_holds(blocks: int) -> None:
    """Raw, and in the blocks of Kafka's Java client."""
    body = b"".join(
        struct.pack(">i", len(part)) + part for part in [bytes(cramjam.snappy.compress_raw(bytes(5_000)))] * blocks
    )
    framed = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + body
    assert bounded_fetch._snappy_size(memoryview(framed), MOST) == 5_000 * blocks
    raw = bytes(cramjam.snappy.compress_raw(bytes(5_000 * blocks)))
    assert bounded_fetch._snappy_size(memoryview(raw), MOST) == 5_000 * blocks


@pytest.mark.parametrize("compression", [LZ4, ZSTD])
@given(size=st.integers(0, 600_000), run=st.integers(1, 5_000), seed=st.binary(min_size=1, max_size=8))
def test_an_estimate_is_never_too_low(compression: int, size: int, run: int, seed: bytes) -> None:
    """A fetch that was taken by it may be unpacked."""
    pattern = random.Random(seed).randbytes(run)
    body = (pattern * (size // run + 1))[:size]
    packed = memoryview(lz4_encode(body) if compression == LZ4 else zstd_encode(body))
    estimate, measure = bounded_fetch._CODECS[compression]
    assert size == measure(packed, 1 << 21)
    assert size <= estimate(packed)


@pytest.mark.parametrize("compression", [LZ4, ZSTD])
def test_alerts_of_a_producers_batch_are_not_unpacked_twice(compression: int) -> None:
    """A megabyte of them, as clients pack it, is estimated at little more than it is."""
    body = b"".join(framed(incident_id=f"inc-{n % 40}", occurred_at=START + n) for n in range(5_000))
    packed = memoryview(lz4_encode(body) if compression == LZ4 else zstd_encode(body))
    assert bounded_fetch._CODECS[compression][0](packed) < 4 * len(body)


@pytest.mark.parametrize("compression", [LZ4, ZSTD])
@given(data=st.data())
def test_an_estimate_of_any_bytes_ends(compression: int, data: st.DataObject) -> None:
    """A number or an error of `struct`, whatever was changed or cut off."""
    packed = bytearray(batch(compression, b"some text " * 50)[61:])
    assert bytes(packed[:4]) in (b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd")
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    estimate, _ = bounded_fetch._CODECS[compression]
    with suppress(struct.error):
        assert estimate(memoryview(packed)[: data.draw(st.integers(0, len(packed)))]) >= 0


def test_a_stand_in_is_one_chunk_of_one_record() -> None:
    """For stages that open batches themselves."""
    data = bounded(batch(LZ4, b"a") + batch(ZSTD, bytes(2 * MOST), b"z", first=1), MOST)
    part: Any = SimpleNamespace(
        _tp=TopicPartition("t", 0), _aborted_transactions=None, next_fetch_offset=0, _check_crcs=True,
        _isolation_level=1,
    )  # fmt: skip
    chunks = list(ChunkedRecords(part, data, 100))
    assert [(chunk.count, chunk.offset) for chunk in chunks] == [(1, 0), (1, 2)]
    assert [record.value for chunk in chunks for record in chunk.records()] == [b"a", None]
