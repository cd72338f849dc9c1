"""The numbers of the sampling rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Where rules name tenants: everyone who is not named.
EVERYONE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRules:
    """The numbers of the rule; see ops.settings for what they mean.

    Attributes:
        limits: kept a second and incident, by `tenant/TIER`, `tenant` or `TIER`, the first of these that is there.
        quotas: kept a second by tenant. weights: shares of `output_per_s` by tenant; 1 for those who are not named.
        output_per_s: kept a second by all tenants together; 0 is no limit. Quotas and this are of one partition.
    """

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
    limits: Mapping[str, int] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    output_per_s: int = 0

    def limit(self, tenant: str, tier: str) -> int:
        """How many alerts of an incident are kept in a second."""
        names = f"{tenant}/{tier}", tenant, tier
        return next((self.limits[name] for name in names if name in self.limits), self.limit_per_s)

    @property
    def rationed(self) -> bool:
        """Whether what is kept of all incidents together has a limit."""
        return bool(self.quotas) or self.output_per_s > 0
