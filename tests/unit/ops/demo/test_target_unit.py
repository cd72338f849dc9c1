"""The target under management: what the executor may do to it, and what the fleet sees of that."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.resolution.process_units import ProcessUnits
from agents.resolution.targets import read_targets
from ops.demo.alert_sources import Place
from ops.demo.errors import TargetUnreachableError
from ops.demo.scenarios import TargetSpec, scenario_of
from ops.demo.sightings import Prober, answers
from ops.demo.target_unit import TargetUnit
from ops.settings import Settings

Eventually = Callable[[Callable[[], Any]], Any]
Start = Callable[[TargetSpec], TargetUnit]
PLACE = Place("default", "demo-test")
LEAK = scenario_of("memory-leak").target
SMALL_LEAK = replace(LEAK, arguments=("--headroom-mb", "64"))
NO_INTAKE = "http://127.0.0.1:9"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of the test's own."""
    return Settings(home=tmp_path)


@pytest.fixture
def units(settings: Settings) -> ProcessUnits:
    """The units as the executor sees them."""
    return ProcessUnits(settings.home / "units")


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts targets, and stops them after the test."""
    started: list[TargetUnit] = []

    def begin(spec: TargetSpec) -> TargetUnit:
        target = TargetUnit(settings, spec, PLACE)
        started.append(target)
        target.start(NO_INTAKE)
        return target

    yield begin
    for target in started:
        target.stop()


def test_a_started_target_is_healthy_and_may_be_restarted(start: Start, settings: Settings) -> None:
    """targets.json names it by tenant, environment and service."""
    target = start(LEAK)
    assert answers(target.url + "/health")
    (allowed,) = read_targets(settings.targets).values()
    assert allowed.key == ("default", "demo-test", "checkout")
    assert allowed.actions == ("RESTART",)
    assert str(allowed.health_url) == target.url + "/health"


def test_what_others_may_be_done_to_stays_and_what_a_killed_demo_left_goes(start: Start, settings: Settings) -> None:
    """The file is the operator's; the demo adds its line and takes it away."""
    theirs = {"service": "web", "tenant": "acme", "environment": "production", "executor": "docker",
              "health_url": "http://127.0.0.1:1/"}  # fmt: skip
    left = {**theirs, "executor": "process", "environment": "demo-0101-000000"}
    settings.targets.write_text(json.dumps([theirs, left]))
    target = start(LEAK)
    assert {key[1] for key in read_targets(settings.targets)} == {"production", "demo-test"}
    target.stop()
    assert [t.service for t in read_targets(settings.targets).values()] == ["web"]


def test_a_restart_heals_it_on_the_same_address_and_is_seen(
    start: Start, units: ProcessUnits, eventually: Eventually
) -> None:
    """Suffering while it leaks, well again as another process, with the memory given back."""
    target = start(SMALL_LEAK)
    prober = Prober(target.url, SMALL_LEAK.pressure)
    prober.start()
    try:
        eventually(lambda: prober.seen.healthy and prober.seen.latency_ms)
        assert not prober.seen.suffering
        prober.inject({"kind": "leak", "rate_mb_s": 80})
        eventually(lambda: prober.seen.suffering and not prober.seen.healthy)
        assert "out of memory" in prober.seen.why
        units.restart("checkout", "action-1")
        eventually(lambda: prober.seen.healthy and len(prober.seen.pids) == 2)
        assert prober.seen.memory_mb < prober.seen.peak_mb / 1.5
    finally:
        prober.stop()


def test_a_gateway_can_be_scaled_up_on_its_address(start: Start, units: ProcessUnits, eventually: Eventually) -> None:
    """Both instances serve; both end with the target."""
    spec = scenario_of("ddos").target
    target = start(spec)
    units.scale_up(spec.service, "action-1", max_instances=spec.max_instances)
    prober = Prober(target.url, spec.pressure)
    prober.start()
    try:
        eventually(lambda: len(prober.seen.pids) == 2)
    finally:
        prober.stop()
    target.stop()
    assert not any(units.alive(name) for name in units.names())


def test_a_target_that_is_away_is_seen_to_be(eventually: Eventually) -> None:
    """And cannot be asked to fail."""
    prober = Prober("http://127.0.0.1:9", LEAK.pressure)
    prober.start()
    try:
        eventually(lambda: prober.seen.at)
        assert (prober.seen.reachable, prober.seen.suffering, prober.seen.why) == (False, True, "does not answer")
        with pytest.raises(TargetUnreachableError, match="did not take the fault"):
            prober.inject({"kind": "leak"})
    finally:
        prober.stop()
