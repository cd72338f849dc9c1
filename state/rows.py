"""Events as the columns that stores keep: the same for each store."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schemas.convert import from_dict, to_dict
from schemas.records.log import IncidentEvent
from state.ports import IncidentQuery, StoredEvent

EVENT_FIELDS: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(IncidentEvent))

# The first and the last time that a store's column can hold, in epoch ms.
FIRST_MS, LAST_MS = -(2**63), 2**63 - 1


def event_values(event: IncidentEvent) -> list[Any]:
    """The values of `EVENT_FIELDS`, in their order."""
    fields = to_dict(event)
    return [fields[name] for name in EVENT_FIELDS]


def stored_event(values: Sequence[Any], topic: str, partition: int, offset: int) -> StoredEvent:
    """The event of these values of `EVENT_FIELDS`, and where it lies in the log; a column that was added since has no value."""
    fields = {name: value for name, value in zip(EVENT_FIELDS, values, strict=True) if value is not None}
    event = from_dict(IncidentEvent, fields)
    return StoredEvent(event, topic, partition, offset)


def searchable(text: str) -> str:
    """A text as stores can keep it in a column: a payload's JSON can escape halves of characters, UTF-8 cannot.

    >>> searchable("checkout"), searchable("half \\ud83d")
    ('checkout', 'half ?')
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def askable(query: IncidentQuery) -> IncidentQuery:
    """A query within what stores can be asked: texts that are UTF-8, times of 64 bits, at least one incident."""

    def text(value: str | None) -> str | None:
        return None if value is None else searchable(value)

    since = None if query.since is None else min(max(query.since, FIRST_MS), LAST_MS)
    return replace(
        query,
        status=text(query.status),
        tenant=text(query.tenant),
        service=text(query.service),
        since=since,
        limit=max(1, query.limit),
    )
