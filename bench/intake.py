"""What the intake takes a second: by the producer library beside a bare producer, and over HTTP, beside nothing.

A second of processor time is the server's own, all its threads, its Kafka client among them: other programs on the machine and
the sender do not count in it.
"""

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from confluent_kafka import Producer

from bench.figures import Figure, Pair, Progress
from ops.bench.alerts import Workload, workload_alerts
from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.process import measured
from ops.bench.stopwatch import percentile
from ops.embedded.ports import is_free
from ops.intake.formats.alertmanager import ALERTMANAGER_FORMAT
from streams.partitioning import PARTITIONER
from streams.telemetry import TelemetryProducer
from streams.topics import ALERTS

_CONNECTIONS = 16
_AIM_ALERTS, _AIM_REQUESTS = 30_000.0, 2_000.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class ProducerFigures:
    """Alerts a second into Kafka, acknowledged by it: bare, by the library from bytes."""

    bare_per_s: float
    library_per_s: float

    @property
    def ratio(self) -> float:
        """Library over bare."""
        return self.library_per_s / self.bare_per_s


@dataclass(frozen=True, slots=True)
class HttpFigures:
    """One kind of body over HTTP, on several connections.

    Attributes:
        alerts: in a body. alerts_per_cpu_s, requests_per_cpu_s: by the server's processor time. p99_ms: of the answers.
        rss_mb: of the server, afterwards.
    """

    format: str
    alerts: int
    requests_per_s: float
    alerts_per_s: float
    requests_per_cpu_s: float
    alerts_per_cpu_s: float
    p99_ms: float
    rss_mb: float


def measure_producer(broker: Broker, alerts: int) -> ProducerFigures:
    """The same bytes by both; each until Kafka has acknowledged all of them."""
    records = list(workload_alerts(Workload(alerts), int(time.time() * 1000)))
    settings = {
        "bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "acks": "all", "partitioner": PARTITIONER,
        "compression.type": "lz4", "linger.ms": 20, "queue.buffering.max.messages": 200_000, "log_level": 3,
    }  # fmt: skip
    broker.renew()
    return ProducerFigures(
        alerts / _took_s(lambda: _bare(Producer(settings), records)),
        alerts / _took_s(lambda: _library(broker.bootstrap, records)),
    )


def measure_http(broker: Broker, seconds: float, progress: Progress) -> list[HttpFigures]:
    """Native and Alertmanager's bodies of 1, 64 and 1,000 alerts, each for so many seconds, on a `serve` of their own."""
    figures, port = [], _free_port()
    broker.renew()
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BREAKWATER_HOME": str(broker.home / "serve"),
        "BREAKWATER_HTTP_PORT": str(port),
    }  # fmt: skip
    with measured(["ops.cli", "serve"], broker.home / "serve.log", environment) as server:
        _until_open(port)
        for name, make in (("alerts", _native), ("alertmanager", _alertmanager)):
            for size in (1, 64, 1000):
                progress(f"HTTP: {name}, {size} alerts a body")
                path = "/v1/alerts" if name == "alerts" else ALERTMANAGER_FORMAT.path
                _load(port, path, size, make, 0.5)  # connections, codecs and templates are there
                before, began = server.usage(), time.monotonic()
                times = _load(port, path, size, make, seconds)
                after, took_s = server.usage(), time.monotonic() - began
                cpu_s = max(after.cpu_s - before.cpu_s, 0.01)
                figures.append(_figures(name, size, times, took_s, cpu_s, after.rss_mb))
    return figures


def intake_figures(producers: Sequence[ProducerFigures], http: Sequence[HttpFigures]) -> list[Figure]:
    """The producer library beside a bare producer, and HTTP beside what it shall do on one core."""
    rounds = tuple(Pair(one.bare_per_s, one.library_per_s) for one in producers)
    figures = [Figure("intake", "producer library", "alerts/s", "bare confluent-kafka, the same bytes", rounds)]
    for one in http:
        single = one.alerts == 1
        what = f"HTTP, {one.format}, {one.alerts} a body"
        note = f"{one.alerts_per_s:,.0f} alerts/s by the clock, p99 {one.p99_ms:.0f} ms, {one.rss_mb:.0f} MiB"
        if single:
            pair, unit = Pair(_AIM_REQUESTS, one.requests_per_cpu_s), "requests/CPU s"
        else:
            pair, unit = Pair(_AIM_ALERTS, one.alerts_per_cpu_s), "alerts/CPU s"
        figures.append(Figure("intake", what, unit, "the aim for a core", (pair,), note=note))
    return figures


def measure_intake(broker: Broker, alerts: int, seconds: float, rounds: int, progress: Progress) -> list[Figure]:
    """All of it: so many alerts by both producers in each round, then HTTP, each kind of body for so many seconds."""
    producers = []
    for number in range(1, rounds + 1):
        progress(f"producers, round {number} of {rounds}: {alerts:,} alerts")
        producers.append(measure_producer(broker, alerts))
    return intake_figures(producers, measure_http(broker, seconds, progress))


def _figures(name: str, size: int, times: list[float], took_s: float, cpu_s: float, rss_mb: float) -> HttpFigures:
    count = len(times)
    return HttpFigures(
        format=name,
        alerts=size,
        requests_per_s=count / took_s,
        alerts_per_s=count * size / took_s,
        requests_per_cpu_s=count / cpu_s,
        alerts_per_cpu_s=count * size / cpu_s,
        p99_ms=percentile(times, 0.99) * 1000,
        rss_mb=rss_mb,
    )


def _took_s(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bare(producer: Producer, records: Sequence[tuple[bytes, bytes]]) -> None:
    for number, (key, value) in enumerate(records):
        while True:
            try:
                producer.produce(ALERTS.name, value, key)
            except BufferError:
                producer.poll(0.01)
            else:
                break
        if number % 256 == 0:
            producer.poll(0)
    producer.flush()


def _library(bootstrap: str, records: Sequence[tuple[bytes, bytes]]) -> None:
    with TelemetryProducer(bootstrap) as producer:
        producer.send_all_raw(ALERTS.name, records)


_NUMBERS = itertools.count()


def _native(size: int) -> bytes:
    first = next(_NUMBERS) * 1000
    alerts = [
        {"service": f"service-{n % 50}", "name": "HighErrorRate", "severity": "warning", "source": f"pod-{n % 200}",
         "alert_id": f"bench-{first + n}", "timestamp": 1_760_000_000_000 + first + n, "message": f"error rate {n} over 5 %",
         "labels": {"zone": "a"}}
        for n in range(size)
    ]  # fmt: skip
    return orjson.dumps(alerts[0] if size == 1 else alerts)


def _alertmanager(size: int) -> bytes:
    first = next(_NUMBERS) * 1000
    body = ALERTMANAGER_FORMAT.example.body
    one = body["alerts"][0]
    alerts = [one | {"labels": one["labels"] | {"instance": f"pod-{first + n}"}} for n in range(size)]
    return orjson.dumps(body | {"alerts": alerts})


def _load(port: int, path: str, size: int, make: Callable[[int], bytes], seconds: float) -> list[float]:
    """Seconds to each answer; every body is another."""
    # Made beforehand, so that the sender's time is not the server's waiting.
    ready = [make(size) for _ in range(max(64, int(seconds * 60_000 / size) if size > 1 else int(seconds * 4_000)))]
    bodies = iter(ready)
    times: list[float] = []

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < deadline and (body := next(bodies, None)) is not None:
            began = time.perf_counter()
            head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if b" 202 " not in answer[:20]:
                raise BenchError(f"The intake answered {answer[:200]!r}.")
            times.append(time.perf_counter() - began)
        writer.close()

    async def all_of_them() -> None:
        await asyncio.gather(*(send() for _ in range(_CONNECTIONS)))

    deadline = time.monotonic() + seconds
    asyncio.run(all_of_them())
    return times


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _until_open(port: int) -> None:
    deadline, pause = time.monotonic() + _PATIENCE_S, threading.Event()
    while is_free(port):
        if time.monotonic() > deadline:
            raise BenchError(
                f"`serve` does not listen on {port} after {_PATIENCE_S:g} s. Its log is in the bench's folder."
            )
        pause.wait(0.1)
