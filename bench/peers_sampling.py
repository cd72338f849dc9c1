"""Others at sampling's work, in turns with the product: on one broker, the same bytes, timed alike by the output they write."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.figures import Progress
from ops.bench.alerts import Workload, fill
from ops.bench.broker import PARTITIONS, Broker
from ops.bench.errors import BenchError
from ops.bench.limit import consume_only
from ops.bench.process import measured_program
from ops.bench.sampling import edge_worker
from ops.bench.watching import Run, Watcher
from schemas.avro import schema_of
from schemas.records.intake import Alert
from streams.topics import ALERTS, SAMPLED, Topic

_HERE = Path(__file__).parent
_PEERS = _HERE / "peers"
# Made by `make bench` from bench/requirements.lock.
VENV = _HERE.parent / ".venv-bench"
_TARGET = Topic("bench.sampled", SAMPLED.record)
_GROUP = "bench-peer"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program.

    Attributes:
        command: what is run. share: of the workload that it is given, as it would take hours otherwise. needs: a file
            without which it is skipped, and how to come by it.
    """

    name: str
    command: tuple[str, ...]
    share: float
    needs: tuple[Path, str]


def peers() -> list[Peer]:
    """All of them, the fast ones first."""
    python, lib = VENV / "bin" / "python", _PEERS / "streams" / "target" / "lib"
    classes = f"{lib}/*:{lib.parent}/sampling-1.jar"
    env = "bench/requirements.lock is not installed; `make bench` does it"
    maven = "Maven or Java is missing; `mvn -B package` in bench/peers/streams"
    own = (Path(sys.executable), "")
    return [
        Peer("hand-written loop (confluent-kafka, fastavro)", (sys.executable, "-m", "bench.loop"), 1.0, own),
        Peer("Kafka Streams 4.1, one thread", ("java", "-Xmx1g", "-cp", classes, "bench.Sampling"), 1.0, (lib, maven)),
        Peer("Bytewax 0.21", (str(python), str(_PEERS / "bytewax_flow.py")), 0.25, (python, env)),
        Peer("Quix Streams 3.28", (str(python), str(_PEERS / "quix.py")), 0.1, (python, env)),
        Peer("stock Faust 0.15.3", (str(python), str(_PEERS / "stock_faust.py")), 0.02, (python, env)),
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """A program's runs; none where it was skipped, for the reason in `note`."""

    name: str
    runs: tuple[Run, ...]
    note: str = ""

    def values(self) -> tuple[float, float, float]:
        """Medians: alerts a second, alerts a processor second, MiB."""
        return (
            median(run.alerts_per_s for run in self.runs),
            median(run.alerts_per_cpu_s for run in self.runs),
            median(run.rss_mb for run in self.runs),
        )


def measure_peers(broker: Broker, work: Workload, rounds: int, progress: Progress) -> tuple[float, list[Row]]:
    """The raw limit (records a second of a consumer that does nothing), and a row a program, the product first."""
    runs: dict[str, list[Run]] = {}
    notes: dict[str, str] = {}
    limits = []
    for number in range(rounds):
        progress(f"peers, round {number + 1} of {rounds}: Breakwater")
        broker.renew(_TARGET)
        fill(broker.bootstrap, work)
        limits.append(consume_only(broker.bootstrap, ALERTS.name, PARTITIONS, work.alerts))
        runs.setdefault("Breakwater", []).append(edge_worker(broker, work, f"product-{number}"))
        for peer in peers():
            if not peer.needs[0].exists() or (peer.command[0] == "java" and shutil.which("java") is None):
                notes[peer.name] = f"skipped: {peer.needs[1]}"
                continue
            progress(f"peers, round {number + 1} of {rounds}: {peer.name}")
            try:
                runs.setdefault(peer.name, []).append(_run(broker, peer, work, number))
            except BenchError as error:
                lines = str(error).splitlines()
                notes[peer.name] = f"failed: {' '.join(dict.fromkeys((lines[0], lines[-1])))}"
    names = ["Breakwater", *(peer.name for peer in peers())]
    return median(limits), [Row(name, tuple(runs.get(name, ())), notes.get(name, "")) for name in names]


def _run(broker: Broker, peer: Peer, work: Workload, number: int) -> Run:
    some = Workload(max(20_000, int(work.alerts * peer.share)), work.incidents, work.fingerprints, work.density_per_s)
    broker.renew(_TARGET)
    fill(broker.bootstrap, some)
    folder = broker.home / f"peer-{number}-{peer.name.split()[0]}"
    arguments = [*peer.command, broker.bootstrap, _GROUP, _TARGET.name, str(folder)]
    environment = {
        "BENCH_ALERT_SCHEMA": json.dumps(schema_of(Alert)),
        "PYTHONPATH": os.pathsep.join((str(_PEERS), str(_HERE.parent))),
    }
    with measured_program(arguments, broker.home / f"{folder.name}.log", environment) as process:
        watcher = Watcher(broker.bootstrap, _GROUP, [_TARGET.name], PARTITIONS)
        return watcher.watch_until_still(process, some.alerts)


def build(progress: Progress) -> None:
    """Make what the peers need, where the machine has what makes it; else they are skipped."""
    if shutil.which("mvn") and not (_PEERS / "streams" / "target" / "lib").exists():
        progress("peers: building the Kafka Streams program")
        subprocess.run(["mvn", "-q", "-B", "package"], cwd=_PEERS / "streams", check=False)  # noqa: S607


def as_markdown(limit: float, rows: Sequence[Row]) -> str:
    """The table of docs/benchmarks.md."""
    lines = [
        "| | alerts/s wall | alerts/CPU-s | RSS MiB |",
        "|---|---:|---:|---:|",
        f"| consume only (librdkafka) | {limit:,.0f} | | |",
    ]
    for row in rows:
        if row.runs:
            wall, cpu, rss = row.values()
            lines.append(f"| {row.name} | {wall:,.0f} | {cpu:,.0f} | {rss:,.0f} |")
        else:
            lines.append(f"| {row.name} | {row.note} | | |")
    return "\n".join(lines)
