"""The edge worker, as `breakwater worker edge` starts it, on a topic that was filled beforehand."""

from dataclasses import dataclass

from ops.bench.alerts import Workload, fill
from ops.bench.broker import PARTITIONS, Broker
from ops.bench.limit import consume_only
from ops.bench.process import measured
from ops.bench.watching import Run, Watcher
from ops.roles import group_of
from streams.topics import ACCOUNT, ALERTS, SAMPLED


@dataclass(frozen=True, slots=True)
class Sampling:
    """What the worker did, and what the client could have handed over."""

    run: Run
    limit_alerts_per_s: float

    def document(self) -> dict[str, float]:
        """As JSON has it."""
        return {
            "alerts_per_s": round(self.run.alerts_per_s),
            "alerts_per_cpu_s": round(self.run.alerts_per_cpu_s),
            "rss_mb": round(self.run.rss_mb),
            "limit_alerts_per_s": round(self.limit_alerts_per_s),
            "kept": self.run.forwarded,
        }


def edge_worker(broker: Broker, work: Workload, name: str) -> Run:
    """A fresh worker over the topic: from the first sampled copy until its group has committed everything.

    Args:
        name: of its home, in the broker's folder.
    """
    home = broker.home / name
    environment = {"BREAKWATER_HOME": str(home), "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
    with measured(["ops.cli", "worker", "edge"], home / "edge.log", environment) as process:
        outputs = [SAMPLED.name, ACCOUNT.name]
        return Watcher(broker.bootstrap, group_of("edge"), outputs, PARTITIONS).watch(process, work.alerts)


def measure(broker: Broker, work: Workload) -> Sampling:
    """The raw limit of a new topic, and then the worker over it."""
    broker.renew()
    fill(broker.bootstrap, work)
    limit = consume_only(broker.bootstrap, ALERTS.name, PARTITIONS, work.alerts)
    return Sampling(edge_worker(broker, work, "worker"), limit)
