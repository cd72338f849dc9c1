"""Times that no calendar has: a record with one is refused as it is read, lest sums of it overflow where it is written again."""

import dataclasses
import typing
from functools import cache
from typing import Any

from schemas.errors import DecodeError
from schemas.records.vocabulary import Millis

# From the year 1 to the end of 9999, as `datetime` has it.
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
_TIMES = ("_at", "_start")  # how the names of times end


def check_dates(record: Any) -> None:
    """Refuse a record with a time before the year 1 or after 9999.

    Raises:
        DecodeError: reason `impossible_time`.
    """
    kind: type = type(record)
    for name in _times(kind):
        at: Millis = getattr(record, name)
        if not _FIRST_MS <= at <= _LAST_MS:
            raise DecodeError(
                "impossible_time", f"{name} is {at}; give milliseconds since 1970, of a year of four digits."
            )


@cache
def _times(kind: type) -> tuple[str, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(f.name for f in dataclasses.fields(kind) if f.name.endswith(_TIMES) and hints[f.name] is int)
