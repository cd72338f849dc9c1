"""The fleet: services that need the target, and raise alerts while it fails them. Sends exactly as many as planned.

A little noise first; the storm once the target is really seen to suffer; when it is well again, one RESOLVED from everyone
who fired. What is left of the storm when the target recovers was queued while it failed, and is dated so.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ops.demo.alert_sources import AlertMaker, Source
from ops.demo.budget import AlertBudget
from ops.demo.malformed import malformed
from ops.demo.sightings import Sighting
from schemas.errors import BreakwaterError
from schemas.records.intake import Alert, TopologyEdge
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from streams.topics import ALERTS

_STEP_S = 0.05
_FLUSH_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How fast the fleet is. A storm of 100,000 takes eight seconds; a longer one stays below what two cores carry beside
    everything else. Conditions are told to be over once they have been so for `calm_s`, as alert rules do."""

    storm_s: float = 8.0
    resolve_s: float = 2.5
    calm_s: float = 2.5
    noise_every_s: float = 1.0
    least_per_s: float = 20.0
    most_per_s: float = 20_000.0

    def rate(self, count: int, seconds: float) -> float:
        """Alerts a second for `count` of them in about so many seconds."""
        return min(self.most_per_s, max(self.least_per_s, count / seconds))


class AlertOutlet(Protocol):
    """What the fleet sends by: a TelemetryProducer."""

    def send_alert(self, alert: Alert) -> None:
        """Queue an alert."""

    def send_edge(self, edge: TopologyEdge) -> None:
        """Queue an edge."""

    def send_raw(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Queue bytes as they are."""

    def flush(self, timeout_s: float = ...) -> object:
        """Wait until everything was taken."""


class Watch(Protocol):
    """Sees the target."""

    @property
    def seen(self) -> Sighting:
        """The last look at it."""


class Phase(StrEnum):
    """Where the fleet is."""

    CALM = "calm"
    BROKEN = "fault under way"
    STORM = "storm"
    WAITING = "waiting for the target"
    RESOLVING = "resolving"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProgress:
    """What the fleet has done. Times are epoch ms, 0 for not yet."""

    phase: Phase = Phase.CALM
    planned: int = 0
    noise: int = 0
    malformed: int = 0
    firing: int = 0
    resolved: int = 0
    broken_at: Millis = 0
    suffering_at: Millis = 0
    well_at: Millis = 0
    failure: str = ""

    @property
    def sent(self) -> int:
        """Records put on `alerts`."""
        return self.noise + self.malformed + self.firing + self.resolved


class Fleet:
    """Runs in a thread of its own from `start` to DONE, FAILED or `stop`."""

    def __init__(
        self,
        maker: AlertMaker,
        budget: AlertBudget,
        outlet: AlertOutlet,
        watch: Watch,
        *,
        max_alert_bytes: int,
        tempo: Tempo | None = None,
    ) -> None:
        self._tempo = tempo or Tempo()
        self._maker, self._budget, self._outlet, self._watch = maker, budget, outlet, watch
        self._max_alert_bytes = max_alert_bytes
        self._counts: Counter[str] = Counter()
        self._phase = Phase.CALM
        self._failure = ""
        self._broken_at = self._suffering_at = self._suffered_at = self._well_at = 0
        self._pids_before: tuple[int, ...] = ()
        self._broken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    def start(self) -> None:
        """Tell the service graph and begin with noise."""
        for edge in self._maker.edges(wall_clock_ms()):
            self._outlet.send_edge(edge)
        self._thread.start()

    def break_out(self) -> None:
        """Say that the fault is under way: from now on the target is expected to suffer."""
        self._pids_before = self._watch.seen.pids
        self._broken_at = wall_clock_ms()
        self._broken.set()

    def stop(self) -> None:
        """End wherever it is, and wait for it."""
        self._stopping.set()
        self._broken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def progress(self) -> FleetProgress:
        """What has been done so far."""
        return FleetProgress(
            phase=self._phase, planned=self._budget.total, noise=self._counts["noise"],
            malformed=self._counts["malformed"], firing=self._counts["firing"], resolved=self._counts["resolved"],
            broken_at=self._broken_at, suffering_at=self._suffering_at, well_at=self._well_at, failure=self._failure,
        )  # fmt: skip

    def _run(self) -> None:
        try:
            for step in (self._be_calm, self._await_suffering, self._storm, self._await_recovery, self._resolve):
                step()
                if self._stopping.is_set():
                    return
            self._outlet.flush(_FLUSH_S)
            self._phase = Phase.DONE
        except BreakwaterError as error:
            self._phase, self._failure = Phase.FAILED, str(error)

    def _be_calm(self) -> None:
        for _ in range(self._budget.noise):
            self._outlet.send_alert(self._maker.calm(wall_clock_ms()))
            self._counts["noise"] += 1
            if self._broken.wait(self._tempo.noise_every_s):
                break
        self._broken.wait()
        self._phase = Phase.BROKEN

    def _await_suffering(self) -> None:
        while not self._stopping.wait(_STEP_S):
            seen = self._watch.seen
            restarted = len(seen.pids) > len(self._pids_before)
            if seen.at >= self._broken_at and (seen.suffering or restarted):
                self._suffering_at = seen.at
                return

    def _storm(self) -> None:
        self._phase = Phase.STORM
        budget = self._budget
        # What calm times were too short for goes first, so that the sum stays.
        while self._counts["noise"] < budget.noise:
            self._outlet.send_alert(self._maker.calm(wall_clock_ms()))
            self._counts["noise"] += 1
        sources = self._maker.chosen(budget.sources)
        order = self._maker.firing_order(sources, budget.firing)
        spoilt = malformed(self._maker.firing(sources[0], wall_clock_ms()), budget.malformed, self._max_alert_bytes)
        rate = self._tempo.rate(budget.firing, self._tempo.storm_s)
        for due in _paced(budget.firing, rate, self._stopping):
            at = self._dated()
            for _ in range(due):
                self._outlet.send_alert(self._maker.firing(next(order), at))
                self._counts["firing"] += 1
            self._spoil(spoilt, sources, budget)

    def _spoil(self, spoilt: Iterator[bytes], sources: list[Source], budget: AlertBudget) -> None:
        """Keep the malformed records' share of the storm."""
        wanted = budget.malformed * self._counts["firing"] // budget.firing
        while self._counts["malformed"] < wanted:
            key = sources[self._counts["malformed"] % len(sources)].incident_id.encode()
            self._outlet.send_raw(ALERTS.name, key, next(spoilt))
            self._counts["malformed"] += 1

    def _dated(self) -> Millis:
        """When the target was last seen to suffer: what an alert tells of was true then, however late it is sent."""
        seen = self._watch.seen
        if seen.suffering:
            self._suffered_at, self._well_at = seen.at, 0
        else:
            self._well_at = self._well_at or seen.at
        return max(self._broken_at, self._suffered_at)

    def _await_recovery(self) -> None:
        self._phase = Phase.WAITING
        while not self._stopping.wait(_STEP_S):
            seen = self._watch.seen
            if seen.suffering:
                self._well_at = 0
            elif not self._well_at:
                self._well_at = seen.at
            elif seen.at - self._well_at >= self._tempo.calm_s * 1000:
                return

    def _resolve(self) -> None:
        self._phase = Phase.RESOLVING
        sources = iter(self._maker.chosen(self._budget.resolved))
        rate = self._tempo.rate(self._budget.resolved, self._tempo.resolve_s)
        for due in _paced(self._budget.resolved, rate, self._stopping):
            for _ in range(due):
                self._outlet.send_alert(self._maker.resolved(next(sources), wall_clock_ms()))
                self._counts["resolved"] += 1


def _paced(count: int, rate_per_s: float, stopping: threading.Event) -> Iterator[int]:
    """`count` in portions, at so many a second; ends early when stopping."""
    began, given = time.monotonic(), 0
    while given < count and not stopping.is_set():
        due = min(count, 1 + int((time.monotonic() - began) * rate_per_s)) - given
        # In portions of two steps at most, so that a stall is caught up with and still looked out of.
        due = min(due, max(1, int(rate_per_s * _STEP_S * 2)))
        if due > 0:
            given += due
            yield due
        stopping.wait(_STEP_S if due < rate_per_s * _STEP_S else 0.001)
