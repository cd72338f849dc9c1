"""What alerts by labels have in common that are of one place, name, severity and status: encoded once for all of them."""

from dataclasses import dataclass
from functools import lru_cache

from ops.intake.alert_bytes import ENUMERATIONS
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.columns import text_of
from ops.intake.formats.notices import UNNAMED
from ops.intake.labelled import LETTERS, severity_of, tier_of
from ops.intake.models import LONGEST_NAME, LONGEST_TITLE
from ops.intake.rules import UNKNOWN_SERVICE
from schemas.records.vocabulary import AlertStatus


@dataclass(frozen=True, slots=True)
class Common:
    """What alerts have in common that share service, environment, tenant, severity, tier, name, incident and status.

    Attributes:
        key: of the message. owner: the tenant, and what stands behind it in an identity. condition: the beginning of what the
            fingerprint is made of. letters: the end of the alert's id. place: the record from the incident to the tier, encoded.
        correlation: its end.
    """

    key: bytes
    owner: str
    condition: str
    letters: str
    place: str
    correlation: str


def common_of(told: tuple[str, ...], others: tuple[bool, ...], resolved: bool, arrival: Arrival) -> Common | None:
    found = [value.strip()[:LONGEST_NAME] for value in told[:5]]
    if any(more and not value for more, value in zip((*others[:3], *others[4:]), found, strict=True)):
        return None
    service, environment, tenant, word, tier = found
    where = (tenant or arrival.tenant, environment or DEFAULT_ENVIRONMENT, service or UNKNOWN_SERVICE)
    if arrival.bound and where[0] != arrival.tenant:
        return None
    name, incident, correlation = told[5] or UNNAMED, told[6][:LONGEST_NAME], told[7][:LONGEST_NAME]
    incident = incident or arrival.rules.incident_of(where, dict(zip(arrival.rules.incident, told[8:], strict=True)))
    letters, choices = _choices(word, resolved, tier)
    return Common(
        key=incident.encode(),
        owner=f"{where[0]}\x1f",
        condition="\x1f".join(("alert", *where, name, "")),
        letters=letters,
        place="".join(map(text_of, (incident, *where, name[:LONGEST_TITLE]))) + choices,
        correlation=text_of(correlation),
    )


@lru_cache(maxsize=1_000)
def _choices(word: str, resolved: bool, tier: str) -> tuple[str, str]:
    """The letters of status and severity in an alert's id, and the record's severity, status and tier, encoded."""
    severity, status = severity_of(word), AlertStatus.RESOLVED if resolved else AlertStatus.FIRING
    chosen = (severity, status, tier_of(tier))
    return LETTERS[status] + LETTERS[severity], "".join(
        ENUMERATIONS[type(one)][one].decode("latin-1") for one in chosen
    )
