"""Whether an incident takes a command, and the event that the command becomes. Pure, and never fails on bad payloads."""

import json
from operator import attrgetter
from typing import Any

import orjson

from schemas.frozen import maker
from schemas.records.analysis import Diagnosis, IncidentCandidate, Prediction
from schemas.records.command import ActionRecord, ApprovalAnswer, ApprovalRequest, Decision, Notification
from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.sampling import StormChanged
from schemas.records.vocabulary import Millis
from state.chain import seal_new
from state.incident import EventType, IncidentState, admits
from state.json_text import read_object
from state.shapes import Misfit, record_misfit, shape

# An event beyond this would neither fit Kafka's largest message together with others nor be read by a person.
MAX_PAYLOAD_BYTES = 262_144

# Of each of a command's other texts, its ids above all: they are keys, and other records hold them again.
MAX_TEXT_BYTES = 4096

# What each payload says (state.incident.EventType): stages, people and the API read more of it than the fold does.
_SAID: dict[str, type] = {
    EventType.INCIDENT_OPENED: IncidentCandidate,
    EventType.INCIDENT_RECLASSIFIED: IncidentCandidate,
    EventType.STORM_OPENED: StormChanged,
    EventType.STORM_CLOSED: StormChanged,
    EventType.PREDICTION_MADE: Prediction,
    EventType.DIAGNOSIS_MADE: Diagnosis,
    EventType.DECISION_MADE: Decision,
    EventType.APPROVAL_REQUESTED: ApprovalRequest,
    EventType.APPROVAL_GIVEN: ApprovalAnswer,
    EventType.APPROVAL_REFUSED: ApprovalAnswer,
    EventType.APPROVAL_EXPIRED: ApprovalAnswer,
    EventType.ACTION_INTENDED: ActionRecord,
    EventType.ACTION_COMPLETED: ActionRecord,
    EventType.NOTIFICATION_QUEUED: Notification,
    EventType.NOTIFICATION_SENT: Notification,
}
# Nineteen digits in a row, looked for once all digits are noughts: five times as quick as a pattern.
_LONG_NUMBER = b"0" * 19
_DIGITS = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))
_TEXTS = ("command_id", "incident_id", "tenant", "type", "correlation_id", "causation_id", "source_topic", "basis")
_texts = attrgetter(*_TEXTS)
_EVENT = maker(IncidentEvent)
_SHAPES: dict[str, Misfit] = {kind: record_misfit(said) for kind, said in _SAID.items()} | {
    EventType.HUMAN_REQUESTED: shape({"role": str, "reason": str, "tried": list[str]}, frozenset({"tried"})),
    EventType.INCIDENT_ACKNOWLEDGED: shape({"by": str, "via": str}),
}


def sealed_event(
    state: IncidentState, previous_hash: str, command: IncidentCommand, command_offset: int, now: Millis
) -> IncidentEvent:
    """The event that a command becomes as the next version; its id is the command's.

    Args:
        now: epoch ms; `recorded_at` is this, or the last event's where the clock was set back.
    """
    c = command  # in the order of the record's fields: by name it takes a third longer
    event: IncidentEvent = _EVENT(
        c.command_id, c.incident_id, c.tenant, state.version + 1, c.episode or state.episode, c.type, c.payload,
        c.occurred_at, max(now, state.updated_at), c.agent, c.correlation_id, c.causation_id, c.source_topic,
        c.source_partition, c.source_offset, command_offset, previous_hash, "", c.basis,
    )  # fmt: skip
    return seal_new(event)


def refusal(state: IncidentState, command: IncidentCommand) -> str | None:
    """Why a command is not appended, as a sentence; None where it is, if its payload folds (`unfit` tells why not)."""
    found = taken(state, command)
    return found if isinstance(found, str) else None


def taken(state: IncidentState, command: IncidentCommand) -> dict[str, Any] | str:
    """The payload of a command that is appended if it folds; else why it is not, as a sentence (`refusal`)."""
    if command.expected_version is not None and command.expected_version != state.version:
        return f"It expects version {command.expected_version}, and the incident is at version {state.version}."
    if len(command.payload) > MAX_PAYLOAD_BYTES // 4 and len(command.payload.encode()) > MAX_PAYLOAD_BYTES:
        return f"Its payload is larger than {MAX_PAYLOAD_BYTES} bytes."
    if name := _long(command):
        return f"Its {name} is longer than {MAX_TEXT_BYTES} bytes."
    payload = _object(command.payload)
    if isinstance(payload, str):
        return payload
    return _misshapen(command.type, payload) or admits(state, command.type, command.episode, payload) or payload


def unfit(error: Exception) -> str:
    """Why a payload does not fold, as a sentence, from what the fold raised (one of UNFIT)."""
    return f"Its payload does not fit its type: {error}."


def _object(payload: str) -> dict[str, Any] | str:
    """The payload, or why stages, stores and the API could not read it or write it again."""
    try:
        found = read_object(payload)
        # Stages may read it with Python's own parser, and write it again.
        if _LONG_NUMBER in payload.encode().translate(_DIGITS):
            orjson.dumps(json.loads(payload))
    except ValueError as error:
        return f"Its payload cannot be taken. {error}"
    except TypeError as error:
        return f"Its payload holds what cannot be written: {error}."
    return found


def _long(command: IncidentCommand) -> str:
    # No character takes more than four bytes: the usual texts need not be encoded.
    if max(map(len, _texts(command))) <= MAX_TEXT_BYTES // 4:
        return ""
    return next((name for name in _TEXTS if len(getattr(command, name).encode()) > MAX_TEXT_BYTES), "")


def _misshapen(kind: str, payload: dict[str, Any]) -> str | None:
    misfit = _SHAPES.get(kind)
    why = misfit(payload) if misfit is not None else ""
    return f"Its payload is not what {kind} says: {why}." if why else None
