"""What the detectors remember, as text and back: all numbers of all detectors in one struct, then their arrays.

What a slot holds (a number, an array, a detector, several of them) is told by a new detector, so only values are stored. A worker
writes a series' memory with every scrape, so the functions that do it are written as text, once a class (as in schemas.frozen):
a walk over the slots took five times as long. Packed by snappy, since most bins of a distribution are empty; zlib makes it a
fifth smaller and takes eight times as long.
"""

import struct
import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import cramjam

from agents.detectors.errors import UnreadableMemoryError
from schemas.frozen import compiled

D = TypeVar("D")

# Raised whenever a detector is added or remembers something else: what an earlier one wrote is not read.
VERSION = 6
_HEAD = struct.Struct("<HI")  # the version, and a checksum of what follows: snappy has none
# Of all of it unpacked: what is larger is no memory.
_MOST = 64 << 10
_NUMBERS = {float: "d", int: "q", bool: "?"}
_LISTS = "d"


def dump(detector: Any) -> str:
    """The memory of a detector with slots, and of all that is in them."""
    numbers = _functions(type(detector))[0](detector)
    packed = _HEAD.pack(VERSION, zlib.crc32(numbers)) + numbers
    return b64encode(cramjam.snappy.compress_raw(packed)).decode()


def restored(kind: type[D], text: str) -> D:
    """The detector whose memory was dumped; a new one, made without arguments, tells what is in it.

    Raises:
        UnreadableMemoryError: it is of another version, or damaged.
    """
    try:
        packed = _unpacked(b64decode(text, validate=True))
        version, checksum = _HEAD.unpack_from(packed)
        if version != VERSION:
            raise UnreadableMemoryError(f"it is of version {version}, not {VERSION}")
        if zlib.crc32(memoryview(packed)[_HEAD.size :]) != checksum:
            raise UnreadableMemoryError("it is damaged: its checksum is another")
        made: D = _functions(kind)[1](packed)
    except (ValueError, struct.error, cramjam.DecompressionError) as error:
        raise UnreadableMemoryError(str(error)) from error
    return made


def _unpacked(raw: bytes) -> bytes:
    size = cramjam.snappy.decompress_raw_len(raw)
    if size > _MOST:
        raise UnreadableMemoryError(f"it has {size} bytes, and no memory has more than {_MOST}")
    return bytes(cramjam.snappy.decompress_raw(raw))


@dataclass(slots=True)
class _Text:
    """The statements of a class's two functions; `_0` is the detector, and those in it have further numbers."""

    numbers: list[str] = field(default_factory=list)  # expressions
    codes: str = "<"
    arrays: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    detectors: int = 0

    def add(self, detector: Any) -> str:
        """Take in what a new detector holds; returns its name in the text."""
        name, self.detectors = f"_{self.detectors}", self.detectors + 1
        self.known[f"_kind{name}"] = type(detector)
        self.made.append(f"{name} = _new(_kind{name})")
        for slot in type(detector).__slots__:
            self._slot(f"{name}.{slot}", getattr(detector, slot))
        return name

    def _slot(self, target: str, held: Any) -> None:
        kind = type(held)
        if kind in _NUMBERS:
            self.made.append(f"{target} = _n[{len(self.numbers)}]")
            self.numbers.append(target)
            self.codes += _NUMBERS[kind]
        elif kind is array or kind is list:
            code, size = (held.typecode, held.itemsize) if kind is array else (_LISTS, array(_LISTS).itemsize)
            end = f"_i + {size} * _l[{len(self.arrays)}]"
            read = f"_array({code!r}, _m[_i:{end}])"
            self.made += [f"{target} = {read}" + ("" if kind is array else ".tolist()"), f"_i = {end}"]
            self.arrays.append(target if kind is array else f"_array({code!r}, {target})")
        else:
            before, inner = len(self.taken), held if kind is tuple else (held,)
            names = [self.add(one) for one in inner]
            together = f"{', '.join(names)}," if kind is tuple else names[0]
            self.taken.insert(before, f"{together} = {target}")
            self.made.append(f"{target} = {together}")


_Functions = tuple[Callable[[Any], bytes], Callable[[bytes], Any]]
_written: dict[type, _Functions] = {}


def _functions(kind: type) -> _Functions:
    """What packs a detector of this class, and what makes one of the packed bytes behind the version."""
    if kind not in _written:
        _written[kind] = _write(kind)
    return _written[kind]


def _write(kind: type) -> _Functions:
    text = _Text()
    text.add(kind())
    numbers, lengths = struct.Struct(text.codes), struct.Struct(f"<{len(text.arrays)}H")
    known = {
        **text.known,
        "_new": object.__new__,
        "_array": array,
        "_join": b"".join,
        "_numbers": numbers,
        "_lengths": lengths,
    }
    sizes = ", ".join(f"len({one})" for one in text.arrays)
    parts = f"_numbers.pack({', '.join(text.numbers)}), _lengths.pack({sizes}), {', '.join(text.arrays)}"
    write = compiled(["def make(_0):", *text.taken, f"return _join(({parts}))"], dict(known))
    behind = _HEAD.size + numbers.size
    read = [
        "def make(_m):",
        f"_n, _l = _numbers.unpack_from(_m, {_HEAD.size}), _lengths.unpack_from(_m, {behind})",
        f"_i = {behind + lengths.size}",
        *text.made,
        "if _i != len(_m): raise ValueError(f'it has {len(_m)} bytes in place of {_i}')",
        "return _0",
    ]
    return write, compiled(read, dict(known))
