"""The conditions of an incident: which fingerprints fire, how bad, how often. Bounded; says when it forgot some."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity

MOST_CONDITIONS = 1000
_REPEAT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Condition:
    """One fingerprint: `repeats` counts its firings within the minute (event time) that began at `counted_from`."""

    firing: bool
    severity: Severity
    at: Millis
    counted_from: Millis
    repeats: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """All fingerprints that are remembered, of an incident; `cleared` counts resolutions since the last `forgiven`."""

    known: Mapping[str, Condition] = field(default_factory=dict)
    firing: int = 0
    cleared: int = 0
    overflowed: bool = False

    def heard(self, alert: Alert, counts: bool) -> "Conditions":
        """The conditions after an alert. One that is older than what is known of its fingerprint changes nothing.

        Args:
            counts: whether a firing counts as a repetition; not while an ended episode cools down.
        """
        before = self.known.get(alert.fingerprint)
        if before is not None and alert.occurred_at < before.at:
            return self
        if alert.status is AlertStatus.RESOLVED:
            return self._resolved(alert, before)
        known = dict(self.known)
        known[alert.fingerprint] = _fired(alert, before, counts)
        firing = self.firing + (before is None or not before.firing)
        overflowed = self.overflowed
        if len(known) > MOST_CONDITIONS:
            # What is quiet goes first, a tenth at once; a firing one that goes makes "all clear" unknowable.
            order = sorted(known, key=lambda f: (known[f].firing, known[f].at))
            forgotten = [known.pop(f) for f in order[: MOST_CONDITIONS // 10]]
            firing -= sum(c.firing for c in forgotten)
            overflowed = overflowed or any(c.firing for c in forgotten)
        return replace(self, known=known, firing=firing, overflowed=overflowed)

    def _resolved(self, alert: Alert, before: Condition | None) -> "Conditions":
        if before is None or not before.firing:
            return self
        known = {**self.known, alert.fingerprint: replace(before, firing=False, at=alert.occurred_at, repeats=0)}
        return replace(self, known=known, firing=self.firing - 1, cleared=self.cleared + 1)

    @property
    def all_clear(self) -> bool:
        """Whether something fired, and all that did has resolved."""
        return self.cleared > 0 and self.firing == 0 and not self.overflowed

    def worst(self, since: Millis) -> Severity:
        """The greatest severity of what fires and was heard at or after `since`."""
        found = (c.severity for c in self.known.values() if c.firing and c.at >= since)
        return max(found, key=lambda severity: severity.rank, default=Severity.INFO)

    def forgiven(self) -> "Conditions":
        """The conditions at the end of an episode: all remembered, none firing any more."""
        known = {f: replace(c, firing=False, repeats=0) for f, c in self.known.items()}
        return Conditions(known=known)


def _fired(alert: Alert, before: Condition | None, counts: bool) -> Condition:
    if before is None or alert.occurred_at - before.counted_from > _REPEAT_MS or before.repeats == 0:
        return Condition(True, alert.severity, alert.occurred_at, alert.occurred_at, int(counts))
    return Condition(True, alert.severity, alert.occurred_at, before.counted_from, before.repeats + counts)
