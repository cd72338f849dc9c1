"""One worker: a Faust app with the stages of its role, until a signal ends it."""

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any, Literal

import faust
import structlog
from confluent_kafka.admin import AdminClient

from ops import composition
from ops.composition import Running, Surroundings
from ops.logs import configure_logs
from ops.settings import Settings
from streams.apps import AppSettings, make_app
from streams.outbox import Outbox
from streams.topics import ALERTS, create_topics, partition_counts
from streams.wire import Wire

log = structlog.get_logger()

Role = Literal["edge", "analysis", "command"]
ROLES: tuple[Role, ...] = ("edge", "analysis", "command")
# Records of a batch trigger Python's collector by the ten thousand, and none of them is a cycle.
GC_THRESHOLDS = (500_000, 20, 100)
# Changes nothing; without it Faust would configure its own.
_KEEP_LOGS: dict[str, Any] = {"version": 1, "disable_existing_loggers": False, "incremental": True}

_COMPOSE: dict[Role, Callable[[Surroundings], list[Running]]] = {
    "edge": composition.edge,
    "analysis": composition.analysis,
    "command": composition.command,
}


def group_of(role: Role) -> str:
    """The consumer group of a role."""
    return f"breakwater-{role}"


def run_worker(role: Role, settings: Settings, bootstrap: str, instance: str = "1") -> None:
    """Run one worker until a signal ends it. Several of a role share its work; each has its own `instance`."""
    configure_logs(settings.log_level, f"{role}-{instance}")
    create_topics(bootstrap, settings.partitions, settings.replication)
    partitions = partition_counts(AdminClient({"bootstrap.servers": bootstrap}), bootstrap)[ALERTS.name]
    app = make_app(AppSettings(group_of(role), bootstrap, settings.home / "workers" / f"{role}-{instance}", partitions))
    outbox = Outbox(bootstrap, f"breakwater-{role}-{instance}")
    parts = _COMPOSE[role](Surroundings(app, settings, bootstrap, partitions, outbox, Wire()))
    _start_and_stop(app, parts, outbox)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    # Faust empties the root logger before it sets up its own logs: ours is given back to it.
    app.conf.loghandlers = list(logging.root.handlers)
    faust.Worker(app, loglevel="INFO", logging_config=dict(_KEEP_LOGS), redirect_stdouts=False).execute_from_commandline()


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
