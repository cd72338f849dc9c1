"""The edge app: sampling."""

from agents.sampling.account import SamplingRules
from agents.sampling.edge import EdgeShell
from ops.composition.surroundings import Surroundings
from ops.settings import Settings
from streams.running import Running


def compose(around: Surroundings) -> list[Running]:
    """Sampling."""
    EdgeShell(around.app, sampling_rules(around.settings), around.outbox, around.wire, partitions=around.partitions)
    return []


def sampling_rules(settings: Settings) -> SamplingRules:
    """The settings of sampling as the rule takes them."""
    return SamplingRules(
        limit_per_s=settings.sample_limit_per_s,
        window_ms=settings.sample_window_s * 1000,
        lateness_ms=settings.sample_lateness_s * 1000,
        future_ms=settings.future_tolerance_s * 1000,
        correlation_ms=settings.correlation_s * 1000,
        correlation_keys=settings.correlation_keys,
        open_per_s=settings.storm_open_per_s,
        close_per_s=settings.storm_close_per_s,
        close_windows=settings.storm_close_windows,
        max_alert_bytes=settings.max_alert_bytes,
    )
