"""The edge app: sampling."""

from math import ceil

from agents.sampling.edge import EdgeShell
from agents.sampling.rules import SamplingRules
from ops.amounts import amounts
from ops.composition.surroundings import Surroundings
from ops.settings import Settings
from streams.forwarding import Forwarder
from streams.running import Running


def compose(around: Surroundings) -> list[Running]:
    """Sampling."""
    forwarder = Forwarder(around.bootstrap, f"{around.app.conf.id}-forwarder")
    EdgeShell(
        around.app, sampling_rules(around.settings, around.partitions), around.outbox, forwarder, around.wire,
        partitions=around.partitions,
    )  # fmt: skip
    return []


def sampling_rules(settings: Settings, partitions: int) -> SamplingRules:
    """The settings of sampling as the rule takes them; each partition has its part of quotas and budget.

    Raises:
        SettingsError: limits, quotas or weights cannot be read.
    """
    limits = amounts("sample_limits", settings.sample_limits)
    quotas = amounts("tenant_quotas", settings.tenant_quotas)
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
        limits={name: int(limit) for name, limit in limits.items()},
        quotas={tenant: ceil(quota / partitions) for tenant, quota in quotas.items()},
        weights=amounts("tenant_weights", settings.tenant_weights),
        output_per_s=ceil(settings.output_per_s / partitions),
    )
