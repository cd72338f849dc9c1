"""What a worker says of itself, as events: over its budget, or too busy; seldom."""

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from ops.metrics.budgets import BUDGETS
from ops.metrics.signals import SignalPublisher, WorkSignals
from ops.metrics.worker import WorkerMeter
from schemas.records.log import WorkSignal
from schemas.samples import sample


class Machine:
    """Time and processor time by hand; keeps what is said."""

    def __init__(self) -> None:
        self.passed_s = self.used_s = 0.0
        self.said: list[WorkSignal] = []
        self.signals = WorkSignals(
            "analysis-1",
            self.said.append,
            lambda: int(self.passed_s * 1000),
            lambda: self.passed_s,
            lambda: self.used_s,
        )

    def works(self, seconds: float, share: float) -> None:
        """Time passes, busily; the watchdog looks every five seconds."""
        for _ in range(int(seconds / 5)):
            self.passed_s += 5
            self.used_s += 5 * share
            self.signals.look()


def test_a_stage_over_its_budget_is_an_event() -> None:
    """Which budget, by how much; through the meter that the stages tell."""
    machine = Machine()
    meter = WorkerMeter(CollectorRegistry(), machine.signals)
    for age_s in (1.0, 125.0):
        meter.worked("diagnosis", "incident.candidates", 3, 0.1, age_s)
    (said,) = machine.said
    assert (said.kind, said.worker, said.stage, said.limit) == ("over_budget", "analysis-1", "diagnosis", "target")
    assert (said.measured, said.allowed, said.topic) == (125.0, 120.0, "incident.candidates")


def test_a_stage_that_stays_behind_is_told_of_seldom_and_counted() -> None:
    """Every ten seconds, with how many there were."""
    machine = Machine()
    for _ in range(25):
        machine.signals.over_budget("diagnosis", "t", "most", 200.0, BUDGETS["diagnosis"])
        machine.passed_s += 1
    assert [(one.times, one.allowed) for one in machine.said] == [(1, 180.0), (10, 180.0), (10, 180.0)]
    assert len({one.signal_id for one in machine.said}) == 3


def test_above_seventy_percent_of_a_core_another_worker_is_due() -> None:
    """Over a minute, not for a moment; and again as long as it lasts."""
    machine = Machine()
    machine.works(120, 0.69)
    machine.works(10, 1.0)
    machine.works(50, 0.5)
    assert machine.said == []
    machine.works(120, 0.9)
    assert [(one.kind, one.measured, one.allowed) for one in machine.said] == [("scale_out", 0.9, 0.7)] * 2


def test_a_broker_that_is_away_holds_nobody_up() -> None:
    """Two thousand signals into the void: what does not fit is let go."""
    publisher = SignalPublisher("127.0.0.1:1")
    publisher.start()
    with capture_logs() as told:
        for _ in range(2_000):
            publisher(sample(WorkSignal))
        publisher.close()
    assert [line["event"] for line in told] == ["a signal is lost: Kafka takes none"] * 1_000
