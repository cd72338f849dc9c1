"""A copy of a frozen record with some fields changed, in a tenth of the time that `dataclasses.replace` takes."""

from collections.abc import Callable
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


def putter(kind: Any, name: str) -> Callable[[Any, Any], None]:
    """Sets a field of a frozen record that has just been made and that nobody else has seen."""
    put: Callable[[Any, Any], None] = getattr(kind, name).__set__
    return put
