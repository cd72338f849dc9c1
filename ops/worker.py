"""One worker: a Faust app with the stages of its role, until a signal ends it."""

from collections.abc import Callable
from importlib import import_module

from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry, ProcessCollector

from ops.composition.surroundings import Surroundings
from ops.heartbeat import Heartbeat
from ops.logs import configure_logs
from ops.metrics.loop import LoopPauses
from ops.metrics.published import MeteredWire
from ops.metrics.server import MetricsServer, metrics_port
from ops.metrics.signals import SignalPublisher, WorkSignals
from ops.metrics.worker import CommitSensor, WorkerMeter
from ops.roles import Role, group_of
from ops.settings import Settings
from ops.span_export import SpanExporter
from streams.apps import DECIDED_AT_ONCE, SAMPLED_AT_ONCE, AppSettings, make_app
from streams.known_schemas import publish_schemas
from streams.outbox import Outbox
from streams.registry import CodecFactory
from streams.running import Running, run_app
from streams.topics import ALERTS, create_topics, partition_counts
from streams.tracing import Tracing

Compose = Callable[[Surroundings], list[Running]]


def run_worker(role: Role, settings: Settings, bootstrap: str, instance: str = "1") -> None:
    """Run one worker until a signal ends it. Several of a role share its work; each has its own `instance`."""
    configure_logs(settings.log_level, f"{role}-{instance}", settings.secrets)
    create_topics(bootstrap, settings.partitions, settings.replication)
    publish_schemas(bootstrap)
    partitions = partition_counts(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}), bootstrap)[ALERTS.name]
    settings = settings.model_copy(update={"partitions": partitions})  # as the topics have them: decisions go by it
    folder = settings.home / "workers" / f"{role}-{instance}"
    at_once = SAMPLED_AT_ONCE if role == "edge" else DECIDED_AT_ONCE
    own = AppSettings(group_of(role), bootstrap, folder, partitions, at_once, replication=settings.replication)
    app = make_app(own)
    outbox = Outbox(bootstrap, f"breakwater-{role}-{instance}")
    metrics = CollectorRegistry()
    exporter = SpanExporter(settings.otlp_endpoint, f"breakwater-{role}") if settings.otlp_endpoint else None
    tracing = Tracing(exporter, settings.trace_ratio) if exporter else None
    wire = MeteredWire(metrics, _codecs(settings, bootstrap), tracing)
    parts = [*_composed(role, Surroundings(app, settings, bootstrap, partitions, outbox, wire)), Heartbeat(folder)]
    if exporter:
        parts.append(exporter)
    publisher = SignalPublisher(bootstrap)
    parts.append(publisher)
    app.meter = WorkerMeter(metrics, WorkSignals(f"{role}-{instance}", publisher))
    if port := metrics_port(settings, role, instance):
        ProcessCollector(registry=metrics)
        app.sensors.add(CommitSensor(metrics))
        parts += [LoopPauses(metrics), MetricsServer(settings.metrics_host, port, metrics)]
    run_app(app, parts, outbox)


def _composed(role: Role, around: Surroundings) -> list[Running]:
    # Seconds of imports, which other roles, and those who only know of roles (status, the supervisor), do without.
    compose: Compose = import_module(f"ops.composition.{role}").compose
    return compose(around)


def _codecs(settings: Settings, bootstrap: str) -> CodecFactory:
    codecs = CodecFactory(settings.schema_registry_url, bootstrap)
    codecs.read_schemas()
    return codecs
