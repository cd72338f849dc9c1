"""What a log and a broker do to a consumer in years: holes, transactions, retention, restarts; and workers that hang."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.embedded.kafka import EmbeddedKafka
from state.unreadable import UNREADABLE_BATCH
from streams.outbox import Message, Outbox
from streams.reading import read_all
from tests.support.bombs import write_bomb
from tests.support.mock_broker import write_raw_header
from tests.support.streaming import Log, Workers, point, points
from tests.support.waiting import eventually
from tests.support.worker import POISON, WorkerPlan

pytestmark = pytest.mark.kafka


@pytest.fixture
def plan(log: Log, unique: Callable[[str], str]) -> WorkerPlan:
    """The counting stage on two fresh source topics."""
    topics = {"source": unique("points"), "other": unique("others"), "out": unique("counts")}
    log.create(*topics.values())
    return WorkerPlan("counting", unique("group"), log.bootstrap, "", topics)


def test_what_cannot_be_read_or_decided_becomes_a_dead_letter_and_the_rest_is_counted(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """On every source of the stage: not Avro, truncated, empty, huge, and a record that the decision fails on."""
    good = point("series-0")
    bad = {
        b"{}": "not_avro",
        good[:6]: "truncated",
        good[:-3]: "malformed",
        good + b"!": "trailing_bytes",
        b"": "empty",
        b"\x00" * 2_000_000: "unknown_schema",
        point("series-0", POISON): "stage_failed",
    }
    records = [("series-0", value) for each in bad for value in (good, each)] + [("series-0", good)]
    for role in ("source", "other"):
        log.produce(plan.topics[role], records, **{"message.max.bytes": 2_090_000})
    workers.start(plan)
    log.await_done(plan.group, plan.topics["source"], plan.topics["other"])
    for role in ("source", "other"):
        assert {letter.value: letter.reason for letter in log.dead(plan.topics[role])} == bad
    assert log.counted(plan.group) == {"series-0": 2 * (len(bad) + 1)}


def test_transactions_are_read_when_committed_and_their_markers_passed(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """Aborted records are not processed; the group's lag is 0 although markers and aborted records have offsets."""
    producer = Producer({"bootstrap.servers": log.bootstrap, "transactional.id": plan.group})
    producer.init_transactions(30)
    for number in range(20):
        producer.begin_transaction()
        for key, value in points(40, series=4):
            producer.produce(plan.topics["source"], value, key)
        producer.flush(30)
        if number % 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    workers.start(plan)
    log.await_done(plan.group, plan.topics["source"])
    assert log.count(plan.topics["source"]) > 20 * 40
    assert log.counted(plan.group) == {f"series-{n}": 100 for n in range(4)}


def test_a_compacted_topic_is_read_over_its_holes(
    log: Log, plan: WorkerPlan, workers: Workers, unique: Callable[[str], str]
) -> None:
    """Most offsets are gone, at the beginning, in the middle; what is left is counted once and the lag is 0."""
    compacted = unique("compacted")
    eager = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.01",
        "segment.ms": "100",
        "segment.bytes": "1048576",
    }
    log.create(compacted, partitions=4, config=eager)
    log.produce(compacted, points(4_000, series=40))
    left = 4_000
    while left == 4_000:  # until the cleaner, which looks every 15 s, was here
        log.produce(compacted, points(40, series=40))  # rolls the segment
        left = sum(1 for _ in read_all(log.bootstrap, compacted)) if log.count(compacted) > 4_040 else 4_000
        left = 4_000 if left >= log.count(compacted) else left
    before = len(list(read_all(log.bootstrap, compacted)))
    workers.start(WorkerPlan(**{**plan.__dict__, "topics": {**plan.topics, "source": compacted}}))
    log.await_done(plan.group, compacted)
    counted = sum(log.counted(plan.group).values())
    # The cleaner may come again meanwhile.
    after = len(list(read_all(log.bootstrap, compacted)))
    assert 0 < after <= counted <= before < log.count(compacted)


def test_header_names_that_are_no_text_stop_no_worker(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """On a source and on a changelog: the record is counted as any other, and so is what follows it."""
    source = plan.topics["source"]
    log.produce(source, points(40, series=4))
    write_raw_header(log.bootstrap, source, point("series-0"), 0)
    log.produce(source, points(40, series=4))
    first = workers.start(plan)
    log.await_done(plan.group, source)
    workers.kill(first)
    write_raw_header(log.bootstrap, f"{plan.group}-counting-changelog", b'{"u":{},"s":{"n":0}}', 0)
    write_raw_header(log.bootstrap, source, point("series-0"), 1)
    log.produce(source, points(40, series=4))
    workers.start(plan)
    log.await_done(plan.group, source)
    # The two were written past the partitioner, so series-0 may be in three partitions; k is the row that was written.
    assert log.counted(plan.group) == {"series-0": 32, "series-1": 30, "series-2": 30, "series-3": 30, "k": 0}


def test_batches_that_unpack_to_too_much_stop_no_worker(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """On a source and on a changelog, whatever they are packed with: each is one dead letter, and what is behind it counts."""
    source = plan.topics["source"]
    log.produce(source, points(40, series=4))
    for compression in ("zstd", "gzip", "lz4"):
        write_bomb(log.bootstrap, source, records=3, compression=compression)
    log.produce(source, points(40, series=4))
    first = workers.start(plan)
    log.await_done(plan.group, source)
    workers.kill(first)
    write_bomb(log.bootstrap, f"{plan.group}-counting-changelog")
    log.produce(source, points(40, series=4))
    workers.start(plan)
    log.await_done(plan.group, source)
    assert log.counted(plan.group) == {f"series-{n}": 30 for n in range(4)}
    letters = log.dead(source)
    assert [(letter.value, letter.reason, len(letter.headers)) for letter in letters] == [
        (None, UNREADABLE_BATCH, 1)
    ] * 3


def test_records_that_retention_took_do_not_hold_the_group_up(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """The committed offset is older than the log: it goes on with what is left."""
    log.produce(plan.topics["source"], points(400, series=4))
    first = workers.start(plan)
    log.await_done(plan.group, plan.topics["source"])
    workers.stop(first)
    log.produce(plan.topics["source"], points(4_000, series=4))
    ends = log.ends(plan.topics["source"])
    cut = [TopicPartition(plan.topics["source"], p, end - 10) for p, end in ends.items() if end > 10]
    admin = AdminClient({"bootstrap.servers": log.bootstrap})
    for future in admin.delete_records(cut).values():
        future.result(30)
    workers.start(plan)
    log.await_done(plan.group, plan.topics["source"])
    assert sum(log.counted(plan.group).values()) == 400 + 10 * len(cut)


async def test_an_outbox_with_a_full_queue_makes_its_sender_wait(log: Log, plan: WorkerPlan) -> None:
    """With room for 64 kB in the client, 4 MB of records go through, all of them."""
    outbox = Outbox(log.bootstrap, "small", queue_kbytes=64)
    try:
        await outbox.send([Message(plan.topics["out"], b"%d" % n, bytes(4_000)) for n in range(1_000)])
        assert log.count(plan.topics["out"]) == 1_000
    finally:
        outbox.close()


@pytest.mark.parametrize(("kind", "says"), [("failing", "a timer failed"), ("stuck", "stands at offset 0")])
def test_a_worker_that_cannot_go_on_ends(log: Log, plan: WorkerPlan, workers: Workers, kind: str, says: str) -> None:
    """A timer that fails, an agent that never comes back: the process ends with an error, so that it is started again."""
    log.produce(plan.topics["source"], points(400, series=4))
    process = workers.start(WorkerPlan(**{**plan.__dict__, "kind": kind, "watchdog_s": 1.0}))
    assert process.wait(60) != 0
    assert says in workers.logs()


@pytest.mark.chaos
def test_a_worker_goes_on_when_kafka_comes_back(
    tmp_path: Path, jars_dir: Path, workers: Workers, unique: Callable[[str], str]
) -> None:
    """The broker dies while a stage works, and is started again: nothing is lost, nothing counted twice, no restart needed."""
    kafka = EmbeddedKafka(tmp_path / "home", jars_dir=jars_dir)
    try:
        log = Log(kafka.up().address)
        topics = {"source": unique("points"), "out": unique("counts")}
        log.create(*topics.values())
        plan = WorkerPlan("counting", unique("group"), log.bootstrap, "", topics)
        log.produce(topics["source"], points(6_000))
        worker = workers.start(plan)
        eventually(lambda: log.count(topics["out"]) > 500, limit_s=60)
        kafka.kill()
        assert kafka.up().address == log.bootstrap
        log.produce(topics["source"], points(6_000))
        log.await_done(plan.group, topics["source"])
        assert worker.poll() is None
        assert set(log.counted(plan.group).values()) == {120}
    finally:
        workers.end()
        kafka.down()
