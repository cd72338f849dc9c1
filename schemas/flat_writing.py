"""Records of texts, whole numbers and words of an enum as Avro bytes, without a dictionary in between.

Commands, events and snapshots are such; fastavro asks each field of a dictionary for its type, which takes two to three times
as long. The functions are written as text, one a class (as in schemas.frozen); what they make is byte for byte fastavro's.
"""

import dataclasses
import typing
from collections.abc import Callable
from enum import EnumType
from functools import cache
from typing import Any

from schemas.frozen import compiled
from schemas.varint import avro_long

# What a function of `flat_encoder` raises over a field that holds no value of its type.
UNFIT = (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError)

# Lengths of most texts, and most versions, episodes and partitions.
_MOST = 4096
_SMALL = tuple(map(avro_long, range(_MOST)))
# Of a union with null: which of the two types follows.
_NOTHING, _SOMETHING = avro_long(0), avro_long(1)


@cache
def flat_encoder(record: type, header: bytes) -> Callable[[Any], bytes] | None:
    """Makes the framed bytes of a record; None for a class with other fields than this module's.

    The function raises one of UNFIT where a field holds something unusual, fit or not: fastavro is to judge.
    """
    hints = typing.get_type_hints(record)
    known: dict[str, Any] = {
        "_header": header,
        "_join": b"".join,
        "_small": _SMALL,
        "_long": avro_long,
        "_maybe_whole": _maybe_whole,
        "_maybe_text": _maybe_text,
    }
    lines, parts = ["def make(_r):"], ["_header"]
    for number, field in enumerate(dataclasses.fields(record)):
        written = _written(hints[field.name], f"_{number}", known)
        if written is None:
            return None
        lines.append(f"_{number} = _r.{field.name}{'.encode()' if hints[field.name] is str else ''}")
        parts += written
    return compiled([*lines, f"return _join(({', '.join(parts)},))"], known)


def _written(hint: Any, name: str, known: dict[str, Any]) -> list[str] | None:
    """Expressions of the bytes of a value; a text's is its UTF-8."""
    if hint is str:
        size = f"len({name})"
        return [f"_small[{size}] if {size} < {_MOST} else _long({size})", name]
    if hint is int:
        return [f"_small[{name}] if 0 <= {name} < {_MOST} else _long({name})"]
    if isinstance(hint, EnumType):
        words: Any = hint
        known[f"_of{name}"] = {str(word): avro_long(at) for at, word in enumerate(words)}
        return [f"_of{name}[{name}]"]
    if hint == int | None:
        return [f"_maybe_whole({name})"]
    return [f"_maybe_text({name})"] if hint == str | None else None


def _maybe_whole(value: Any) -> bytes:
    """A number or nothing: which of the two it is, and its bytes."""
    if value is None:
        return _NOTHING
    if type(value) is int:  # not True, which is one too
        return _SOMETHING + avro_long(value)
    raise TypeError(f"{value!r} is no whole number")


def _maybe_text(value: Any) -> bytes:
    """A text or nothing."""
    if value is None:
        return _NOTHING
    raw: bytes = value.encode()
    return _SOMETHING + avro_long(len(raw)) + raw
