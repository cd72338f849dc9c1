"""Page and API under load: `breakwater serve` on one core, with 10,000 incidents in its store, hundreds of live streams and
hundreds of requests a second.

Requests are due at fixed times, whether or not those before them are answered: what waits in a queue counts. Two of three are
those of browsers that have the page open (ops.bench.asking), the others those of programs.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer

from ops.bench.asking import HOST, Asker, answer, by_browser, due, status
from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.incidents import FIRST_MS, stored_events
from ops.bench.process import Measured, measured_program
from ops.bench.stopwatch import percentile
from ops.listening import free_port
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.ports import StoredEvent
from state.sqlite_projection import SqliteProjection
from streams.topics import EVENTS

INCIDENTS = 10_000
STREAMS, REQUESTS_PER_S, EVENTS_PER_S = 200, 500, 10
_CONNECTIONS = 100
_EVENTS_OF_INCIDENT = 3
_BATCH = 5_000
_START_S = 60.0
_WARM_S = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """What was answered, on one core.

    Attributes:
        page_p99_ms: of what browsers asked; `p99_ms` is of all.
        events_told: events that arrived, summed over all streams; `events_due` would be all of them.
        rss_before_mb, rss_after_mb: resident memory when the streams were open and warm, and at the end.
        cores: processor seconds a second.
    """

    requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    page_p99_ms: float
    failed: int
    streams: int
    events_told: int
    events_due: int
    rss_before_mb: float
    rss_after_mb: float
    cores: float


@dataclass(slots=True)
class _Seen:
    """What clients saw."""

    laps_s: list[float] = field(default_factory=list)
    page_laps_s: list[float] = field(default_factory=list)
    failed: int = 0
    events: int = 0


def measure(broker: Broker, seconds: float) -> Served:
    """So many seconds of load.

    Raises:
        BenchError: `serve` did not start.
    """
    broker.renew()
    home, port = broker.home / "api", free_port(HOST)
    home.mkdir(parents=True, exist_ok=True)
    later = fill(home / "store.sqlite", int((seconds + _WARM_S) * EVENTS_PER_S))
    environment = {
        "BREAKWATER_HOME": str(home), "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BREAKWATER_HTTP_PORT": str(port),
    }  # fmt: skip
    command = ["taskset", "-c", "0", sys.executable, "-m", "ops.cli", "serve"]
    with measured_program(command, home / "serve.log", environment) as process:
        return asyncio.run(_load(port, process, Telling(broker.bootstrap, later), seconds))


def fill(path: Path, later: int) -> list[StoredEvent]:
    """A store of incidents; the events that come afterwards."""
    events = stored_events(INCIDENTS * _EVENTS_OF_INCIDENT + later, INCIDENTS)
    there = events[: len(events) - later]
    store = SqliteProjection(path)
    for begin in range(0, len(there), _BATCH):
        store.apply(there[begin : begin + _BATCH])
    store.close()
    return events[len(there) :]


class Telling:
    """Writes events to the log, some a second."""

    def __init__(self, bootstrap: str, events: Sequence[StoredEvent]) -> None:
        self._producer, self._codec = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1}), Codec(IncidentEvent)
        self._events = iter(events)
        self.told = 0

    def next(self) -> None:
        """Write the next one."""
        stored = next(self._events)
        self._producer.produce(EVENTS.name, self._codec.encode(stored.event), stored.event.incident_id.encode(), 0)
        self._producer.poll(0)
        self.told += 1

    def flush(self) -> None:
        """Wait until all are written."""
        self._producer.flush(10)


async def _load(port: int, process: Measured, telling: Telling, seconds: float) -> Served:
    await _await_ready(port, process)
    seen = _Seen()
    streams = [asyncio.create_task(_listen(port, seen)) for _ in range(STREAMS)]
    writing = asyncio.create_task(_tell(telling, seconds + _WARM_S))
    try:
        await _ask_all(port, _Seen(), _WARM_S)
        before, began = process.usage(), time.monotonic()
        told_before, heard_before = telling.told, seen.events
        await _ask_all(port, seen, seconds)
        wall_s, after = time.monotonic() - began, process.usage()
        told, heard = (
            telling.told - told_before,
            seen.events - heard_before,
        )  # of both, as much is on its way as was before
        open_ones = sum(not stream.done() for stream in streams)
    finally:
        for task in (*streams, writing):
            task.cancel()
        await asyncio.gather(*streams, writing, return_exceptions=True)
        telling.flush()
    laps = seen.laps_s
    return Served(
        requests=len(laps), requests_per_s=len(laps) / wall_s, p50_ms=percentile(laps, 0.5) * 1000,
        p99_ms=percentile(laps, 0.99) * 1000, most_ms=max(laps) * 1000,
        page_p99_ms=percentile(seen.page_laps_s, 0.99) * 1000, failed=seen.failed, streams=open_ones,
        events_told=heard, events_due=told * STREAMS, rss_before_mb=before.rss_mb,
        rss_after_mb=after.rss_mb, cores=(after.cpu_s - before.cpu_s) / wall_s,
    )  # fmt: skip


async def _tell(telling: Telling, seconds: float) -> None:
    for _ in range(int(seconds * EVENTS_PER_S)):
        telling.next()
        await asyncio.sleep(1 / EVENTS_PER_S)


async def _ask_all(port: int, seen: _Seen, seconds: float) -> None:
    """All requests that are due in so many seconds, by a hundred connections that stay open."""
    waiting = iter(due(int(seconds * REQUESTS_PER_S)))
    began = time.perf_counter()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection(HOST, port, limit=2**20)
        asker = Asker(INCIDENTS, FIRST_MS)
        for number, what in waiting:
            at = began + number / REQUESTS_PER_S
            if (wait_s := at - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            writer.write(asker.request(number, what))
            head = await answer(reader)
            lap_s = time.perf_counter() - at
            seen.laps_s.append(lap_s)
            if by_browser(what):
                seen.page_laps_s.append(lap_s)
            asker.keep(number, what, head)
            seen.failed += status(head) not in (b"200", b"304")
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(_CONNECTIONS)))


async def _listen(port: int, seen: _Seen) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n\r\n".encode())
        while piece := await reader.read(65_536):
            seen.events += piece.count(b"event: incident")
    finally:
        writer.close()


async def _await_ready(port: int, process: Measured) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        process.usage()
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head = await answer(reader)
            writer.close()
            if status(head) == b"200":
                return
        await asyncio.sleep(0.2)
    raise BenchError(f"`serve` was not ready within {_START_S:.0f} s. Its log is {process.log}.")
