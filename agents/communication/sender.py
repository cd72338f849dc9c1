"""Sends queued notifications by their channels: in order, each once, and never holding up anything else for a channel."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from agents.communication.channels import Channel
from agents.communication.errors import ChannelError
from agents.communication.journal import Journal
from schemas.records.command import Notification, NotificationState
from schemas.records.vocabulary import Agent, Millis
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output, Position, Received
from streams.topics import COMMANDS, NOTIFICATIONS

log = structlog.get_logger()


class NotificationSender:
    """The effect handler for `notifications`. `clock` gives epoch ms."""

    def __init__(self, channels: Iterable[Channel], journal: Journal, clock: Callable[[], Millis]) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._journal, self._clock = journal, clock

    async def handle(self, received: list[Received[Notification]]) -> list[Output]:
        """Send what is queued for these channels: channels at once, each in order.

        Never raises for a channel: what it does not take is FAILED. Called again with the same notifications, it sends
        none that was answered, and says the same of them.
        """
        queued: dict[str, list[Received[Notification]]] = defaultdict(list)
        for item in received:
            if item.record.state == NotificationState.QUEUED and item.record.channel in self._channels:
                queued[item.record.channel].append(item)
        answers = await asyncio.gather(*(self._in_order(self._channels[name], items) for name, items in queued.items()))
        return [output for outputs in answers for output in outputs]

    async def _in_order(self, channel: Channel, items: list[Received[Notification]]) -> list[Output]:
        outputs: list[Output] = []
        for item in items:
            outputs += self._told(await self._sent(channel, item.record), item.position)
        return outputs

    async def _sent(self, channel: Channel, queued: Notification) -> Notification:
        answer = await asyncio.to_thread(self._journal.answer, queued)
        if answer is not None:
            return replace(queued, state=NotificationState.SENT, detail=answer)
        latest = await asyncio.to_thread(self._journal.latest, queued)
        if latest > queued.sequence:
            outdated = f"outdated: notice {latest} of this incident was sent already"
            return replace(queued, state=NotificationState.SUPPRESSED, detail=outdated)
        try:
            await asyncio.to_thread(self._journal.sending, queued)
            answer = await channel.send(queued)
        except (ChannelError, OSError) as error:
            return self._failed(queued, str(error))
        except Exception as error:
            log.exception("a channel failed", channel=channel.name, notification_id=queued.notification_id)
            return self._failed(queued, f"{type(error).__name__}: {error}")
        await self._note(queued, answer)
        return replace(queued, state=NotificationState.SENT, detail=answer)

    async def _note(self, queued: Notification, answer: str) -> None:
        try:
            await asyncio.to_thread(self._journal.sent, queued, answer)
        except OSError as error:
            # People were told; a redelivery would tell them again, by the same Idempotency-Key.
            log.warning("the journal was not written", notification_id=queued.notification_id, reason=str(error))

    def _failed(self, queued: Notification, reason: str) -> Notification:
        log.warning("not told", channel=queued.channel, incident_id=queued.incident_id, reason=reason)
        return replace(queued, state=NotificationState.FAILED, detail=reason)

    def _told(self, outcome: Notification, position: Position) -> list[Output]:
        now = self._clock()
        record = replace(outcome, occurred_at=now)
        outputs = [Output(NOTIFICATIONS, outcome.incident_id, record)]
        if outcome.state != NotificationState.SENT:
            return outputs
        command = append_event(
            EventType.NOTIFICATION_SENT,
            incident_id=outcome.incident_id,
            tenant=outcome.tenant,
            episode=outcome.episode,
            payload=record,
            agent=Agent.COMMUNICATION,
            occurred_at=now,
            source=position.evidence(f"queued for {outcome.channel}"),
            causation_id=outcome.notification_id,
        )
        return [*outputs, Output(COMMANDS, outcome.incident_id, command)]
