"""Any record of any topic as JSON: by its contract where it has one, else as what it is."""

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from schemas.avro import fingerprint, schema_of
from schemas.codec import Codec
from schemas.convert import to_dict
from schemas.errors import DecodeError
from schemas.framing import frame_of
from schemas.history import versions
from state.log_reader import RawRecord
from state.unreadable import letter_headers, offsets_of
from streams.registry import CodecFactory
from streams.topics import BY_NAME, TOPICS, Topic


class RecordDecoder:
    """Decodes the records of one topic; a topic that is not ours is read by the schemas that its records name.

    Args:
        codecs: makes the codec of a topic; by default one that knows the program's own schemas.
    """

    def __init__(self, topic: str, codecs: Callable[[Topic], Codec[Any]] | None = None) -> None:
        make = codecs or CodecFactory()
        self._codec: Codec[Any] | None = make(BY_NAME[topic]) if topic in BY_NAME else None

    def record(self, value: bytes) -> Any:
        """The typed record in a message's value.

        Raises:
            DecodeError: the bytes are no record of the contract that they should have.
        """
        codec = self._codec or _codec_of(value)
        return codec.decode(value)

    def value(self, value: bytes | None) -> Any:
        """A message's value as JSON holds it; bytes that are no record as `undecodable` (the reason) and `base64`."""
        if value is None:
            return None
        try:
            return to_dict(self.record(value))
        except DecodeError as error:
            if self._codec is None and (found := _json(value)) is not None:
                return found
            return {"undecodable": f"{error.reason}: {error}", "base64": base64.b64encode(value).decode()}

    def line(self, raw: RawRecord) -> dict[str, Any]:
        """A record as `replay` prints it: `timestamp` is epoch ms, `headers` are there where the record has some."""
        shown = {
            "topic": raw.topic,
            "partition": raw.partition,
            "offset": raw.offset,
            "timestamp": raw.timestamp,
            "key": None if raw.key is None else text_or_base64(raw.key),
            "value": self.value(raw.value),
        }
        if raw.headers:
            span = offsets_of(raw.headers)  # what tells our own stand-ins from others' headers is nobody's business
            told = raw.headers if span is None else [*letter_headers(span).items()]
            shown["headers"] = {name: text_or_base64(value or b"") for name, value in told}
        return shown

    def is_of(self, raw: RawRecord, incident_id: str) -> bool:
        """Whether a record is of an incident: by its key, by its field, or, where it has none, by naming it."""
        wanted = incident_id.encode()
        key = raw.key or b""
        if key == wanted or key.startswith(wanted + b"/"):
            return True
        if raw.value is None or wanted not in raw.value:
            return False
        try:
            return bool(getattr(self.record(raw.value), "incident_id", incident_id) == incident_id)
        except DecodeError:
            return True


def text_or_base64(value: bytes) -> str | dict[str, str]:
    """UTF-8 as text, all else as {"base64": …}."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def json_default(value: Any) -> Any:
    """What JSON has no word for: bytes."""
    if isinstance(value, bytes):
        return text_or_base64(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _codec_of(value: bytes) -> Codec[Any]:
    named = frame_of(value).fingerprint
    if named not in _codecs():
        raise DecodeError("unknown_schema", "No contract of Breakwater is known by its schema.")
    return _codecs()[named]


@cache
def _codecs() -> dict[bytes | None, Codec[Any]]:
    found: dict[bytes | None, Codec[Any]] = {}
    for record in {topic.record for topic in TOPICS}:
        codec: Codec[Any] = Codec(record)
        found.update({version.fingerprint: codec for version in versions(record.__name__)})
        found[fingerprint(schema_of(record))] = codec
    return found


def _json(value: bytes) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
