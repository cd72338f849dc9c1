"""What the sampling stage says: the account of every alert, and storms."""

from dataclasses import dataclass

from schemas.records.vocabulary import Millis, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAccount:
    """What became of an incident's alerts in one event-time window: received = kept + suppressed + late + dead_lettered.

    A window is told of anew while alerts fall into it. Counts are cumulative up to the offset `upto` of the raw topic,
    so of two records of a window the one with the greater `upto` holds; `total_…` count since the incident's first alert.
    A window that closed in a silence and into which alerts fall after all is another one, by its `first_offset`.
    Its alerts lie between `first_offset` and `upto` of the raw topic's partition: what was suppressed is found there.
    Of the suppressed, so many were `over_quota` of their tenant; the others exceeded their incident's limit.
    """

    incident_id: str
    tenant: str
    service: str
    tier: Tier
    window_start: Millis
    window_ms: int
    received: int
    kept: int
    suppressed: int
    late: int
    dead_lettered: int
    closed: bool
    total_received: int
    total_kept: int
    total_suppressed: int
    total_late: int
    total_dead_lettered: int
    partition: int
    first_offset: int
    upto: int
    over_quota: int = 0
    total_over_quota: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintCount:
    """How often one fingerprint fired, and the name that people know it by."""

    fingerprint: str
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StormChanged:
    """A storm opened or closed on an incident. Rates are alerts a second of event time.

    `sources` is a HyperLogLog sketch of the distinct sources, in base64, of which there are about `distinct_sources`
    (agents.sampling.sources: sketches of several partitions can be merged).
    """

    storm_id: str
    incident_id: str
    tenant: str
    service: str
    open: bool
    rate_per_s: float
    baseline_per_s: float
    loudest: list[FingerprintCount]
    occurred_at: Millis
    partition: int
    upto: int
    distinct_sources: int = 0
    sources: str = ""
