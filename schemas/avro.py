"""The Avro schema of a record class, derived from its annotations: the class is the one source of its contract."""

import dataclasses
import types
import typing
from enum import EnumType, StrEnum
from functools import cache
from typing import Any

from fastavro.schema import fingerprint as avro_fingerprint
from fastavro.schema import parse_schema, to_parsing_canonical_form

from schemas.errors import SchemaError

NAMESPACE = "breakwater"
_PRIMITIVES: dict[Any, str] = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}

Schema: typing.TypeAlias = Any  # what JSON can hold, as fastavro takes it


def schema_of(record: type[Any]) -> Schema:
    """The Avro schema of a record class, as JSON would hold it; named types are written out at their first use.

    Raises:
        SchemaError: a field's type has no Avro counterpart here.
    """
    kind: type = record  # type[Any] is not hashable in mypy's eyes
    return _derived(kind)


def parsed(record: type[Any]) -> Schema:
    """The schema of a record class, in the form that fastavro encodes with."""
    kind: type = record
    return _parsed(kind)


def fingerprint(schema: Schema) -> bytes:
    """CRC-64-AVRO of the canonical form, 8 bytes, little endian (Avro 1.11 specification, single-object encoding)."""
    return bytes.fromhex(avro_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def _derived(record: type) -> Schema:
    return _record(record, set())


@cache
def _parsed(record: type) -> Schema:
    return parse_schema(_derived(record))


def _record(record: type, named: set[str]) -> Schema:
    if record.__name__ in named:
        return f"{NAMESPACE}.{record.__name__}"
    named.add(record.__name__)
    hints = typing.get_type_hints(record)
    fields = [_field(f, hints[f.name], named) for f in dataclasses.fields(record)]
    return {"type": "record", "name": record.__name__, "namespace": NAMESPACE, "fields": fields}


def _field(field: dataclasses.Field[Any], hint: Any, named: set[str]) -> Schema:
    described = {"name": field.name, "type": _type(hint, named)}
    if field.default is not dataclasses.MISSING:
        described["default"] = field.default
    elif field.default_factory is not dataclasses.MISSING:
        described["default"] = field.default_factory()
    return described


def _type(hint: Any, named: set[str]) -> Schema:
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    if isinstance(hint, EnumType) and issubclass(hint, StrEnum):
        return _enum(hint, named)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, named)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], named)}
    if origin is dict and arguments[0] is str:
        return {"type": "map", "values": _type(arguments[1], named)}
    if origin in (types.UnionType, typing.Union) and arguments[1:] == (types.NoneType,):
        return ["null", _type(arguments[0], named)]
    raise SchemaError(
        f"{hint!r} has no Avro counterpart; use str, int, float, bool, bytes, an enum, list, dict or | None"
    )


def _enum(enum: type[StrEnum], named: set[str]) -> Schema:
    if enum.__name__ in named:
        return f"{NAMESPACE}.{enum.__name__}"
    named.add(enum.__name__)
    # The wire holds symbol names; values equal them wherever the value is a legal Avro name.
    return {"type": "enum", "name": enum.__name__, "namespace": NAMESPACE, "symbols": [m.value for m in enum]}
