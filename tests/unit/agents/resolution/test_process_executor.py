"""The executor agent on real process units: what the demo does, without Kafka."""

# ruff: noqa: ARG002 - doubles have the shape of what they stand for

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.resolution.executor_agent import ActionExecutor
from agents.resolution.health import HealthCheck, HealthLimits
from agents.resolution.outcomes import OutcomeLog
from agents.resolution.plan import intent_of, make_plan
from agents.resolution.process_executor import ProcessExecutor
from agents.resolution.process_units import ProcessUnits
from agents.resolution.targets import Target
from schemas.records.command import ActionRecord, ActionState
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action
from streams.stage import Received
from streams.topics import ACTIONS
from tests.support.episode import NOW, decision, event, records
from tests.support.waiting import answers, eventually, free_port

SERVICE = Path(__file__).parents[3] / "support" / "small_service.py"


class Bench:
    """One unit `checkout` and the agent that acts on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.units = ProcessUnits(folder / "units", stop_patience_s=5.0)
        self.target = Target(
            service="checkout", tenant="acme", environment="prod", executor="process", max_instances=2,
            health_url=f"http://127.0.0.1:{self.port}/health",
        )  # fmt: skip

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        """Implements Targets."""
        return self.target

    def define(self, mode: str, *, previous: str | None = None) -> None:
        commands = [[sys.executable, str(SERVICE), str(self.port), m] for m in (mode, previous or mode)]
        self.units.define(
            "checkout", commands[0], workdir=self.folder, previous_command=commands[1] if previous else None
        )
        self.units.start("checkout")

    def intent(self, action: Action) -> Received[IncidentEvent]:
        record = intent_of(make_plan(decision(action=action).record, self.target, NOW), {})
        return event("ActionIntended", record)

    async def _until_it_answers(self, _: float) -> None:
        await asyncio.to_thread(eventually, lambda: answers(self.port))

    async def handle(self, item: Received[IncidentEvent]) -> ActionRecord:
        """By a new agent each time, as after a restart of the worker."""
        agent = ActionExecutor(
            {"process": ProcessExecutor(ProcessUnits(self.folder / "units", stop_patience_s=5.0))}, self,
            HealthCheck(HealthLimits(tries=3, timeout_s=2.0), self._until_it_answers),
            OutcomeLog(self.folder / "outcomes.jsonl"), clock=lambda: NOW,
        )  # fmt: skip
        (record,) = records(await agent.handle([item]), ACTIONS)
        assert isinstance(record, ActionRecord)
        return record


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path)
    try:
        yield found
    finally:
        for name in found.units.names():
            found.units.stop(name)


async def test_a_real_restart_is_verified(bench: Bench) -> None:
    """The process is another one and answers: succeeded."""
    bench.define("ok")
    before = bench.units.status("checkout").pid
    record = await bench.handle(bench.intent(Action.RESTART))
    assert (record.state, record.healthy) == (ActionState.SUCCEEDED, True)
    assert bench.units.status("checkout").pid != before


async def test_a_redelivered_restart_leaves_the_process_alone(bench: Bench) -> None:
    """Even where the worker lost its own note of the outcome: the unit remembers."""
    bench.define("ok")
    item = bench.intent(Action.RESTART)
    await bench.handle(item)
    after = bench.units.status("checkout").pid
    (bench.folder / "outcomes.jsonl").unlink()
    record = await bench.handle(item)
    assert (record.state, record.reconciled) == (ActionState.SUCCEEDED, True)
    assert bench.units.status("checkout").pid == after


async def test_a_target_that_stays_unhealthy_fails(bench: Bench) -> None:
    """It was restarted and says `failing` still: failed, with what was tried."""
    bench.define("failing")
    record = await bench.handle(bench.intent(Action.RESTART))
    assert (record.state, record.healthy, record.checks) == (ActionState.FAILED, False, 3)
    assert "started checkout as process" in record.detail
    assert "status 'failing'" in record.detail
    assert "cannot be taken back" in record.detail


async def test_a_rollback_that_does_not_help_is_rolled_forward(bench: Bench) -> None:
    """The previous command is no better: the unit runs by its former command again."""
    bench.define("failing", previous="degraded")
    record = await bench.handle(bench.intent(Action.ROLLBACK))
    assert record.state == ActionState.ROLLED_BACK
    assert bench.units.status("checkout").command[-1] == "failing"


@pytest.mark.parametrize(
    ("action", "reason"),
    [(Action.SCALE_UP, "is not scalable"), (Action.ROLLBACK, "no previous command to roll back to")],
)
async def test_what_the_unit_cannot_do_is_refused(bench: Bench, action: Action, reason: str) -> None:
    """The dry run tells, and nothing is touched."""
    bench.define("ok")
    before = bench.units.status("checkout")
    record = await bench.handle(bench.intent(action))
    assert record.state == ActionState.FAILED
    assert reason in record.detail
    assert bench.units.status("checkout") == before


async def test_a_unit_that_is_not_defined_fails_with_the_way_out(bench: Bench) -> None:
    """The reason says what to correct."""
    record = await bench.handle(bench.intent(Action.RESTART))
    assert record.state == ActionState.FAILED
    assert "No process unit checkout is defined" in record.detail
