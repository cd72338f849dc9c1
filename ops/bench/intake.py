"""The intake: the producer library beside a bare producer of the same bytes, and each kind of body over HTTP."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from confluent_kafka import Producer

from ops.bench.alerts import Workload, workload_alerts
from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.http_load import KINDS, Bodies, measured_load
from ops.bench.process import measured
from ops.embedded.ports import is_free
from ops.listening import free_port
from state.clock import wall_clock_ms
from streams.partitioning import PARTITIONER
from streams.telemetry import TelemetryProducer
from streams.topics import ALERTS

SIZES = (1, 64, 1000)
SECONDS = 4.0
_PATIENCE_S = 60.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Producers:
    """Alerts a second into Kafka, acknowledged by it: by a bare confluent-kafka producer, and by the library."""

    bare_per_s: float
    library_per_s: float

    @property
    def ratio(self) -> float:
        """Library over bare."""
        return self.library_per_s / self.bare_per_s


@dataclass(frozen=True, slots=True)
class Intake:
    """All of it."""

    producers: Producers
    bodies: Sequence[Bodies]

    def document(self) -> dict[str, Any]:
        """As JSON holds it; the figures in front are those of native bodies of 64 alerts."""
        usual = next(one for one in self.bodies if (one.format, one.alerts) == ("native", 64))
        return {
            "alerts_per_s": round(usual.alerts_per_s),
            "alerts_per_cpu_s": round(usual.alerts_per_cpu_s),
            "rss_mb": round(usual.rss_mb, 1),
            "p99_ms": round(usual.p99_ms, 1),
            "producer_alerts_per_s": round(self.producers.library_per_s),
            "bare_producer_alerts_per_s": round(self.producers.bare_per_s),
            "producer_ratio": round(self.producers.ratio, 2),
            "bodies": [
                {name: round(value, 1) if isinstance(value, float) else value for name, value in asdict(one).items()}
                for one in self.bodies
            ],
        }


def measure(broker: Broker, alerts: int, progress: Progress, seconds: float = SECONDS) -> Intake:
    """So many alerts by both producers, then each kind of body for so many seconds.

    Raises:
        BenchError: `serve` did not start, or a body was not taken.
    """
    progress(f"producers: {alerts:,} alerts")
    producers = measure_producers(broker, alerts)
    return Intake(producers, measure_http(broker, seconds, progress))


def measure_producers(broker: Broker, alerts: int) -> Producers:
    """The same bytes by both; each until Kafka has acknowledged all of them."""
    records = list(workload_alerts(Workload(alerts), wall_clock_ms()))
    settings = {
        "bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "acks": "all", "partitioner": PARTITIONER,
        "compression.type": "lz4", "linger.ms": 20, "queue.buffering.max.messages": 200_000, "log_level": 3,
    }  # fmt: skip
    broker.renew()
    return Producers(
        alerts / _took_s(lambda: _bare(Producer(settings), records)),
        alerts / _took_s(lambda: _library(broker.bootstrap, records)),
    )


def measure_http(broker: Broker, seconds: float, progress: Progress) -> list[Bodies]:
    """Native and Alertmanager's bodies of 1, 64 and 1,000 alerts, each for so many seconds, on a `serve` of their own.

    Raises:
        BenchError: it did not start, or a body was not taken.
    """
    port = free_port("127.0.0.1")
    broker.renew()
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BREAKWATER_HOME": str(broker.home / "serve"),
        "BREAKWATER_HTTP_PORT": str(port),
    }  # fmt: skip
    found = []
    with measured(["ops.cli", "serve"], broker.home / "serve.log", environment) as server:
        _until_open(port)
        for kind in KINDS:
            for size in SIZES:
                progress(f"HTTP: {kind.format}, {size} alerts a body")
                found.append(measured_load(port, kind, size, seconds, server.usage))
    return found


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


def _until_open(port: int) -> None:
    deadline, pause = time.monotonic() + _PATIENCE_S, threading.Event()
    while is_free(port):
        if time.monotonic() > deadline:
            raise BenchError(
                f"`serve` does not listen on {port} after {_PATIENCE_S:g} s. Its log is in the bench's folder."
            )
        pause.wait(0.1)
