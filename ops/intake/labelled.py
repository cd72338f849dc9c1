"""Alerts of senders that describe them by labels: the one mapping that Alertmanager, Prometheus, Grafana and others share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ops.intake import values
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.errors import ItemRefusedError
from ops.intake.letters import INVALID
from ops.intake.models import LONGEST_TITLE
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity

LETTERS: dict[str, str] = {word: word[0].lower() for word in (*AlertStatus, *Severity)}
_TEXTS = frozenset((str,))
tier_of = lru_cache(maxsize=1_000)(values.tier)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An alert as its labels tell it.

    Attributes:
        labels: what identifies it. kept: what else the sender said, kept among the record's labels.
        started_at: since when the condition holds: with the fingerprint it tells an alert from the next. occurred_at: of this
            record. severity: the sender's word where it is not among the labels. incident, fingerprint: where the sender
            gives them itself.
    """

    name: str
    status: AlertStatus
    labels: dict[str, str]
    occurred_at: Millis
    started_at: Millis
    message: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    severity: str = ""
    service: str = ""
    source: str = ""
    tenant: str = ""
    incident: str = ""
    fingerprint: str = ""


def alert_of_labels(told: Labelled, arrival: Arrival) -> tuple[Alert, str]:
    """The alert and its identity; the same condition, start and status is the same alert, however often it is sent."""
    rules, labels = arrival.rules, told.labels
    service, environment, tenant, instance, word, tier = rules.fields_of(labels)
    service = told.service[:256] or service
    where = (told.tenant[:256] or tenant or arrival.tenant, environment or DEFAULT_ENVIRONMENT, service)
    source = told.source[:256] or instance
    fingerprint = told.fingerprint or rules.fingerprint_of(where, told.name, source, labels)
    severity = severity_of(told.severity or word)
    # The fingerprint tells tenant and condition; what follows tells one alert of it from the next.
    alert_id = f"{fingerprint}-{told.started_at:x}-{LETTERS[told.status]}{LETTERS[severity]}"
    alert = Alert(
        alert_id=alert_id,
        incident_id=told.incident or labels.get("incident_id", "")[:256] or rules.incident_of(where, labels),
        tenant=where[0],
        environment=where[1],
        service=service,
        name=told.name[:LONGEST_TITLE],
        severity=severity,
        status=told.status,
        tier=tier_of(tier),
        fingerprint=fingerprint,
        source=source,
        occurred_at=told.occurred_at,
        received_at=arrival.received_at,
        message=told.message,
        labels={**told.kept, **labels},
        correlation_id=labels.get("correlation_id", "")[:256],
    )
    return alert, f"{where[0]}\x1f{alert_id}"


def severity_of(word: str) -> Severity:
    """The severity of a sender's word; one that is not known is WARNING, and stays among the labels."""
    return _severity_of(word[:_LONGEST_WORD])


# As long as no word that is known.
_LONGEST_WORD = 32


@lru_cache(maxsize=1_000)
def _severity_of(word: str) -> Severity:
    try:
        return values.severity(word)
    except InvalidInputError:
        return Severity.WARNING


def labels_at(item: Any, name: str) -> dict[str, str]:
    """The labels of a member; none where it is not there.

    Raises:
        ItemRefusedError: it is no object.
    """
    given = item.get(name)
    if given is None:
        return {}
    if type(given) is dict and _TEXTS.issuperset(map(type, given.values())):
        return given  # as nearly all are: nothing to be rewritten
    try:
        return values.labels(given)
    except InvalidInputError as error:
        raise bad_field(name, str(error)) from error


def time_at(item: Any, name: str) -> Millis | None:
    """The time of a member; None where it is not there, empty, or Go's zero time.

    Raises:
        ItemRefusedError: it is no time.
    """
    given = item.get(name)
    if given is None or given == "" or (isinstance(given, str) and given.startswith("0001-01-01T00:00:00")):
        return None
    try:
        return _time_ms(given) if isinstance(given, str) and len(given) <= _LONGEST_TIME else values.time_ms(given)
    except InvalidInputError as error:
        raise bad_field(name, str(error)) from error


# The alerts of a group often have one start.
_LONGEST_TIME = 64
_time_ms = lru_cache(maxsize=1_000)(values.time_ms)


def text_at(item: Any, name: str) -> str:
    """The text of a member, as it would be a label's; "" where it is not there."""
    given = item.get(name)
    if given is None:
        return ""
    return given if isinstance(given, str) else values.labels({"": given})[""]


def object_of(item: Any) -> dict[str, Any]:
    """The item itself.

    Raises:
        ItemRefusedError: it is no object.
    """
    if not isinstance(item, dict):
        raise ItemRefusedError(f"The item is {values.shown(item)}; give an object.", INVALID)
    return item


def bad_field(name: str, what: str) -> ItemRefusedError:
    """The refusal of an item for one field."""
    return ItemRefusedError(f"{name} {what}.", INVALID, (name,))


def prefixed(prefix: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Labels under names that no others have."""
    return {f"{prefix}{name}": value for name, value in labels.items() if value}
