"""What the detectors remember, as text and back: every number of every detector, in the order of their slots.

Numbers, arrays and nested detectors are told apart by what a new detector has in the same place, so only values are stored.
Packed by zlib, since most bins of a distribution are empty.
"""

import struct
import zlib
from array import array
from base64 import b64decode, b64encode
from typing import Any

from agents.detectors.errors import UnreadableMemoryError

# Raised whenever a detector is added or remembers something else: what an earlier one wrote is not read.
VERSION = 5
_LEVEL = 1  # of compression: the fastest
_WHOLE, _REAL, _LENGTH = struct.Struct("<q"), struct.Struct("<d"), struct.Struct("<H")


def dump(detector: Any) -> str:
    """The memory of a detector with slots, and of all that is in them."""
    parts = [_LENGTH.pack(VERSION)]
    _write(detector, parts)
    return b64encode(zlib.compress(b"".join(parts), _LEVEL)).decode()


def restore(detector: Any, text: str) -> None:
    """Put a dumped memory into a new detector of the same class.

    Raises:
        UnreadableMemoryError: it is of another version, or damaged. The detector is then not to be used.
    """
    try:
        packed = zlib.decompress(b64decode(text, validate=True))
        version = _LENGTH.unpack_from(packed)[0]
        if version != VERSION:
            raise UnreadableMemoryError(f"it is of version {version}, not {VERSION}")
        end = _read(detector, packed, _LENGTH.size)
    except (ValueError, struct.error, zlib.error) as error:
        raise UnreadableMemoryError(str(error)) from error
    if end != len(packed):
        raise UnreadableMemoryError(f"it has {len(packed) - end} bytes too many")


def _write(detector: Any, parts: list[bytes]) -> None:
    for slot in type(detector).__slots__:
        held = getattr(detector, slot)
        kind = type(held)
        if kind is float:
            parts.append(_REAL.pack(held))
        elif kind is int or kind is bool:
            parts.append(_WHOLE.pack(held))
        elif kind is array or kind is list:
            packed = held.tobytes() if kind is array else array("d", held).tobytes()
            parts += (_LENGTH.pack(len(packed)), packed)
        elif kind is tuple:
            for one in held:
                _write(one, parts)
        else:
            _write(held, parts)


def _read(detector: Any, packed: bytes, at: int) -> int:
    """Fill the slots from `at` on; where the next value is."""
    for slot in type(detector).__slots__:
        held = getattr(detector, slot)
        kind = type(held)
        if kind is float:
            setattr(detector, slot, _REAL.unpack_from(packed, at)[0])
            at += _REAL.size
        elif kind is int or kind is bool:
            setattr(detector, slot, kind(_WHOLE.unpack_from(packed, at)[0]))
            at += _WHOLE.size
        elif kind is array or kind is list:
            fresh = array(held.typecode if kind is array else "d")
            begin, at = _span(packed, at)
            fresh.frombytes(packed[begin:at])
            setattr(detector, slot, fresh if kind is array else fresh.tolist())
        else:
            for one in held if kind is tuple else (held,):
                at = _read(one, packed, at)
    return at


def _span(packed: bytes, at: int) -> tuple[int, int]:
    begin = at + _LENGTH.size
    end = begin + _LENGTH.unpack_from(packed, at)[0]
    if end > len(packed):
        raise ValueError("it is cut short")
    return begin, end
