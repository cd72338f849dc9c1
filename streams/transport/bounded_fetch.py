"""What a fetch brought, so that unpacking it takes no more memory than it may.

A compressed record batch can unpack to thirty thousand times its size: nine kilobytes of zstd hold 300 MB of zeros. Any client
that may write to a topic could end each worker that reads it, again and again. So the batches of a fetch are measured before
aiokafka opens them: a fetch ends before the batch that would make it too large, which comes again with the next one. A batch
that is too large by itself is taken for one record without a value, dated as it is, whose header tells which offsets it stands
for (state.unreadable): the stage that owns the topic dead-letters it like any record without a value.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Callable

import cramjam
import numpy as np
from aiokafka.record.util import calc_crc32c

from schemas.varint import avro_long
from state.unreadable import headers_of

# Of a partition's fetch, unpacked. Producers bound their batches at a megabyte or so before they compress them.
MOST_BYTES = 32 << 20
# Records that hold nothing take seven bytes, and two hundred once they are objects.
MOST_RECORDS = 250_000

# Message format v2: where a batch's fields are (KIP-98), and what the length field does not count.
_LENGTH_AT, _MAGIC_AT, _CRC_AT, _ATTRIBUTES_AT = 8, 16, 17, 21
_NOT_COUNTED = 12
_HEADER_BYTES = 61
_BASE = struct.Struct(">q")
_LENGTH = struct.Struct(">i")
_CRC = struct.Struct(">I")
_ATTRIBUTES = struct.Struct(">h")
_LAST_DELTA_AT, _COUNT_AT = 23, 57
_COMPRESSION = 0x07
_PIECE = 1 << 16
_XERIAL = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES = 16
_LZ4_MAGIC = 0x184D2204
_LZ4_FRAME = struct.Struct("<IBB")
_LZ4_BLOCK = struct.Struct("<I")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_REPEATED, _ZSTD_COMPRESSED = 1, 2
_ZSTD_BLOCK = 1 << 17
_UNKNOWN = 1 << 62


def bounded(data: bytes, most_bytes: int = MOST_BYTES, most_records: int = MOST_RECORDS) -> bytes:
    """The batches of a fetch that may be opened together, at least one; of a batch that is too large alone, its stand-in.

    Args:
        data: record batches as Kafka stores them, message format v2 or older; the last one may be cut off.
        most_bytes: so much may compressed batches unpack to. most_records: so many may all of them hold.
    """
    kept: list[bytes] = []
    taken = records = at = since = 0
    while at + _HEADER_BYTES <= len(data):
        end = at + _NOT_COUNTED + _LENGTH.unpack_from(data, at + _LENGTH_AT)[0]
        if end > len(data):
            break
        compression = _ATTRIBUTES.unpack_from(data, at + _ATTRIBUTES_AT)[0] & _COMPRESSION
        if data[at + _MAGIC_AT] >= 2:
            count: int = _LENGTH.unpack_from(data, at + _COUNT_AT)[0]
            packed = memoryview(data)[at + _HEADER_BYTES : end]
            size = _size(compression, packed, most_bytes - taken, most_bytes) if compression else 0
            if (size is None or count > most_records) and _intact(data[at:end]):
                kept += data[since:at], _stand_in(data[at:end])
                since, size, count = end, 0, 1
            elif (taken or records) and (taken + (size or 0) > most_bytes or records + count > most_records):
                return b"".join((*kept, data[since:at]))
            taken, records = taken + (size or 0), records + count
        at = end
    return b"".join((*kept, data[since:])) if kept else data


def _size(compression: int, packed: memoryview, left: int, most_bytes: int) -> int | None:
    """What it unpacks to, or a little more; None where that is more than `most_bytes`, or it cannot be unpacked."""
    if compression not in _CODECS:
        return None
    estimate, measure = _CODECS[compression]
    try:
        size = estimate(packed)
        if size > left:
            size = measure(packed, most_bytes)
    except (cramjam.DecompressionError, struct.error, EOFError, OSError, zlib.error):
        return None
    return size if size <= most_bytes else None


def _gzip_size(packed: memoryview, most_bytes: int) -> int:
    size = 0
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        while size <= most_bytes and (piece := file.read(_PIECE)):
            size += len(piece)
    return size


def _snappy_size(packed: memoryview, _: int = 0) -> int:
    """As its blocks say: who unpacks them makes that much room."""
    if bytes(packed[: len(_XERIAL)]) != _XERIAL:
        return int(cramjam.snappy.decompress_raw_len(packed))
    size, at = 0, _XERIAL_HEADER_BYTES
    while at < len(packed):
        block = max(_LENGTH.unpack_from(packed, at)[0], 0)
        at += _LENGTH.size
        size += int(cramjam.snappy.decompress_raw_len(packed[at : at + block]))
        at += block
    return size


def _lz4_estimate(packed: memoryview) -> int:
    """So much as its blocks may hold (LZ4 frame format 1.6)."""
    magic, flags, descriptor = _LZ4_FRAME.unpack_from(packed)
    if magic != _LZ4_MAGIC or descriptor >> 4 & 7 < 4:
        return _UNKNOWN
    most = 1 << 8 + 2 * (descriptor >> 4 & 7)
    at, size = _LZ4_FRAME.size + 1 + 8 * (flags >> 3 & 1) + 4 * (flags & 1), 0
    while block := _LZ4_BLOCK.unpack_from(packed, at)[0] & 0x7FFFFFFF:
        size += most
        at += _LZ4_BLOCK.size + block + 4 * (flags >> 4 & 1)
    end = at + _LZ4_BLOCK.size + 4 * (flags >> 2 & 1)
    return size if end == len(packed) else _UNKNOWN


def _lz4_size(packed: memoryview, most_bytes: int) -> int:
    return int(cramjam.lz4.decompress_into(packed, _room(most_bytes)))


def _zstd_estimate(packed: memoryview) -> int:
    """So much as its blocks may hold (RFC 8878, 3.1.1)."""
    if len(packed) < 6 or bytes(packed[:4]) != _ZSTD_MAGIC:
        return _UNKNOWN
    flags = packed[4]
    single = flags >> 5 & 1
    at = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
    size, last = 0, 0
    while not last:
        header = int.from_bytes(packed[at : at + 3], "little")
        last, kind, block = header & 1, header >> 1 & 3, header >> 3
        size += _ZSTD_BLOCK if kind == _ZSTD_COMPRESSED else block
        at += 3 + (1 if kind == _ZSTD_REPEATED else block)
        if at > len(packed):
            return _UNKNOWN
    return size if at + 4 * (flags >> 2 & 1) == len(packed) else _UNKNOWN


def _zstd_size(packed: memoryview, most_bytes: int) -> int:
    return int(cramjam.zstd.decompress_into(packed, _room(most_bytes)))


def _room(size: int) -> memoryview:
    """Memory that takes none until it is written to."""
    return np.empty(size, np.uint8).data


# A quick estimate that is never too low, and the size itself, for which the batch is unpacked: an error where it is too large.
_CODECS: dict[int, tuple[Callable[[memoryview], int], Callable[[memoryview, int], int]]] = {
    1: (lambda _: _UNKNOWN, _gzip_size),
    2: (_snappy_size, _snappy_size),
    3: (_lz4_estimate, _lz4_size),
    4: (_zstd_estimate, _zstd_size),
}


def _intact(batch: bytes) -> bool:
    """Whether it is as it was written: of one that is not, aiokafka tells."""
    said: int = _CRC.unpack_from(batch, _CRC_AT)[0]
    return bool(calc_crc32c(batch[_ATTRIBUTES_AT:]) == said)


def _stand_in(batch: bytes) -> bytes:
    """The same batch with one record at its last offset, without key and value."""
    base, last = _BASE.unpack_from(batch)[0], _LENGTH.unpack_from(batch, _LAST_DELTA_AT)[0]
    # Kafka's varints are Avro's longs. Attributes and timestamp delta are 0; there is no key, no value, and one header.
    record = b"\0\0" + avro_long(last) + avro_long(-1) + avro_long(-1)
    headers = headers_of(base, base + last)
    record += avro_long(len(headers)) + b"".join(
        avro_long(len(text)) + text for name, value in headers for text in (name.encode(), value)
    )
    made = bytearray(batch[:_HEADER_BYTES]) + avro_long(len(record)) + record
    attributes: int = _ATTRIBUTES.unpack_from(batch, _ATTRIBUTES_AT)[0]
    _ATTRIBUTES.pack_into(made, _ATTRIBUTES_AT, attributes & ~_COMPRESSION)
    _LENGTH.pack_into(made, _COUNT_AT, 1)
    _LENGTH.pack_into(made, _LENGTH_AT, len(made) - _NOT_COUNTED)
    _CRC.pack_into(made, _CRC_AT, calc_crc32c(bytes(made[_ATTRIBUTES_AT:])))
    return bytes(made)
