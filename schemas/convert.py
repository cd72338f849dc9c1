"""Records to the plain dictionaries that Avro and JSON take, and back."""

import dataclasses
import types
import typing
from collections.abc import Callable
from enum import EnumType
from functools import cache
from typing import Any, TypeVar

from schemas.frozen import converter, dumper, plain

R = TypeVar("R")
Convert: typing.TypeAlias = Callable[[Any], Any]


def to_dict(record: Any) -> dict[str, Any]:
    """A record's fields, nested records as dictionaries, enums as their strings."""
    kind: type = type(record)
    dump = _dumper(kind)
    plain: dict[str, Any] = dump(record)
    return plain


def from_dict(record: type[R], fields: dict[str, Any]) -> R:
    """The record of these fields; enums and nested records are made anew.

    Raises:
        ValueError, KeyError, TypeError: a field is missing or is no value of its type.
    """
    kind: type = record
    loaded: R = _loader(kind)(fields)
    return loaded


@cache
def _dumper(record: type) -> Convert:
    hints = typing.get_type_hints(record)
    plan = [(f.name, _dump(hints[f.name])) for f in dataclasses.fields(record)]
    nested = [(name, convert) for name, convert in plan if convert is not None]
    shallow = dumper(tuple(name for name, _ in plan))

    def dump(value: Any) -> dict[str, Any]:
        fields = shallow(value)
        for name, convert in nested:
            fields[name] = convert(fields[name])
        return fields

    return dump


def _dump(hint: Any) -> Convert | None:
    if isinstance(hint, EnumType):
        return str
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dumper(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, tuple) and (item := _dump(_item(arguments))) is not None:
        return lambda values: [item(v) for v in values]
    if origin is dict and (held := _dump(arguments[1])) is not None:
        return lambda values: {key: held(v) for key, v in values.items()}
    if origin in (types.UnionType, typing.Union) and (some := _dump(arguments[0])) is not None:
        return lambda value: None if value is None else some(value)
    return None


def _item(arguments: tuple[Any, ...]) -> Any:
    """What a list or a tuple is of; a tuple of numbers of different kinds is taken as it is."""
    return arguments[0] if len(arguments) == 1 or arguments[1] is Ellipsis else Any


@cache
def _loader(record: type) -> Convert:
    hints = typing.get_type_hints(record)
    count = len(dataclasses.fields(record))
    plan = {f.name: convert for f in dataclasses.fields(record) if (convert := _load(hints[f.name])) is not None}
    quick = converter(record, plan) if plain(record) else None

    def load(fields: dict[str, Any]) -> Any:
        if quick is not None and len(fields) == count:
            try:
                return quick(fields)
            except KeyError:
                pass
        # One that lacks a field, or has another, is the constructor's to fill up or to refuse.
        ready = dict(fields)
        for name, convert in plan.items():
            if name in ready:
                ready[name] = convert(ready[name])
        return record(**ready)

    return load


def _word_of(enum: Any) -> Convert:
    """Finds an enum's word in a fifth of the time that calling the enum takes, which is left to refuse what is none."""
    words = {str(word): word for word in enum}

    def word_of(value: Any) -> Any:
        found = words.get(value) if type(value) is str else None
        return enum(value) if found is None else found

    return word_of


def _load(hint: Any) -> Convert | None:
    if isinstance(hint, EnumType):
        return _word_of(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _loader(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and (item := _load(arguments[0])) is not None:
        return lambda values: [item(v) for v in values]
    if origin is tuple:
        each = _load(_item(arguments))
        return tuple if each is None else lambda values: tuple(each(v) for v in values)
    if origin is dict and (held := _load(arguments[1])) is not None:
        return lambda values: {key: held(v) for key, v in values.items()}
    if origin in (types.UnionType, typing.Union) and (some := _load(arguments[0])) is not None:
        return lambda value: None if value is None else some(value)
    return None
