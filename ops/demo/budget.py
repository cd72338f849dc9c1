"""How a demonstration's N alerts are spent, so that exactly N are sent, the resolving ones at the end included."""

from dataclasses import dataclass

from ops.demo.errors import DemoError

_MALFORMED = 20
_NOISE = 16
# Of a small number of alerts, at most a fiftieth each is malformed or noise.
_SHARE = 50


class BadBudgetError(DemoError):
    """A number of alerts that cannot be sent."""


@dataclass(frozen=True, slots=True)
class AlertBudget:
    """Alerts by purpose; `sources` is how many fingerprints fire, of which `resolved` send one RESOLVED in the end."""

    noise: int
    malformed: int
    firing: int
    resolved: int
    sources: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.noise + self.malformed + self.firing + self.resolved


def plan_alerts(total: int, sources: int) -> AlertBudget:
    """Spend `total` alerts on up to `sources` fingerprints, each of which fires at least once.

    >>> plan_alerts(100_000, 324)
    AlertBudget(noise=16, malformed=20, firing=99640, resolved=324, sources=324)

    Raises:
        BadBudgetError: fewer than one alert.
    """
    if total < 1:
        raise BadBudgetError(f"A storm needs at least 1 alert, not {total}. Give --alerts a greater number.")
    malformed, noise = min(_MALFORMED, total // _SHARE), min(_NOISE, total // _SHARE)
    rest = total - malformed - noise
    # A single alert fires and cannot be resolved.
    resolved = min(sources, rest // 2)
    return AlertBudget(noise, malformed, rest - resolved, resolved, max(resolved, 1))
