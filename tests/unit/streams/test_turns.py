"""Work in pieces: one after the other with rounds of the event loop in between, in the order of those who asked."""

import asyncio
import time
from itertools import pairwise

import pytest

from streams.turns import Steps, Turns, whole


class Rounds:
    """Counts the rounds of the running loop, from now on."""

    def __init__(self) -> None:
        self.number = 0
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self.number += 1
        asyncio.get_running_loop().call_soon(self._next)


def steps(name: str, count: int, done: list[str], takes_s: float = 0.0) -> Steps[str]:
    """Work that says what it did."""
    for step in range(count):
        time.sleep(takes_s)
        done.append(f"{name}{step}")
        yield
    return name


async def test_between_two_pieces_the_loop_gets_to_all_else() -> None:
    """Also one that comes in the round in which another is done; a fetch or an acknowledgement takes some ten rounds."""
    turns, rounds, had = Turns(), Rounds(), list[int]()

    async def piece() -> None:
        async with turns:
            had.append(rounds.number)

    async def comes_later() -> None:
        await asyncio.sleep(0)
        await piece()

    await asyncio.gather(piece(), piece(), comes_later(), piece(), comes_later())
    assert len(had) == 5
    assert all(after - before >= 10 for before, after in pairwise(had))


async def test_after_a_long_piece_the_next_one_is_sooner() -> None:
    """Where work lies in heaps, more rounds than a fetch needs would hold it up."""
    turns, rounds, had = Turns(), Rounds(), list[int]()

    async def piece() -> None:
        async with turns:
            had.append(rounds.number)
            whole(steps("a", 1, [], takes_s=0.02))

    await asyncio.gather(*(piece() for _ in range(3)))
    assert all(2 <= after - before <= 8 for before, after in pairwise(had))


async def test_long_work_gives_way_to_others() -> None:
    """Steps that take longer than a piece are done in turns; short ones go on."""
    turns, done = Turns(), list[str]()
    first, second = await asyncio.gather(
        turns.through(steps("a", 3, done, takes_s=0.03)), turns.through(steps("b", 3, done, takes_s=0.03))
    )
    assert first + second == "ab"
    assert done.index("b0") < done.index("a2")
    assert done.index("a2") < done.index("b2")
    done.clear()
    await asyncio.gather(turns.through(steps("a", 2, done)), turns.through(steps("b", 2, done)))
    assert done == ["a0", "a1", "b0", "b1"]


async def test_work_that_fails_leaves_the_turn_to_others() -> None:
    """And its error reaches whoever asked."""
    turns = Turns()

    def failing() -> Steps[None]:
        yield
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await turns.through(failing())
    assert await turns.through(steps("a", 1, [])) == "a"


def test_in_one_go_it_comes_to_the_same() -> None:
    """Where there is no loop."""
    done: list[str] = []
    assert whole(steps("a", 3, done)) == "a"
    assert done == ["a0", "a1", "a2"]
