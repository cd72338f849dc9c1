"""Frozen records made without a call a field: for what is made of every alert, every command and every event.

A frozen dataclass sets each field by a call of `object.__setattr__`; 28 of them take 4 µs. A class with the same slots that is
not frozen takes plain stores, and becomes the record's class once they are done, which CPython allows where the slots are the
same: 0.6 µs. The functions are written as text, one a class, as `dataclasses` writes its own `__init__`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any


@cache
def plain(kind: type) -> bool:
    """Whether a class is a dataclass of its own slots alone: no parent, nothing done after its fields are set."""
    own = dataclasses.is_dataclass(kind) and kind.__bases__ == (object,) and not hasattr(kind, "__post_init__")
    return own and tuple(getattr(kind, "__slots__", ())) == _names(kind)


@cache
def reader(kind: type) -> Callable[[dict[str, Any]], Any]:
    """Makes a record of a `plain` class from its fields by name; what else is in the dictionary is passed over.

    The function raises KeyError where a field is missing, one with a default too.
    """
    return converter(kind, {})


def converter(kind: type, converts: Mapping[str, Callable[[Any], Any]]) -> Callable[[dict[str, Any]], Any]:
    """As `reader`, fields being converted on their way; what converts them may raise what it likes."""
    stores = (f"_made.{name} = _c[{name!r}](_f[{name!r}])" if name in converts else f"_made.{name} = _f[{name!r}]"
              for name in _names(kind))  # fmt: skip
    return setter(kind, "_f", stores, {"_c": converts})


@cache
def copier(kind: type) -> Callable[..., Any]:
    """Makes a copy of a record of a `plain` class; by keyword, fields that are to be otherwise.

    The function raises AttributeError where there is no such field.
    """
    other = ("for _name, _value in _changes.items(): _set(_made, _name, _value)",)
    return setter(kind, "_r, /, **_changes", (*(f"_made.{name} = _r.{name}" for name in _names(kind)), *other))


@cache
def maker(kind: type) -> Callable[..., Any]:
    """Makes a record of a `plain` class; all fields in their order or by keyword, those with a default too."""
    names = _names(kind)
    return setter(kind, ", ".join(names), (f"_made.{name} = {name}" for name in names))


@cache
def dumper(names: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    """Makes a dictionary of these fields of a record."""
    items = ", ".join(f"{name!r}: _r.{name}" for name in names)
    return compiled(["def make(_r):", f"return {{{items}}}"], {})


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def setter(
    kind: type, parameters: str, stores: Iterable[str], known: Mapping[str, Any] = MappingProxyType({})
) -> Callable[..., Any]:
    """Makes a record of a `plain` class by statements that store to the fields of `_made`; `known` is what they may use."""
    # The names in the text begin with a line, as no field does.
    open_twin = type(f"Open{kind.__name__}", (), {"__slots__": _names(kind)})
    lines = [f"def make({parameters}):", "_made = _new(_Open)", *stores, "_made.__class__ = _kind", "return _made"]
    return compiled(lines, {**known, "_new": object.__new__, "_Open": open_twin, "_kind": kind, "_set": setattr})


def compiled(lines: list[str], known: dict[str, Any]) -> Callable[..., Any]:
    """The function `make` of these lines, the first of which names its parameters; `known` is what it may use."""
    exec("\n    ".join(lines), known)  # noqa: S102 - names of our own classes' fields, never input
    made: Callable[..., Any] = known["make"]
    return made
