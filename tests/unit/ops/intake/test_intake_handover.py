"""Handing over: exactly one record of a repetition, whatever Kafka does; and what waits is bounded."""

import asyncio
from typing import Any

import pytest

from ops.intake.handover import Bounds, Handover
from ops.intake.limits import SlidingWindow
from ops.intake.recent import Recent
from streams.errors import DeliveryError
from streams.outbox import Message
from tests.support.intake import FakeDelivery
from tests.support.waiting import soon


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def ms(self) -> int:
        """Epoch milliseconds."""
        return int(self.now_s * 1000)

    def s(self) -> float:
        """Seconds."""
        return self.now_s


@pytest.fixture
def delivery() -> FakeDelivery:
    """Takes everything."""
    return FakeDelivery()


@pytest.fixture
def clock() -> Clock:
    """Stands."""
    return Clock()


def over(delivery: FakeDelivery, clock: Clock, **bounds: float) -> Handover:
    """A handover that waits no time."""
    given = {"patience_s": 0.01, **bounds}
    return Handover(lambda: delivery, Bounds(**given), clock.ms, clock.s)  # type: ignore[arg-type]


def message(text: str) -> Message:
    """A message."""
    return Message("alerts", b"k", text.encode())


async def test_a_repetition_makes_no_second_record(delivery: FakeDelivery, clock: Clock) -> None:
    """Within a body, and from body to body."""
    handover = over(delivery, clock)
    assert await handover.hand_over([message("a"), message("a")], ["a", "a"]) == 1
    assert await handover.hand_over([message("a"), message("b")], ["a", "b"]) == 1
    assert [m.value for m in delivery.taken] == [b"a", b"b"]


async def test_what_has_no_identity_is_new_each_time(delivery: FakeDelivery, clock: Clock) -> None:
    """Two alerts that say the same are two where nothing tells that they are one."""
    handover = over(delivery, clock)
    await handover.hand_over([message("a"), message("a")], [None, None])
    assert len(delivery.taken) == 2


async def test_a_retry_joins_what_is_on_its_way(delivery: FakeDelivery, clock: Clock) -> None:
    """503 while Kafka is away; the retries wait for the same record, which is there once."""
    handover = over(delivery, clock)
    delivery.gate.clear()
    for _ in range(2):
        with pytest.raises(DeliveryError, match="not acknowledged"):
            await handover.hand_over([message("a")], ["a"])
    delivery.gate.set()
    assert await handover.hand_over([message("a")], ["a"]) == 1
    assert len(delivery.taken) == 1


async def test_a_body_without_ids_that_was_told_to_come_again_is_recognised_once(
    delivery: FakeDelivery, clock: Clock
) -> None:
    """The same body after a 503 is the retry; the same body once more is another."""
    handover = over(delivery, clock)
    delivery.gate.clear()
    with pytest.raises(DeliveryError):
        await handover.hand_over([message("a")], [None], "body")
    delivery.gate.set()
    await soon(lambda: len(delivery.taken) == 1)
    assert await handover.hand_over([message("a")], [None], "body") == 1
    assert len(delivery.taken) == 1
    await handover.hand_over([message("a")], [None], "body")
    assert len(delivery.taken) == 2


async def test_what_kafka_refused_may_come_again(delivery: FakeDelivery, clock: Clock) -> None:
    """A failure is not remembered as a success."""
    handover = over(delivery, clock)
    delivery.failure = "_MSG_TIMED_OUT"
    with pytest.raises(DeliveryError, match="_MSG_TIMED_OUT"):
        await handover.hand_over([message("a")], ["a"])
    delivery.failure = None
    assert await handover.hand_over([message("a")], ["a"]) == 0
    assert len(delivery.taken) == 1


async def test_while_the_eldest_waits_too_long_others_are_told_at_once(delivery: FakeDelivery, clock: Clock) -> None:
    """Nobody queues up behind an outage; once it is over, everybody may come."""
    handover = over(delivery, clock, patience_s=0.5)
    delivery.gate.clear()
    first = asyncio.create_task(handover.hand_over([message("a")], ["a"]))
    await soon(lambda: handover.waiting_bytes > 0)
    clock.now_s += 1
    with pytest.raises(DeliveryError, match="has not answered for 1 s"):
        await handover.hand_over([message("b")], ["b"])
    delivery.gate.set()
    assert await first == 0
    assert await handover.hand_over([message("b")], ["b"]) == 0


async def test_bodies_that_come_at_once_go_together_and_each_has_its_own_answer(
    delivery: FakeDelivery, clock: Clock
) -> None:
    """One call of the client for all; what Kafka refuses of one is not told to the others, and a large one goes by itself."""
    calls: list[int] = []

    class InPart(FakeDelivery):
        async def delivered(self, records: Any) -> list[str | None]:
            calls.append(len(records))
            return ["_MSG_TIMED_OUT" if record.value == b"1" else None for record in records]

    handover = over(InPart(), clock, patience_s=5)
    bodies = [([message(str(n))], [str(n)]) for n in range(3)]
    bodies.append(([message(f"many-{n}") for n in range(50)], [f"many-{n}" for n in range(50)]))
    said = await asyncio.gather(*(handover.hand_over(*body) for body in bodies), return_exceptions=True)
    assert [str(one) for one in said] == ["0", str(said[1]), "0", "0"]
    assert isinstance(said[1], DeliveryError)
    assert sorted(calls) == [3, 50]
    assert await handover.hand_over([message("0"), message("2")], ["0", "2"]) == 2
    assert handover.waiting_bytes == 0


async def test_what_waits_is_bounded_in_bytes(delivery: FakeDelivery, clock: Clock) -> None:
    """Beyond the bound nothing is taken in, and memory stays."""
    handover = over(delivery, clock, most_bytes=1000)
    delivery.gate.clear()
    with pytest.raises(DeliveryError, match="acknowledged"):
        await handover.hand_over([message("x" * 700)], ["a"])
    with pytest.raises(DeliveryError, match="bytes wait for Kafka already"):
        await handover.hand_over([message("x" * 300)], ["b"])
    assert handover.waiting_bytes == 801
    delivery.gate.set()
    await soon(lambda: handover.waiting_bytes == 0)


def test_identities_are_forgotten_after_the_window() -> None:
    """Not before half of it."""
    recent = Recent(window_s=10, most=100)
    recent.turn(0)
    recent.ended(["a"], [None])
    recent.turn(5_000)
    assert recent.known("a")
    recent.turn(10_000)
    assert not recent.known("a")


def test_identities_are_bounded_in_number() -> None:
    """The newest half at least is kept."""
    recent = Recent(window_s=10, most=100)
    for n in range(1000):
        recent.turn(0)
        recent.ended([str(n)], [None])
    assert len(recent) <= 100
    assert all(recent.known(str(n)) for n in range(951, 1000))


def test_a_rate_slides() -> None:
    """Half of the elder window counts when half of it is still in sight."""
    window = SlidingWindow(10, 10.0)
    assert window.charge("k", 10, 5.0) is None
    assert window.charge("k", 1, 9.0) is not None
    assert window.charge("other", 10, 9.0) is None
    assert window.charge("k", 5, 15.0) is None
    assert window.charge("k", 1, 15.0) is not None
    assert window.charge("k", 10, 40.0) is None
