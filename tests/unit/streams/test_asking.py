"""A command is sent, and its own answer found among those of others."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.codec import Codec
from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from schemas.samples import sample
from streams.asking import Asker
from streams.errors import BrokerUnreachableError, SilentSequencerError
from streams.topics import COMMANDS, CONFLICTS, EVENTS
from tests.support.commands import command
from tests.support.mock_broker import MockBroker

Answers = Callable[[IncidentCommand], list[tuple[str, bytes]]]


class FakeSequencer:
    """Answers each command by records of any topics, in the command's partition."""

    def __init__(self, broker: MockBroker, answers: Answers) -> None:
        self._broker, self._answers = broker, answers
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        consumer = Consumer(
            {"bootstrap.servers": self._broker.bootstrap, "group.id": "fake", "enable.auto.commit": False}
        )
        places = [TopicPartition(COMMANDS.name, p) for p in range(4)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]
        consumer.assign(places)
        self._ready.set()
        while not self._stopping.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                asked = Codec(IncidentCommand).decode(message.value())
                for topic, value in self._answers(asked):
                    self._broker.producer.produce(topic, value, partition=message.partition() or 0)
                self._broker.producer.flush(10)
        consumer.close()


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    """A broker of this file's own, with the topics."""
    found = MockBroker()
    for topic in (COMMANDS, CONFLICTS, EVENTS):
        found.producer.list_topics(topic.name, timeout=10)
    return found


@pytest.fixture
def sequencer(broker: MockBroker) -> Iterator[Callable[[Answers], None]]:
    """Starts a sequencer."""
    running: list[FakeSequencer] = []
    yield lambda answers: running.append(FakeSequencer(broker, answers))
    for one in running:
        one.stop()


def event_of(one: IncidentCommand) -> bytes:
    """The event that a command became."""
    return Codec(IncidentEvent).encode(
        sample(IncidentEvent, event_id=one.command_id, incident_id=one.incident_id, version=7)
    )


def refusal_of(one: IncidentCommand) -> bytes:
    """Why it did not."""
    return Codec(CommandRefused).encode(sample(CommandRefused, command_id=one.command_id, reason="It is stale."))


def test_the_event_that_a_command_became_is_its_answer(
    broker: MockBroker, sequencer: Callable[[Answers], None]
) -> None:
    """Others' events, refusals and records of nobody are passed over."""
    other = replace(command(), command_id="of-another")
    sequencer(lambda one: [
        (EVENTS.name, b"no event"), (EVENTS.name, event_of(other)), (CONFLICTS.name, refusal_of(other)),
        (EVENTS.name, event_of(one)),
    ])  # fmt: skip
    with Asker(broker.bootstrap, patience_s=20) as ask:
        answer = ask(command(command_id="mine"))
    assert isinstance(answer, IncidentEvent)
    assert (answer.event_id, answer.version) == ("mine", 7)


def test_a_refusal_is_an_answer_and_an_old_one_is_none(
    broker: MockBroker, sequencer: Callable[[Answers], None]
) -> None:
    """The second try of the same command is answered by its own."""
    kinds = iter([[(CONFLICTS.name, refusal_of)], [(EVENTS.name, event_of)]])
    sequencer(lambda one: [(topic, made(one)) for topic, made in next(kinds)])
    with Asker(broker.bootstrap, patience_s=20) as ask:
        first, second = ask(command(command_id="again")), ask(command(command_id="again"))
    assert isinstance(first, CommandRefused)
    assert isinstance(second, IncidentEvent)


def test_without_a_sequencer_there_is_no_answer(broker: MockBroker) -> None:
    """With what to look at; the command may still be taken up."""
    with Asker(broker.bootstrap, patience_s=0.5) as ask, pytest.raises(SilentSequencerError, match="breakwater status"):
        ask(command(command_id="unheard"))


def test_without_a_broker_it_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address, and what to do."""
    monkeypatch.setattr("streams.asking._LOOK_UP_S", 0.5)
    with Asker("127.0.0.1:1", patience_s=0.5) as ask, pytest.raises(BrokerUnreachableError, match=r"127\.0\.0\.1:1"):
        ask(command())
