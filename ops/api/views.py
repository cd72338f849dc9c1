"""Incidents and events as JSON shows them. Over HTTP and on the command line alike; times are epoch ms."""

from dataclasses import fields
from typing import Any

from schemas.convert import to_dict
from state.incident import IncidentState
from state.json_text import payload_shown
from state.ports import StoredEvent

_STATE = tuple(one.name for one in fields(IncidentState))


def incident_view(state: IncidentState) -> dict[str, Any]:
    """An incident's folded state; times are epoch ms, `mttr_s` seconds. What is in it is the state's own: not to be changed."""
    # `asdict` copies all that lies within: nineteen twentieths of what a page of incidents took.
    return {name: getattr(state, name) for name in _STATE}


def event_view(stored: StoredEvent) -> dict[str, Any]:
    """An event of a timeline with its place in the log; the payload is an object (see `payload_shown`)."""
    fields = to_dict(stored.event)
    place = {"topic": stored.topic, "partition": stored.partition, "offset": stored.offset}
    return {**fields, "payload": payload_shown(stored.event), **place}
