"""A copy of a frozen record with some fields changed, in half the time that `dataclasses.replace` takes."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")

# All values of a record at once; by name, what sets one in an object that nobody has seen yet.
Plan = tuple[Callable[[Any], tuple[Any, ...]], dict[str, Callable[[Any, Any], None]]]


def changed(record: T, **changes: Any) -> T:
    """The record with these fields changed; for slotted dataclasses that do nothing after their fields are set.

    Raises:
        AttributeError: there is no such field.
    """
    kind: Any = type(record)
    values, setters = _plan(kind)
    made: T = object.__new__(kind)
    for set_value, value in zip(setters.values(), values(record), strict=True):
        set_value(made, value)
    for name, value in changes.items():
        if name not in setters:
            raise AttributeError(f"{kind.__name__} has no field {name!r}.")
        setters[name](made, value)
    return made


def put(record: Any, changes: dict[str, Any]) -> None:
    """Set fields of a frozen record that has just been made and that nobody else has seen."""
    kind: Any = type(record)
    _, setters = _plan(kind)
    for name, value in changes.items():
        setters[name](record, value)


@cache
def _plan(kind: Any) -> Plan:
    names = [field.name for field in fields(kind)]
    values = attrgetter(*names) if len(names) > 1 else lambda record: (getattr(record, names[0]),)
    return values, {name: getattr(kind, name).__set__ for name in names}
