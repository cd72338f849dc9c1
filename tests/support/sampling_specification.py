"""The sampling rule said plainly: one alert at a time, dictionaries and loops. agents.sampling.rule must do the same."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.sampling.rule import FLOOD
from agents.sampling.rules import SamplingRules
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus


@dataclass
class PlainIncident:
    """What the specification knows of one incident."""

    watermark: int = -1
    seen: dict[str, tuple[int, bool]] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    windows: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0]))


@dataclass(frozen=True, order=True)
class Rival:
    """An alert that competes within a second of its incident: the least goes first."""

    claim: int  # -2 for a change of state, -1 for the first sight of a fingerprint
    merit: tuple[int, int, int]
    place: int


@dataclass
class Specification:
    """Decides batch after batch."""

    rules: SamplingRules
    incidents: dict[str, PlainIncident] = field(default_factory=lambda: defaultdict(PlainIncident))

    def batch(self, alerts: Sequence[Alert]) -> list[str]:
        """The fate of each alert: kept, suppressed or late."""
        fates = ["suppressed"] * len(alerts)
        times = [alert.occurred_at for alert in alerts]
        rivals: dict[tuple[str, int], list[Rival]] = defaultdict(list)
        for place, alert in enumerate(alerts):
            rival = self._rival(place, alert)
            if rival is None:
                fates[place] = "late"
                times[place] = self.incidents[alert.incident_id].watermark  # its own window is closed
            else:
                rivals[alert.incident_id, alert.occurred_at // 1000].append(rival)
        for (incident_id, second), some in rivals.items():
            first = alerts[min(rival.place for rival in some)]
            limit = self.rules.limit(first.tenant, first.tier)
            taken = self.incidents[incident_id].places
            for rank, rival in enumerate(sorted(some), taken[second]):
                if rank < limit or rival.claim == -2 or (rival.claim == -1 and rank < FLOOD * limit):
                    taken[second] += 1
                    fates[rival.place] = "kept"
        self._count(alerts, fates, times)
        return fates

    def _rival(self, place: int, alert: Alert) -> Rival | None:
        incident = self.incidents[alert.incident_id]
        if incident.watermark - alert.occurred_at > self.rules.lateness_ms:
            return None
        incident.watermark = max(incident.watermark, alert.occurred_at)
        firing = alert.status == AlertStatus.FIRING
        before = incident.seen.get(alert.fingerprint)
        incident.seen[alert.fingerprint] = alert.occurred_at, firing
        claim = -1 if before is None else -2 if before[1] != firing else 0
        novel = before is None or alert.occurred_at - before[0] > self.rules.correlation_ms
        return Rival(claim, (-alert.severity.rank, -int(novel), -alert.tier.rank), place)

    def _count(self, alerts: Sequence[Alert], fates: Sequence[str], times: Sequence[int]) -> None:
        for alert, fate, when in zip(alerts, fates, times, strict=True):
            incident = self.incidents[alert.incident_id]
            counts = incident.windows[when - when % self.rules.window_ms]
            counts[0] += 1
            counts[("kept", "suppressed", "late").index(fate) + 1] += 1
