"""A notice as records: one notification a channel, and its command to the event store where it will be sent."""

from dataclasses import dataclass

from agents.communication import texts
from agents.communication.notices_state import NoticesState, NoticeStatus
from schemas.identity import stable_id
from schemas.records.command import Notification, NotificationState
from schemas.records.vocabulary import Agent, Evidence, Millis
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output
from streams.topics import COMMANDS, NOTIFICATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a notice is made of: its status and body, the event that caused it, and why it is not sent, if so."""

    status: NoticeStatus
    body: str
    event_id: str
    source: Evidence
    suppressed: str = ""


def notification(
    incident_id: str, state: NoticesState, occasion: Occasion, channel: str, dedup_key: str, now: Millis
) -> list[Output]:
    """The notice for one channel. Its id is a function of the event that it tells of, whenever it is made."""
    record = Notification(
        notification_id=stable_id("notification", incident_id, occasion.event_id, occasion.status, channel),
        incident_id=incident_id,
        tenant=state.tenant,
        episode=state.episode,
        sequence=state.sequence,
        channel=channel,
        state=NotificationState.SUPPRESSED if occasion.suppressed else NotificationState.QUEUED,
        status=occasion.status,
        severity=state.severity,
        dedup_key=dedup_key,
        title=texts.headline(incident_id, state, occasion.status),
        body=occasion.body,
        detail=occasion.suppressed,
        occurred_at=now,
        links={"timeline": texts.command(incident_id)},
    )
    told = [Output(NOTIFICATIONS, incident_id, record)]
    if occasion.suppressed:
        return told
    command = append_event(
        EventType.NOTIFICATION_QUEUED,
        incident_id=incident_id,
        tenant=state.tenant,
        episode=state.episode,
        payload=record,
        agent=Agent.COMMUNICATION,
        occurred_at=now,
        source=occasion.source,
        causation_id=record.notification_id,
    )
    return [*told, Output(COMMANDS, incident_id, command)]
