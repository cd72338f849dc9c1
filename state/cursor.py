"""Where a page of incidents ended, as a text that callers hand back and need not understand."""

import base64
import json

from schemas.records.vocabulary import Millis
from state.errors import BadCursorError
from state.rows import FIRST_MS, LAST_MS, searchable

Position = tuple[Millis, str]


def write_cursor(updated_at: Millis, incident_id: str) -> str:
    """The cursor of a page whose last incident this is."""
    text = json.dumps([updated_at, incident_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Position:
    """The `updated_at` (epoch ms) and the id of the incident that a page ended with.

    Raises:
        BadCursorError: it is not one that `write_cursor` made.

    >>> read_cursor(write_cursor(1_700_000_000_000, "inc-1"))
    (1700000000000, 'inc-1')
    """
    try:
        fields = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except ValueError as error:
        raise _bad(cursor) from error
    match fields:
        case [int(updated_at), str(incident_id)] if _can_be_asked(updated_at, incident_id):
            return updated_at, incident_id
    raise _bad(cursor)


def _can_be_asked(updated_at: int, incident_id: str) -> bool:
    """Whether stores can compare with it: JSON also has greater numbers and halves of characters, and True is an int."""
    return type(updated_at) is int and FIRST_MS <= updated_at <= LAST_MS and searchable(incident_id) == incident_id


def _bad(cursor: str) -> BadCursorError:
    return BadCursorError(
        f"{cursor[:80]!r} is no cursor of this store. Take it as it stood in the page before, or begin without one."
    )
