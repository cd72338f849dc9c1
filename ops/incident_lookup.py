"""Finding the incident that a person means: by its id, by a beginning of it that no other has, or elided as lists show it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from ops.errors import IncidentNotFoundError
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Millis
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
    states: dict[str, IncidentState] = {}
    for state in _all(projection):
        if fits(text, state.incident_id):
            states[state.incident_id] = state
    return states[the_one(text, states)]


def beginning(text: str) -> str:
    """What the id begins with that a person means by this text."""
    return text.partition("…")[0]


def fits(text: str, incident_id: str) -> bool:
    """Whether a person may mean this incident: its id begins so; of an elided text both ends fit."""
    begin, _, end = text.partition("…")
    return bool(begin) and incident_id.startswith(begin) and incident_id.endswith(end)


def the_one(text: str, fitting: Collection[str]) -> str:
    """Of the ids that fit, the only one.

    Raises:
        IncidentNotFoundError: there is none, or there are several.
    """
    if len(fitting) == 1:
        return next(iter(fitting))
    if not fitting:
        raise IncidentNotFoundError(
            f"There is no incident {text!r}. `breakwater incidents list` shows those there are."
        )
    some = ", ".join(sorted(fitting)[:_SHOWN]) + (" and more" if len(fitting) > _SHOWN else "")
    raise IncidentNotFoundError(f"{len(fitting)} incidents begin with {text!r}: {some}. Give more of the id.")


def known_by(events: Sequence[StoredEvent], instant: Millis) -> list[IncidentEvent]:
    """The events of an incident that were on record at an instant: up to the first that is later."""
    return list(takewhile(lambda event: event.recorded_at <= instant, (stored.event for stored in events)))


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
