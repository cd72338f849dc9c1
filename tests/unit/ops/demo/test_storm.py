"""The storm: exactly as many alerts as planned, from whom and about what."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.demo.alert_sources import AlertMaker, Place
from ops.demo.budget import BadBudgetError, plan_alerts
from ops.demo.fleet import Fleet, Phase, Tempo
from ops.demo.malformed import malformed
from ops.demo.scenarios import BYSTANDERS, SCENARIOS, UnknownScenarioError, scenario_of
from ops.demo.sightings import Sighting
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.intake import Alert, TopologyEdge
from schemas.records.vocabulary import AlertStatus, Severity
from streams.errors import DeliveryError

PLACE = Place("default", "demo-test")
LEAK = scenario_of("memory-leak")
FAST = Tempo(storm_s=0.1, resolve_s=0.05, noise_every_s=0.01, least_per_s=1_000.0)
Eventually = Callable[[Callable[[], Any]], Any]


@given(st.integers(1, 300_000), st.integers(1, 500))
def test_a_budget_spends_exactly_what_it_was_given(total: int, sources: int) -> None:
    """Every source fires at least once, and no more are resolved than fired."""
    budget = plan_alerts(total, sources)
    assert budget.total == total
    assert min(budget.noise, budget.malformed, budget.resolved) >= 0
    assert 1 <= budget.sources <= max(1, budget.firing)
    assert budget.resolved <= budget.sources


def test_nobody_can_send_no_alert() -> None:
    """Zero is refused with the option's name."""
    with pytest.raises(BadBudgetError, match="--alerts"):
        plan_alerts(0, 10)


class FakeOutlet:
    """Remembers what the fleet sends."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.raw: list[tuple[str, bytes | None, bytes | None]] = []
        self.edges: list[TopologyEdge] = []
        self.flushed = 0

    def send_alert(self, alert: Alert) -> None:
        self.alerts.append(alert)

    def send_edge(self, edge: TopologyEdge) -> None:
        self.edges.append(edge)

    def send_raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Mapping[str, bytes] | None = None,  # noqa: ARG002
    ) -> None:
        self.raw.append((topic, key, value))

    def flush(self, timeout_s: float = 60.0) -> object:  # noqa: ARG002
        self.flushed += 1
        return None


class FakeWatch:
    """A target that looks as the test says, each look later than the last."""

    def __init__(self) -> None:
        self._at = 10**13
        self._seen = Sighting(reachable=True, healthy=True, pids=(1,))

    @property
    def seen(self) -> Sighting:
        self._at += 3_000
        return replace(self._seen, at=self._at)

    def look(self, **changes: Any) -> None:
        """From now on it looks like this."""
        self._seen = replace(self._seen, **changes)


def fleet_of(total: int, scenario: str = "memory-leak") -> tuple[Fleet, FakeOutlet, FakeWatch]:
    """A fleet for so many alerts, not started."""
    maker = AlertMaker(scenario_of(scenario), PLACE, seed=1)
    outlet, watch = FakeOutlet(), FakeWatch()
    budget = plan_alerts(total, len(maker.sources))
    return Fleet(maker, budget, outlet, watch, max_alert_bytes=262_144, tempo=FAST), outlet, watch


@pytest.mark.parametrize("total", [1, 2, 3, 101, 2_000])
def test_a_fleet_sends_exactly_its_budget(total: int, eventually: Eventually) -> None:
    """Through noise, storm and resolution."""
    fleet, outlet, watch = fleet_of(total)
    fleet.start()
    fleet.break_out()
    watch.look(suffering=True, healthy=False)
    eventually(lambda: fleet.progress().phase == Phase.WAITING)
    assert not any(a.status == AlertStatus.RESOLVED for a in outlet.alerts)
    watch.look(suffering=False, healthy=True)
    eventually(lambda: fleet.progress().phase == Phase.DONE)
    fleet.stop()
    assert len(outlet.alerts) + len(outlet.raw) == total == fleet.progress().sent
    assert outlet.flushed == 1


def test_all_who_fired_resolve_after_they_fired(eventually: Eventually) -> None:
    """Once each, as their last word; alert ids are unique."""
    fleet, outlet, watch = fleet_of(1_500)
    fleet.start()
    fleet.break_out()
    watch.look(suffering=True)
    eventually(lambda: fleet.progress().phase == Phase.WAITING)
    watch.look(suffering=False)
    eventually(lambda: fleet.progress().phase == Phase.DONE)
    fleet.stop()
    storm = [a for a in outlet.alerts if a.service not in BYSTANDERS]
    last = {a.fingerprint: a.status for a in storm}
    assert set(last.values()) == {AlertStatus.RESOLVED}
    assert Counter(a.status for a in storm)[AlertStatus.RESOLVED] == len(last)
    assert len({a.alert_id for a in outlet.alerts}) == len(outlet.alerts)
    assert {a.service for a in storm} == set(LEAK.services)


def test_the_storm_waits_for_a_target_that_really_suffers(eventually: Eventually) -> None:
    """A fault that nobody feels raises no alert."""
    fleet, _, watch = fleet_of(200)
    fleet.start()
    fleet.break_out()
    eventually(lambda: fleet.progress().phase == Phase.BROKEN)
    assert fleet.progress().firing == 0
    watch.look(suffering=True)
    eventually(lambda: fleet.progress().firing > 0)
    fleet.stop()


def test_a_target_healed_before_anyone_felt_it_has_its_queued_alerts_sent(eventually: Eventually) -> None:
    """A new process is proof enough that something was wrong; the count stays exact."""
    fleet, _, watch = fleet_of(200)
    fleet.start()
    fleet.break_out()
    watch.look(pids=(1, 2))
    eventually(lambda: fleet.progress().phase == Phase.DONE)
    fleet.stop()
    assert fleet.progress().sent == 200


def test_no_alert_is_dated_later_than_the_target_was_seen_to_suffer(eventually: Eventually) -> None:
    """What is sent after the recovery was true before it: it must not look like new trouble."""
    fleet, outlet, watch = fleet_of(60_000)
    fleet.start()
    fleet.break_out()
    watch.look(suffering=True)
    eventually(lambda: fleet.progress().firing > 0)
    last = watch.seen.at
    watch.look(suffering=False)
    eventually(lambda: fleet.progress().phase == Phase.WAITING)
    fleet.stop()
    storm = [a.occurred_at for a in outlet.alerts if a.service not in BYSTANDERS]
    assert len(storm) > 50_000
    # The look that the fleet took at the very moment of the change counts as well.
    assert max(storm) <= last + 3_000


def test_a_fleet_can_be_stopped_anywhere() -> None:
    """Before it was started, while it is calm, in the storm."""
    unstarted, _, _ = fleet_of(200)
    unstarted.stop()
    calm, _, _ = fleet_of(200)
    calm.start()
    calm.stop()
    storming, _, watch = fleet_of(100_000)
    watch.look(suffering=True)
    storming.start()
    storming.break_out()
    storming.stop()
    assert storming.progress().sent < 100_000


def test_a_kafka_that_takes_nothing_ends_the_fleet_with_its_reason(eventually: Eventually) -> None:
    """The failure is told, not raised into a thread's void."""
    fleet, outlet, watch = fleet_of(200)

    def refuse(_: Alert) -> None:
        raise DeliveryError("the queue is full")

    outlet.send_alert = refuse  # type: ignore[method-assign,assignment]
    watch.look(suffering=True)
    fleet.start()
    fleet.break_out()
    eventually(lambda: fleet.progress().phase == Phase.FAILED)
    fleet.stop()
    assert fleet.progress().failure == "the queue is full"


def test_the_same_seed_tells_the_same_story() -> None:
    """Times apart, alert for alert."""

    def story(seed: int) -> list[Alert]:
        maker = AlertMaker(LEAK, PLACE, seed)
        sources = maker.chosen(50)
        return [maker.firing(source, 0) for source in maker.firing_order(sources, 500)]

    assert story(3) == story(3)
    assert story(3) != story(4)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_scenario_names_its_cause_in_every_complaint(name: str) -> None:
    """Dependents name what they wait for; the graph leads from each of them to the target."""
    scenario = scenario_of(name)
    maker = AlertMaker(scenario, PLACE, 1)
    needs = {edge.service: edge.depends_on for edge in maker.edges(0)}
    for service in scenario.services[1:]:
        at, hops = service, 0
        while at != scenario.target.service:
            at, hops = needs[at], hops + 1
        assert hops <= 3
    for source in maker.sources:
        alert = maker.firing(source, 5)
        assert alert.incident_id == PLACE.incident_id(alert.service)
        if alert.service != scenario.target.service:
            assert needs[alert.service] in alert.message
            assert alert.labels == {"upstream": needs[alert.service]}


def test_there_are_a_few_hundred_fingerprints_of_mixed_severity() -> None:
    """All distinct."""
    maker = AlertMaker(LEAK, PLACE, 1)
    assert len({source.fingerprint for source in maker.sources}) == len(maker.sources) > 200
    heard = {maker.firing(source, 0).severity for source in maker.sources}
    assert {Severity.WARNING, Severity.ERROR, Severity.CRITICAL} <= heard


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    """By name."""
    with pytest.raises(UnknownScenarioError, match="memory-leak, database-cascade, ddos"):
        scenario_of("earthquake")


def test_malformed_records_are_no_acceptable_alerts() -> None:
    """They cannot be decoded, or are from tomorrow, or larger than allowed."""
    maker = AlertMaker(LEAK, PLACE, 1)
    codec, now = Codec(Alert), 1_000_000
    values = list(malformed(maker.firing(maker.sources[0], now), 20, max_alert_bytes=5_000))
    assert len(values) == 20
    for value in values:
        try:
            alert = codec.decode(value)
        except DecodeError:
            continue
        assert alert.occurred_at > now + 300_000 or len(value) > 5_000


def test_stopping_does_not_wait_for_calm(eventually: Eventually) -> None:
    """The thread ends with `stop`."""
    fleet, _, _ = fleet_of(10_000)
    fleet.start()
    fleet.stop()
    assert not any(t.name == "fleet" and t.is_alive() for t in threading.enumerate())
