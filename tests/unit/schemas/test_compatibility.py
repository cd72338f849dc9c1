"""Avro's rules of schema resolution (1.11), rule by rule."""

from typing import Any

import pytest

from schemas.compatibility import incompatibilities


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    """A record schema."""
    return {"type": "record", "name": "R", "namespace": "breakwater", "fields": list(fields)}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    """A field of it."""
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    """An enum schema."""
    return {"type": "enum", "name": "E", "namespace": "breakwater", "symbols": list(symbols), **more}


TREE = record(field("children", {"type": "array", "items": "breakwater.R"}))


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        ("long", "long"),
        ("long", "int"),
        ("double", "long"),
        ("bytes", "string"),
        (["null", "string"], "string"),
        (["null", "string"], ["string", "null"]),
        (record(field("a", "long")), record(field("a", "long"), field("gone", "string"))),
        (record(field("a", "long"), field("new", "string", default="")), record(field("a", "long"))),
        (enum("A", "B"), enum("A")),
        (enum("A", default="A"), enum("A", "B")),
        ({"type": "array", "items": "double"}, {"type": "array", "items": "long"}),
        ({"type": "map", "values": ["null", "long"]}, {"type": "map", "values": "long"}),
        (TREE, TREE),
        (
            record(field("a", enum("A", "B")), field("b", "breakwater.E")),
            record(field("a", enum("A")), field("b", "breakwater.E")),
        ),
    ],
)
def test_what_can_be_read(reader: Any, writer: Any) -> None:
    """Promotions, wider unions, fields that went, fields with defaults, more symbols, recursion."""
    assert incompatibilities(reader, writer) == []


@pytest.mark.parametrize(
    ("reader", "writer", "told"),
    [
        ("int", "long", "(top): long cannot be read as int"),
        ("string", "long", "(top): long cannot be read as string"),
        ("string", ["null", "string"], "(top): null cannot be read as string"),
        (["null", "string"], "long", "(top): no branch of the union reads long"),
        (
            record(field("a", "long"), field("new", "string")),
            record(field("a", "long")),
            "(top).new: is new and has no default",
        ),
        (record(field("a", "string")), record(field("a", "long")), "(top).a: long cannot be read as string"),
        (enum("A"), enum("A", "B"), "(top): symbols ['B'] are gone and there is no default"),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "long"}, "(top)[]: long cannot be read as int"),
        (record(field("a", enum("A"))), record(field("a", "string")), "(top).a: string cannot be read as enum"),
    ],
)
def test_what_cannot_be_read(reader: Any, writer: Any, told: str) -> None:
    """The sentence names the place."""
    assert incompatibilities(reader, writer) == [told]
