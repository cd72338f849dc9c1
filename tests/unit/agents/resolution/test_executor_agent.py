"""The executor: does what was intended once, verifies it, and always says how it went."""

# ruff: noqa: ARG002 - doubles have the shape of what they stand for

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agents.resolution.errors import ExecutorError
from agents.resolution.executor_agent import ActionExecutor, ExecutionLimits
from agents.resolution.executors import Executor, Outcome
from agents.resolution.health import Health, HealthCheck, HealthLimits
from agents.resolution.outcomes import OutcomeLog
from agents.resolution.plan import Plan, intent_of, make_plan
from agents.resolution.targets import Target
from schemas.records.command import ActionRecord, ActionState
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action
from streams.stage import Output, Received
from streams.topics import ACTIONS, COMMANDS
from tests.support.episode import INCIDENT, NOW, completed, decision, event, records

CHECKOUT = Target(
    service="checkout", tenant="acme", environment="prod", executor="process", max_instances=3,
    health_url="http://127.0.0.1:9/health",
)  # fmt: skip


class FakeTargets:
    """Checkout, unless it is taken away."""

    def __init__(self) -> None:
        self.target: Target | None = CHECKOUT

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        return self.target


class FakeHealth(HealthCheck):
    """Healthy or not, at once."""

    def __init__(self, healthy: bool = True) -> None:
        super().__init__(HealthLimits())
        self.healthy = healthy

    async def verify(self, url: str) -> Health:
        return Health(self.healthy, 5, "healthy at check 5" if self.healthy else "not healthy in 5 checks")


class FakeExecutor:
    """A target that remembers what was done to it. A CancelledError stands for kill -9: it comes behind the effect, once."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.undone: list[str] = []
        self.refusal: str | None = None
        self.error: BaseException | None = None
        self.can_undo = False
        self.gate: Callable[[Plan], asyncio.Event] | None = None

    async def dry_run(self, plan: Plan) -> str | None:
        return self.refusal

    async def find(self, plan: Plan) -> Outcome | None:
        if plan.action_id not in self.effects:
            return None
        return Outcome("process 1 ended, 2 started", undone=plan.action_id in self.undone)

    async def execute(self, plan: Plan) -> Outcome:
        if self.gate is not None:
            await self.gate(plan).wait()
        if self.error is not None and not isinstance(self.error, asyncio.CancelledError):
            raise self.error
        self.effects.append(plan.action_id)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return Outcome("process 1 ended, 2 started")

    async def undo(self, plan: Plan) -> Outcome | None:
        if not self.can_undo:
            return None
        self.undone.append(plan.action_id)
        return Outcome("process 2 ended", undone=True)


class Bench:
    """An executor agent with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.executor, self.targets, self.health = FakeExecutor(), FakeTargets(), FakeHealth()
        self.executors: dict[str, Executor] = {"process": self.executor}
        self.now, self.limit_s, self._folder = NOW, 300.0, folder

    def agent(self) -> ActionExecutor:
        """A new one, as after a restart of the worker."""
        return ActionExecutor(
            self.executors, self.targets, self.health, OutcomeLog(self._folder / "outcomes.jsonl"),
            clock=lambda: self.now, limits=ExecutionLimits(limit_s=self.limit_s),
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def intent(number: int = 1, *, incident_id: str = INCIDENT, action: Action = Action.RESTART) -> Received[IncidentEvent]:
    """A committed ActionIntended."""
    agreed = decision(decision_id=f"decision-{number}", incident_id=incident_id, action=action).record
    record = intent_of(make_plan(agreed, CHECKOUT, NOW), {})
    return event("ActionIntended", record, incident_id=incident_id, version=number)


def record_of(item: Received[IncidentEvent]) -> ActionRecord:
    agreed = decision(decision_id=f"decision-{item.record.version}", incident_id=item.record.incident_id).record
    return intent_of(make_plan(agreed, CHECKOUT, NOW), {})


def outcome(outputs: list[Output]) -> ActionRecord:
    (record,) = records(outputs, ACTIONS)
    assert isinstance(record, ActionRecord)
    return record


def types(outputs: list[Output]) -> list[str]:
    return [command.type for command in records(outputs, COMMANDS)]


async def test_an_intent_is_carried_out_and_verified(bench: Bench) -> None:
    """Done once, healthy: completed, and the incident is resolved by it."""
    outputs = await bench.agent().handle([intent()])
    assert len(bench.executor.effects) == 1
    assert types(outputs) == ["ActionCompleted", "IncidentResolved"]
    record = outcome(outputs)
    assert (record.state, record.healthy, record.checks, record.reconciled) == (ActionState.SUCCEEDED, True, 5, False)
    assert '"how":"restart verified healthy"' in records(outputs, COMMANDS)[1].payload


async def test_after_a_crash_behind_the_effect_it_is_found_and_not_repeated(bench: Bench) -> None:
    """The worker dies after the effect and before any note of it: its successor asks the target, and verifies."""
    bench.executor.error = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await bench.agent().handle([intent()])
    assert len(bench.executor.effects) == 1
    outputs = await bench.agent().handle([intent()])
    assert len(bench.executor.effects) == 1
    assert (outcome(outputs).state, outcome(outputs).reconciled) == (ActionState.SUCCEEDED, True)


async def test_a_redelivery_says_the_same_again(bench: Bench) -> None:
    """Handled again after its outputs were lost: the same outcome and the same command ids, no second effect."""
    first = await bench.agent().handle([intent()])
    bench.health.healthy, bench.now = False, NOW + 60_000
    again = await bench.agent().handle([intent()])
    assert outcome(again) == outcome(first)
    assert [c.command_id for c in records(again, COMMANDS)] == [c.command_id for c in records(first, COMMANDS)]
    assert len(bench.executor.effects) == 1


async def test_a_refusal_once_told_is_not_thought_over(bench: Bench) -> None:
    """Told as failed, the action is not done by a redelivery that finds the obstacle gone."""
    bench.executor.refusal = "the unit is not defined"
    await bench.agent().handle([intent()])
    bench.executor.refusal = None
    outputs = await bench.agent().handle([intent()])
    assert outcome(outputs).state == ActionState.FAILED
    assert "nothing was done: the unit is not defined" in outcome(outputs).detail
    assert bench.executor.effects == []


async def test_an_action_whose_outcome_is_in_the_log_is_passed_over(bench: Bench) -> None:
    """The stream holds the outcome behind the intent, in the same batch or an earlier one."""
    item = intent()
    done = completed(record_of(item), ActionState.SUCCEEDED, healthy=True)
    agent = bench.agent()
    assert await agent.handle([item, done]) == []
    assert await agent.handle([item]) == []
    assert bench.executor.effects == []


async def test_a_target_that_stays_unhealthy_fails_with_what_was_tried(bench: Bench) -> None:
    """A restart that does not help cannot be taken back: failed, with effect, checks and reason."""
    bench.health.healthy = False
    outputs = await bench.agent().handle([intent()])
    record = outcome(outputs)
    assert types(outputs) == ["ActionCompleted"]
    assert (record.state, record.healthy, record.checks) == (ActionState.FAILED, False, 5)
    assert record.detail == "process 1 ended, 2 started; not healthy in 5 checks; a restart cannot be taken back"


async def test_what_can_be_taken_back_is(bench: Bench) -> None:
    """A scale-up that does not help is rolled back, and a redelivery neither repeats it nor takes it back again."""
    bench.health.healthy, bench.executor.can_undo = False, True
    outputs = await bench.agent().handle([intent(action=Action.SCALE_UP)])
    assert outcome(outputs).state == ActionState.ROLLED_BACK
    assert outcome(outputs).detail.endswith("process 2 ended")
    assert types(outputs) == ["ActionCompleted"]


async def test_a_crash_behind_the_undo_is_found(bench: Bench) -> None:
    """The worker dies after taking the action back: its successor finds it undone."""
    item = intent(action=Action.SCALE_UP)
    bench.executor.effects = bench.executor.undone = [record_of(item).action_id]
    outputs = await bench.agent().handle([item])
    assert outcome(outputs).state == ActionState.ROLLED_BACK
    assert len(bench.executor.effects) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ExecutorError("the engine does not answer"), "the engine does not answer"),
        (ZeroDivisionError("x"), "the executor process failed: ZeroDivisionError: x"),
        (TimeoutError("its own"), "the executor process failed: TimeoutError: its own"),
    ],
)
async def test_an_executor_s_error_is_an_outcome(bench: Bench, error: Exception, reason: str) -> None:
    """Whatever an executor raises, the intent gets its outcome with the reason."""
    bench.executor.error = error
    record = outcome(await bench.agent().handle([intent()]))
    assert record.state == ActionState.FAILED
    assert reason in record.detail


async def test_the_time_of_an_action_is_bounded(bench: Bench) -> None:
    """An executor that hangs fails at the limit, and says that the effect may yet come."""
    never = asyncio.Event()
    bench.executor.gate, bench.limit_s = (lambda _: never), 0.05
    record = outcome(await bench.agent().handle([intent()]))
    assert record.state == ActionState.FAILED
    assert "may yet take effect" in record.detail


async def test_incidents_do_not_wait_for_each_other(bench: Bench) -> None:
    """The first incident's action ends only once the second's has begun: one after the other, this would hang."""
    second_began = asyncio.Event()

    def gate(plan: Plan) -> asyncio.Event:
        if plan.incident_id == "inc-b":
            second_began.set()
        return second_began

    bench.executor.gate, bench.limit_s = gate, 10.0
    outputs = await bench.agent().handle([intent(1, incident_id="inc-a"), intent(2, incident_id="inc-b")])
    assert [record.state for record in records(outputs, ACTIONS)] == [ActionState.SUCCEEDED] * 2


async def test_one_incident_s_actions_come_in_order(bench: Bench) -> None:
    """Within an incident the first is completed before the second begins."""
    items = [intent(1), intent(2)]
    await bench.agent().handle(items)
    assert bench.executor.effects == [record_of(item).action_id for item in items]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: setattr(b, "now", NOW + 301_000), "the intent is 301 s old"),
        (lambda b: setattr(b.targets, "target", None), "does not allow RESTART on checkout any more"),
        (
            lambda b: setattr(b.targets, "target", CHECKOUT.model_copy(update={"unit": "other"})),
            "was changed in targets.json",
        ),
        (lambda b: b.executors.clear(), "has no executor 'process'"),
    ],
    ids=["too old", "target removed", "target changed", "no executor"],
)
async def test_what_changed_since_the_intent_forbids_it(
    bench: Bench, change: Callable[[Bench], None], reason: str
) -> None:
    """An intent is not begun late, nor on a target that the operator has taken away or changed."""
    change(bench)
    record = outcome(await bench.agent().handle([intent()]))
    assert record.state == ActionState.FAILED
    assert reason in record.detail
    assert bench.executor.effects == []


async def test_an_episode_that_ended_before_the_action_began_is_left_alone(bench: Bench) -> None:
    """Its alerts cleared while the intent waited: nothing is done to a healthy service."""
    resolved = event("IncidentResolved", {"how": "alerts cleared"}, version=3)
    record = outcome(await bench.agent().handle([intent(), resolved]))
    assert "the episode had ended" in record.detail
    assert bench.executor.effects == []


async def test_a_forged_plan_is_not_carried_out(bench: Bench) -> None:
    """The hash binds the plan that the intent carries."""
    item = intent()
    forged = replace(item, record=replace(item.record, payload=item.record.payload.replace("prod", "test")))
    record = outcome(await bench.agent().handle([forged]))
    assert "no plan that its hash is of" in record.detail
    assert bench.executor.effects == []


async def test_an_intent_that_cannot_be_read_stops_nobody(bench: Bench) -> None:
    """The others of the batch are carried out."""
    outputs = await bench.agent().handle([event("ActionIntended", {"of": "another version"}, version=1), intent(2)])
    assert len(bench.executor.effects) == 1
    assert outcome(outputs).state == ActionState.SUCCEEDED
