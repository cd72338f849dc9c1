"""Making `AppendEvent` commands: what a stage asks the sequencer to put on record."""

import json
from typing import Any

from schemas.convert import to_dict
from schemas.identity import stable_id
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Agent, Evidence, Millis
from state.incident import EventType


def append_event(
    kind: EventType,
    *,
    incident_id: str,
    tenant: str,
    episode: int,
    payload: Any,
    agent: Agent,
    occurred_at: Millis,
    source: Evidence,
    causation_id: str,
    expected_version: int | None = None,
) -> IncidentCommand:
    """A command whose id is a function of what is said of what: made twice, it appends once.

    Args:
        payload: a record, or a dictionary that JSON holds.
        source: the position of the record that caused it.
        causation_id: the id of the record that caused it; with `kind` it makes the command's id.
    """
    fields = payload if isinstance(payload, dict) else to_dict(payload)
    return IncidentCommand(
        command_id=stable_id("command", incident_id, episode, kind, causation_id),
        incident_id=incident_id,
        tenant=tenant,
        episode=episode,
        type=kind,
        payload=json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        expected_version=expected_version,
        occurred_at=occurred_at,
        agent=agent,
        correlation_id=f"{incident_id}:{episode}",
        causation_id=causation_id,
        source_topic=source.topic,
        source_partition=source.partition,
        source_offset=source.offset,
    )
