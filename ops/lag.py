"""How far consumers are behind: in records, in seconds, and which incidents wait.

Status, by the first rule that holds:
    REWIND  the committed offset went back since the last sample
    OK      nothing is unread, or the oldest unread record is younger than 10 s
    STOP    the group has no members
    STALL   the committed offset did not move since the last sample
    WARN    it moves, and the oldest unread record is 10 s old or older
"""

from dataclasses import dataclass, field
from enum import StrEnum

OLD_S = 10.0

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


def lag_of(place: Place, now: Sample) -> int:
    """How many records a group has not read, by a sample with a look at them; 0 behind markers and gaps. Pure."""
    committed = now.committed[place]
    behind = max(now.ends.get(place[1:], committed) - committed, 0)
    counted = now.unread[place].records if place in now.unread else None
    return behind if counted is None else counted


def lag_rows(before: Sample, now: Sample) -> list[LagRow]:
    """The lag at `now`, with rates since `before`; by group, topic and partition. Pure."""
    return [_row(place, before, now) for place in sorted(now.committed)]


def _row(place: Place, before: Sample, now: Sample) -> LagRow:
    group, topic, partition = place
    where = (topic, partition)
    took_s = max(now.at - before.at, 1e-3)
    committed = now.committed[place]
    moved = committed - before.committed.get(place, committed)
    arrived = now.ends.get(where, committed) - before.ends.get(where, now.ends.get(where, committed))
    unread = now.unread.get(place, Unread())
    lag = lag_of(place, now)
    lag_s = 0.0 if not lag or unread.oldest is None else max(now.at - unread.oldest / 1000, 0.0)
    closing = (moved - arrived) / took_s
    eta_s = 0.0 if not lag else round(lag / closing, 1) if closing > 0 else None
    status = _status(lag, lag_s, moved, now.members.get(group, 0))
    return LagRow(
        group, topic, partition, lag, round(lag_s, 1), round(moved / took_s, 1), eta_s, status, list(unread.incidents)
    )


def _status(lag: int, lag_s: float, moved: int, members: int) -> LagStatus:
    if moved < 0:
        return LagStatus.REWIND
    if lag == 0 or lag_s < OLD_S:
        return LagStatus.OK
    if members == 0:
        return LagStatus.STOP
    return LagStatus.WARN if moved else LagStatus.STALL
