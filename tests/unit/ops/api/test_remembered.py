"""One answer for all who ask the same within a moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ops.api.remembered import Remembered


class Clock:
    """Seconds, by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_an_answer_holds_for_its_time() -> None:
    """By key; then it is made anew."""
    clock = Clock()
    answers, made = Remembered[int](1.0, clock), iter(range(10))
    assert [answers.get("a", made.__next__), answers.get("a", made.__next__), answers.get("b", made.__next__)] == [
        0,
        0,
        1,
    ]
    clock.now_s = 1.0
    assert answers.get("a", made.__next__) == 2


def test_who_asks_while_it_is_made_waits_for_it() -> None:
    """Twenty at once: one asks the store."""
    answers, asked, go = Remembered[int](60.0), [], threading.Event()

    def make() -> int:
        asked.append(1)
        go.wait(10)
        return 7

    with ThreadPoolExecutor(20) as pool:
        futures = [pool.submit(answers.get, "a", make) for _ in range(20)]
        go.set()
        assert {future.result(10) for future in futures} == {7}
    assert len(asked) == 1


def test_a_failure_is_not_remembered() -> None:
    """The next one asks again."""
    answers = Remembered[int](60.0)
    with pytest.raises(OSError, match="away"):
        answers.get("a", lambda: (_ for _ in ()).throw(OSError("away")))
    assert answers.get("a", lambda: 7) == 7


def test_what_was_changed_is_forgotten_also_while_an_answer_is_made() -> None:
    """An answer that was begun before the change may lack it."""
    answers = Remembered[int](60.0)

    def make() -> int:
        answers.forget()
        return 1

    assert answers.get("a", make) == 1
    assert answers.get("a", lambda: 2) == 2


def test_it_is_bounded() -> None:
    """Whoever asks for thousands of things does not fill the memory."""
    answers = Remembered[int](60.0)
    for number in range(1_000):
        answers.get(number, lambda: 0)
    assert len(answers._kept) == 64


def test_what_is_held_is_told_without_making_it() -> None:
    """As long as it is fresh; nobody waits for another's making."""
    clock = Clock()
    remembered: Remembered[str] = Remembered(1.0, clock)
    assert remembered.held("a") is None
    remembered.get("a", lambda: "made")
    assert (remembered.held("a"), remembered.held("b")) == ("made", None)
    clock.now_s += 1.0
    assert remembered.held("a") is None
