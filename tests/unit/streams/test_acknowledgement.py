"""Delivery reports of records that share a callback become an answer for each of them."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from streams.acknowledgement import Acknowledgement
from streams.outbox import Message

TIMED_OUT = SimpleNamespace(name=lambda: "_MSG_TIMED_OUT")


def report(record: Message) -> Any:
    """What the client hands over with its answer."""
    return SimpleNamespace(key=lambda: record.key, value=lambda: record.value)


async def answers(records: Sequence[Message], failed: Sequence[Message], refused: int | None = None) -> tuple[Any, Any]:
    """What each record is told, and what the producer counts."""
    told: list[tuple[int, Sequence[str]]] = []
    answer = Acknowledgement(records, asyncio.get_running_loop(), lambda *said: told.append(said))
    for at, record in enumerate(records):
        if at == refused:
            answer.failed(at, "too large")
        else:
            answer.heard(TIMED_OUT if record in failed else None, report(record))
    return await answer.result(), told


async def test_a_failure_is_its_records() -> None:
    """Found by key and value; one that was never sent is told by its place."""
    records = [Message("t", b"%d" % n, b"v") for n in range(4)]
    assert await answers(records, records[2:3], refused=0) == (
        ["too large", None, "_MSG_TIMED_OUT", None], [(2, ["_MSG_TIMED_OUT"])],
    )  # fmt: skip


async def test_of_records_of_the_same_bytes_as_many_fail_as_failed() -> None:
    """Which of them is all the same."""
    told, counted = await answers([Message("t", b"k", b"v")] * 3, [])
    assert (told, counted) == ([None] * 3, [(3, [])])
    twins = [Message("t", b"k", b"v"), Message("t", b"k", b"v")]
    assert (await answers(twins, twins))[0] == ["_MSG_TIMED_OUT"] * 2


async def test_a_failure_of_which_nobody_can_tell_whose_it_is_is_everybodys() -> None:
    """Nothing counts as taken that may not be."""
    records = [Message("t", b"k", b"1"), Message("t", b"k", b"2")]
    answer = Acknowledgement(records, asyncio.get_running_loop(), lambda *_: None)
    answer.heard(None, report(records[0]))
    answer.heard(TIMED_OUT, report(Message("t", b"k", b"another")))
    assert await answer.result() == ["_MSG_TIMED_OUT"] * 2


async def test_nothing_to_send_is_answered_at_once() -> None:
    """Without any report."""
    assert await answers([], []) == ([], [])
