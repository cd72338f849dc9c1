"""A fleet in the stream: series of one metric that teach each other, each followed in steps of five minutes.

What is scored by `breakwater backtest warn` (`breach_watch`) runs here on every series as its points come: a step is the mean of
what came in five minutes; a point that is as long after the last step is a step by itself. Steps without a point let time
pass. What a series remembers is needed at its steps alone, and packed in between.
"""

from dataclasses import dataclass, field
from typing import Any

from agents.prediction.breach_watch import BreachFleet, BreachWarning, SeriesBreaches
from agents.prediction.errors import UnreadableFleetError
from agents.prediction.fleet_memory import VERSION, dump_series, load_series
from agents.prediction.verification import Standing, Verification
from agents.series.notices import tell_once
from schemas.records.vocabulary import Millis

STEP_MS = 300_000
HORIZON = 6  # steps
_SLACK_MS = STEP_MS // 10  # clocks of senders jitter
_CLOCK_RESET = 10


@dataclass(slots=True)
class Member:
    """One series: its memory, what came since its last step (epoch ms of event time), and what is to be verified."""

    packed: str = ""  # as `dump_series` gives it; empty before the first step
    verification: Verification = field(default_factory=Verification)
    stepped_at: Millis | None = None
    total: float = 0.0
    count: int = 0
    backwards: int = 0
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step's value, and what is said of it."""

    value: float
    warning: BreachWarning


def take(fleet: BreachFleet, member: Member, value: float, at: Millis) -> Stepped | None:
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
    return _step(fleet, member, 0 if last is None else _missed(at - last), at)


def _step(fleet: BreachFleet, member: Member, missed: int, at: Millis) -> Stepped:
    breaches = _unpacked(member)
    for _ in range(min(missed, fleet.horizon)):
        fleet.step(breaches, float("nan"))
    value = member.total / member.count
    warning = fleet.step(breaches, value)
    member.packed, member.stepped_at, member.total, member.count = dump_series(breaches), at, 0.0, 0
    return Stepped(value, warning)


def _unpacked(member: Member) -> SeriesBreaches:
    """What the series remembers; one whose memory is damaged begins anew, with a notice."""
    try:
        return load_series(member.packed) if member.packed else SeriesBreaches()
    except UnreadableFleetError as error:
        tell_once("series of fleets are learned anew", str(error))
        return SeriesBreaches()


def _missed(gap_ms: Millis) -> int:
    return max(0, round(gap_ms / STEP_MS) - 1)


def dump_member(member: Member) -> list[Any]:
    """All of it; at most 2.9 kB as JSON."""
    seen, stands = member.verification, member.verification.standing
    standing = [stands.prediction_id, stands.probability, stands.made_at] if stands else None
    return [
        VERSION, member.packed, member.stepped_at, member.total, member.count, member.backwards, member.warned, standing,
        seen.breached_at, seen.odds,
    ]  # fmt: skip


def load_member(fields: list[Any]) -> Member:
    """The member that `dump_member` wrote.

    Raises:
        UnreadableFleetError, ValueError, TypeError: another version wrote it, or it is damaged.
    """
    version, packed, stepped_at, total, count, backwards, warned, standing, breached_at, odds = fields
    if version != VERSION or not isinstance(packed, str):
        raise UnreadableFleetError(f"it is of version {version}, not {VERSION}")
    return Member(
        packed=packed, stepped_at=stepped_at, total=total, count=count, backwards=backwards, warned=warned,
        verification=Verification(Standing(*standing) if standing else None, breached_at, odds),
    )  # fmt: skip
