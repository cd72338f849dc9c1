"""What is known of one incident's alerts: windows of event time, fingerprints, the budget of recent seconds, the storm."""

from dataclasses import dataclass, field
from typing import Any

from schemas.records.vocabulary import Millis, Tier

COUNTS = ("received", "kept", "suppressed", "late", "dead_lettered")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRules:
    """The numbers of the rule; see ops.settings for what they mean."""

    limit_per_s: int = 100
    window_ms: int = 10_000
    lateness_ms: int = 60_000
    future_ms: int = 300_000
    correlation_ms: int = 300_000
    correlation_keys: int = 10_000
    open_per_s: float = 50.0
    close_per_s: float = 10.0
    close_windows: int = 3
    max_alert_bytes: int = 262_144


@dataclass(slots=True)
class Window:
    """Counts of one window of event time, in the order of COUNTS; `changed` since it was last told of."""

    counts: list[int] = field(default_factory=lambda: [0] * len(COUNTS))
    first_offset: int = -1
    changed: bool = field(default=False, compare=False)


@dataclass(slots=True)
class Fingerprint:
    """When a fingerprint was last seen (event time), whether it fired then, and how often it came in this storm."""

    seen_at: Millis
    firing: bool
    name: str
    count: int


@dataclass(slots=True)
class IncidentAccount:
    """The account of one incident in one partition. `upto` is the offset up to which alerts are counted here."""

    incident_id: str
    tenant: str = ""
    service: str = ""
    tier: Tier = Tier.SUPPORTING
    upto: int = -1
    totals: list[int] = field(default_factory=lambda: [0] * len(COUNTS))
    windows: dict[Millis, Window] = field(default_factory=dict)
    seconds: dict[int, int] = field(default_factory=dict)
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)
    watermark: Millis = -1
    arrived_at: Millis = 0
    storm_id: str = ""
    storm_at: Millis = 0
    calm: int = 0
    judged_until: Millis = -1
    baseline_per_s: float = 0.0

    def window(self, start: Millis, offset: int) -> Window:
        """The window that begins at `start`."""
        if start not in self.windows:
            self.windows[start] = Window(first_offset=offset)
        return self.windows[start]

    def dump(self) -> dict[str, Any]:
        """The account as JSON holds it."""
        return {
            "i": self.incident_id, "t": self.tenant, "s": self.service, "r": self.tier, "u": self.upto, "n": self.totals,
            "w": [[start, w.first_offset, *w.counts] for start, w in self.windows.items()],
            "k": [[second, kept] for second, kept in self.seconds.items()],
            "f": [[fp, f.seen_at, int(f.firing), f.name, f.count] for fp, f in self.fingerprints.items()],
            "m": self.watermark, "a": self.arrived_at,
            "o": [self.storm_id, self.storm_at, self.calm, self.judged_until, self.baseline_per_s],
        }  # fmt: skip

    @classmethod
    def load(cls, fields: dict[str, Any]) -> "IncidentAccount":
        """The account that `dump` wrote."""
        storm_id, storm_at, calm, judged, baseline = fields["o"]
        return cls(
            incident_id=fields["i"], tenant=fields["t"], service=fields["s"], tier=Tier(fields["r"]), upto=fields["u"],
            totals=fields["n"], windows={w[0]: Window(w[2:], w[1]) for w in fields["w"]},
            seconds=dict(fields["k"]),
            fingerprints={f[0]: Fingerprint(f[1], bool(f[2]), f[3], f[4]) for f in fields["f"]},
            watermark=fields["m"], arrived_at=fields["a"], storm_id=storm_id, storm_at=storm_at, calm=calm,
            judged_until=judged, baseline_per_s=baseline,
        )  # fmt: skip
