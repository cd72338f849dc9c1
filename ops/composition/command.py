"""The command app: consensus, resolution, communication, the sequencer and the projection."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import docker
import httpx
import structlog

from agents.breaker import CircuitBreaker
from agents.communication.channels import Channel
from agents.communication.console_channel import ConsoleChannel
from agents.communication.delivery import HttpDelivery
from agents.communication.journal import Journal
from agents.communication.sender import NotificationSender
from agents.communication.slack_channel import SlackChannel
from agents.communication.token_bucket import TokenBucket
from agents.communication.webhook_channel import WebhookChannel
from agents.projector import ProjectorShell
from agents.resolution.docker_executor import DockerExecutor
from agents.resolution.executor_agent import ActionExecutor
from agents.resolution.health import HealthCheck, HealthLimits
from agents.resolution.outcomes import OutcomeLog
from agents.resolution.process_executor import ProcessExecutor
from agents.resolution.process_units import ProcessUnits
from agents.resolution.targets import TargetsFile
from agents.sequencer import SequencerShell
from ops.composition.command_stages import command_stages
from ops.composition.decision_settings import basis_of
from ops.composition.surroundings import Surroundings, run_stages
from ops.lag.guard import LagGuard, guard_board
from ops.projections import open_projection
from ops.settings import Settings
from ops.verifying import trust_of
from schemas.records.command import NotificationState
from state.clock import wall_clock_ms
from state.event_log import UnreadableEvent
from state.incident import EventType
from state.kafka_store import EventStoreWriter
from state.ports import StoredEvent
from state.repaired_log import read_repaired
from state.signing import load_or_create
from streams.answers import AnswersNoted
from streams.effects import Effect, EffectShell
from streams.running import Running
from streams.stage import Received
from streams.topics import EVENTS, NOTIFICATIONS

log = structlog.get_logger()


def compose(around: Surroundings) -> list[Running]:
    """Consensus, resolution, communication, the sequencer and the projection."""
    settings = around.settings
    key = load_or_create(settings.store_key)
    targets = TargetsFile(settings.targets)
    if settings.targets.exists():
        targets.load()
    channels = _channels(settings)
    answers, board = AnswersNoted(), guard_board(around.bootstrap)
    stages = command_stages(settings, targets, answers, LagGuard(board))
    for effect in (_executor(settings, targets), _sender(settings, channels)):
        EffectShell(around.app, effect, around.outbox, around.wire)
    return [
        board,
        *run_stages(around, stages, basis_of(settings), answers),
        SequencerShell(
            around.app, lambda p: EventStoreWriter(around.bootstrap, p, key=key), around.outbox, around.wire
        ),
        ProjectorShell(
            around.app,
            around.bootstrap,
            lambda: open_projection(settings, remember=True),
            _log_reader(around.bootstrap, trust_of(settings).keys),
            around.outbox,
            around.wire,
        ),
    ]


def _log_reader(bootstrap: str, trusted: frozenset[bytes]) -> Callable[[str | None], Iterable[StoredEvent]]:
    return lambda incident_id: read_repaired(bootstrap, trusted, incident_id=incident_id, unreadable=_tell_unreadable)


def _tell_unreadable(found: UnreadableEvent) -> None:
    log.error("no event", topic=found.topic, partition=found.partition, offset=found.offset, reason=found.reason)


# What the executor has to hear of: intents, and what makes an intent void.
_EXECUTOR_HEARS = frozenset(
    {EventType.ACTION_INTENDED, EventType.ACTION_COMPLETED, EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED}
)


def _executor(settings: Settings, targets: TargetsFile) -> Effect:
    executor = ActionExecutor(
        {
            "process": ProcessExecutor(ProcessUnits(settings.home / "units")),
            "docker": DockerExecutor(docker.from_env, settings.home / "docker-actions"),
        },
        targets,
        HealthCheck(_health_limits(settings)),
        OutcomeLog(settings.home / "outcomes.jsonl"),
        wall_clock_ms,
    )

    def key(received: Received[Any]) -> str | None:
        return received.record.incident_id if received.record.type in _EXECUTOR_HEARS else None

    return Effect("executor", EVENTS, key, executor.handle)


def _sender(settings: Settings, channels: list[Channel]) -> Effect:
    sender = NotificationSender(channels, Journal(settings.home / "notifications.journal"), wall_clock_ms)

    def key(received: Received[Any]) -> str | None:
        return received.record.incident_id if received.record.state == NotificationState.QUEUED else None

    return Effect("sender", NOTIFICATIONS, key, sender.handle)


def _channels(settings: Settings) -> list[Channel]:
    channels: list[Channel] = [ConsoleChannel(settings.home)]
    if settings.slack_webhook_url:
        channels.append(SlackChannel(_delivery("slack", settings.slack_webhook_url, rate_per_s=1.0, burst=5)))
    if settings.generic_webhook_url:
        channels.append(WebhookChannel(_delivery("webhook", settings.generic_webhook_url, rate_per_s=10.0, burst=50)))
    return channels


def _delivery(name: str, url: str, rate_per_s: float, burst: int) -> HttpDelivery:
    return HttpDelivery(
        url,
        client=httpx.AsyncClient(),
        breaker=CircuitBreaker(name, time.monotonic),
        bucket=TokenBucket(rate_per_s, burst, clock=time.monotonic, sleep=asyncio.sleep),
    )


def _health_limits(settings: Settings) -> HealthLimits:
    return HealthLimits(
        tries=settings.verify_tries, first_wait_s=settings.verify_first_wait_s, timeout_s=settings.verify_timeout_s
    )
