"""Records to framed Avro bytes and back; whatever cannot be read is a DecodeError with a reason code."""

import struct
from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from typing import Any, Generic, TypeVar

from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType, parse_schema

from schemas.avro import NAMESPACE, Schema, fingerprint, parsed, schema_of
from schemas.convert import from_dict, to_dict
from schemas.errors import DecodeError
from schemas.flat_reading import UNREAD, flat_decoder
from schemas.flat_writing import UNFIT, flat_encoder
from schemas.framing import SINGLE_OBJECT_BYTES, Frame, frame_of, single_object
from schemas.history import versions

R = TypeVar("R")

# What fastavro raises over bytes that are not what the schema says.
BAD_BYTES = (
    EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, struct.error, SchemaResolutionError,
)  # fmt: skip
# What it raises over a schema, found elsewhere, that is none.
_BAD_SCHEMA = (SchemaParseException, UnknownType, ValueError, KeyError, TypeError, AttributeError)

# Finds a schema that is not in the history by its frame: in the `schemas` topic or in a registry.
FindSchema = Callable[[Frame], Schema | None]


def nothing_more(frame: Frame) -> Schema | None:  # noqa: ARG001 - the empty FindSchema
    """Knows no schema beyond the history."""
    return None


class Codec(Generic[R]):
    """Encodes and decodes one contract.

    Args:
        record: the record class.
        header: the frame to write before a body; by default single-object encoding.
        find: where schemas are looked for that neither the class nor its history knows.
    """

    def __init__(self, record: type[R], header: bytes | None = None, find: FindSchema = nothing_more) -> None:
        self.record = record
        self.schema = schema_of(record)
        self.fingerprint = fingerprint(self.schema)
        self._own = single_object(self.fingerprint)
        self.header = header or self._own
        self._parsed = parsed(record)
        self._find = find
        self._names = (record.__name__, f"{NAMESPACE}.{record.__name__}")
        self._writers: dict[bytes | int | None, Any] = {self.fingerprint: self._parsed}
        for version in versions(record.__name__):
            self._writers.setdefault(version.fingerprint, parse_schema(version.schema))

    @cached_property
    def _read(self) -> Callable[[bytes, int], Any] | None:
        kind: type = self.record
        return flat_decoder(kind)

    @cached_property
    def _written(self) -> Callable[[Any], bytes] | None:
        # Written when it is first needed: most commands of the program encode nothing.
        kind: type = self.record
        return flat_encoder(kind, self.header)

    def encode(self, record: R) -> bytes:
        """The framed bytes of a record.

        Raises:
            ValueError, TypeError: a field holds no value of its type (fastavro's words).
        """
        if self._written is not None:
            try:
                return self._written(record)
            except UNFIT:
                pass  # in fastavro's words, if it does not take it either
        out = BytesIO()
        out.write(self.header)
        schemaless_writer(out, self._parsed, to_dict(record))
        return out.getvalue()

    def decode(self, message: bytes | None) -> R:
        """The record in framed bytes, written by any version of the contract.

        Raises:
            DecodeError: `empty`, `not_avro`, `truncated`, `unknown_schema`, `malformed` or `trailing_bytes`.
        """
        if message is not None and message.startswith(self._own):
            return self._decoded(message)
        frame = frame_of(message or b"")
        return self.decode_body(message or b"", frame.body_at, self.writer_of(frame))

    def _decoded(self, message: bytes) -> R:
        """The record in a message that this version of the contract wrote."""
        if self._read is not None:
            try:
                made: R = self._read(message, SINGLE_OBJECT_BYTES)
            except UNREAD:
                pass
            else:
                return made
        return self.decode_body(message, SINGLE_OBJECT_BYTES, self._parsed)

    def decode_body(self, message: bytes, body_at: int, writer: Any) -> R:
        """The record in a body that begins at `body_at` and was written by the (parsed) schema `writer`."""
        source = BytesIO(message)
        source.seek(body_at)
        try:
            fields = schemaless_reader(source, writer, self._parsed if writer is not self._parsed else None)
            record = from_dict(self.record, fields)  # type: ignore[arg-type]
        except BAD_BYTES as error:
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            raise DecodeError("malformed", f"The bytes are no {self.record.__name__}: {what}.") from error
        if source.tell() != len(message):
            extra = len(message) - source.tell()
            raise DecodeError("trailing_bytes", f"{extra} bytes follow the end of the {self.record.__name__}.")
        return record

    def writer_of(self, frame: Frame) -> Any:
        """The parsed schema that a frame names.

        Raises:
            DecodeError: `unknown_schema`.
        """
        key = frame.fingerprint if frame.registry_id is None else frame.registry_id
        if key not in self._writers:
            self._writers[key] = self._found(frame, key.hex() if isinstance(key, bytes) else str(key))
        return self._writers[key]

    def _found(self, frame: Frame, named: str) -> Any:
        schema = self._find(frame)
        if not isinstance(schema, dict) or schema.get("name") not in self._names:
            raise DecodeError("unknown_schema", f"No {self.record.__name__} schema is known by {named}.")
        try:
            return parse_schema(schema)
        except _BAD_SCHEMA as error:
            raise DecodeError("unknown_schema", f"What is known by {named} is no schema: {error}.") from error
