"""Whether a JSON object has the shape that is asked for: a quick yes, in one function a shape, written as text.

Nearly every payload is as it should be, and a call a field would take longer than all else that is asked of it. What gets no
yes may still be right in an unusual way (a number of a class of its own): `state.shapes` judges then, and says why not.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import EnumType
from functools import cache
from typing import Any

from schemas.frozen import compiled

Fits = Callable[[Any], bool]

_LONGEST_INT = 2**63
_MISSING = object()
_PLAIN = {
    str: "type({0}) is str",
    bool: "type({0}) is bool",
    int: f"type({{0}}) is int and -{_LONGEST_INT} <= {{0}} < {_LONGEST_INT}",
    float: "(type({0}) is float or type({0}) is int)",
    Any: "True",
}


def fits(fields: Mapping[str, Any], optional: frozenset[str] = frozenset()) -> Fits:
    """The function of these names and types; those that `optional` names may be missing, and more fields may be there."""
    known: dict[str, Any] = {"_missing": _MISSING}
    tests = ["type(_v) is dict"]
    for number, (name, hint) in enumerate(fields.items()):
        value = f"_{number}"
        said = _test(hint, value, known)
        if name in optional:
            tests.append(f"(({value} := _v.get({name!r}, _missing)) is _missing or ({said}))")
        else:
            # Missing is of no type that any field may have.
            tests.append(f"(({value} := _v.get({name!r}, _missing)) is not _missing and ({said}))")
    return compiled(["def make(_v):", f"return {' and '.join(tests)}"], known)


@cache
def record_fits(record: type) -> Fits:
    """The function of a record's fields; those with a default may be missing."""
    return fits(typing.get_type_hints(record), frozenset(f.name for f in dataclasses.fields(record) if has_default(f)))


def has_default(field: "dataclasses.Field[Any]") -> bool:
    """Whether a record can be made without the field."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _test(hint: Any, value: str, known: dict[str, Any]) -> str:
    """The expression that is true where a value is of a type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    name = f"_of{value}"
    if isinstance(hint, EnumType):
        words: Any = hint
        known[name] = frozenset(str(word) for word in words)
        return f"type({value}) is str and {value} in {name}"
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        known[name] = record_fits(hint)
        return f"{name}({value})"
    if origin in (list, dict):
        known[name] = _all(arguments[-1])
        inner = f"{value}.values()" if origin is dict else value
        return f"type({value}) is {origin.__name__} and {name}({inner})"
    if origin in (types.UnionType, typing.Union):
        some = next(one for one in arguments if one is not types.NoneType)
        return f"({value} is None or ({_test(some, value, known)}))"
    return _PLAIN[hint].format(value)


def _all(hint: Any) -> Callable[[Any], bool]:
    known: dict[str, Any] = {}
    said = _test(hint, "_1", known)
    return compiled(
        ["def make(_values):", "for _1 in _values:", f"    if not ({said}): return False", "return True"], known
    )
