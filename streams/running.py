"""Runs an app with its parts in this process, until a signal ends it or something goes wrong."""

import asyncio
import gc
import logging
from collections.abc import Sequence
from typing import Any, Protocol

import faust
import structlog

from streams.changelog import create_changelogs
from streams.farewell import Farewell
from streams.leaving import leave_if_rebalancing
from streams.outbox import Outbox
from streams.watchdog import LOOK_S, STILL_S, Watchdog

log = structlog.get_logger()

# Records of a batch trigger Python's collector by the ten thousand, and none of them is a cycle.
GC_THRESHOLDS = (500_000, 20, 100)
# Changes nothing; without it Faust would configure its own.
_KEEP_LOGS: dict[str, Any] = {"version": 1, "disable_existing_loggers": False, "incremental": True}


class Running(Protocol):
    """What a part has beyond its agents: something to start on the loop, something to give back."""

    def start(self) -> None:
        """Begin, on the running loop."""

    def close(self) -> None:
        """Give everything back."""


def run_app(app: Any, parts: Sequence[Running], outbox: Outbox, *, still_s: float = STILL_S) -> None:
    """Run an app until a signal ends the process, with status 0; an error in any part ends it with another.

    Its tables' changelogs are made before it joins its group.

    Args:
        parts: started on the loop, and closed before the outbox is. still_s: see streams.watchdog.
    """
    create_changelogs(app, app.bootstrap)
    _start_and_stop(app, parts, outbox)
    Watchdog(app, limit_s=still_s, look_s=min(LOOK_S, still_s / 4))
    Farewell(lambda: bool(app.should_stop)).start()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    # Faust empties the root logger before it sets up its own logs: ours is given back to it.
    app.conf.loghandlers = list(logging.root.handlers)
    faust.Worker(
        app, loglevel="INFO", logging_config=dict(_KEEP_LOGS), redirect_stdouts=False
    ).execute_from_commandline()


def _start_and_stop(app: Any, parts: Sequence[Running], outbox: Outbox) -> None:
    async def start() -> None:
        for part in parts:
            part.start()
        log.info("worker started", group=app.conf.id)

    async def stop(*_: Any, **__: Any) -> None:
        await leave_if_rebalancing(app)
        for part in parts:
            part.close()
        await asyncio.to_thread(outbox.close)

    app.task(start)
    app.on_before_shutdown.connect(stop, weak=False)
