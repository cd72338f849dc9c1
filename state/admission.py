"""Whether an incident takes a command, and the event that the command becomes. Pure, and never fails on bad payloads."""

import json
from typing import Any

import orjson

from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Millis
from state.chain import seal
from state.incident import EventType, IncidentState, admits

# An event beyond this would neither fit Kafka's largest message together with others nor be read by a person.
MAX_PAYLOAD_BYTES = 262_144

# Of each of a command's other texts, its ids above all: they are keys, and other records hold them again.
MAX_TEXT_BYTES = 4096
# Levels of a payload; whoever writes it as JSON again takes a few calls a level.
MAX_DEPTH = 64

# What the fold keeps as text, by event type (state.incident.EventType says what the payloads are).
_OPENING = ("service", "environment", "tier", "severity", "title", "classification")
_ACTION = ("action_id", "state")
_NOTIFICATION = ("notification_id", "state")
_TEXTS: dict[str, tuple[str, ...]] = {
    EventType.INCIDENT_OPENED: _OPENING,
    EventType.INCIDENT_RECLASSIFIED: ("severity", "title", "classification"),
    EventType.DIAGNOSIS_MADE: ("root_cause", "classification"),
    EventType.HUMAN_REQUESTED: ("role", "reason"),
    EventType.ACTION_INTENDED: _ACTION,
    EventType.ACTION_COMPLETED: _ACTION,
    EventType.NOTIFICATION_QUEUED: _NOTIFICATION,
    EventType.NOTIFICATION_SENT: _NOTIFICATION,
    EventType.INCIDENT_RESOLVED: ("how",),
    EventType.INCIDENT_CLOSED: ("reason",),
}


def sealed_event(
    state: IncidentState, previous_hash: str, command: IncidentCommand, command_offset: int, now: Millis
) -> IncidentEvent:
    """The event that a command becomes as the next version; its id is the command's.

    Args:
        now: epoch ms; `recorded_at` is this, or the last event's where the clock was set back.
    """
    event = IncidentEvent(
        event_id=command.command_id,
        incident_id=command.incident_id,
        tenant=command.tenant,
        version=state.version + 1,
        episode=command.episode,
        type=command.type,
        payload=command.payload,
        occurred_at=command.occurred_at,
        recorded_at=max(now, state.updated_at),
        agent=command.agent,
        correlation_id=command.correlation_id,
        causation_id=command.causation_id,
        source_topic=command.source_topic,
        source_partition=command.source_partition,
        source_offset=command.source_offset,
        command_offset=command_offset,
        previous_hash=previous_hash,
        hash="",
    )
    return seal(event)


def refusal(state: IncidentState, command: IncidentCommand) -> str | None:
    """Why a command is not appended, as a sentence; None where it is, if its payload folds (`unfit` tells why not)."""
    if command.expected_version is not None and command.expected_version != state.version:
        return f"It expects version {command.expected_version}, and the incident is at version {state.version}."
    if len(command.payload.encode()) > MAX_PAYLOAD_BYTES:
        return f"Its payload is larger than {MAX_PAYLOAD_BYTES} bytes."
    if _long(command):
        return f"Its {_long(command)} is longer than {MAX_TEXT_BYTES} bytes."
    payload = _object(command.payload)
    if payload is None:
        return "Its payload is not a JSON object."
    return (
        _unwritable(payload)
        or _misshapen(command.type, payload)
        or admits(state, command.type, command.episode, payload)
    )


def unfit(error: Exception) -> str:
    """Why a payload does not fold, as a sentence, from what the fold raised (one of UNFIT)."""
    if isinstance(error, KeyError):
        return f"Its payload lacks {error.args[0]!r}."
    return f"Its payload does not fit its type: {error}."


def _object(payload: str) -> dict[str, Any] | None:
    try:
        found = json.loads(payload, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # thousands of brackets nest deeper than the parser goes
        return None
    return found if isinstance(found, dict) else None


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _long(command: IncidentCommand) -> str:
    texts = ("command_id", "incident_id", "tenant", "type", "correlation_id", "causation_id", "source_topic")
    return next((name for name in texts if len(getattr(command, name).encode()) > MAX_TEXT_BYTES), "")


def _unwritable(payload: dict[str, Any]) -> str | None:
    """Why stages, stores and the API could not write again what the payload holds."""
    if _deeper(payload, MAX_DEPTH):
        return f"Its payload is nested deeper than {MAX_DEPTH} levels."
    try:
        orjson.dumps(payload)
    except TypeError as error:
        return f"Its payload holds what cannot be written: {error}."
    return None


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)


def _misshapen(kind: str, payload: dict[str, Any]) -> str | None:
    for name in _TEXTS.get(kind, ()):
        if name not in payload:
            return f"Its payload lacks {name!r}."
        if not isinstance(payload[name], str):
            return f"Its payload's {name!r} is not a text."
    return None
