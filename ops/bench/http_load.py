"""Bodies of alerts, posted on several connections as fast as they are answered: the cheapest sender that Python makes."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson

from ops.bench.errors import BenchError
from ops.bench.process import Usage
from ops.bench.stopwatch import percentile
from ops.intake.formats.alertmanager import ALERTMANAGER_FORMAT
from ops.intake.formats.native import ALERTS_FORMAT

# Single alerts come of many senders, and each waits for Kafka: with fewer connections it is Kafka that is measured.
CONNECTIONS, CONNECTIONS_OF_SINGLE = 16, 64
# More than any core answers: bodies are made beforehand, so that the sender's time is not the server's waiting.
_MOST_ALERTS_PER_S, _MOST_REQUESTS_PER_S = 80_000, 5_000
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of body: its format, its path, and what makes one of so many alerts, each time another."""

    format: str
    path: str
    make: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Bodies:
    """One kind of body over HTTP.

    Attributes:
        alerts: in a body. alerts_per_cpu_s, requests_per_cpu_s: by the server's processor time, all its threads, its Kafka
            client among them. p50_ms, p99_ms: of the answers, each of which is Kafka's acknowledgement, with all connections
            busy. rss_mb: of the server, afterwards.
    """

    format: str
    alerts: int
    requests_per_s: float
    alerts_per_s: float
    requests_per_cpu_s: float
    alerts_per_cpu_s: float
    p50_ms: float
    p99_ms: float
    rss_mb: float


def native(size: int) -> bytes:
    """Native JSON; every alert has an id of its own."""
    first = next(_NUMBERS) * 1000
    alerts = [
        {"service": f"service-{n % 50}", "name": "HighErrorRate", "severity": "warning", "source": f"pod-{n % 200}",
         "alert_id": f"bench-{first + n}", "timestamp": 1_760_000_000_000 + first + n, "message": f"error rate {n} over 5 %",
         "labels": {"zone": "a"}}
        for n in range(size)
    ]  # fmt: skip
    return orjson.dumps(alerts[0] if size == 1 else alerts)


def alertmanager(size: int) -> bytes:
    """Alertmanager's notification as it was received from it; every alert is of an instance that was never heard of, with its own
    fingerprint.
    """
    first = next(_NUMBERS) * 1000
    body = ALERTMANAGER_FORMAT.example.body
    one = body["alerts"][0]
    alerts = [
        one | {"labels": one["labels"] | {"instance": f"pod-{first + n}"}, "fingerprint": f"{first + n:016x}"}
        for n in range(size)
    ]
    return orjson.dumps(body | {"alerts": alerts})


KINDS = (
    Kind("native", ALERTS_FORMAT.path, native),
    Kind("alertmanager", ALERTMANAGER_FORMAT.path, alertmanager),
)


def measured_load(port: int, kind: Kind, size: int, seconds: float, usage: Callable[[], Usage]) -> Bodies:
    """Post bodies of one kind for so long, on a server that `usage` watches.

    Raises:
        BenchError: one was not taken.
    """
    connections = CONNECTIONS_OF_SINGLE if size == 1 else CONNECTIONS
    asyncio.run(_posted(port, kind.path, _ready(kind, size, 0.5), 0.5, connections))  # codecs and templates are there
    ready = _ready(kind, size, seconds)
    before, began = usage(), time.monotonic()
    times = asyncio.run(_posted(port, kind.path, ready, seconds, connections))
    took_s, after = time.monotonic() - began, usage()
    count, cpu_s = len(times), max(after.cpu_s - before.cpu_s, 0.01)
    return Bodies(
        format=kind.format,
        alerts=size,
        requests_per_s=count / took_s,
        alerts_per_s=count * size / took_s,
        requests_per_cpu_s=count / cpu_s,
        alerts_per_cpu_s=count * size / cpu_s,
        p50_ms=percentile(times, 0.5) * 1000,
        p99_ms=percentile(times, 0.99) * 1000,
        rss_mb=after.rss_mb,
    )


def _ready(kind: Kind, size: int, seconds: float) -> Iterator[bytes]:
    most = _MOST_REQUESTS_PER_S if size == 1 else _MOST_ALERTS_PER_S / size
    return iter([kind.make(size) for _ in range(max(64, int(seconds * most)))])


async def _posted(port: int, path: str, bodies: Iterator[bytes], seconds: float, connections: int) -> list[float]:
    """Seconds to each answer."""
    deadline = time.monotonic() + seconds
    found = await asyncio.gather(*(_connection(port, path, bodies, deadline) for _ in range(connections)))
    return [took_s for times in found for took_s in times]


async def _connection(port: int, path: str, bodies: Iterator[bytes], deadline: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    while time.monotonic() < deadline and (body := next(bodies, None)) is not None:
        began = time.perf_counter()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if b" 202 " not in answer[:20]:
            raise BenchError(f"The intake answered {answer[:200]!r}.")
        times.append(time.perf_counter() - began)
    writer.close()
    return times
