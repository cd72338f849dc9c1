"""An alert's Avro bytes written by hand: those of the codec in a third of its time. It is what the intake does most."""

from functools import lru_cache

from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from schemas.template import avro_long, avro_string

_FIELDS = (
    "alert_id", "incident_id", "tenant", "environment", "service", "name", "severity", "status", "tier", "fingerprint", "source",
    "occurred_at", "received_at", "message", "labels", "correlation_id",
)  # fmt: skip
# Lengths of most texts, encoded.
_LENGTHS = [avro_long(length) for length in range(2048)]
# Names repeat from alert to alert: label names, services, tenants. At some 200 bytes each 10,000 are 2 MB; longer ones would let
# a sender fill the memory.
_remembered = lru_cache(maxsize=10_000)(avro_string)
_LONGEST_REMEMBERED = 100


# Avro writes an enumeration's symbol as its place.
ENUMERATIONS: dict[type, dict[str, bytes]] = {
    kind: {word: avro_long(at) for at, word in enumerate(kind)} for kind in (Severity, AlertStatus, Tier)
}


def writes_as(codec: Codec[Alert]) -> bool:
    """Whether a codec's contract has the fields that are written here, in this order."""
    return tuple(field["name"] for field in codec.schema["fields"]) == _FIELDS


class AlertBytes:
    """Writes alerts in the frame of a codec. A contract that has other fields than this knows is left to the codec."""

    def __init__(self, codec: Codec[Alert]) -> None:
        self._codec = codec
        self._known = writes_as(codec)
        self._severities, self._statuses, self._tiers = (ENUMERATIONS[kind] for kind in (Severity, AlertStatus, Tier))

    def of(self, alert: Alert) -> bytes:
        """The framed bytes.

        Raises:
            ValueError, TypeError: a field holds no value of its type.
        """
        if not self._known:
            return self._codec.encode(alert)
        return b"".join(
            (
                self._codec.header,
                _text(alert.alert_id),
                _text(alert.incident_id),
                _name(alert.tenant),
                _name(alert.environment),
                _name(alert.service),
                _name(alert.name),
                self._severities[alert.severity],
                self._statuses[alert.status],
                self._tiers[alert.tier],
                _text(alert.fingerprint),
                _text(alert.source),
                avro_long(alert.occurred_at),
                avro_long(alert.received_at),
                _text(alert.message),
                *_map(alert.labels),
                _name(alert.correlation_id),
            )
        )


def _name(text: str) -> bytes:
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else avro_string(text)


def _text(text: str) -> bytes:
    raw = text.encode()
    size = len(raw)
    return (_LENGTHS[size] if size < 2048 else avro_long(size)) + raw


def _map(labels: dict[str, str]) -> list[bytes]:
    """One block of all pairs, and the empty one that ends a map."""
    if not labels:
        return [b"\x00"]
    parts = [avro_long(len(labels))]
    for name, value in labels.items():
        raw = value.encode()
        size = len(raw)
        parts += (_name(name), _LENGTHS[size] if size < 2048 else avro_long(size), raw)
    parts.append(b"\x00")
    return parts
