"""The conditions of an incident: which fingerprints fire, how bad, how often. Bounded; says when it forgot some."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity

MOST_CONDITIONS = 1000
_REPEAT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Condition:
    """One fingerprint: `repeats` counts its firings within the minute (event time) that began at `counted_from`.

    `since` is the event time of its first firing ever; -1 where that was an echo, or is not known.
    """

    firing: bool
    severity: Severity
    at: Millis
    counted_from: Millis
    repeats: int
    since: Millis = -1


@dataclass(frozen=True, slots=True)
class Conditions:
    """All fingerprints that are remembered, of an incident; `cleared` counts resolutions since the last `forgiven`."""

    known: Mapping[str, Condition] = field(default_factory=dict)
    firing: int = 0
    cleared: int = 0
    overflowed: bool = False

    def heard(self, alert: Alert) -> "Conditions":
        """The conditions after an alert. One that is older than what is known of its fingerprint changes nothing."""
        before = self.known.get(alert.fingerprint)
        if before is not None and alert.occurred_at < before.at:
            return self
        if alert.status is AlertStatus.RESOLVED:
            return self._resolved(alert, before)
        return self._with(alert.fingerprint, _fired(alert, before))

    def echoed(self, alert: Alert) -> "Conditions":
        """The conditions after an echo of an episode that is over: its fingerprint is known from now on, and fires no more."""
        before = self.known.get(alert.fingerprint)
        if alert.status is AlertStatus.RESOLVED:
            return self.heard(alert)
        if before is not None:
            return self
        return self._with(alert.fingerprint, Condition(False, alert.severity, alert.occurred_at, alert.occurred_at, 0))

    def _with(self, fingerprint: str, condition: Condition) -> "Conditions":
        before = self.known.get(fingerprint)
        known = {**self.known, fingerprint: condition}
        firing = self.firing + condition.firing - (before is not None and before.firing)
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

    def repeated(self, at: Millis, least: Severity) -> int:
        """How often conditions of at least a severity fired in their present minutes, of those heard within a minute of `at`."""
        return sum(
            c.repeats
            for c in self.known.values()
            if c.firing and c.severity.rank >= least.rank and at - c.at <= _REPEAT_MS
        )

    def forgiven(self, until: Millis) -> "Conditions":
        """The conditions at the end of an episode: all remembered, and firing only what was last heard after `until`."""
        known = {f: _after(c, until) for f, c in self.known.items()}
        return Conditions(known=known, firing=sum(c.firing for c in known.values()))


def _fired(alert: Alert, before: Condition | None) -> Condition:
    since = before.since if before is not None else alert.occurred_at
    if before is None or alert.occurred_at - before.counted_from > _REPEAT_MS or before.repeats == 0:
        return Condition(True, alert.severity, alert.occurred_at, alert.occurred_at, 1, since)
    return Condition(True, alert.severity, alert.occurred_at, before.counted_from, before.repeats + 1, since)


def _after(condition: Condition, until: Millis) -> Condition:
    if not condition.firing or condition.at <= until:
        return replace(condition, firing=False, repeats=0)
    if condition.counted_from > until:
        return condition
    return replace(condition, counted_from=condition.at, repeats=1)
