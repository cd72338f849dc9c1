"""The sampling rule said plainly: one alert at a time, dictionaries and loops. agents.sampling.rule must do the same."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.sampling.account import SamplingRules
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus


@dataclass
class PlainIncident:
    """What the specification knows of one incident."""

    watermark: int = -1
    seen: dict[str, tuple[int, bool]] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    windows: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0]))


@dataclass
class Specification:
    """Decides batch after batch."""

    rules: SamplingRules
    incidents: dict[str, PlainIncident] = field(default_factory=lambda: defaultdict(PlainIncident))

    def batch(self, alerts: Sequence[Alert]) -> list[str]:
        """The fate of each alert: kept, suppressed or late."""
        fates = ["suppressed"] * len(alerts)
        rivals: dict[tuple[str, int], list[tuple[tuple[int, ...], int]]] = defaultdict(list)
        for place, alert in enumerate(alerts):
            incident = self.incidents[alert.incident_id]
            if incident.watermark - alert.occurred_at > self.rules.lateness_ms:
                fates[place] = "late"
                continue
            incident.watermark = max(incident.watermark, alert.occurred_at)
            firing = alert.status == AlertStatus.FIRING
            before = incident.seen.get(alert.fingerprint)
            incident.seen[alert.fingerprint] = alert.occurred_at, firing
            if before is not None and before[1] != firing:
                fates[place] = "kept"
                continue
            novel = before is None or alert.occurred_at - before[0] > self.rules.correlation_ms
            merit = -alert.severity.rank, -int(novel), -alert.tier.rank, place
            rivals[alert.incident_id, alert.occurred_at // 1000].append((merit, place))
        for (incident_id, second), some in rivals.items():
            taken = self.incidents[incident_id].places
            for _, place in sorted(some):
                if taken[second] < self.rules.limit_per_s:
                    taken[second] += 1
                    fates[place] = "kept"
        self._count(alerts, fates)
        return fates

    def _count(self, alerts: Sequence[Alert], fates: Sequence[str]) -> None:
        for alert, fate in zip(alerts, fates, strict=True):
            incident = self.incidents[alert.incident_id]
            when = incident.watermark if fate == "late" else alert.occurred_at
            counts = incident.windows[when - when % self.rules.window_ms]
            counts[0] += 1
            counts[("kept", "suppressed", "late").index(fate) + 1] += 1
