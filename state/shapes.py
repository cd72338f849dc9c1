"""Whether the fields of a JSON object have the types that are asked for: records, lists, words of an enum, numbers, texts."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import EnumType
from functools import cache
from typing import Any

from state.fitting import fits, has_default

# Why a value is not of a type, as the end of a sentence; empty where it is.
Misfit = Callable[[Any], str]
# Names of fields and their types; those that `optional` names may be missing.
Fields = Mapping[str, Any]

_LONGEST_INT = 2**63
_MISSING = object()


def misfit(fields: Mapping[str, Misfit], value: Mapping[str, Any], optional: frozenset[str] = frozenset()) -> str:
    """Why a JSON object lacks a field or has one of another type, as a sentence's end; empty where it is as it should be.

    Fields that are not asked for may be anything.

    >>> misfit(checks({"how": str}), {"how": 7})
    "'how' is no text"
    """
    for name, check in fields.items():
        given = value.get(name, _MISSING)
        if given is _MISSING:
            if name not in optional:
                return f"{name!r} is missing"
        elif why := check(given):
            return f"{name!r} {why}"
    return ""


def shape(fields: Fields, optional: frozenset[str] = frozenset()) -> Misfit:
    """As `misfit` of these fields, in one call that is quick where the object is as it should be."""
    quick, slow = fits(fields, optional), checks(fields)
    return lambda value: "" if quick(value) else misfit(slow, value, optional)


def checks(fields: Fields) -> dict[str, Misfit]:
    """A check a field."""
    return {name: _check(hint) for name, hint in fields.items()}


@cache
def record_misfit(record: type) -> Misfit:
    """The check of the fields of a JSON object that is to be a record; fields with a default may be missing."""
    optional = frozenset(f.name for f in dataclasses.fields(record) if has_default(f))
    return shape(typing.get_type_hints(record), optional)


@cache
def _record_check(record: type) -> Misfit:
    """The check of any JSON value that is to be a record."""
    of_fields = record_misfit(record)

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return "is no object"
        why = of_fields(value)
        return f"is no {record.__name__} ({why})" if why else ""

    return check


def _check(hint: Any) -> Misfit:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, EnumType):
        return _word(frozenset(str(word) for word in hint))  # type: ignore[var-annotated]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record_check(hint)
    if origin is list:
        return _each(list, "list", _check(arguments[0]), list)
    if origin is dict:
        return _each(dict, "object", _check(arguments[1]), dict.values)
    if origin in (types.UnionType, typing.Union):
        some = _check(next(one for one in arguments if one is not type(None)))
        return lambda value: "" if value is None else some(value)
    return _PLAIN[hint]


def _word(words: frozenset[str]) -> Misfit:
    return lambda value: "" if isinstance(value, str) and value in words else f"is none of {', '.join(sorted(words))}"


def _each(kind: type, name: str, check: Misfit, inner: Callable[[Any], Any]) -> Misfit:
    def every(value: Any) -> str:
        if not isinstance(value, kind):
            return f"is no {name}"
        return next((f"holds what {why}" for one in inner(value) if (why := check(one))), "")

    return every


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "is no text"


def _truth(value: Any) -> str:
    return "" if isinstance(value, bool) else "is neither true nor false"


def _whole(value: Any) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and -_LONGEST_INT <= value < _LONGEST_INT
    return "" if fits else "is no whole number of 64 bits"


def _number(value: Any) -> str:
    return "" if isinstance(value, (int, float)) and not isinstance(value, bool) else "is no number"


def _anything(_: Any) -> str:
    return ""


_PLAIN: dict[Any, Misfit] = {str: _text, bool: _truth, int: _whole, float: _number, Any: _anything}
