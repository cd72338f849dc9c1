"""The account against the log: what was counted anew, compared with what sampling said of it.

Counted is what the log holds: every record of `alerts` by its incident and window of event time, every sampled copy by the
offset that it came from, every dead letter by its place. Whether an alert should have been kept is the rule's business; here
everything must add up. What sampling has not committed yet is `waiting` and no difference.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.account.recount import Counted, Place
from schemas.records.sampling import AlertAccount


@dataclass(slots=True)
class Fates:
    """What became of the alerts of a window."""

    received: int = 0
    kept: int = 0
    suppressed: int = 0
    late: int = 0
    dead_lettered: int = 0

    def add(self, account: AlertAccount) -> None:
        """Count what an event says, too."""
        self.received += account.received
        self.kept += account.kept
        self.suppressed += account.suppressed
        self.late += account.late
        self.dead_lettered += account.dead_lettered


class AccountedFor:
    """What sampling said: of each window the event that reaches furthest; one that was opened again adds up."""

    def __init__(self) -> None:
        self._last: dict[tuple[Place, int], AlertAccount] = {}
        self.upto: dict[tuple[int, str], int] = {}

    def take(self, account: AlertAccount) -> None:
        """One event, in the order of the log."""
        place = Place(account.partition, account.incident_id, account.window_start)
        before = self._last.get((place, account.first_offset))
        if before is None or account.upto >= before.upto:
            self._last[place, account.first_offset] = account
        incident = account.partition, account.incident_id
        self.upto[incident] = max(account.upto, self.upto.get(incident, -1))

    def windows(self) -> dict[Place, Fates]:
        """What became of the alerts of each window."""
        found: dict[Place, Fates] = defaultdict(Fates)
        for (place, _), account in self._last.items():
            found[place].add(account)
        return dict(found)


@dataclass(slots=True)
class Evidence:
    """All that is compared.

    Attributes:
        counted: the raw topic. windows: the account. forwarded: distinct sampled copies by incident. letters: dead letters in
            all. lost: raw records that retention has taken, which the account may still tell of.
    """

    counted: Counted
    windows: dict[Place, Fates]
    forwarded: Counter[str] = field(default_factory=Counter)
    letters: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A window of which the log and the account say different things."""

    place: Place
    what: str
    log: int
    account: int

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**self.place._asdict(), "what": self.what, "log": self.log, "account": self.account}


def compare(counted: Counted, windows: Mapping[Place, Fates], span: range) -> list[Difference]:
    """Where log and account differ, in the windows that begin within `span` (epoch ms); empty where the account is exact."""
    found = []
    for place in sorted(counted.received.keys() | windows.keys()):
        if place.window_start not in span:
            continue
        said = windows.get(place, Fates())
        pairs = (
            ("received", counted.received[place], said.received),
            ("late", counted.late[place], said.late),
            ("dead_lettered", counted.dead[place], said.dead_lettered),
            ("sum", said.received, said.kept + said.suppressed + said.late + said.dead_lettered),
        )
        found += [Difference(place, what, log, account) for what, log, account in pairs if log != account]
    return found


def missing(found: Evidence, *, whole: bool) -> list[Difference]:
    """Incidents of which fewer alerts went on, or fewer dead letters are there, than the account says; told of all windows."""
    if not whole:
        return []
    kept: dict[str, int] = {}
    for place, fates in found.windows.items():
        kept[place.incident_id] = kept.get(place.incident_id, 0) + fates.kept
    differences = [
        Difference(Place(-1, incident_id, -1), "kept", found.forwarded[incident_id], said)
        for incident_id, said in sorted(kept.items())
        if found.forwarded[incident_id] < said
    ]
    dead = sum(fates.dead_lettered for fates in found.windows.values())
    if found.letters < dead:
        differences.append(Difference(Place(-1, "", -1), "dead letters", found.letters, dead))
    return differences


def totals(windows: Mapping[Place, Fates], span: range) -> Fates:
    """All windows within `span` together."""
    total = Fates()
    for place, fates in windows.items():
        if place.window_start in span:
            for name in Fates.__slots__:
                setattr(total, name, getattr(total, name) + getattr(fates, name))
    return total
