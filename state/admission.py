"""Whether an incident takes a command, and the event that the command becomes. Pure, and never fails on bad payloads."""

import json
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
from state.shapes import checks, misfit, record_misfit

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
_EVENT = maker(IncidentEvent)
_HUMAN_REQUESTED = checks({"role": str, "reason": str, "tried": list[str]})
_ACKNOWLEDGED = checks({"by": str, "via": str})


def sealed_event(
    state: IncidentState, previous_hash: str, command: IncidentCommand, command_offset: int, now: Millis
) -> IncidentEvent:
    """The event that a command becomes as the next version; its id is the command's.

    Args:
        now: epoch ms; `recorded_at` is this, or the last event's where the clock was set back.
    """
    event: IncidentEvent = _EVENT(
        event_id=command.command_id,
        incident_id=command.incident_id,
        tenant=command.tenant,
        version=state.version + 1,
        episode=command.episode or state.episode,
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
        basis=command.basis,
    )
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
    if _long(command):
        return f"Its {_long(command)} is longer than {MAX_TEXT_BYTES} bytes."
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
    for name in _TEXTS:
        text = getattr(command, name)
        # No character takes more than four bytes: the usual text need not be encoded.
        if len(text) > MAX_TEXT_BYTES // 4 and len(text.encode()) > MAX_TEXT_BYTES:
            return name
    return ""


def _misshapen(kind: str, payload: dict[str, Any]) -> str | None:
    said = _SAID.get(kind)
    if said is not None:
        why = record_misfit(said)(payload)
    elif kind == EventType.INCIDENT_ACKNOWLEDGED:
        why = misfit(_ACKNOWLEDGED, payload)
    else:
        why = misfit(_HUMAN_REQUESTED, payload, frozenset({"tried"})) if kind == EventType.HUMAN_REQUESTED else ""
    return f"Its payload is not what {kind} says: {why}." if why else None
