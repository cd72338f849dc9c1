"""A fleet in the stream: series of one metric that teach each other, each followed in steps of five minutes.

What is scored by `breakwater backtest warn` (`breach_watch`) runs here on every series as its points come: a step is the mean of
what came in five minutes; a point that is as long after the last step is a step by itself. Steps without a point let time
pass. Bounded: a full fleet takes a newcomer only in the place of a member that was silent for two hours.
"""

from dataclasses import dataclass, field
from typing import Any

from agents.prediction.breach_watch import BreachFleet, BreachWarning, SeriesBreaches
from agents.prediction.fleet_memory import dump_fleet, dump_series, load_fleet, load_series
from agents.prediction.verification import Standing, Verification
from schemas.records.vocabulary import Millis

STEP_MS = 300_000
HORIZON = 6  # steps
MOST_MEMBERS = 1100  # at 2.95 kB each a row is below the largest message
_SLACK_MS = STEP_MS // 10  # clocks of senders jitter
_SILENT_MS = 7_200_000
_CLOCK_RESET = 10


@dataclass(slots=True)
class Member:
    """One series: its memory, what came since its last step (epoch ms of event time), and what is to be verified."""

    breaches: SeriesBreaches = field(default_factory=SeriesBreaches)
    verification: Verification = field(default_factory=Verification)
    stepped_at: Millis | None = None
    total: float = 0.0
    count: int = 0
    backwards: int = 0
    warned: bool = False
    packed: str | None = None  # the memory as it is stored, while that is still so


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step's value, and what is said of it."""

    value: float
    warning: BreachWarning


@dataclass(slots=True, eq=False)
class Fleet:
    """The model and its members, by series."""

    model: BreachFleet
    members: dict[str, Member] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Whether the other will say the same of whatever comes."""
        return isinstance(other, Fleet) and dump(self) == dump(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def member(self, series: str, at: Millis) -> Member | None:
        """The member of this series, a new one if there is room at event time `at`; None where there is none."""
        known = self.members.get(series)
        if known is not None:
            return known
        if len(self.members) >= MOST_MEMBERS:
            silent = min(self.members, key=lambda name: (self.members[name].stepped_at or 0, name))
            if at - (self.members[silent].stepped_at or 0) < _SILENT_MS:
                return None
            del self.members[silent]
        return self.members.setdefault(series, Member())

    def take(self, member: Member, value: float, at: Millis) -> Stepped | None:
        """A point of a member; the step that it completes, if it does."""
        last = member.stepped_at
        if last is not None and at <= last:
            member.backwards += 1
            if member.backwards >= _CLOCK_RESET:
                member.stepped_at, member.total, member.count, member.backwards = at, 0.0, 0, 0
            return None
        member.backwards = 0
        member.total += value
        member.count += 1
        if last is not None and at - last < STEP_MS - _SLACK_MS:
            return None
        return self._step(member, 0 if last is None else _missed(at - last), at)

    def _step(self, member: Member, missed: int, at: Millis) -> Stepped:
        for _ in range(min(missed, self.model.horizon)):
            self.model.step(member.breaches, float("nan"))
        value = member.total / member.count
        member.stepped_at, member.total, member.count, member.packed = at, 0.0, 0, None
        return Stepped(value, self.model.step(member.breaches, value))


def _missed(gap_ms: Millis) -> int:
    return max(0, round(gap_ms / STEP_MS) - 1)


def dump(fleet: Fleet) -> dict[str, Any]:
    """All of it; 3 MB of a full fleet."""
    return {"model": dump_fleet(fleet.model), "members": {name: _dump(one) for name, one in fleet.members.items()}}


def load(fields: dict[str, Any], level: float) -> Fleet:
    """The fleet that `dump` wrote.

    Raises:
        UnreadableFleetError: another version wrote it, or it is damaged.
    """
    model = load_fleet(fields.get("model", {}), level, HORIZON)
    return Fleet(model, {name: _load(member) for name, member in fields["members"].items()})


def _dump(member: Member) -> list[Any]:
    if member.packed is None:
        member.packed = dump_series(member.breaches)
    seen, stands = member.verification, member.verification.standing
    standing = [stands.prediction_id, stands.probability, stands.made_at] if stands else None
    return [
        member.packed, member.stepped_at, member.total, member.count, member.backwards, member.warned, standing,
        seen.breached_at, seen.odds,
    ]  # fmt: skip


def _load(fields: list[Any]) -> Member:
    packed, stepped_at, total, count, backwards, warned, standing, breached_at, odds = fields
    return Member(
        breaches=load_series(packed), stepped_at=stepped_at, total=total, count=count, backwards=backwards,
        warned=warned, packed=packed,
        verification=Verification(Standing(*standing) if standing else None, breached_at, odds),
    )  # fmt: skip
