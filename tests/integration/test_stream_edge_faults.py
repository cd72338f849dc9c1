"""Sampling under what happens to workers, brokers and logs: after each, the raw topic is recounted and the account is exact."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer

from ops.embedded.kafka import EmbeddedKafka
from streams.partitioning import PARTITIONER
from streams.reading import read_all
from tests.support.alerts import storm
from tests.support.recount import recounted
from tests.support.streaming import Log, Workers
from tests.support.waiting import eventually
from tests.support.worker import WorkerPlan

pytestmark = pytest.mark.kafka

STAMPED = {"message.timestamp.type": "LogAppendTime"}


def made(log: Log, unique: Callable[[str], str], config: dict[str, str] | None = None) -> WorkerPlan:
    """Sampling on fresh topics."""
    topics = {role: unique(role) for role in ("alerts", "sampled", "account", "storms")}
    log.create(topics["alerts"], config={**STAMPED, **(config or {})})
    log.create(topics["sampled"], topics["account"], topics["storms"])
    return WorkerPlan("edge", unique("group"), log.bootstrap, "", topics)


@pytest.fixture
def plan(log: Log, unique: Callable[[str], str]) -> WorkerPlan:
    """Sampling on fresh topics of the run's Kafka."""
    return made(log, unique)


def begun(log: Log, plan: WorkerPlan) -> bool:
    """Whether any alert went on."""
    return log.count(plan.topics["sampled"]) > 0


@pytest.mark.chaos
def test_three_workers_come_and_go(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """Two join while alerts come, one is killed, one leaves: partitions change hands and no alert is counted twice."""
    log.produce(plan.topics["alerts"], storm(40_000, 80))
    first = workers.start(plan)
    eventually(lambda: begun(log, plan), limit_s=120)
    second, _ = workers.start(plan), workers.start(plan)
    log.produce(plan.topics["alerts"], storm(40_000, 80))
    eventually(lambda: log.members(plan.group) == 3, limit_s=120)
    log.produce(plan.topics["alerts"], storm(40_000, 80))
    workers.kill(second)
    log.produce(plan.topics["alerts"], storm(40_000, 80))
    workers.stop(first)
    log.await_done(plan.group, plan.topics["alerts"])
    assert recounted(plan).received == 160_000


@pytest.mark.chaos
def test_a_worker_that_was_frozen_writes_nothing_into_its_successors_account(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """Its session ends, another takes over and works on; then it wakes up with batches in its hands."""
    log.produce(plan.topics["alerts"], storm(60_000, 40))
    first = workers.start(plan)
    eventually(lambda: begun(log, plan), limit_s=120)
    first.send_signal(signal.SIGSTOP)
    workers.start(plan)
    log.produce(plan.topics["alerts"], storm(30_000, 40))
    log.await_done(plan.group, plan.topics["alerts"])
    first.send_signal(signal.SIGCONT)
    log.produce(plan.topics["alerts"], storm(30_000, 40))
    log.await_done(plan.group, plan.topics["alerts"])
    assert recounted(plan).received == 120_000


@pytest.mark.chaos
def test_slow_outputs_hold_the_source_up_and_lose_nothing(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """What goes on is taken slowly: fetching waits for it, so memory is bounded, and in the end everything is accounted for."""
    log.produce(plan.topics["alerts"], storm(80_000, 20))
    slow = replace(plan, slow_s=0.2)
    workers.start(slow)
    log.await_done(plan.group, plan.topics["alerts"])
    assert recounted(plan).received == 80_000


def test_aborted_transactions_and_markers_are_passed(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """Only what was committed is sampled and counted, and the lag is 0 behind markers."""
    settings = {"bootstrap.servers": log.bootstrap, "transactional.id": plan.group, "partitioner": PARTITIONER}
    producer = Producer(settings)
    producer.init_transactions(30)
    for number in range(12):
        producer.begin_transaction()
        for key, value in storm(500, 20):
            producer.produce(plan.topics["alerts"], value, key)
        producer.flush(30)
        if number % 3:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    workers.start(plan)
    log.await_done(plan.group, plan.topics["alerts"])
    assert recounted(plan).received == 4_000


def test_compaction_holes_are_passed(log: Log, unique: Callable[[str], str], workers: Workers) -> None:
    """Batches of which compaction has left a few records, or none: what is left is counted."""
    eager = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100"}
    plan = made(log, unique, eager)
    source = plan.topics["alerts"]
    log.produce(source, storm(8_000, 400))

    def cleaned() -> bool:
        log.produce(source, storm(400, 400))  # rolls the segment
        return sum(1 for _ in read_all(log.bootstrap, source)) < 8_000

    eventually(cleaned, limit_s=120)
    workers.start(plan)
    log.await_done(plan.group, source)
    assert 0 < recounted(plan).received < 8_000


@pytest.mark.chaos
def test_a_worker_goes_on_when_kafka_comes_back(
    tmp_path: Path, jars_dir: Path, workers: Workers, unique: Callable[[str], str]
) -> None:
    """The broker dies with batches under way: they are sent again, or the worker ends and the next one does it."""
    kafka = EmbeddedKafka(tmp_path / "home", jars_dir=jars_dir)
    try:
        log = Log(kafka.up().address)
        plan = made(log, unique)
        log.produce(plan.topics["alerts"], storm(60_000, 40))
        first = workers.start(plan)
        eventually(lambda: begun(log, plan), limit_s=120)
        kafka.kill()
        assert kafka.up().address == log.bootstrap
        log.produce(plan.topics["alerts"], storm(20_000, 40))
        eventually(lambda: first.poll() is not None or log.lag(plan.group, plan.topics["alerts"]) == 0, limit_s=120)
        if first.poll() is not None:
            workers.start(plan)
        log.await_done(plan.group, plan.topics["alerts"])
        assert recounted(plan).received == 80_000
    finally:
        workers.end()
        kafka.down()
