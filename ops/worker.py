"""The composition root of the workers: which stages run in which app, wired to the settings."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any, Literal, Protocol

import faust
import structlog

from agents.sampling.account import SamplingRules
from agents.sampling.edge import EdgeShell
from ops.logs import configure_logs
from ops.settings import Settings
from streams.apps import AppSettings, make_app
from streams.outbox import Outbox
from streams.topics import create_topics
from streams.wire import Wire

log = structlog.get_logger()

Role = Literal["edge", "analysis", "command"]
ROLES: tuple[Role, ...] = ("edge", "analysis", "command")
# Records of a batch trigger Python's collector by the ten thousand, and none of them is a cycle.
GC_THRESHOLDS = (500_000, 20, 100)


class Running(Protocol):
    """What a shell has beyond its agents: something to start on the loop, something to give back."""

    def start(self) -> None:
        """Begin, on the running loop."""

    def close(self) -> None:
        """Give everything back."""


def group_of(role: Role) -> str:
    """The consumer group of a role."""
    return f"breakwater-{role}"


def run_worker(role: Role, settings: Settings, bootstrap: str, instance: str = "1") -> None:
    """Run one worker until a signal ends it. Several of a role share its work; each has its own `instance`."""
    configure_logs(settings.log_level, f"{role}-{instance}")
    partitions = create_partitions(settings, bootstrap)
    app = make_app(AppSettings(group_of(role), bootstrap, settings.home / "workers" / f"{role}-{instance}", partitions))
    outbox = Outbox(bootstrap, f"breakwater-{role}-{instance}")
    parts = _COMPOSE[role](app, settings, bootstrap, partitions, outbox)
    _start_and_stop(app, parts, outbox)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    faust.Worker(app, loglevel="INFO", logging_config=_KEEP_LOGS, redirect_stdouts=False).execute_from_commandline()


def create_partitions(settings: Settings, bootstrap: str) -> int:
    """Make the topics that are missing; the number of partitions that they all have."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - the command line stays quick to start

    from streams.topics import ALERTS, partition_counts  # noqa: PLC0415

    create_topics(bootstrap, settings.partitions, settings.replication)
    return partition_counts(AdminClient({"bootstrap.servers": bootstrap}), bootstrap)[ALERTS.name]


# Faust would put its own handlers in the place of ours.
_KEEP_LOGS: dict[str, Any] = {"version": 1, "disable_existing_loggers": False, "incremental": True}


def _start_and_stop(app: Any, parts: list[Running], outbox: Outbox) -> None:
    async def start() -> None:
        for part in parts:
            part.start()
        log.info("worker started", group=app.conf.id)

    async def stop(*_: Any, **__: Any) -> None:
        for part in parts:
            part.close()
        await asyncio.to_thread(outbox.close)

    app.task(start)
    app.on_before_shutdown.connect(stop, weak=False)


def _edge(app: Any, settings: Settings, bootstrap: str, partitions: int, outbox: Outbox) -> list[Running]:
    del bootstrap
    EdgeShell(app, sampling_rules(settings), outbox, Wire(), partitions=partitions)
    return []


def sampling_rules(settings: Settings) -> SamplingRules:
    """The settings of sampling as the rule takes them."""
    return SamplingRules(
        limit_per_s=settings.sample_limit_per_s,
        window_ms=settings.sample_window_s * 1000,
        lateness_ms=settings.sample_lateness_s * 1000,
        future_ms=settings.future_tolerance_s * 1000,
        correlation_ms=settings.correlation_s * 1000,
        correlation_keys=settings.correlation_keys,
        open_per_s=settings.storm_open_per_s,
        close_per_s=settings.storm_close_per_s,
        close_windows=settings.storm_close_windows,
        max_alert_bytes=settings.max_alert_bytes,
    )


Compose = Callable[[Any, Settings, str, int, Outbox], list[Running]]
_COMPOSE: dict[Role, Compose] = {"edge": _edge}
