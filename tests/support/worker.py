"""A worker as a process of its own, for tests that kill it: `python -m tests.support.worker '{"kind": …}'`.

It is put together like the program's own workers, with a stage that counts, or with sampling, on topics of the test's own.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from agents.sampling.edge import EdgeShell, EdgeTopics
from agents.sampling.rules import SamplingRules
from ops.logs import configure_logs
from schemas.records.analysis import Anomaly, Prediction
from schemas.records.grouping import AlertHeard, GroupTold
from schemas.records.intake import Alert, LogLine, MetricPoint
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Severity
from streams.apps import DECIDED_AT_ONCE, SAMPLED_AT_ONCE, AppSettings, make_app
from streams.forwarding import Forwarder
from streams.outbox import Outbox
from streams.running import Running, run_app
from streams.shell import StageShell, attach_agent
from streams.stage import Output, Received, SharingStage, Step
from streams.topics import Topic
from streams.wire import Wire

# A point of this value makes the decision fail.
POISON = -1.0


@dataclass(frozen=True)
class WorkerPlan:
    """What to run: `counting`, `edge`, `metrics`, `breaches`, `grouping`, or what must end by itself: `stuck`, `failing`.

    `topics` are by role: source, other, out; of grouping heard, too; or alerts, sampled, account, storms.
    """

    kind: str
    group: str
    bootstrap: str
    datadir: str
    topics: dict[str, str]
    partitions: int = 4
    session_timeout_s: float = 6.0
    slow_s: float = 0.0
    watchdog_s: float = 120.0
    output_per_s: int = 0


@dataclass
class CountingStage:
    """Counts metric points by series, and says each count: `LogLine(message="count", source=derived id)`."""

    sources: tuple[Topic, ...]
    out: Topic
    slow_s: float = 0.0
    name: str = "counting"
    views: tuple[Topic, ...] = field(default=())

    def key(self, received: Received[MetricPoint]) -> str | None:
        return received.record.series

    def initial(self, _key: str) -> int:
        return 0

    def decide(self, state: int, received: Received[MetricPoint]) -> Step[int]:
        if received.record.value == POISON:
            raise ValueError("a poisoned point")
        time.sleep(self.slow_s)
        line = count_line(received, state + 1)
        return Step(state + 1, (Output(self.out, received.record.series, line),))

    def tick(self, _key: str, _state: int, _now: int) -> None:
        return None

    def waits(self, _state: int) -> bool:
        return False

    def observe(self, _received: Received[Any]) -> None:
        raise AssertionError("it has no views")

    def dump(self, state: int) -> dict[str, Any]:
        return {"n": state}

    def load(self, fields: dict[str, Any]) -> int:
        return int(fields["n"])


class OnOwnTopics:
    """A stage of the program, on a test's topics: it reads `source`, and what it says goes to `out`."""

    def __init__(self, stage: Any, source: Topic, out: Topic) -> None:
        self._stage, self._out = stage, out
        self.name = stage.name
        self.sources: tuple[Topic, ...] = (source,)
        self.views: tuple[Topic, ...] = ()
        self.key, self.initial, self.waits = stage.key, stage.initial, stage.waits
        self.observe, self.dump, self.load = stage.observe, stage.dump, stage.load

    def decide(self, state: Any, received: Received[Any]) -> Step[Any]:
        return self._published(self._stage.decide(state, received))

    def tick(self, key: str, state: Any, now: int) -> Step[Any] | None:
        step = self._stage.tick(key, state, now)
        return None if step is None else self._published(step)

    def _published(self, step: Step[Any]) -> Step[Any]:
        return Step(step.state, tuple(replace(output, topic=self._out) for output in step.outputs))


class SharingOnOwnTopics(OnOwnTopics):
    """The same of a stage whose keys share a state."""

    def shared_key(self, received: Received[Any]) -> str:
        key: str = self._stage.shared_key(received)
        return key

    def decide_among(self, state: Any, shared: Any, received: Received[Any]) -> Step[Any]:
        return self._published(self._stage.decide_among(state, shared, received))


def a_stage(module: str, name: str, *given: object) -> Any:
    """A stage of the program; its libraries take seconds to load, which the other workers are spared."""
    return getattr(import_module(module), name)(*given)


# By kind: the stage, and what it publishes.
SERIES_STAGES: dict[str, tuple[Callable[[], Any], type]] = {
    "metrics": (partial(a_stage, "agents.detection.metrics_stage", "MetricsStage"), Anomaly),
    "breaches": (partial(a_stage, "agents.prediction.breaches_stage", "BreachesStage"), Prediction),
}


class SlowForwarder(Forwarder):
    """Takes its time for every call."""

    def __init__(self, bootstrap: str, client_id: str, slow_s: float) -> None:
        super().__init__(bootstrap, client_id)
        self._slow_s = slow_s

    async def send(self, topic: str, partition: int, pieces: Any, headers: Any) -> None:
        await asyncio.sleep(self._slow_s)
        await super().send(topic, partition, pieces, headers)


def count_line(received: Received[MetricPoint], count: int) -> LogLine:
    """What the counting stage says of a point."""
    return LogLine(
        incident_id=received.record.series, tenant="", environment="", service="", level=Severity.INFO,
        source=received.position.derived_id("counting"), message=str(count),
        occurred_at=received.record.occurred_at, received_at=received.position.arrived_at,
    )  # fmt: skip


def main(plan: WorkerPlan) -> None:
    """Run the plan until a signal."""
    configure_logs("INFO", plan.kind)
    at_once = SAMPLED_AT_ONCE if plan.kind == "edge" else DECIDED_AT_ONCE
    own = AppSettings(plan.group, plan.bootstrap, Path(plan.datadir), plan.partitions, at_once, plan.session_timeout_s)
    app = make_app(own)
    outbox = Outbox(plan.bootstrap, plan.group)
    run_app(app, _parts(plan, app, outbox), outbox, still_s=plan.watchdog_s)


def _parts(plan: WorkerPlan, app: Any, outbox: Outbox) -> list[Running]:
    topics = plan.topics
    if plan.kind == "stuck":
        attach_agent(app, Topic(topics["source"], MetricPoint), "stuck", _never)
        return []
    if plan.kind == "failing":
        app.timer(0.2)(_fail)
        attach_agent(app, Topic(topics["source"], MetricPoint), "failing", _never)
        return []
    if plan.kind == "edge":
        EdgeShell(
            app, SamplingRules(output_per_s=plan.output_per_s), outbox,
            SlowForwarder(plan.bootstrap, plan.group, plan.slow_s), Wire(), partitions=plan.partitions,
            topics=EdgeTopics(
                Topic(topics["alerts"], Alert), Topic(topics["sampled"], Alert),
                Topic(topics["account"], AlertAccount), Topic(topics["storms"], StormChanged),
            ),
        )  # fmt: skip
        return []
    if plan.kind == "grouping":
        heard = Topic(topics["heard"], AlertHeard)
        stages = (
            OnOwnTopics(
                a_stage("agents.grouping.hearings_stage", "HearingsStage"), Topic(topics["source"], Alert), heard
            ),
            OnOwnTopics(_impatient_grouping(), heard, Topic(topics["out"], GroupTold)),
        )
        return [
            StageShell(app, stage, outbox, Wire(), partitions=plan.partitions, bootstrap=plan.bootstrap)
            for stage in stages
        ]  # fmt: skip
    if plan.kind in SERIES_STAGES:
        make, record = SERIES_STAGES[plan.kind]
        stage = make()
        on = SharingOnOwnTopics if isinstance(stage, SharingStage) else OnOwnTopics
        own = on(stage, Topic(topics["source"], MetricPoint), Topic(topics["out"], record))
        return [StageShell(app, own, outbox, Wire(), partitions=plan.partitions, bootstrap=plan.bootstrap)]
    sources = tuple(Topic(topics[role], MetricPoint) for role in ("source", "other") if role in topics)
    stage = CountingStage(sources, Topic(topics["out"], LogLine), plan.slow_s)
    return [StageShell(app, stage, outbox, Wire(), partitions=plan.partitions, bootstrap=plan.bootstrap)]


def _impatient_grouping() -> Any:
    rules = import_module("agents.grouping.grouping_stage").HearingRules(wait_s=4.0)
    return a_stage("agents.grouping.grouping_stage", "GroupingStage", rules)


async def _never(_event: Any) -> None:
    await asyncio.Event().wait()


async def _fail() -> None:
    raise ValueError("a timer failed")


if __name__ == "__main__":
    main(WorkerPlan(**json.loads(sys.argv[1])))
