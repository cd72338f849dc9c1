"""The intake put together from the settings."""

import time
import uuid
from collections.abc import Callable
from itertools import count

from prometheus_client import CollectorRegistry

from ops.intake.batch import BatchReader
from ops.intake.body import BodyReader
from ops.intake.counters import IntakeCounters
from ops.intake.formats.sns import SNS_FORMAT
from ops.intake.guard import Guard
from ops.intake.handover import Bounds, Delivery, Handover
from ops.intake.http import Intake
from ops.intake.limits import SlidingWindow
from ops.intake.recall import Recall
from ops.intake.rules import ALL_LABELS, Rules, names
from ops.intake.signatures import SeenOfSources
from ops.intake.sns_trust import SnsTrust
from ops.intake.sources import read_sources
from ops.intake.unsettled import OpenFile, Unsettled
from ops.settings import Settings
from state.clock import wall_clock_ms
from streams.encoder import TelemetryEncoder
from streams.topics import ALERTS

# Rates are held over this long: a burst of ten seconds' worth is let through.
_RATE_WINDOW_S = 10


def intake_rules(settings: Settings) -> Rules:
    """How labels are mapped, and the largest item."""
    return Rules(
        service=names(settings.service_labels, Rules().service),
        incident=names(settings.incident_labels, ()),
        fingerprint=names(settings.fingerprint_labels, (ALL_LABELS,)),
        max_item_bytes=settings.max_alert_bytes,
    )


def compose_intake(
    settings: Settings, encoder: TelemetryEncoder, delivery: Callable[[], Delivery], metrics: CollectorRegistry
) -> Intake:
    """The intake of one process; nothing is connected.

    Raises:
        SettingsError: the file of sources cannot be used.
    """
    bounds = Bounds(
        patience_s=settings.intake_patience_s,
        most_bytes=settings.intake_buffer_mb << 20,
        window_s=settings.intake_dedup_s,
        most_identities=settings.intake_dedup_keys,
    )
    guard = Guard(
        sources=read_sources(settings.intake_sources),
        open_to_all=settings.intake_open,
        by_key=SlidingWindow(settings.intake_rate_per_s * _RATE_WINDOW_S, _RATE_WINDOW_S),
        by_tenant=SlidingWindow(settings.intake_tenant_rate_per_s * _RATE_WINDOW_S, _RATE_WINDOW_S),
        # To the second, as most senders write it.
        seen=SeenOfSources(wall_clock_ms() // 1000 * 1000),
    )
    return Intake(
        handover=Handover(delivery, bounds, wall_clock_ms, time.monotonic),
        reader=BatchReader(encoder),
        counters=IntakeCounters(metrics),
        clock=wall_clock_ms,
        new_id=new_ids(),
        rules=intake_rules(settings),
        guard=guard,
        bodies=BodyReader(timeout_s=settings.intake_body_timeout_s),
        unsettled=_unsettled(settings),
        verifiers={SNS_FORMAT.name: SnsTrust(names(settings.sns_topics, ())).check},
    )


def compose_recall(settings: Settings, bootstrap: str, encoder: TelemetryEncoder, intake: Intake) -> Recall:
    """What tells an intake of alerts that others took, once it is started; the intake takes nothing before."""
    intake.handover.await_recall()
    return Recall(
        bootstrap,
        encoder.codec(ALERTS),
        intake.handover,
        window_s=settings.intake_dedup_s,
        most=settings.intake_dedup_keys,
        shared=settings.intake_shared,
        clock=wall_clock_ms,
    )


def _unsettled(settings: Settings) -> Unsettled:
    """Kept in a file of this process' own, where what was taken before is asked about at all."""
    path = settings.home / "intake" / f"open-{settings.http_port}.log"
    return Unsettled(settings.intake_dedup_s, OpenFile(path) if settings.intake_dedup_s else None)


def new_ids() -> Callable[[], str]:
    """What gives ids that no other process gives: one beginning for all, drawn once, since each draw is a call of the system."""
    beginning, numbers = uuid.uuid4().hex, count()
    return lambda: f"{beginning}{next(numbers):x}"
