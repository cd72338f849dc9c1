"""The event store when its broker dies: short outages are waited out, long ones are told, and nothing is written twice."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from ops.embedded.kafka import EmbeddedKafka
from ops.verifying import verify_store
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.errors import StoreUnavailableError
from state.event_log import event_key, read_events
from state.kafka_store import EventStoreWriter
from state.ledger import PartitionLedger
from state.transactions import Batch, Transactions
from streams.topics import COMMANDS, CONFLICTS, EVENTS, SNAPSHOTS, create_topics
from tests.support.event_writing import accounted_log

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

PARTITIONS = 4


@pytest.fixture
def server(tmp_path: Path, jars_dir: Path) -> Iterator[EmbeddedKafka]:
    """A Kafka that the test may kill, with the store's topics."""
    kafka = EmbeddedKafka(tmp_path, jars_dir=jars_dir)
    try:
        create_topics(kafka.up().address, PARTITIONS, 1, (EVENTS, SNAPSHOTS, CONFLICTS, COMMANDS))
        yield kafka
    finally:
        kafka.down()


def is_whole(bootstrap: str, count: int) -> bool:
    """Whether the store holds this many events and nothing is wrong with them."""
    verdict = verify_store(bootstrap)
    assert (verdict.faults, verdict.events) == ((), count)
    return len(list(read_events(bootstrap))) == count


def test_a_broker_that_comes_back_in_time_is_waited_for(server: EmbeddedKafka) -> None:
    """The append that was under way ends as if nothing had happened."""
    bootstrap = server.status().address
    commands = accounted_log(30)
    with EventStoreWriter(bootstrap, 0, patience_s=90.0) as store:
        store.append(commands[:10])
        server.kill()
        back = threading.Thread(target=server.up)
        back.start()
        assert len(store.append(commands[:30]).events) == 20
        back.join()
    assert is_whole(bootstrap, 30)


def test_a_broker_that_stays_away_is_told_and_reopening_continues(server: EmbeddedKafka) -> None:
    """Whether the last batch was written is found out by opening anew."""
    bootstrap = server.status().address
    commands = accounted_log(30)
    store = EventStoreWriter(bootstrap, 0, patience_s=10.0)
    store.open()
    store.append(commands[:10])
    server.kill()
    with pytest.raises(StoreUnavailableError, match="breakwater kafka status"):
        store.append(commands[10:20])
    with pytest.raises(StoreUnavailableError, match="is closed"):
        store.append(commands[10:20])
    server.up()
    with EventStoreWriter(bootstrap, 0, patience_s=60.0) as again:
        again.append(commands[5:30])
    assert is_whole(bootstrap, 30)


def test_records_that_the_broker_left_hanging_are_ended(server: EmbeddedKafka) -> None:
    """Killed between the answer to a commit and its markers, Kafka may never write these; nothing comes twice for it."""
    bootstrap = server.status().address
    commands = {partition: accounted_log(20, f"inc-{partition}") for partition in range(PARTITIONS)}
    dying = [Transactions(bootstrap, f"breakwater-sequencer-{partition}", partition, 20.0) for partition in commands]
    for transactions in dying:
        transactions.open()
    # The broker's very first markers take it longest.
    for partition, transactions in enumerate(dying):
        step = PartitionLedger().decide(commands[partition][:10], 1)
        transactions.run(lambda batch, events=step.events: send_events(batch, events))  # type: ignore[misc]
    server.kill()
    server.up()
    for partition, log in commands.items():
        with EventStoreWriter(bootstrap, partition) as store:
            store.append(log[:15])
            store.append(log[5:])
    assert is_whole(bootstrap, 20 * PARTITIONS)


def send_events(batch: Batch, events: tuple[IncidentEvent, ...]) -> None:
    """Write events as a writer does that dies before it sees them."""
    for event in events:
        batch.send(EVENTS.name, event_key(event.incident_id, event.version), Codec(IncidentEvent).encode(event))


def test_an_event_log_whose_beginning_was_deleted_is_noticed(server: EmbeddedKafka) -> None:
    """Compaction never does this; a person with the wrong command can."""
    bootstrap = server.status().address
    with EventStoreWriter(bootstrap, 0) as store:
        result = store.append(accounted_log(20))
    admin = AdminClient({"bootstrap.servers": bootstrap})
    cut = TopicPartition(EVENTS.name, 0, result.events[5].offset)
    # A compacted topic lets nobody delete records, until it is told to.
    change_policy(admin, "compact,delete")
    delete_records(admin, cut)
    verdict = verify_store(bootstrap)
    assert [(fault.kind, fault.version) for fault in verdict.faults] == [("gap", 1)]
    with EventStoreWriter(bootstrap, 0) as again:
        refused = again.append(accounted_log(21)[20:]).refusals
    assert "Its chain is damaged: version 6 follows version 0" in refused[0].reason


def change_policy(admin: AdminClient, policy: str) -> None:
    """Set the cleanup policy of the events' topic."""
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, EVENTS.name, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)


def delete_records(admin: AdminClient, before: TopicPartition) -> None:
    """Delete records, once the broker knows that it may."""
    deadline = time.monotonic() + 30
    while True:
        try:
            for future in admin.delete_records([before]).values():
                future.result(30)
        except KafkaException:
            assert time.monotonic() < deadline
        else:
            return
