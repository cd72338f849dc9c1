"""The intake without Kafka: a delivery that tests read and break, and a real HTTP server in front of it."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from ops.intake.batch import BatchReader
from ops.intake.counters import IntakeCounters
from ops.intake.handover import Bounds, Handover
from ops.intake.http import Intake, IntakePaths, intake_router
from ops.intake.server import BoundedHttp, server_options
from schemas.codec import Codec
from schemas.records.intake import Alert, LogLine, MetricPoint
from schemas.records.log import DeadLetter
from state.clock import wall_clock_ms
from streams.encoder import TelemetryEncoder
from streams.outbox import Message
from tests.support.waiting import eventually, free_port

_CODECS: dict[str, Codec[Any]] = {
    "alerts": Codec(Alert), "metrics": Codec(MetricPoint), "logs": Codec(LogLine), "dead.letters": Codec(DeadLetter),
}  # fmt: skip


@dataclass(slots=True)
class FakeDelivery:
    """Keeps what it is given; `failure` is its answer to every record, and it answers once `gate` is open."""

    taken: list[Message] = field(default_factory=list)
    failure: str | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def delivered(self, records: Sequence[Message]) -> list[str | None]:
        """As a producer."""
        await self.gate.wait()
        if self.failure is None:
            self.taken += records
        return [self.failure] * len(records)

    def records(self, topic: str) -> list[Any]:
        """What a topic has."""
        return [_CODECS[topic].decode(message.value) for message in self.taken if message.topic == topic]

    def alerts(self) -> list[Alert]:
        """The alerts that Kafka has."""
        return self.records("alerts")

    def letters(self) -> list[DeadLetter]:
        """The dead letters that Kafka has."""
        return self.records("dead.letters")


def intake_over(delivery: FakeDelivery, bounds: Bounds | None = None, **more: Any) -> Intake:
    """An intake whose ids are numbered; `more` are its other parts."""
    numbers = itertools.count(1)
    clock = more.pop("clock", wall_clock_ms)
    return Intake(
        handover=Handover(lambda: delivery, bounds or Bounds(), clock, time.monotonic),
        reader=BatchReader(TelemetryEncoder()),
        counters=more.pop("counters", None) or IntakeCounters(CollectorRegistry()),
        clock=clock,
        new_id=lambda: f"id-{next(numbers)}",
        **more,
    )


def app_of(intake: Intake) -> FastAPI:
    """The application, with the intake alone."""
    app = FastAPI()
    app.add_middleware(IntakePaths, intake=intake)
    app.include_router(intake_router(intake))
    return app


@contextmanager
def served(intake: Intake, headers_timeout_s: float = 10.0, grace_s: float = 8.0) -> Iterator[str]:
    """The intake on a real server on a thread; gives `host:port`."""
    with serving(app_of(intake), headers_timeout_s, grace_s) as address:
        yield address


@contextmanager
def serving(app: FastAPI, headers_timeout_s: float = 10.0, grace_s: float = 8.0) -> Iterator[str]:
    """An application on a real server on a thread; gives `host:port`."""
    protocol = type("Http", (BoundedHttp,), {"headers_timeout_s": headers_timeout_s})
    port = free_port()
    options = server_options() | {"http": protocol, "loop": "asyncio", "log_level": "critical"}
    options["timeout_graceful_shutdown"] = grace_s
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
