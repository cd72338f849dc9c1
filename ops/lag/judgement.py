"""How far consumers are behind: in records, in seconds, and which incidents wait.

Judged by a window of up to ten samples, as Burrow judges ten commits (https://github.com/linkedin/Burrow/wiki/Consumer-Lag-
Evaluation-Rules), with the age of what waits in place of guesses about it. Status, by the first rule that holds:
    OK      nothing is unread
    REWIND  the committed offset went back within the window
    OK      the oldest unread record is younger than 10 s
    STOP    the committed offset did not move within the window, and the group has no members
    OK      all was read at some moment of the window
    STALL   the committed offset did not move within the window
    WARN    it moves, and at no moment of the window came the group nearer to the end
    OK      it comes nearer
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

OLD_S = 10.0
# Samples that a window holds.
WINDOW = 10

Place = tuple[str, str, int]  # group, topic, partition


class LagStatus(StrEnum):
    """See the rules above."""

    OK = "OK"
    WARN = "WARN"
    STALL = "STALL"
    STOP = "STOP"
    REWIND = "REWIND"


@dataclass(frozen=True, slots=True)
class Unread:
    """A look at what a group has not read: how many records, since when (epoch ms), and the first incidents.

    `records` is None where they were too many to be counted one by one.
    """

    records: int | None = 0
    oldest: int | None = None
    incidents: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether all is read."""
        return self.records == 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the broker said at one moment; `at` is epoch seconds."""

    at: float
    committed: dict[Place, int]
    ends: dict[tuple[str, int], int]
    members: dict[str, int]
    unread: dict[Place, Unread] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LagRow:
    """One group's lag on one partition.

    Attributes:
        lag: records not read yet: counted where they are few, else the offsets that they lie in.
        lag_s: age of the oldest unread record, s.
        velocity: records a second that the group advances.
        eta_s: seconds until nothing is unread, at the present rates; None where that will not be.
        committed, end: the group's offset and the partition's; what lies between may be markers and gaps.
    """

    group: str
    topic: str
    partition: int
    lag: int
    lag_s: float
    velocity: float
    eta_s: float | None
    status: LagStatus
    incidents: list[str]
    committed: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """A group's place in one sample."""

    at: float
    committed: int
    behind: int
    read_all: bool


def lag_of(place: Place, now: Sample) -> int:
    """How many records a group has not read, by a sample with a look at them; 0 behind markers and gaps. Pure."""
    committed = now.committed[place]
    behind = max(now.ends.get(place[1:], committed) - committed, 0)
    counted = now.unread[place].records if place in now.unread else None
    return behind if counted is None else counted


def lag_rows(*window: Sample) -> list[LagRow]:
    """The lag at the last sample of a window, oldest first, judged by all of it; by group, topic and partition. Pure."""
    return [_row(place, window) for place in sorted(window[-1].committed)]


def _row(place: Place, window: Sequence[Sample]) -> LagRow:
    group, topic, partition = place
    now, seen = window[-1], [_seen(place, sample) for sample in window if place in sample.committed]
    first, last = seen[0], seen[-1]
    took_s = max(last.at - first.at, 1e-3)
    moved, closed = last.committed - first.committed, first.behind - last.behind
    unread = now.unread.get(place, Unread())
    lag = lag_of(place, now)
    lag_s = 0.0 if not lag or unread.oldest is None else max(now.at - unread.oldest / 1000, 0.0)
    eta_s = 0.0 if not lag else round(lag * took_s / closed, 1) if closed > 0 else None
    return LagRow(
        group, topic, partition, lag, round(lag_s, 1), round(moved / took_s, 1), eta_s,
        _status(seen, lag, lag_s, now.members.get(group, 0)), list(unread.incidents),
        last.committed, now.ends.get((topic, partition), last.committed),
    )  # fmt: skip


def _seen(place: Place, sample: Sample) -> _Seen:
    committed = sample.committed[place]
    behind = max(sample.ends.get(place[1:], committed) - committed, 0)
    return _Seen(sample.at, committed, behind, lag_of(place, sample) == 0)


def _status(seen: Sequence[_Seen], lag: int, lag_s: float, members: int) -> LagStatus:
    stands = len(seen) > 1 and all(one.committed == seen[0].committed for one in seen)
    nearer = any(after.behind < before.behind for before, after in pairwise(seen))
    rules = (
        (lag == 0, LagStatus.OK),
        (any(after.committed < before.committed for before, after in pairwise(seen)), LagStatus.REWIND),
        (lag_s < OLD_S, LagStatus.OK),
        (stands and members == 0, LagStatus.STOP),
        (any(one.read_all for one in seen), LagStatus.OK),
        (stands, LagStatus.STALL),
        (len(seen) > 1 and not nearer, LagStatus.WARN),
    )
    return next((status for holds, status in rules if holds), LagStatus.OK)
