"""Finding the incident that a person means: by its id, by a beginning of it that no other has, or elided as lists show it."""

from collections.abc import Iterator
from dataclasses import replace

from ops.errors import IncidentNotFoundError
from state.incident import IncidentState
from state.ports import IncidentQuery, Projection, StoredEvent

_PAGE = 500
_EVENTS = 5_000
_SHOWN = 5


def find_incident(projection: Projection, text: str) -> IncidentState:
    """The incident of this id, else the only one whose id begins so; of `inc-3f…9c1b` both ends must fit.

    Raises:
        IncidentNotFoundError: there is none, or several begin so.
    """
    exact = projection.incident(text)
    if exact is not None:
        return exact
    begin, _, end = text.partition("…")
    found = [
        state
        for state in _all(projection)
        if begin and state.incident_id.startswith(begin) and state.incident_id.endswith(end)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise IncidentNotFoundError(
            f"There is no incident {text!r}. `breakwater incidents list` shows those there are."
        )
    some = ", ".join(state.incident_id for state in found[:_SHOWN]) + (" and more" if len(found) > _SHOWN else "")
    raise IncidentNotFoundError(f"{len(found)} incidents begin with {text!r}: {some}. Give more of the id.")


def whole_timeline(projection: Projection, incident_id: str) -> list[StoredEvent]:
    """All events of an incident, however many."""
    events: list[StoredEvent] = []
    while some := projection.timeline(incident_id, events[-1].event.version if events else 0, _EVENTS):
        events += some
    return events


def _all(projection: Projection) -> Iterator[IncidentState]:
    query = IncidentQuery(limit=_PAGE)
    while True:
        page = projection.incidents(query)
        yield from page.incidents
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)
