"""Two sequencers of one partition, and one that is killed again and again: one chain remains, without gap, fork or repeat."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ops.verifying import verify_store
from state.event_log import read_events
from state.kafka_store import EventStoreWriter, StoreTopics
from tests.support.event_writing import accounted_log
from tests.support.halting_writer import FENCED
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka

KILLING_S = 150


@pytest.fixture
def topics(kafka_bootstrap: str, unique: Callable[[str], str]) -> StoreTopics:
    """A store of the test's own, of one partition; the commands' topic stays without records."""
    names = StoreTopics(*map(unique, ("events", "snapshots", "conflicts", "commands")))
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    config = {"cleanup.policy": "compact"}
    new = [NewTopic(name, 1, 1, config=config) for name in (names.events, names.snapshots, names.conflicts)]
    for future in admin.create_topics(new).values():
        future.result(30)
    return names


@contextmanager
def child(module: str, bootstrap: str, prefix: str, topics: StoreTopics) -> Iterator["subprocess.Popen[str]"]:
    """A writer in a process of its own, which does not outlive the block."""
    names = [topics.events, topics.snapshots, topics.conflicts, topics.commands]
    line = [sys.executable, "-m", f"tests.support.{module}", bootstrap, "0", prefix, *names]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def assert_one_chain(bootstrap: str, topics: StoreTopics, events: int) -> None:
    """Every version once, from 1 on, each bound to the one before; no command twice."""
    verdict = verify_store(bootstrap, events_topic=topics.events, snapshots_topic=topics.snapshots)
    assert (verdict.faults, verdict.events) == ((), events)
    found = [stored.event for stored in read_events(bootstrap, topic=topics.events)]
    assert [event.version for event in found] == list(range(1, events + 1))
    assert len({event.event_id for event in found}) == events


@pytest.mark.chaos
def test_an_owner_that_was_frozen_in_a_transaction_cannot_end_it(
    kafka_bootstrap: str, topics: StoreTopics, topic_prefix: str
) -> None:
    """Its records are at the broker when it is stopped (SIGSTOP); another one takes the partition over; it wakes up fenced."""
    with child("halting_writer", kafka_bootstrap, topic_prefix, topics) as older:
        assert older.stdout is not None
        assert older.stdout.readline() == "in a transaction\n"
        eventually(lambda: is_stopped(older.pid))
        with EventStoreWriter(kafka_bootstrap, 0, topics=topics, id_prefix=topic_prefix) as newer:
            assert newer.ledger.heads["inc-1"].version == 10
            assert len(newer.append(accounted_log(15)).events) == 5
            os.kill(older.pid, signal.SIGCONT)
            assert older.wait(60) == FENCED
            assert len(newer.append(accounted_log(30)[15:]).events) == 15
    assert_one_chain(kafka_bootstrap, topics, 30)


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_a_writer_that_is_killed_at_random_for_minutes_leaves_one_chain(
    kafka_bootstrap: str, topics: StoreTopics, topic_prefix: str
) -> None:
    """While two processes keep the machine busy; each next one begins where the log ends, and gets some commands again."""
    chance, deadline, deaths = random.Random(5), time.monotonic() + KILLING_S, 0
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        while time.monotonic() < deadline:
            with child("event_writing", kafka_bootstrap, topic_prefix, topics) as writer:
                assert writer.stdout is not None
                for _ in range(chance.randint(0, 40)):
                    assert writer.stdout.readline()
                deaths += 1
    finally:
        for one in busy:
            one.kill()
            one.wait()
    with EventStoreWriter(kafka_bootstrap, 0, topics=topics, id_prefix=topic_prefix) as last:
        version = last.ledger.heads["inc-1"].version
        assert len(last.append(accounted_log(version + 20)).events) == 20
    assert_one_chain(kafka_bootstrap, topics, version + 20)
    assert deaths > 2  # on a machine that does other work, too, a start takes many seconds
