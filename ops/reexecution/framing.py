"""The schemas that a recording's records were written by, so that they can be read where there is no registry and no Kafka."""

import json
from collections.abc import Iterable, Mapping

from schemas.avro import Schema
from schemas.codec import FindSchema
from schemas.errors import DecodeError
from schemas.framing import Frame, frame_of


def name_of(frame: Frame) -> str:
    """What a frame calls its schema: `crc64:` and the fingerprint's 16 hex digits, or `id:` and the registry's number."""
    return f"id:{frame.registry_id}" if frame.fingerprint is None else f"crc64:{frame.fingerprint.hex()}"


def schemas_of(values: Iterable[bytes | None], find: FindSchema) -> dict[str, str]:
    """The schemas that these records' frames name and that `find` knows, as JSON by name."""
    frames: dict[str, Frame] = {}
    for value in values:
        try:
            frame = frame_of(value or b"")
        except DecodeError:
            continue  # whoever decodes it says so
        frames.setdefault(name_of(frame), frame)
    found = {name: find(frame) for name, frame in frames.items()}
    return {name: json.dumps(schema) for name, schema in sorted(found.items()) if schema is not None}


def finder(schemas: Mapping[str, str]) -> FindSchema:
    """Finds in the schemas that a recording holds."""

    def find(frame: Frame) -> Schema | None:
        text = schemas.get(name_of(frame))
        return None if text is None else json.loads(text)

    return find
