"""What a worker says to Prometheus."""

from dataclasses import replace
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from ops.lag.judgement import LagRow, LagStatus
from ops.metrics.budgets import BUDGETS
from ops.metrics.lag import LagCollector
from ops.metrics.published import MeteredWire
from ops.metrics.server import MetricsServer, metrics_port
from ops.metrics.worker import CommitSensor, WorkerMeter
from ops.settings import Settings
from schemas.records.analysis import Prediction
from schemas.records.command import Decision
from schemas.records.log import DeadLetter
from schemas.records.sampling import AlertAccount
from schemas.samples import sample
from streams.stage import Output
from streams.topics import ACCOUNT, DEAD_LETTERS, DECISIONS, PREDICTIONS, TOPICS, Topic


@pytest.fixture
def registry() -> CollectorRegistry:
    """Metrics of one worker."""
    return CollectorRegistry()


@pytest.mark.parametrize(("age_s", "target", "most"), [(119.0, None, None), (121.0, 1.0, None), (181.0, None, 1.0)])
def test_a_batch_is_judged_by_its_stages_budget(
    registry: CollectorRegistry, age_s: float, target: float | None, most: float | None
) -> None:
    """Diagnosis has 120 s, and 180 s at most; only what is over is a violation, by the limit that it broke."""
    WorkerMeter(registry).worked("diagnosis", "recommendations", 7, 0.2, age_s)

    def violations(limit: str) -> float | None:
        labels = {"stage": "diagnosis", "limit": limit}
        return registry.get_sample_value("breakwater_stage_budget_violations_total", labels)

    assert (violations("target"), violations("most")) == (target, most)
    records = {"stage": "diagnosis", "topic": "recommendations"}
    assert registry.get_sample_value("breakwater_stage_records_total", records) == 7
    assert registry.get_sample_value("breakwater_stage_age_seconds_sum", {"stage": "diagnosis"}) == age_s


def test_the_budgets_are_metrics_too(registry: CollectorRegistry) -> None:
    """So that dashboards and rules need not repeat them; each has its target below its most."""
    WorkerMeter(registry)
    told = registry.get_sample_value("breakwater_stage_budget_seconds", {"stage": "sender", "limit": "most"})
    assert told == BUDGETS["sender"].most_s == 30
    assert all(budget.target_s < budget.most_s for budget in BUDGETS.values())


def test_commits_and_rebalances_are_counted(registry: CollectorRegistry) -> None:
    """As Faust tells of them."""
    sensor = CommitSensor(registry)
    sensor.on_commit_completed(None, sensor.on_commit_initiated(None))
    sensor.on_rebalance_start(None)
    assert registry.get_sample_value("breakwater_commit_seconds_count") == 1
    assert registry.get_sample_value("breakwater_rebalances_total") == 1


def test_what_is_published_is_counted_by_kind(registry: CollectorRegistry) -> None:
    """Dead letters by stage and reason, decisions by action and whether they need nobody."""
    wire = MeteredWire(registry)
    letter = replace(sample(DeadLetter), stage="sampling", reason="not_avro")
    wire.message(Output(DEAD_LETTERS, "k", letter))
    wire.message(Output(DECISIONS, "k", replace(sample(Decision), autonomous=False)))
    assert registry.get_sample_value("breakwater_dead_letters_total", {"stage": "sampling", "reason": "not_avro"}) == 1
    action = str(sample(Decision).action)
    assert registry.get_sample_value("breakwater_decisions_total", {"action": action, "autonomous": "false"}) == 1


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_whatever_is_published_can_be_counted(registry: CollectorRegistry, topic: Topic) -> None:
    """A count that fails would make a dead letter of a good decision."""
    made = MeteredWire(registry).message(Output(topic, "k", sample(topic.record)))
    assert (made.topic, made.value is not None) == (topic.name, True)


def account(received: int, total: int) -> AlertAccount:
    """Half is kept, half suppressed."""
    return replace(
        sample(AlertAccount), received=received, total_received=total, total_kept=total // 2,
        total_suppressed=total - total // 2, total_late=0, total_dead_lettered=0,
    )  # fmt: skip


@pytest.mark.parametrize(("first", "counted"), [(account(100, 100), 260.0), (account(40, 5_000), 160.0)])
def test_alerts_are_counted_from_running_totals(
    registry: CollectorRegistry, first: AlertAccount, counted: float
) -> None:
    """Told again, an account adds nothing; what an incident had before this worker is not counted anew."""
    wire, total = MeteredWire(registry), first.total_received
    for one in (first, first, account(150, total + 60), account(10, total + 160)):
        wire.message(Output(ACCOUNT, "k", one))
    fates = {fate: registry.get_sample_value("breakwater_alerts_total", {"fate": fate}) for fate in
             ("received", "kept", "suppressed", "late", "dead_lettered")}  # fmt: skip
    assert fates == {"received": counted, "kept": counted / 2, "suppressed": counted / 2, "late": 0, "dead_lettered": 0}


def test_prometheus_scrapes_a_worker_on_a_port_of_its_own(registry: CollectorRegistry) -> None:
    """On loopback; a second worker that finds the port taken goes on without."""
    WorkerMeter(registry).stood(1.5)
    first = MetricsServer("127.0.0.1", 0, registry)
    first.start()
    second = MetricsServer("127.0.0.1", first.port, registry)
    second.start()
    with urlopen(f"http://127.0.0.1:{first.port}/metrics", timeout=5) as answer:
        assert b"breakwater_watchdog_still_seconds 1.5" in answer.read()
    assert second.port == 0
    second.close()
    first.close()


def test_each_worker_of_a_machine_has_its_port() -> None:
    """Three of a role's first instance, then three of its second; 0 is off for all."""
    on, off = Settings(metrics_port=9101), Settings()
    ports = [metrics_port(on, role, number) for number in ("1", "2") for role in ("edge", "analysis", "command")]
    assert ports == [9101, 9102, 9103, 9104, 9105, 9106]
    assert metrics_port(off, "command", "2") == 0


def test_lag_has_the_names_that_dashboards_know(registry: CollectorRegistry) -> None:
    """Messages, seconds, and one status of five that holds; a time to close only where there is one."""
    row = LagRow("billing", "orders", 3, 40, 61.5, 0.0, None, LagStatus.STALL, ["inc-1"])
    registry.register(LagCollector(lambda: [row]))
    place = {"group": "billing", "topic": "orders", "partition": "3"}
    assert registry.get_sample_value("kafka_consumergroup_group_lag", place) == 40
    assert registry.get_sample_value("kafka_consumergroup_group_lag_seconds", place) == 61.5
    assert registry.get_sample_value("breakwater_lag_eta_seconds", place) is None
    holds = {
        s.value: registry.get_sample_value("breakwater_lag_status", {**place, "status": s.value}) for s in LagStatus
    }
    assert [status for status, value in holds.items() if value] == ["STALL"]


def test_predictions_and_what_became_of_them_are_told_apart(registry: CollectorRegistry) -> None:
    """An outcome is no prediction; by its squared error the Brier score follows."""
    wire, made = MeteredWire(registry), sample(Prediction)
    wire.message(Output(PREDICTIONS, "key", replace(made, outcome="", model="a line")))
    wire.message(Output(PREDICTIONS, "key", replace(made, outcome="hit", squared_error=0.04, model="a line")))
    assert registry.get_sample_value("breakwater_predictions_total") == 1
    labels = {"model": "a line", "outcome": "hit"}
    assert registry.get_sample_value("breakwater_predictions_verified_total", labels) == 1
    assert registry.get_sample_value("breakwater_prediction_squared_errors_total", {"model": "a line"}) == 0.04
