"""The incidents that can be shown: which service fails of what, who depends on it, what they complain of, what should be
concluded."""

from dataclasses import dataclass, field

from ops.demo.errors import DemoError
from ops.demo.target.fault import FaultKind
from schemas.records.vocabulary import Action, Classification, Severity, Tier

_MIXED = (Severity.WARNING, Severity.ERROR, Severity.ERROR, Severity.CRITICAL)
_GRAVE = (Severity.ERROR, Severity.CRITICAL)
_MILD = (Severity.INFO, Severity.WARNING, Severity.WARNING)


class UnknownScenarioError(DemoError):
    """A scenario of that name does not exist; the message names those that do."""


@dataclass(frozen=True, slots=True)
class AlertKind:
    """One alert rule: its name, the severities that it fires with, and its message with `{service}`, `{upstream}`, `{n}`."""

    name: str
    severities: tuple[Severity, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """The service that fails: its worth, its fault and that one's severity (the target's default where None).

    `arguments` are its command line's, `pressure` the metric and the value from which its own monitoring fires.
    """

    service: str
    tier: Tier
    fault: FaultKind
    severity: float | None = None
    arguments: tuple[str, ...] = ()
    alerts: tuple[AlertKind, ...]
    pressure: tuple[str, float]
    actions: tuple[Action, ...] = (Action.RESTART,)
    max_instances: int = 1
    cost_per_action: float = 10.0


@dataclass(frozen=True, slots=True)
class Dependent:
    """A simulated service: what it is worth and the service that it calls, which is the target or another dependent."""

    service: str
    tier: Tier
    upstream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One incident to be shown. `expected…` is what the agents should conclude about the target."""

    name: str
    title: str
    target: TargetSpec
    dependents: tuple[Dependent, ...]
    expected: Classification
    expected_action: Action
    symptoms: tuple[AlertKind, ...] = field(
        default=(
            AlertKind("UpstreamTimeout", _MIXED, "{service} timed out waiting for {upstream} after {n} ms"),
            AlertKind("HighErrorRate", _GRAVE, "{service} fails {n} % of its requests: {upstream} returns errors"),
            AlertKind("SlowResponses", _MIXED, "{service} answers in {n} ms at p95, waiting on upstream {upstream}"),
        )
    )

    @property
    def services(self) -> tuple[str, ...]:
        """The target first, then its dependents."""
        return (self.target.service, *(d.service for d in self.dependents))


# Healthy services that nothing of this touches: what they tell now and then is no incident.
BYSTANDERS = ("billing", "reporting", "inventory")
CALM_KINDS = (
    AlertKind("CertificateRenewalDue", (Severity.INFO,), "the certificate of {service} is renewed in {n} days"),
    AlertKind("NightlyBackupFinished", (Severity.INFO,), "the backup of {service} took {n} minutes"),
)

_MEMORY_LEAK = Scenario(
    name="memory-leak",
    title="checkout leaks memory; eight services that need it complain",
    target=TargetSpec(
        service="checkout",
        tier=Tier.CRITICAL,
        fault=FaultKind.LEAK,
        alerts=(
            AlertKind("MemoryPressure", _GRAVE, "{service} heap at {n} % of its limit and rising"),
            AlertKind("HighLatency", _MIXED, "{service} p95 latency {n} ms, long garbage collection pauses"),
            AlertKind("OutOfMemory", (Severity.CRITICAL,), "{service} cannot allocate memory, heap at {n} % of limit"),
        ),
        pressure=("memory_limit_ratio", 0.55),
    ),
    dependents=(
        Dependent("storefront", Tier.CRITICAL, "checkout"),
        Dependent("cart", Tier.CRITICAL, "checkout"),
        Dependent("payments", Tier.CRITICAL, "checkout"),
        Dependent("mobile-api", Tier.IMPORTANT, "checkout"),
        Dependent("admin", Tier.SUPPORTING, "checkout"),
        Dependent("search", Tier.IMPORTANT, "storefront"),
        Dependent("recommendations", Tier.SUPPORTING, "cart"),
        Dependent("notifications-svc", Tier.SUPPORTING, "payments"),
    ),
    expected=Classification.MEMORY_LEAK,
    expected_action=Action.RESTART,
)

_DATABASE_CASCADE = Scenario(
    name="database-cascade",
    title="orders-db runs out of connections; the failure spreads over three hops",
    target=TargetSpec(
        service="orders-db",
        tier=Tier.CRITICAL,
        fault=FaultKind.POOL,
        severity=4.0,
        alerts=(
            AlertKind("DatabaseConnectionsExhausted", _GRAVE, "{service}: {n} % of database connections in use"),
            AlertKind("DatabaseConnectionTimeout", _MIXED, "{service} database connection not available after {n} ms"),
            AlertKind("SlowQueries", _MIXED, "{service} database queries wait {n} ms for a connection"),
        ),
        pressure=("pool_in_use_ratio", 0.6),
    ),
    dependents=(
        Dependent("checkout", Tier.CRITICAL, "orders-db"),
        Dependent("cart", Tier.CRITICAL, "orders-db"),
        Dependent("admin", Tier.SUPPORTING, "orders-db"),
        Dependent("storefront", Tier.CRITICAL, "checkout"),
        Dependent("payments", Tier.CRITICAL, "checkout"),
        Dependent("mobile-api", Tier.IMPORTANT, "checkout"),
        Dependent("recommendations", Tier.SUPPORTING, "cart"),
        Dependent("notifications-svc", Tier.SUPPORTING, "payments"),
    ),
    expected=Classification.DATABASE_FAILURE,
    expected_action=Action.RESTART,
)

_DDOS = Scenario(
    name="ddos",
    title="a flood of requests drowns edge-gateway; what goes through it starves",
    target=TargetSpec(
        service="edge-gateway",
        # A critical service is not scaled without a human's word; an important one is.
        tier=Tier.IMPORTANT,
        fault=FaultKind.OVERLOAD,
        # Two thirds more than one instance serves, well below what two do.
        severity=100.0,
        arguments=("--slots", "3", "--query-ms", "50", "--share-port"),
        alerts=(
            AlertKind("TrafficSpike", _GRAVE, "{service} request flood: {n} % more traffic than usual"),
            AlertKind("RequestQueueFull", _MIXED, "{service} turns requests away, {n} are waiting"),
            AlertKind("RateLimitExceeded", _MILD, "{service} clients exceed their rate limit by {n} %, possible DDoS"),
        ),
        pressure=("queue_ratio", 0.5),
        actions=(Action.SCALE_UP,),
        max_instances=3,
    ),
    dependents=(
        Dependent("storefront", Tier.CRITICAL, "edge-gateway"),
        Dependent("mobile-api", Tier.IMPORTANT, "edge-gateway"),
        Dependent("partner-api", Tier.IMPORTANT, "edge-gateway"),
        Dependent("admin", Tier.SUPPORTING, "edge-gateway"),
        Dependent("search", Tier.IMPORTANT, "storefront"),
        Dependent("recommendations", Tier.SUPPORTING, "storefront"),
    ),
    expected=Classification.DDOS,
    expected_action=Action.SCALE_UP,
)

SCENARIOS: dict[str, Scenario] = {s.name: s for s in (_MEMORY_LEAK, _DATABASE_CASCADE, _DDOS)}


def scenario_of(name: str) -> Scenario:
    """The scenario of a name.

    Raises:
        UnknownScenarioError: there is none.
    """
    if name not in SCENARIOS:
        raise UnknownScenarioError(f"There is no scenario {name!r}; give one of {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]
