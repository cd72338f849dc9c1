"""A copy of a frozen record with some fields changed, in a tenth of the time that `dataclasses.replace` takes."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from schemas.frozen import copier

T = TypeVar("T")


def changed(record: T, **changes: Any) -> T:
    """The record with these fields changed; for classes that are `schemas.frozen.plain`.

    Raises:
        AttributeError: there is no such field.
    """
    kind: Any = type(record)
    made: T = copier(kind)(record, **changes)
    return made


def put(record: Any, changes: dict[str, Any]) -> None:
    """Set fields of a frozen record that has just been made and that nobody else has seen."""
    kind: Any = type(record)
    setters = _setters(kind)
    for name, value in changes.items():
        setters[name](record, value)


@cache
def _setters(kind: Any) -> dict[str, Callable[[Any, Any], None]]:
    return {field.name: getattr(kind, field.name).__set__ for field in fields(kind)}
