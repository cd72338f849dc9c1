"""A deterministic sample of any contract, made from its annotations: for golden bytes, tests and documentation."""

import dataclasses
import types
import typing
from enum import EnumType
from typing import Any, TypeVar

from schemas.errors import SchemaError

R = TypeVar("R")

_EPOCH_MS = 1_700_000_000_000


def sample(record: type[R], variant: int = 0, **fields: Any) -> R:
    """A record whose fields hold plausible values; the same `variant` gives the same record on every machine.

    Args:
        record: the record class.
        variant: 0 has every optional field set and collections of two; 1 has them absent and empty; then they alternate.
        fields: values to be taken instead.

    >>> from schemas.records.log import SchemaRegistered
    >>> sample(SchemaRegistered, name="Alert")
    SchemaRegistered(fingerprint='fingerprint-0', name='Alert', version=1700000000003, schema='schema-0')
    """
    if not dataclasses.is_dataclass(record):
        raise SchemaError(f"{record!r} is no record class; samples are made of the classes in schemas.contracts.")
    hints = typing.get_type_hints(record)
    names = [field.name for field in dataclasses.fields(record)]
    return record(**{n: _value(hints[n], n, at, variant) for at, n in enumerate(names, 1)} | fields)


def _value(hint: Any, name: str, at: int, variant: int) -> Any:
    plain = {str: f"{name}-{variant}", int: _EPOCH_MS + at + variant, float: at + 0.25, bool: variant % 2 == 0,
             bytes: bytes([0, 0xC3, 0xFF, at % 256])}  # fmt: skip
    if hint in plain:
        return plain[hint]
    if isinstance(hint, EnumType):
        members: list[Any] = list(hint)
        return members[(at + variant) % len(members)]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return sample(hint, variant)
    return _collection(hint, name, at, variant)


def _collection(hint: Any, name: str, at: int, variant: int) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    count = 2 if variant % 2 == 0 else 0
    if origin is list:
        return [_value(arguments[0], f"{name}-{n}", at, variant + 2 * n) for n in range(count)]
    if origin is dict:
        return {f"{name}-key-{n}": _value(arguments[1], f"{name}-{n}", at, variant) for n in range(count)}
    if origin in (types.UnionType, typing.Union):
        return _value(arguments[0], name, at, variant) if count else None
    raise SchemaError(f"No sample can be made of {hint!r}, the type of {name}; teach schemas.samples about it.")
