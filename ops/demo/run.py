"""`breakwater demo`: everything from nothing, a real failure, a storm around it, and what became of them.

Whatever it starts it stops, however it ends.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rich.console import Console

from ops.demo.alert_sources import AlertMaker, Place
from ops.demo.budget import plan_alerts
from ops.demo.errors import DemoInterruptedError
from ops.demo.fleet import Phase
from ops.demo.interruption import interruptible
from ops.demo.parts import Parts, Script
from ops.demo.rerun_check import RerunCheck, check_rerun
from ops.demo.scenarios import scenario_of
from ops.demo.shortfalls import shortfalls, store_shortfalls
from ops.demo.show import Show
from ops.demo.snapshot import DemoSnapshot
from ops.demo.store_check import StoreCheck, check_store
from ops.demo.summary import DemoSummary, document, panel
from ops.demo.target_unit import ENVIRONMENT_PREFIX, TargetUnit
from ops.settings import Settings
from ops.terminal.words import counted
from schemas.errors import BreakwaterError
from state.clock import wall_clock_ms

_LOOK_S = 0.25
_SEED = 7


class Worker(Protocol):
    """One process of the program: how often it died and was started again, and where it says why."""

    restarts: int
    log_file: Path


class Platform(Protocol):
    """The running program: Kafka, workers, intake."""

    bootstrap: str
    http_url: str

    @property
    def workers(self) -> Mapping[str, Worker]:
        """Its processes by name."""


Progress = Callable[[str], None]
StartPlatform = Callable[[Settings, Progress], AbstractContextManager[Platform]]
CheckStore = Callable[[str], StoreCheck]
CheckRerun = Callable[[str, Sequence[str]], RerunCheck | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long the demonstration waits, in seconds: for detectors to learn what is usual; after the fault at most."""

    warm_up_s: float = 14.0
    # On a busy machine the workers may need longer than that to begin; 0 does not wait for them.
    ready_s: float = 60.0
    limit_s: float = 100.0
    # The last notices and metrics are read after the incident has ended.
    drain_s: float = 10.0
    # A greater storm takes longer to send; so many alerts a second are counted on.
    alerts_per_s: float = 8_000.0

    def limit(self, alerts: int) -> float:
        """Longest wait after the fault for so many alerts."""
        return self.limit_s + max(0, alerts - 100_000) / self.alerts_per_s


def supervised(settings: Settings, progress: Progress) -> AbstractContextManager[Platform]:
    """The program as `breakwater up` runs it; on a free port, but where the operator has chosen one."""
    from ops.supervisor import Supervisor  # noqa: PLC0415 - the demo's parts are tested without the workers

    port = settings.http_port if "http_port" in settings.model_fields_set else 0
    return Supervisor(settings.model_copy(update={"http_port": port}), progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the demonstration stands on; tests put doubles in their places."""

    start_platform: StartPlatform = supervised
    check_store: CheckStore = check_store
    check_rerun: CheckRerun = check_rerun
    timing: Timing = Timing()


def run_demo(
    settings: Settings,
    scenario: str,
    alerts: int,
    *,
    as_json: bool,
    console: Console | None = None,
    surroundings: Surroundings | None = None,
) -> int:
    """Run a scenario with so many alerts; show it on `console` (by default standard output, with `as_json` standard error).

    Returns:
        0 where all was reached: resolved, exact, verified; 1 where not, the summary says what; 130 after Ctrl-C, 143 after
        SIGTERM.

    Raises:
        UnknownScenarioError, BadBudgetError: there is no such demonstration.
        BreakwaterError: a part of it could not be started.
    """
    shown_on = console or Console(stderr=as_json)
    began = time.time()
    place = Place("default", ENVIRONMENT_PREFIX + time.strftime("%m%d-%H%M%S", time.gmtime(began)))
    told = scenario_of(scenario)
    maker = AlertMaker(told, place, _SEED)
    script = Script(told, place, maker, plan_alerts(alerts, len(maker.sources)))
    try:
        summary = Demo(settings, script, surroundings or Surroundings(), Show(shown_on), began).run()
    except DemoInterruptedError as error:
        shown_on.print(f"{error} Everything that it started is stopped.")
        return error.exit_code
    shown_on.print(panel(summary))
    if as_json:
        sys.stdout.write(json.dumps(document(summary), indent=2) + "\n")
        sys.stdout.flush()
    return 0 if summary.good else 1


class Demo:
    """One demonstration; `began` is in epoch seconds."""

    def __init__(self, settings: Settings, script: Script, around: Surroundings, show: Show, began: float) -> None:
        self._settings, self._script, self._around, self._show = settings, script, around, show
        self._began = began
        self._idle: list[str] = []
        self._last = DemoSnapshot(
            scenario=script.scenario.name, title=script.scenario.title, environment=script.place.environment,
            target_service=script.scenario.target.service, step="starting", started_at=int(began * 1000),
            at=int(began * 1000),
        )  # fmt: skip

    def run(self) -> DemoSummary:
        """From nothing to the summary; everything is stopped when it returns.

        Raises:
            DemoInterruptedError: a signal came.
            BreakwaterError: a part could not be started.
        """
        with interruptible() as stack:
            parts, platform = self._start(stack)
            with self._show.live():
                self._play(parts)
                again, unlike = self._rerun(platform.bootstrap)
                # What the screen stays at is what the summary tells, and all that it tells of is in the store by now.
                self._watch(parts, "done", 0.0, lambda: True)
                store, unverified = self._verify(platform.bootstrap)
            missing = [*self._idle, *self._shortfalls(), *unverified, *unlike]
            if missing:
                missing += _restarts(platform)
            self._show.tell("stopping everything that was started")
        return DemoSummary(
            last=self._last, target_incident=self._last.observed.incident(self._script.target_incident_id),
            alerts=self._script.budget.total, human_mttr_s=self._settings.human_mttr_s, store=store, rerun=again,
            missing=tuple(missing), duration_s=time.time() - self._began,
            truth=self._script.scenario.expected, remedy=self._script.scenario.expected_action,
        )  # fmt: skip

    def _start(self, stack: ExitStack) -> tuple[Parts, Platform]:
        target = TargetUnit(self._settings, self._script.scenario.target, self._script.place)
        # Given back last, when no executor is left that could start it again.
        stack.callback(target.stop)
        platform = stack.enter_context(self._around.start_platform(self._settings, self._show.tell))
        self._show.tell(f"intake and API answer at {platform.http_url}")
        parts = Parts(self._script, platform.bootstrap, target.url, self._settings.max_alert_bytes)
        # Before any of it runs, so that whatever of it runs is stopped.
        stack.callback(parts.stop)
        self._show.tell(f"starting {self._script.scenario.target.service} at {target.url}")
        target.start(platform.http_url)
        parts.start()
        return parts, platform

    def _play(self, parts: Parts) -> None:
        timing, spec = self._around.timing, self._script.scenario.target
        self._watch(parts, "learning what is usual", timing.warm_up_s, lambda: False)
        if timing.ready_s and not self._watch(parts, "waiting for the workers", timing.ready_s, self._at_work):
            self._idle = [
                "The workers did not begin to work in time, so nothing was broken; see the logs under the home."
            ]
            return
        parts.break_target()
        self._last = replace(self._last, broken_at=wall_clock_ms())
        limit_s = timing.limit(self._script.budget.total)
        in_time = self._watch(parts, f"fault in {spec.service}: {spec.fault}", limit_s, self._settled)
        self._last = replace(self._last, late=not in_time)
        self._watch(parts, "waiting until all is read", timing.drain_s, self._drained)

    def _watch(self, parts: Parts, step: str, limit_s: float, done: Callable[[], bool]) -> bool:
        """Show how it goes until it is done, at most so long; whether it is done."""
        deadline = time.monotonic() + limit_s
        while True:
            self._last = parts.snapshot(self._last, step)
            self._show.update(self._last)
            if done():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(_LOOK_S, max(0.0, deadline - time.monotonic())))

    def _at_work(self) -> bool:
        """Whether sampling has accounted for alerts of now, and analysis has acknowledged metrics."""
        counted = self._last.observed.alerts.received > 0 or not self._script.budget.noise
        return counted and "analysis" in self._last.lag

    def _settled(self) -> bool:
        return self._last.fleet.phase == Phase.FAILED or not self._shortfalls()

    def _drained(self) -> bool:
        return not any(self._last.lag.values())

    def _shortfalls(self) -> list[str]:
        return shortfalls(self._last, self._script.target_incident_id, self._script.budget.total)

    def _verify(self, bootstrap: str) -> tuple[StoreCheck | None, list[str]]:
        self._show.tell("verifying the event store")
        try:
            store = self._around.check_store(bootstrap)
        except DemoInterruptedError:
            raise
        except BreakwaterError as error:
            return None, [f"The event store could not be verified: {error}"]
        return store, store_shortfalls(store)

    def _rerun(self, bootstrap: str) -> tuple[RerunCheck | None, list[str]]:
        """The target's incident first."""
        self._show.tell("making the decisions again")
        target = self._script.target_incident_id
        ids = sorted((one.incident_id for one in self._last.observed.incidents), key=lambda name: name != target)
        try:
            again = self._around.check_rerun(bootstrap, ids)
        except DemoInterruptedError:
            raise
        except BreakwaterError as error:
            return None, [f"The decisions could not be made again: {error}"]
        if again is None:
            return None, ["No decision could be made again: the log holds none of these incidents."] if ids else []
        return again, [] if again.first is None else [f"Re-execution: {again.sentence}."]


def _restarts(platform: Platform) -> list[str]:
    """Which workers died, a sentence each."""
    died = {name: worker for name, worker in platform.workers.items() if worker.restarts}
    return [f"Worker {name} died {counted(w.restarts, 'time')}; see {w.log_file}." for name, w in died.items()]
