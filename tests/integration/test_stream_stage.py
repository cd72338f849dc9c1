"""A keyed stage in real processes, against a real Kafka: killed, joined, stopped, frozen; nothing lost, nothing counted twice."""

import signal
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest

from schemas.codec import Codec
from schemas.identity import derived_id
from schemas.records.intake import LogLine
from streams.reading import read_all
from tests.support.streaming import Log, Workers, points
from tests.support.waiting import eventually
from tests.support.worker import WorkerPlan

pytestmark = pytest.mark.kafka

SERIES = 100


@pytest.fixture
def plan(log: Log, unique: Callable[[str], str]) -> WorkerPlan:
    """The counting stage on fresh topics."""
    topics = {"source": unique("points"), "out": unique("counts")}
    log.create(*topics.values())
    return WorkerPlan("counting", unique("group"), log.bootstrap, "", topics)


def outputs(log: Log, plan: WorkerPlan) -> dict[str, set[tuple[str, str]]]:
    """What was said under each id: the series and its count."""
    codec, said = Codec(LogLine), defaultdict(set)
    for message in read_all(log.bootstrap, plan.topics["out"]):
        line = codec.decode(message.value)
        said[line.source].add((line.incident_id, line.message))
    return said


def expected_ids(log: Log, plan: WorkerPlan) -> set[str]:
    """The id of every record of the source."""
    source = plan.topics["source"]
    return {derived_id("counting", source, p, o) for p, end in log.ends(source).items() for o in range(end)}


def assert_exact(log: Log, plan: WorkerPlan, per_series: int) -> None:
    """Every record is in the rows once, and was told of; what was told of twice was told of alike."""
    assert log.counted(plan.group) == {f"series-{n}": per_series for n in range(SERIES)}
    said = outputs(log, plan)
    assert said.keys() == expected_ids(log, plan)
    assert all(len(different) == 1 for different in said.values())


@pytest.mark.chaos
def test_a_worker_that_is_killed_has_lost_nothing_and_counts_nothing_twice(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """50,000 records, kill -9 in the middle, another worker goes on: rows are exact, outputs complete."""
    log.produce(plan.topics["source"], points(50_000, SERIES))
    first = workers.start(plan)
    eventually(lambda: log.count(plan.topics["out"]) > 8_000, limit_s=60)
    workers.kill(first)
    workers.start(plan)
    log.await_done(plan.group, plan.topics["source"])
    assert_exact(log, plan, 500)
    # The changelog was there before the first worker looked for it.
    assert "not found in cluster metadata" not in workers.logs()
    assert "Ignoring missing topic" not in workers.logs()


def test_a_worker_that_is_stopped_in_a_rebalance_leaves_its_group_at_once(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """Its joining waits for a worker that hangs, whose session is long: nobody waits for the one that stops as well."""
    patient = replace(plan, session_timeout_s=60.0)
    log.produce(plan.topics["source"], points(400, SERIES))
    first = workers.start(patient)
    eventually(lambda: log.count(plan.topics["out"]) > 100, limit_s=60)
    first.send_signal(signal.SIGSTOP)
    second = workers.start(patient)
    eventually(lambda: log.members(plan.group) == 2, limit_s=60)
    assert workers.stop(second) == 0
    eventually(lambda: log.members(plan.group) == 1, limit_s=10)


@pytest.mark.chaos
def test_workers_come_and_go_under_load(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """A second worker joins, the first is stopped: partitions change hands twice and the counts stay exact."""
    log.produce(plan.topics["source"], points(12_000, SERIES))
    first = workers.start(plan)
    eventually(lambda: log.count(plan.topics["out"]) > 1_000, limit_s=60)
    workers.start(plan)
    log.produce(plan.topics["source"], points(8_000, SERIES))
    eventually(lambda: log.count(plan.topics["out"]) > 9_000, limit_s=60)
    assert workers.stop(first) == 0
    log.await_done(plan.group, plan.topics["source"])
    assert_exact(log, plan, 200)


@pytest.mark.chaos
def test_a_worker_that_was_frozen_past_its_session_spoils_nothing(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """It wakes up with batches and rows of partitions that another worker has taken over."""
    log.produce(plan.topics["source"], points(12_000, SERIES))
    frozen = workers.start(plan)
    eventually(lambda: log.count(plan.topics["out"]) > 1_000, limit_s=60)
    frozen.send_signal(signal.SIGSTOP)
    workers.start(plan)
    said = log.count(plan.topics["out"])
    eventually(lambda: log.count(plan.topics["out"]) > said + 1_000, limit_s=60)
    frozen.send_signal(signal.SIGCONT)
    log.produce(plan.topics["source"], points(8_000, SERIES))
    log.await_done(plan.group, plan.topics["source"])
    assert_exact(log, plan, 200)
