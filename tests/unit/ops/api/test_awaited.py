"""Answers for coroutines: made once, waited for without threads, a little stale where that spares waiting."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from ops.api.awaited import Awaited


class Clock:
    """Seconds, by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def making(what: str, go: threading.Event, made: list[str]) -> Callable[[], str]:
    """Makes it once it may."""

    def make() -> str:
        assert go.wait(10)
        made.append(what)
        return what

    return make


async def until(question: Callable[[], bool]) -> None:
    """Ask until it is so."""
    for _ in range(1_000):
        if question():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true within 10 s")


async def test_hundreds_who_wait_for_one_answer_hold_one_thread() -> None:
    """More of them than there are threads; somebody else is answered meanwhile."""
    go, made, answers = threading.Event(), list[str](), Awaited[str](1.0)
    waiting = [asyncio.create_task(answers.get("slow", making("slow", go, made))) for _ in range(200)]
    await asyncio.sleep(0.05)
    assert await asyncio.wait_for(answers.get("other", lambda: "quick"), 5) == "quick"
    waiting[0].cancel()  # who goes away ends it for nobody else
    go.set()
    assert await asyncio.gather(*waiting[1:]) == ["slow"] * 199
    assert made == ["slow"]


async def test_what_is_a_little_stale_is_given_while_it_is_made_anew() -> None:
    """Once; what is older than that is waited for."""
    clock, made, go = Clock(), list[str](), threading.Event()
    answers = Awaited[str](1.0, 2.0, clock)
    go.set()
    assert await answers.get("a", making("first", go, made)) == "first"
    go.clear()
    clock.now_s = 1.5
    assert [await answers.get("a", making("second", go, made)) for _ in range(3)] == ["first"] * 3
    go.set()
    await until(lambda: answers.held("a") is not None)
    assert (answers.held("a"), made) == ("second", ["first", "second"])
    clock.now_s = 9.0
    assert await answers.get("a", making("third", go, made)) == "third"


async def test_what_was_changed_meanwhile_is_made_anew() -> None:
    """Who asks after a change does not get what was begun before it."""
    made, go, answers = list[str](), threading.Event(), Awaited[str](1.0, 5.0)
    before = asyncio.create_task(answers.get("a", making("before", go, made)))
    await asyncio.sleep(0.05)
    answers.forget()
    after = asyncio.create_task(answers.get("a", lambda: "after"))
    await asyncio.sleep(0.05)
    go.set()
    assert (await before, await after, answers.held("a")) == ("before", "after", "after")


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    """The next who asks tries again."""
    answers = Awaited[str](1.0)

    def fails() -> str:
        raise LookupError("gone")

    for told in await asyncio.gather(*(answers.get("a", fails) for _ in range(3)), return_exceptions=True):
        assert isinstance(told, LookupError)
    assert await answers.get("a", lambda: "there") == "there"
    with pytest.raises(LookupError):
        await answers.get("b", fails)
