"""How labels of a sender become the fields of an alert: which label is the service, which make the ids. All of it is settings."""

from dataclasses import dataclass, field
from functools import lru_cache

from schemas.identity import alert_fingerprint, incident_id, stable_id

# Services repeat from alert to alert; at some 300 bytes each 10,000 are 3 MB.
_incident_id = lru_cache(maxsize=10_000)(incident_id)
# The labels that make the fingerprint where the setting is this: all that the alert has.
ALL_LABELS = "*"
_LONGEST_SERVICE = 256
UNKNOWN_SERVICE = "unknown"
# Sets of label names that are remembered; at some 2,000 bytes each, 1,000 are 2 MB.
_MOST_CHOSEN = 1_000
_MOST_NAMES, _LONGEST_NAMES = 100, 4_096


@dataclass(frozen=True, slots=True)
class Rules:
    """Which labels are which fields, in order of preference, and the largest item that is taken.

    Attributes:
        incident: labels that tell incidents apart beside tenant, environment and service.
        fingerprint: labels that tell conditions apart; `*` is all that an alert has.
        max_item_bytes: a larger item, as it came in, is refused.
    """

    service: tuple[str, ...] = (
        "service", "service_name", "service.name", "app", "application", "app_kubernetes_io_name", "component",
        "container", "container_name", "deployment", "job", "namespace", "host", "hostname", "instance",
    )  # fmt: skip
    environment: tuple[str, ...] = (
        "environment", "env", "deployment_environment", "deployment.environment", "deployment.environment.name", "stage",
    )  # fmt: skip
    tenant: tuple[str, ...] = ("tenant",)
    source: tuple[str, ...] = ("instance", "pod", "host", "hostname", "node", "source")
    severity: tuple[str, ...] = ("severity", "priority", "level")
    tier: tuple[str, ...] = ("tier", "service_tier")
    incident: tuple[str, ...] = ()
    fingerprint: tuple[str, ...] = (ALL_LABELS,)
    max_item_bytes: int = 262_144
    _chosen: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = field(default_factory=dict, compare=False, repr=False)

    def fields_of(self, labels: dict[str, str]) -> tuple[str, str, str, str, str, str]:
        """Service, environment, tenant, source, severity and tier at once: which labels they are hangs on the names alone."""
        fields = []
        for chosen in self._chosen.get(there := tuple(labels)) or self._choose(there):
            for name in chosen:
                if found := labels[name].strip():
                    fields.append(found[:_LONGEST_SERVICE])
                    break
            else:
                fields.append("")
        return fields[0] or UNKNOWN_SERVICE, fields[1], fields[2], fields[3], fields[4], fields[5]

    def _choose(self, there: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Of the labels that are there those that may be each field, in order of preference."""
        wanted = (self.service, self.environment, self.tenant, self.source, self.severity, self.tier)
        if len(self._chosen) >= _MOST_CHOSEN:
            self._chosen.clear()
        # Threads may do this at once; each returns its own, and they are equal.
        names = frozenset(there)
        chosen = tuple(tuple(name for name in ranked if name in names) for ranked in wanted)
        if len(there) <= _MOST_NAMES and sum(map(len, there)) <= _LONGEST_NAMES:
            self._chosen[there] = chosen
        return chosen

    def service_of(self, labels: dict[str, str]) -> str:
        """The service that labels name; `unknown` where they name none. Longer names are cut: the label stays whole."""
        return self._first(self.service, labels)[:_LONGEST_SERVICE] or UNKNOWN_SERVICE

    def environment_of(self, labels: dict[str, str]) -> str:
        """The environment that labels name, or "" where they name none."""
        return self._first(self.environment, labels)[:_LONGEST_SERVICE]

    def tenant_of(self, labels: dict[str, str]) -> str:
        """The tenant that labels name, or ""."""
        return self._first(self.tenant, labels)[:_LONGEST_SERVICE]

    def source_of(self, labels: dict[str, str]) -> str:
        """The machine, pod or instance that labels name, or ""."""
        return self._first(self.source, labels)[:_LONGEST_SERVICE]

    def incident_of(self, where: tuple[str, str, str], labels: dict[str, str]) -> str:
        """The incident of (tenant, environment, service) and the labels that the setting names."""
        if not self.incident:
            return _incident_id(*where)
        more = [f"{name}={labels.get(name, '')}" for name in self.incident]
        return "inc-" + stable_id("incident", *where, *more, digits=16)

    def fingerprint_of(self, where: tuple[str, str, str], name: str, source: str, labels: dict[str, str]) -> str:
        """The condition of an alert with labels: the same labels, the same fingerprint, by whatever format it came."""
        if self.fingerprint == (ALL_LABELS,):
            chosen = [f"{key}={labels[key]}" for key in sorted(labels)]
        else:
            chosen = [f"{key}={labels.get(key, '')}" for key in self.fingerprint]
        return stable_id("alert", *where, name, source, *chosen, digits=16)

    def native_fingerprint(self, where: tuple[str, str, str], name: str, source: str, labels: dict[str, str]) -> str:
        """The condition of a native alert: name and source make it, and labels only where the setting names them."""
        if self.fingerprint == (ALL_LABELS,):
            return alert_fingerprint(*where, name, source)
        return self.fingerprint_of(where, name, source, labels)

    @staticmethod
    def _first(names: tuple[str, ...], labels: dict[str, str]) -> str:
        for name in names:
            if name in labels and (found := labels[name].strip()):
                return found
        return ""


def names(setting: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """A comma-separated setting as names; where it is empty, the default.

    >>> names(" cluster, region ", ("*",)), names("", ("*",))
    (('cluster', 'region'), ('*',))
    """
    return tuple(part.strip() for part in setting.split(",") if part.strip()) or otherwise
