"""From an alert's arrival in Kafka to its sampled copy, by the broker's clock alone: it stamps both as they are written."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.group import Group
from ops.bench.process import Measured, measured
from ops.bench.stopwatch import percentile
from ops.roles import group_of
from schemas.codec import Codec
from schemas.records.intake import Alert
from state.log_reader import LogReader
from streams.topics import ALERTS, SAMPLED

_PATIENCE_S = 180.0
_LOOK_S = 0.5
# Worker, senders and broker have just been started, and do everything for the first time: alerts of that time are not counted.
# The broker's Java compiles itself on one of the cores for some four seconds.
WARM_UP_MS = 5_000
_CODEC = Codec(Alert)


@dataclass(frozen=True, slots=True)
class Load:
    """A tenant's alerts: how many, a second, over how many incidents."""

    tenant: str
    alerts: int
    rate_per_s: int
    incidents: int = 50


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, of a tenant's alerts that were kept and came after the first five seconds."""

    tenant: str
    kept: int
    p50_ms: float
    p99_ms: float
    most_ms: float


def measure(broker: Broker, loads: Sequence[Load], name: str) -> list[Latency]:
    """Start a worker, let all tenants send at once, and look at what it has forwarded.

    Raises:
        BenchError: the worker did not come to the end.
    """
    broker.renew()
    _stamp(broker.bootstrap, SAMPLED.name)
    home = broker.home / name
    environment = {"BREAKWATER_HOME": str(home), "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
    with measured(["ops.cli", "worker", "edge"], home / "edge.log", environment) as worker:
        group = Group(broker.bootstrap, group_of("edge"))
        _await_group(group, worker)
        with ExitStack() as stack:
            for load in loads:
                stack.enter_context(measured(_storm(load), home / f"{load.tenant}.log", environment))
            _await_alerts(broker.bootstrap, sum(load.alerts for load in loads), worker)
        _await_committed(broker.bootstrap, group, worker)
    return _latencies(broker.bootstrap, [load.tenant for load in loads])


def _storm(load: Load) -> list[str]:
    numbers = {"--alerts": load.alerts, "--rate": load.rate_per_s, "--incidents": load.incidents}
    options = [text for name, number in numbers.items() for text in (name, str(number))]
    return ["ops.cli", "produce", "storm", *options, "--tenant", load.tenant]


def _stamp(bootstrap: str, topic: str) -> None:
    entry = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})  # held: one that is given back takes its futures with it
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)


def _sent(log: LogReader) -> int:
    return sum(log.bounds(ALERTS.name, p)[1] for p in log.partitions(ALERTS.name))


def _await_group(group: Group, worker: Measured) -> None:
    deadline = monotonic() + _PATIENCE_S
    while not group.reads():
        worker.usage()
        if monotonic() > deadline:
            raise BenchError(f"The worker took no partition within {_PATIENCE_S:.0f} s. Its log is {worker.log}.")
        sleep(0.2)


def _await_alerts(bootstrap: str, alerts: int, worker: Measured) -> None:
    deadline = monotonic() + _PATIENCE_S
    # One client for all looks: each takes milliseconds of the processor that is measured.
    with LogReader(bootstrap, "bench-latency") as log:
        while _sent(log) < alerts:
            worker.usage()
            if monotonic() > deadline:
                raise BenchError(f"The storms did not send {alerts} alerts within {_PATIENCE_S:.0f} s.")
            sleep(_LOOK_S)


def _await_committed(bootstrap: str, group: Group, worker: Measured) -> None:
    deadline = monotonic() + _PATIENCE_S
    with LogReader(bootstrap, "bench-latency") as log:
        while sum(group.committed().values()) < _sent(log):
            worker.usage()
            if monotonic() > deadline:
                raise BenchError(f"The worker is behind after {_PATIENCE_S:.0f} s. Its log is {worker.log}.")
            sleep(_LOOK_S)


def _latencies(bootstrap: str, tenants: Sequence[str]) -> list[Latency]:
    with LogReader(bootstrap, "bench-latency") as log:

        def everything(topic: str) -> dict[int, tuple[int, int]]:
            return {p: log.bounds(topic, p) for p in log.partitions(topic)}

        arrived = {(r.partition, r.offset): r.timestamp for r in log.read(ALERTS.name, everything(ALERTS.name))}
        warm_at = min(arrived.values(), default=0) + WARM_UP_MS
        waits: dict[str, list[float]] = {tenant: [] for tenant in tenants}
        for record in log.read(SAMPLED.name, everything(SAMPLED.name)):
            origin = int(dict(record.headers)["source-offset"] or b"-1")
            arrived_at = arrived[record.partition, origin]
            if arrived_at >= warm_at:
                waits[_CODEC.decode(record.value).tenant].append(record.timestamp - arrived_at)
    return [
        Latency(tenant, len(some), percentile(some, 0.5), percentile(some, 0.99), max(some))
        for tenant, some in waits.items()
    ]
