"""What runs beside the program during a demonstration: fleet, prober, flood, observer; started and stopped together."""

from contextlib import ExitStack
from dataclasses import dataclass, replace

from ops.demo.alert_sources import AlertMaker, Place
from ops.demo.budget import AlertBudget
from ops.demo.fleet import Fleet
from ops.demo.flood import Flood
from ops.demo.observer import Observer
from ops.demo.picture import Picture
from ops.demo.scenarios import BYSTANDERS, Scenario
from ops.demo.sightings import Prober
from ops.demo.snapshot import DemoSnapshot
from ops.demo.stage_lag import StageLag
from ops.demo.target.fault import Fault, FaultKind
from state.clock import wall_clock_ms
from streams.telemetry import TelemetryProducer

_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Script:
    """What is shown: the scenario, where, and with how many alerts of whom."""

    scenario: Scenario
    place: Place
    maker: AlertMaker
    budget: AlertBudget

    @property
    def target_incident_id(self) -> str:
        """The incident of the service that fails."""
        return self.place.incident_id(self.scenario.target.service)


class Parts:
    """One demonstration's parts.

    Args:
        bootstrap: Kafka's address. url: the target's. max_alert_bytes: from when on an alert is too large.
    """

    def __init__(self, script: Script, bootstrap: str, url: str, max_alert_bytes: int) -> None:
        self._script, self._url = script, url
        self._flooding_per_s = 0.0
        # Longer than a broker that crashed takes to be back on a busy machine: the storm is counted to the last alert.
        self._producer = TelemetryProducer(
            bootstrap, client_id="breakwater-demo", delivery_timeout_s=_PATIENCE_S, backpressure_timeout_s=_PATIENCE_S
        )
        self._prober = Prober(url, script.scenario.target.pressure)
        self._fleet = Fleet(script.maker, script.budget, self._producer, self._prober, max_alert_bytes=max_alert_bytes)
        self._flood = Flood(url + "/work", lambda: self._flooding_per_s)
        ids = [script.place.incident_id(service) for service in script.scenario.services + BYSTANDERS]
        self._observer = Observer(bootstrap, Picture(ids))
        self._lag = StageLag(bootstrap)

    def start(self) -> None:
        """Watch first, then act."""
        for part in (self._observer, self._lag, self._prober, self._fleet, self._flood):
            part.start()

    def stop(self) -> None:
        """End all of them, each even where another cannot be ended."""
        with ExitStack() as stack:
            stack.callback(self._producer.close)
            for part in (self._observer, self._lag, self._prober, self._fleet, self._flood):
                stack.callback(part.stop)

    def break_target(self) -> None:
        """Have the target take on the scenario's fault; a flood comes from outside of it, so that no restart ends it.

        Raises:
            TargetUnreachableError: it did not take it.
        """
        spec = self._script.scenario.target
        self._fleet.break_out()
        if spec.fault == FaultKind.OVERLOAD:
            self._flooding_per_s = spec.severity or 0.0
        elif spec.severity is None:
            self._prober.inject({"kind": str(spec.fault)})
        else:
            self._prober.inject(Fault(spec.fault, spec.severity).document())

    def snapshot(self, before: DemoSnapshot, step: str) -> DemoSnapshot:
        """How everything is now."""
        return replace(
            before, step=step, at=wall_clock_ms(), target_url=self._url, fleet=self._fleet.progress(),
            target=self._prober.seen, observed=self._observer.observed(), lag=self._lag.behind(),
        )  # fmt: skip
