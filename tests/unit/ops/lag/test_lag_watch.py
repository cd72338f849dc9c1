"""A window of samples: looked at until it can be judged, and kept in the background."""

import threading
from collections.abc import Iterator
from itertools import count, islice

import pytest

from ops.lag import watch as lag_watch
from ops.lag.judgement import WINDOW, LagStatus, Sample, Unread
from ops.lag.watch import LagBoard, LagWatch
from streams.errors import BrokerUnreachableError
from tests.support.waiting import eventually

PLACE = ("breakwater-edge", "alerts", 0)
NOW_S = 1_700_000_000.0


def samples(*committed: int, each_s: float = 0.6) -> Iterator[Sample]:
    """A group without members and with a minute-old record unread; it commits so, then stands."""
    for number in count():
        at = NOW_S + number * each_s
        offset = committed[min(number, len(committed) - 1)]
        yield Sample(at, {PLACE: offset}, {PLACE[1:]: 100}, {}, {PLACE: Unread(None, round((at - 60) * 1000))})


def test_a_group_that_works_is_judged_after_a_second() -> None:
    """Three looks; nobody waits for more."""
    pauses: list[float] = []
    (row,) = LagWatch(samples(1, 2, 3, 4).__next__).judge(pauses.append)
    assert (row.status, len(pauses)) == (LagStatus.OK, 2)


def test_a_group_that_seems_to_stand_gets_a_whole_window() -> None:
    """It may commit every five seconds only."""
    pauses: list[float] = []
    (row,) = LagWatch(samples(1).__next__).judge(pauses.append)
    assert (row.status, len(pauses)) == (LagStatus.STOP, WINDOW - 1)
    (row,) = LagWatch(samples(1, 1, 1, 1, 1, 1, 2).__next__).judge(pauses.append)
    assert row.status == LagStatus.OK


def test_the_window_forgets_what_is_long_ago() -> None:
    """Ten samples after it went back a group is no longer told of as going back."""
    watch = LagWatch(samples(50, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19).__next__)
    seen = [watch.look()[0].status for _ in range(11)]
    assert seen == [LagStatus.OK, *[LagStatus.REWIND] * 9, LagStatus.OK]


class Deaf:
    """In place of a probe: answers once, and never again, as a client does that was asking when its broker went away."""

    made = 0

    def __init__(self, _bootstrap: str) -> None:
        self._sample = next(islice(samples(1, 2, 3), Deaf.made, None))
        Deaf.made += 1
        self._asked = False

    def close(self) -> None:
        """Nothing to give back."""

    def sample(self, *_: object, **__: object) -> Sample:
        """The first time it is asked."""
        if self._asked:
            raise BrokerUnreachableError("kafka:1")
        self._asked = True
        return self._sample


def test_the_board_outlives_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks anew by a new client; what was seen last stays, with its age, until then; its thread ends when it is closed."""
    monkeypatch.setattr(lag_watch, "LagProbe", Deaf)
    monkeypatch.setattr(Deaf, "made", 0)
    board = LagBoard("kafka:1", every_s=0.001)
    assert (board.rows(), board.age_s(NOW_S)) == ((), None)
    board.start()
    eventually(lambda: any(row.committed == 3 for row in board.rows()))
    assert board.age_s(0.0) == 0.0
    board.close()
    assert "lag-board" not in {thread.name for thread in threading.enumerate()}
