"""Dashboards and rules ask for metrics that exist, and Prometheus's own tool takes the rules."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from ops.intake.counters import IntakeCounters
from ops.metrics.lag import LagCollector
from ops.metrics.published import MeteredWire
from ops.metrics.server import metrics_port
from ops.metrics.worker import CommitSensor, WorkerMeter
from ops.roles import ROLES
from ops.settings import Settings

FOLDER = Path(__file__).parents[4] / "dashboards"
DASHBOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
RULES = FOLDER / "prometheus" / "rules.yml"
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# Written by Prometheus itself.
_ITS_OWN = {"up"}


def existing() -> set[str]:
    """Every name that a target of ours has."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(LagCollector(lambda: ()))
    for metrics in (WorkerMeter, CommitSensor, MeteredWire, IntakeCounters):
        metrics(registry)
    return {metric.name + suffix for metric in registry.collect() for suffix in _SUFFIXES[metric.type]}


def asked(expression: str) -> set[str]:
    """The metrics that an expression names: what is left without strings, label matchers, groupings, functions and words."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    found = {match.group() for match in _NAME.finditer(bare) if not bare[match.end() :].lstrip().startswith("(")}
    return {name for name in found if "_" in name or name in _ITS_OWN}


def rules() -> list[dict[str, str]]:
    """The alert rules, by their fields of one line; promtool judges the YAML as a whole."""
    parts = re.split(r"\n +- (?=alert:)", RULES.read_text())[1:]
    return [dict(re.findall(r"^ *(\w+): (.*)$", part, re.MULTILINE)) for part in parts]


def expressions() -> Iterator[tuple[str, str]]:
    """Where, and what is asked."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]
    for rule in rules():
        yield f"rule {rule['alert']}", rule["expr"]


def test_every_metric_that_is_asked_for_exists() -> None:
    """A panel that stays empty for ever, or a rule that never fires, is found here."""
    there = existing() | _ITS_OWN
    missing = {(where, name) for where, expression in expressions() for name in asked(expression) - there}
    assert missing == set()
    assert all(asked(expression) for _, expression in expressions())


def test_a_name_that_does_not_exist_is_noticed() -> None:
    """What the reading of expressions takes for a metric."""
    expression = 'histogram_quantile(0.9, sum by (le, a_b) (rate(no_such_bucket{x_y="z_z"}[5m]))) > on (c_d) up'
    assert asked(expression) == {"no_such_bucket", "up"}


def test_the_four_dashboards_are_there_and_each_panel_says_what_it_shows() -> None:
    """Unique ids and places, a data source that is provisioned, a unit, and a legend or a table."""
    provisioned = (FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text()
    (source,) = re.findall(r"uid: (\S+)", provisioned)
    assert [path.stem for path in DASHBOARDS] == ["incidents", "lag", "pipeline", "storm"]
    uids = set()
    for path in DASHBOARDS:
        dashboard: dict[str, Any] = json.loads(path.read_text())
        uids.add(dashboard["uid"])
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
        for panel in panels:
            assert panel["datasource"]["uid"] == source
            assert panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"]
    assert len(uids) == len(DASHBOARDS)


def test_every_rule_says_what_to_do() -> None:
    """Severity, what it means, and the next step."""
    assert len(rules()) == RULES.read_text().count("- alert:") > 5
    for rule in rules():
        assert re.fullmatch(r"\{severity: (info|warning|critical)\}", rule["labels"])
        assert rule["summary"]
        assert rule["description"]


def test_compose_scrapes_every_worker_where_it_listens() -> None:
    """Edge has the port of the setting, analysis the next, command the one after; all is published on loopback alone."""
    compose = (FOLDER.parent / "docker-compose.observability.yml").read_text()
    scraped = (FOLDER / "prometheus" / "prometheus.yml").read_text()
    (first,) = (int(port) for port in re.findall(r"BREAKWATER_METRICS_PORT: (\d+)", compose))
    workers = {f"{role}:{metrics_port(Settings(metrics_port=first), role, '1')}" for role in ROLES}
    assert set(re.findall(r'targets: \["([^"]+)"\]', scraped)) == workers | {"serve:8080"}
    published = re.findall(r"ports:\n +- \"([^\"]+)", compose)
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize(("what", "file"), [("rules", RULES), ("config", FOLDER / "prometheus" / "prometheus.yml")])
def test_promtool_takes_them(what: str, file: Path) -> None:
    """Prometheus's own judgement."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here: Debian's package `prometheus` has it")
    done = subprocess.run([promtool, "check", what, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
