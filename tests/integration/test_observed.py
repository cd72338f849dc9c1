"""The whole program, watched: Debian's Prometheus scrapes every process, and a collector gets a live incident's trace whole."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.listening import free_port
from streams.tracing import trace_id_of
from tests.pipeline.platform import Platform, platform
from tests.support.collector import Collector
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180.0
HOST = "127.0.0.1"

# It needs three ports side by side to itself.
pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(600)]


@dataclass(frozen=True, slots=True)
class Watched:
    """The program, where its edge worker's metrics are, and who gets its traces."""

    program: Platform
    metrics_port: int
    collector: Collector


def three_ports() -> int:
    """The first of three free ports in a row: one for each role."""
    while True:
        port = free_port(HOST)
        try:
            for one in range(port, port + 3):
                with socket.create_server((HOST, one)):
                    pass
        except (OSError, OverflowError):
            continue
        return port


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[Watched]:
    """All of it, run by `up`."""
    collector, port = Collector(), three_ports()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BREAKWATER_METRICS_PORT", str(port))
        environment.setenv("BREAKWATER_OTLP_ENDPOINT", collector.url)
        environment.setenv("BREAKWATER_PARTITIONS", "2")
        with platform(tmp_path_factory.mktemp("observed"), jars_dir) as program:
            yield Watched(program, port, collector)
    collector.close()


@pytest.fixture
def prometheus(watched: Watched, tmp_path: Path) -> Iterator[str]:
    """Debian's Prometheus with our configuration, its targets put to where the processes listen; its address."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("there is no Prometheus: apt-get install prometheus")
    text = (ROOT / "dashboards/prometheus/prometheus.yml").read_text().replace("10s", "1s")
    serve = watched.program.running.http_url.removeprefix("http://")
    here = {"serve:8080": serve, "edge:9101": f"{HOST}:{watched.metrics_port}"}
    here |= {
        f"{role}:910{n + 1}": f"{HOST}:{watched.metrics_port + n}" for n, role in ((1, "analysis"), (2, "command"))
    }
    for named, at in here.items():
        assert named in text
        text = text.replace(named, at)
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(ROOT / "dashboards/prometheus/rules.yml", tmp_path)
    address = f"{HOST}:{free_port(HOST)}"
    arguments = [
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
    ]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([binary, *arguments], stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def asked(prometheus: str, path: str, **parameters: str) -> Any:
    """What Prometheus answers; None while it does not."""
    try:
        return httpx.get(f"{prometheus}/api/v1/{path}", params=parameters, timeout=5).json()["data"]
    except (httpx.HTTPError, KeyError, json.JSONDecodeError):
        return None


def test_prometheus_scrapes_every_target(prometheus: str, watched: Watched) -> None:
    """All four jobs are up by its own word, its rules are loaded, and what they ask about is there."""

    def up() -> dict[str, str]:
        targets = (asked(prometheus, "targets") or {}).get("activeTargets", [])
        return {one["labels"]["job"]: one["health"] for one in targets}

    everyone = {"serve", "edge", "analysis", "command"}
    eventually(lambda: up() == dict.fromkeys(everyone, "up"), limit_s=PATIENCE_S)
    rules = [rule["name"] for group in asked(prometheus, "rules")["groups"] for rule in group["rules"]]
    assert {"BreakwaterTargetDown", "BreakwaterScaleOut", "BreakwaterOverBudget"} <= set(rules)
    httpx.get(f"{watched.program.running.http_url}/api/v1/lag", timeout=20)
    metrics = ("breakwater_stage_budget_seconds", "breakwater_watchdog_looks_total", "kafka_consumergroup_group_lag")

    def all_there() -> bool:
        return all((asked(prometheus, "query", query=metric) or {}).get("result") for metric in metrics)

    eventually(all_there, limit_s=PATIENCE_S)


def test_a_live_incident_is_one_whole_trace(watched: Watched) -> None:
    """From the alert that a sender posts to the notice that a person gets: one root, no span without its parent."""
    url, collector = watched.program.running.http_url, watched.collector
    alert = {"incident_id": "inc-traced", "container_name": "ledger", "alert_type": "OutOfMemory", "severity": "critical",
             "logs": "out of memory"}  # fmt: skip
    for _ in range(8):
        assert httpx.post(f"{url}/webhook", json=alert, timeout=30).json()["accepted"] == 1
    trace = trace_id_of("inc-traced")
    expected = {
        f"publish {topic}" for topic in ("incident.candidates", "incident.commands", "incident.events", "notifications")
    }

    def names() -> set[str]:
        return {span.name for span in collector.spans if span.trace_id == trace}

    eventually(lambda: {"publish incident.candidates", "publish notifications"} <= names(), limit_s=PATIENCE_S)

    def whole() -> bool:
        spans = [span for span in list(collector.spans) if span.trace_id == trace]
        ids = {span.span_id for span in spans}
        roots = [span for span in spans if not span.parent_span_id]
        return len(roots) == 1 and {span.parent_span_id for span in spans} - {b""} <= ids

    eventually(whole, limit_s=PATIENCE_S)
    assert expected - {"publish incident.events"} <= names()
    assert {"breakwater-analysis", "breakwater-command"} <= collector.services
