"""JSON that others wrote, read so that whoever reads it can also walk it and write it again.

Python's own parser goes a thousand levels deep, and those who walk what it made (copying, converting, encoding) take several
calls a level: a payload of five hundred brackets would end whoever shows it. It takes NaN, infinities and halves of characters,
too, which no store and no answer can hold. Here none of these is JSON. Whole numbers beyond 64 bits are read as floats.
"""

from typing import Any

import orjson

from schemas.records.log import IncidentEvent

MAX_DEPTH = 64
_MOST_QUOTED = 200


def read_object(text: str, most_levels: int = MAX_DEPTH) -> dict[str, Any]:
    """The JSON object in a text.

    Raises:
        ValueError: it is none, or is nested deeper; the message is a sentence.
    """
    try:
        found = orjson.loads(text)
    except ValueError as error:
        raise ValueError(f"It is not a JSON object: {error}.") from error
    if not isinstance(found, dict):
        raise ValueError("It is not a JSON object.")
    # Counted first: what has no more brackets than levels need not be walked.
    if text.count("{") + text.count("[") > most_levels and _deeper(found, most_levels):
        raise ValueError(f"It is nested deeper than {most_levels} levels.")
    return found


def payload_shown(event: IncidentEvent) -> dict[str, Any]:
    """An event's payload for those who show it; where it is none, `unreadable` says why, and `bytes` how long it is."""
    try:
        return read_object(event.payload)
    except ValueError as error:
        return {"unreadable": str(error)[:_MOST_QUOTED], "bytes": len(event.payload.encode("utf-8", "surrogatepass"))}


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)
