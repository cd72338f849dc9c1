"""Avro bytes to records of texts, numbers, words of an enum and maps of texts, without a dictionary in between.

fastavro asks its source for one byte after the other; here the message is indexed, and fields go straight into the record.
The functions are written as text, one a class (as in schemas.frozen). What is not plainly right is left to fastavro, and to
its words.
"""

import dataclasses
import struct
import typing
from collections.abc import Callable
from enum import EnumType
from functools import cache
from typing import Any

from schemas.frozen import plain, setter

# What a function of `flat_decoder` raises over bytes that it leaves to fastavro; UnicodeDecodeError is a ValueError.
UNREAD = (IndexError, ValueError, struct.error)

_LAST_SHIFT = 63  # of ten bytes
_DOUBLE = struct.Struct("<d")


@cache
def flat_decoder(record: type) -> Callable[[bytes, int], Any] | None:
    """Makes a record of a body, given the message and where the body begins; None for a class with other fields.

    The function raises one of UNREAD where the bytes hold something unusual, right or not.
    """
    hints = typing.get_type_hints(record)
    known: dict[str, Any] = {"_more": _more}
    lines, lengths = list[str](), ["0"]
    for number, field in enumerate(dataclasses.fields(record)):
        read = _read(hints[field.name], f"_made.{field.name}", f"_n{number}", known)
        if read is None or not plain(record):
            return None
        lines += read
        if hints[field.name] not in {int, float}:
            lengths.append(f"_n{number}")
    # A negative length or place in an enum is odd; what ends early was cut off, and what goes on has bytes behind it.
    check = f"if ({' | '.join(lengths)}) & 1 or _i != len(_m): raise ValueError"
    return setter(record, "_m, _i", [*lines, check], known)


def _read(hint: Any, target: str, size: str, known: dict[str, Any]) -> list[str] | None:
    """Statements that read a value at `_i` to a target, and move `_i` behind it; `size` is the number that it begins with."""
    if hint is float:
        known["_double"] = _DOUBLE.unpack_from
        return [f"({target},) = _double(_m, _i)", f"_i += {_DOUBLE.size}"]
    number = [f"{size} = _m[_i]", "_i += 1", f"if {size} > 127: {size}, _i = _more(_m, _i, {size})"]
    if hint is int:
        return [*number, f"{target} = ({size} >> 1) ^ -({size} & 1)"]
    if hint is str:
        return [*number, f"_at, _i = _i, _i + ({size} >> 1)", f"{target} = _m[_at:_i].decode()"]
    if isinstance(hint, EnumType):
        known[f"_of{size}"] = tuple(hint)
        return [*number, f"{target} = _of{size}[{size} >> 1]"]
    if hint == int | None:
        known["_maybe"] = _maybe
        return [f"{target}, {size}, _i = _maybe(_m, _i)"]
    if hint == dict[str, str]:
        known["_map"] = _map
        return [f"{target}, {size}, _i = _map(_m, _i)"]
    return None


def _more(message: bytes, at: int, first: int) -> tuple[int, int]:
    """The number, as it is before zig-zag is undone, whose first byte says that more follow; and where it ends."""
    number, shift = first & 0x7F, 7
    while (byte := message[at]) > 0x7F:
        number |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    number |= byte << shift
    if shift > _LAST_SHIFT or number >> 64:
        raise ValueError
    return number, at + 1


def _maybe(message: bytes, at: int) -> tuple[int | None, int, int]:
    """A whole number or nothing, a number that is even, and where it ends."""
    kind, left = message[at], message[at + 1]
    if kind == 0:
        return None, 0, at + 1
    if kind != 2:  # the second of two types
        raise ValueError
    end = at + 2
    if left > 0x7F:
        left, end = _more(message, end, left)
    return (left >> 1) ^ -(left & 1), 0, end


def _map(message: bytes, at: int) -> tuple[dict[str, str], int, int]:
    """A map of texts, a number that is even if all its lengths were, and where it ends."""
    found: dict[str, str] = {}
    odd = 0
    while True:
        count, at = _number(message, at)
        odd |= count  # a negative one says that the block's size comes next: nobody writes it so
        if not count or odd & 1:
            return found, odd, at
        for _ in range(count >> 1):
            size, at = _number(message, at)
            key, at = message[at : at + (size >> 1)].decode(), at + (size >> 1)
            more, at = _number(message, at)
            found[key], at = message[at : at + (more >> 1)].decode(), at + (more >> 1)
            odd |= size | more
            if odd & 1 or at > len(message):
                return found, 1, at


def _number(message: bytes, at: int) -> tuple[int, int]:
    """A number as it is before zig-zag is undone, and where it ends."""
    first = message[at]
    return (first, at + 1) if first <= 0x7F else _more(message, at + 1, first)
