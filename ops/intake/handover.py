"""Handing over to Kafka: success is said after its acknowledgement; what waits is bounded; a retry joins what is on its way.

A record that Kafka has not acknowledged in time stays queued, and is delivered once when Kafka is back: its sender is told to
come again, and the repetition is recognised by its identity and waits for the same acknowledgement. So no outage makes two.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.intake.recent import Recent, compacted
from schemas.records.vocabulary import Millis
from streams.errors import DeliveryError
from streams.outbox import Message


class NothingSentError(DeliveryError):
    """The intake takes nothing now; of what was offered nothing is on its way."""


class Delivery(Protocol):
    """What the intake needs of a producer."""

    async def delivered(self, records: Sequence[Message]) -> list[str | None]:
        """Send records and wait for Kafka's answer to each: None, or why it was not taken."""


# Bodies of at most so many records go together where several come at once: a call of the client costs more than a record.
_FEW = 16
# Bodies without identities whose senders were told to come again.
_MOST_TOLD_LATER = 10_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of what waits for Kafka.

    Attributes:
        patience_s: how long a sender waits for the acknowledgement. most_bytes: what may wait, of all senders together.
        window_s, most_identities: as of `Recent`.
    """

    patience_s: float = 10.0
    most_bytes: int = 64 << 20
    window_s: int = 300
    most_identities: int = 200_000


@dataclass(eq=False, slots=True)
class _Carrier:
    """Records that go to Kafka together."""

    messages: list[Message]
    identities: list[str | None]
    size: int
    begun_s: float
    done: "asyncio.Future[Sequence[str | None]]"
    count: int


class Handover:
    """Hands batches over, on one event loop.

    Args:
        delivery: gives the producer, there once the application has started.
        bounds: what may wait, and how long. clock: epoch ms. monotonic: seconds that only grow.
    """

    def __init__(
        self,
        delivery: Callable[[], Delivery],
        bounds: Bounds,
        clock: Callable[[], Millis],
        monotonic: Callable[[], float],
    ) -> None:
        self._delivery = delivery
        self._bounds = bounds
        self._clock = clock
        self._monotonic = monotonic
        self._recent = Recent(bounds.window_s, bounds.most_identities)
        self._carriers: dict[_Carrier, None] = {}
        self._gathered: list[_Carrier] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_later: OrderedDict[str, _Carrier] = OrderedDict()
        self._recalling = False
        self.waiting_bytes = 0

    def await_recall(self) -> None:
        """Take nothing before `recalled` says that all is known which was taken earlier."""
        self._recalling = True

    def learn(self, identities: list[str]) -> None:
        """Kafka has alerts of these identities, from another process."""
        self._recent.turn(self._clock())
        self._recent.learned(identities)

    def recalled(self) -> None:
        """What was taken before this process began is known: it may begin."""
        self._recalling = False

    def check_open(self, incoming_bytes: int = 0) -> None:
        """Raises NothingSentError while too much waits, or the eldest of it longer than anybody's patience."""
        eldest = next(iter(self._carriers), None)
        if eldest is not None and self._monotonic() - eldest.begun_s > self._bounds.patience_s:
            raise NothingSentError(
                f"Kafka has not answered for {self._monotonic() - eldest.begun_s:.0f} s. Send it again when it is back."
            )
        if self.waiting_bytes + incoming_bytes > self._bounds.most_bytes:
            raise NothingSentError(
                f"{self.waiting_bytes} bytes wait for Kafka already, of {self._bounds.most_bytes}. Send it again more slowly."
            )

    async def hand_over(self, messages: list[Message], identities: Sequence[str | None], body_key: str = "") -> int:
        """Return once Kafka has every message, and how many it had already.

        Args:
            messages: at first those of `identities`, then others (dead letters).
            body_key: tells the body from others; "" where all that it holds has an identity. A sender that was told to come
                again sends the same body: it then joins what is on its way.

        Raises:
            DeliveryError: one was not taken, or not in time; it is on its way still, or was never sent.
        """
        if self._recalling:
            raise NothingSentError(
                "What was taken before the start is still being read from Kafka. Send it again in a moment."
            )
        self._recent.turn(self._clock())
        if body_key and (carrier := self._told_later.pop(body_key, None)) is not None:
            await self._acknowledged([carrier], body_key)
            return carrier.count
        fresh, fresh_ids, joined, known = self._sorted_out(messages, identities)
        duplicates = known + sum(joined.values())
        if fresh:
            # Repetitions wait without adding anything, so only what is new is held against the bounds.
            size = _size(fresh)
            self.check_open(size)
            joined[self._begin(fresh, fresh_ids, size)] = 0
        if joined:
            await self._acknowledged(list(joined), body_key)
        return duplicates

    def _sorted_out(
        self, messages: list[Message], identities: Sequence[str | None]
    ) -> tuple[list[Message], list[str | None], dict[_Carrier, int], int]:
        """What is new; those that are on their way with their carriers, counted; how many Kafka has."""
        ids: list[str | None] = compacted(identities)
        if self._recent.all_new(ids):
            return messages, ids, {}, 0
        fresh: list[Message] = []
        fresh_ids: list[str | None] = []
        joined: dict[_Carrier, int] = {}
        seen: set[str] = set()
        known = 0
        for at, message in enumerate(messages):
            identity = ids[at] if at < len(ids) else None
            if identity is not None:
                if identity in seen or self._recent.known(identity):
                    known += 1
                    continue
                carrier = self._recent.pending(identity)
                if isinstance(carrier, _Carrier):
                    joined[carrier] = joined.get(carrier, 0) + 1
                    continue
                seen.add(identity)
            fresh.append(message)
            fresh_ids.append(identity)
        return fresh, fresh_ids, joined, known

    def _begin(self, messages: list[Message], identities: list[str | None], size: int) -> _Carrier:
        loop = asyncio.get_running_loop()
        carrier = _Carrier(messages, identities, size, self._monotonic(), loop.create_future(), len(messages))
        self._recent.begun(identities, carrier)
        self._carriers[carrier] = None
        self.waiting_bytes += carrier.size
        if carrier.count > _FEW:
            self._send([carrier])
        else:
            self._gathered.append(carrier)
            if len(self._gathered) == 1:
                loop.call_soon(self._send_gathered)
        return carrier

    def _send_gathered(self) -> None:
        together, self._gathered = self._gathered, []
        self._send(together)

    def _send(self, carriers: list[_Carrier]) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(carriers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, carriers: list[_Carrier]) -> None:
        messages = carriers[0].messages if len(carriers) == 1 else [one for each in carriers for one in each.messages]
        answers: Sequence[str | None] = ["_STOPPED"] * len(messages)
        try:
            answers = await self._delivery().delivered(messages)
        except DeliveryError as error:
            answers = [str(error)] * len(messages)
        finally:
            first = 0
            for carrier in carriers:
                self._arrived(carrier, answers[first : first + carrier.count])
                first += carrier.count

    def _arrived(self, carrier: _Carrier, answers: Sequence[str | None]) -> None:
        self._recent.ended(carrier.identities, answers)
        del self._carriers[carrier]
        self.waiting_bytes -= carrier.size
        carrier.messages, carrier.identities = [], []
        if not carrier.done.done():
            carrier.done.set_result(answers)

    async def _acknowledged(self, carriers: list[_Carrier], body_key: str = "") -> None:
        waiting = {carrier.done for carrier in carriers}
        done, late = await asyncio.wait(waiting, timeout=self._bounds.patience_s)
        failures = [why for future in done for why in future.result() if why is not None]
        if failures:
            raise DeliveryError(f"Kafka did not take {len(failures)} records ({failures[0]}). Send it again.")
        if late:
            self._remember(body_key, carriers)
            raise DeliveryError(
                f"Kafka has not acknowledged within {self._bounds.patience_s:g} s. Send it again: what it takes meanwhile "
                "is recognised by id, or by condition and start."
            )

    def _remember(self, body_key: str, carriers: list[_Carrier]) -> None:
        if body_key and len(carriers) == 1:
            self._told_later[body_key] = carriers[0]
            if len(self._told_later) > _MOST_TOLD_LATER:
                self._told_later.popitem(last=False)


def _size(messages: list[Message]) -> int:
    return sum([len(value or b"") + len(key or b"") for _, key, value, _, _ in messages]) + 100 * len(messages)
