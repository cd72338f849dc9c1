"""A real service with a real fault, the storm around it, and what the program makes of both: the demo's parts, steered by
a test."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace

from agents.resolution.process_units import ProcessUnits
from agents.resolution.unit_file import Done, Unit
from ops.demo.alert_sources import AlertMaker, Place
from ops.demo.budget import AlertBudget, plan_alerts
from ops.demo.fleet import Phase
from ops.demo.parts import Parts, Script
from ops.demo.scenarios import Dependent, Scenario, scenario_of
from ops.demo.snapshot import DemoSnapshot
from ops.demo.target_unit import TargetUnit
from schemas.records.vocabulary import Action, Tier
from state.incident import IncidentState, Status
from tests.pipeline.platform import PATIENCE_S, Platform

# What a healthy target tells in the demonstration's warm-up of 14 s, at some ten records a second.
WARM_RECORDS = 140
_LOOK_S = 0.1


class FailingService:
    """One target as a process unit, two services that depend on it, and the fleet that tells of them.

    Args:
        service: its name, which no other has. environment: services of one environment know of each other.
        scenario: whose fault and alerts it has. alerts: how many are sent a storm. arguments: the target's own.
    """

    def __init__(
        self,
        platform: Platform,
        service: str,
        *,
        environment: str = "",
        scenario: str = "memory-leak",
        alerts: int = 6_000,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self._platform = platform
        place = Place("default", environment or f"of-{service}")
        told = _scenario(scenario, service, arguments)
        maker = AlertMaker(told, place, seed=7)
        self.script = Script(told, place, maker, _without_noise(plan_alerts(alerts, len(maker.sources))))
        self.service = service
        self.incident_id = self.script.target_incident_id
        self.incident_ids = frozenset(place.incident_id(name) for name in told.services)
        self._unit = TargetUnit(platform.settings, told.target, place)
        self._units = ProcessUnits(platform.settings.home / "units")
        self._past: list[Parts] = []
        self._parts: Parts | None = None
        self._last = self._blank()

    def start(self) -> None:
        """Start the target and what watches it; returns when the target is healthy."""
        self._unit.start(self._platform.running.http_url)
        self._begin()

    def stop(self) -> None:
        """End all of it."""
        try:
            if self._parts is not None:
                self._parts.stop()
        finally:
            self._unit.stop()

    def restart_with(self, command: list[str]) -> None:
        """From its next start on, the unit is started by another command; its process is left alone."""
        self._units.define(self.service, command, workdir=self._platform.settings.home)

    def await_warm(self) -> None:
        """Wait until the target has told as much as a detector needs to know what is usual, and it was taken in."""
        self.until(lambda seen: self._told() >= WARM_RECORDS and "analysis" in seen.lag)
        self._platform.await_taken_in("breakwater-analysis", "metrics")

    def break_out(self) -> None:
        """Have the target take on its fault; the storm begins when it is seen to suffer."""
        self._running().break_target()

    def fail_again(self) -> None:
        """A second fault with a second storm, after the first is over."""
        self._past.append(self._running())
        self._running().stop()
        self._begin()
        self.until(lambda seen: seen.target.healthy)
        self.break_out()

    def await_storm(self) -> None:
        """Wait until a third of the storm has been sent."""
        third = self.script.budget.firing // 3
        self.until(lambda seen: seen.fleet.firing >= third)

    def await_told_more(self, records: int) -> None:
        """Wait until the target has told so many more records of telemetry, about ten a second."""
        before = self._told()
        self.until(lambda _: self._told() - before >= records)

    def await_status(self, *statuses: Status) -> IncidentState:
        """Wait until the target's incident stands so; return it."""

        def stands(seen: DemoSnapshot) -> bool:
            found = seen.observed.incident(self.incident_id)
            return found is not None and found.status in statuses

        found = self.until(stands).observed.incident(self.incident_id)
        assert found is not None
        return found

    def settle(self) -> IncidentState:
        """Wait until all alerts are sent and accounted for, the target is healthy and its incident is resolved, and those of
        its dependents are over; return the target's incident."""
        self.until(lambda seen: not self._missing(seen))
        found = self._last.observed.incident(self.incident_id)
        assert found is not None
        return found

    def until(self, condition: Callable[[DemoSnapshot], bool]) -> DemoSnapshot:
        """Wait for a condition of the snapshot, which is returned; fails the test when it does not come true in time."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._last = self._running().snapshot(self._last, "under test")
            assert not self._last.fleet.failure, self._last.fleet.failure
            if condition(self._last):
                return self._last
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.service} is not there yet: {self._state()}\n{self._platform.tails()}")
            time.sleep(_LOOK_S)

    @property
    def sent(self) -> int:
        """Records put on `alerts` so far, all storms together."""
        return len(self._past) * self.script.budget.total + self._last.fleet.sent

    @property
    def unit(self) -> Unit:
        """The unit's file."""
        return self._units.status(self.service)

    @property
    def restarts(self) -> list[Done]:
        """Restarts of the target that took place by an action of its own, by the unit's file."""
        return [
            d for d in self.unit.done if d.action == Action.RESTART and d.detail.startswith(f"started {self.service}")
        ]

    @property
    def starts(self) -> int:
        """Processes of the target that began to serve, by its log."""
        with open(self.unit.log, encoding="utf-8") as log:  # noqa: PTH123 - the unit's file names it as text
            return sum("serves on" in line for line in log)

    def _begin(self) -> None:
        self._parts = Parts(
            self.script, self._platform.bootstrap, self._unit.url, self._platform.settings.max_alert_bytes
        )
        self._parts.start()
        self._last = self._blank()

    def _running(self) -> Parts:
        assert self._parts is not None, "start it first"
        return self._parts

    def _told(self) -> int:
        with urllib.request.urlopen(self._unit.url + "/stats", timeout=5) as answer:
            return int(json.loads(answer.read())["telemetry"]["sent"])

    def _missing(self, seen: DemoSnapshot) -> list[str]:
        counts, found = seen.observed.alerts, seen.observed.incident(self.incident_id)
        active = [i.service for i in seen.observed.incidents if i.active and i.incident_id in self.incident_ids]
        wanted = {
            f"the fleet is at {seen.fleet.phase}": seen.fleet.phase == Phase.DONE,
            f"{counts.received} of {self.sent} alerts are accounted for": counts.received == self.sent,
            f"the incident is {found}": found is not None and found.status == Status.RESOLVED,
            f"active: {active}": not active,
            f"the target: {seen.target.why}": seen.target.healthy,
        }
        return [what for what, reached in wanted.items() if not reached]

    def _state(self) -> str:
        return f"{self._missing(self._last)}\nfleet: {self._last.fleet}\nlag: {dict(self._last.lag)}"

    def _blank(self) -> DemoSnapshot:
        target = self.script.scenario.target
        now = int(time.time() * 1000)
        return DemoSnapshot(
            scenario=self.script.scenario.name, title="", environment=self.script.place.environment,
            target_service=target.service, step="", started_at=now, at=now,
        )  # fmt: skip


def _scenario(name: str, service: str, arguments: tuple[str, ...]) -> Scenario:
    known = scenario_of(name)
    dependents = (
        Dependent(f"{service}-web", Tier.CRITICAL, service),
        Dependent(f"{service}-jobs", Tier.SUPPORTING, service),
    )
    return replace(known, target=replace(known.target, service=service, arguments=arguments), dependents=dependents)


def _without_noise(budget: AlertBudget) -> AlertBudget:
    """Bystanders are shared by all of an environment: what was told of them would be counted twice."""
    return replace(budget, noise=0, firing=budget.firing + budget.noise)
