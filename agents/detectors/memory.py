"""What the detectors remember, as text and back: every number of every detector, in the order of their slots.

Numbers, arrays and nested detectors are told apart by what a new detector has in the same place, so only values are stored.
Packed by zlib, since most bins of a distribution are empty.
"""

import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import orjson

from agents.detectors.errors import UnreadableMemoryError

# Raised whenever a detector is added or remembers something else: what an earlier one wrote is not read.
VERSION = 1
_LEVEL = 1  # of compression: the fastest


def dump(detector: Any) -> str:
    """The memory of a detector with slots, and of all that is in them."""
    packed = orjson.dumps([VERSION, _values(detector)])
    return b64encode(zlib.compress(packed, _LEVEL)).decode()


def restore(detector: Any, text: str) -> None:
    """Put a dumped memory into a new detector of the same class.

    Raises:
        UnreadableMemoryError: it is of another version, or damaged. The detector is then not to be used.
    """
    try:
        version, values = orjson.loads(zlib.decompress(b64decode(text, validate=True)))
        if version != VERSION:
            raise UnreadableMemoryError(f"it is of version {version}, not {VERSION}")
        _restore(detector, values)
    except (ValueError, TypeError, zlib.error) as error:
        raise UnreadableMemoryError(str(error)) from error


def _slots(detector: Any) -> Iterator[str]:
    return iter(type(detector).__slots__)


def _values(detector: Any) -> list[Any]:
    return [_value(getattr(detector, slot)) for slot in _slots(detector)]


def _value(held: Any) -> Any:
    if isinstance(held, array):
        return b64encode(held.tobytes()).decode() if held.typecode == "f" else held.tolist()
    if isinstance(held, tuple):
        return [_values(one) for one in held]
    return _values(held) if hasattr(held, "__slots__") else held


def _restore(detector: Any, values: list[Any]) -> None:
    for slot, value in zip(_slots(detector), values, strict=True):
        held = getattr(detector, slot)
        if isinstance(held, array):
            fresh = array(held.typecode)
            if held.typecode == "f":
                fresh.frombytes(b64decode(value, validate=True))
            else:
                fresh.fromlist(value)
            setattr(detector, slot, fresh)
        elif isinstance(held, tuple):
            for one, of_one in zip(held, value, strict=True):
                _restore(one, of_one)
        elif hasattr(held, "__slots__"):
            _restore(held, value)
        else:
            setattr(detector, slot, value)
