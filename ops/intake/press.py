"""Native alerts by the ten thousand: what they have in common is validated and encoded once, by the rules of `ops.intake.models`.

A condition that comes a second time gets a template; id, time and message are filled in. The bytes are those that the slow way
makes, and whatever is unusual goes the slow way.
"""

from dataclasses import dataclass, replace
from typing import Any

import orjson

from ops.intake import values
from ops.intake.arrival import Arrival
from ops.intake.identity import condition_id, named_identity
from ops.intake.models import LONGEST_NAME, AlertIn
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis
from schemas.template import AlertTemplate, avro_long, avro_string
from streams.outbox import Message
from streams.topics import ALERTS

# Conditions that are remembered; at some 1,500 bytes each, 20,000 are 30 MB. A condition of more bytes goes the slow way.
_MOST = 20_000
_LONGEST = 4_096
_TIMES = ("timestamp", "occurred_at", "time")
# Whole numbers between these are epoch milliseconds (see ops.intake.values).
_LEAST_MS, _BELOW_MS = 100_000_000_000, 100_000_000_000_000


@dataclass(frozen=True, slots=True)
class _Pressed:
    """A condition: its template, its tenant, and an alert of it."""

    template: AlertTemplate
    tenant: str
    alert: Alert

    def alert_id(self, at: Millis, message: str | None) -> str | None:
        """The id of one without an id of its own; None where the time was not given: then `at` is negative."""
        return None if at < 0 else condition_id(self.alert, at, self.alert.message if message is None else message)


class AlertPress:
    """Makes messages of native alerts. May be used by several threads at once.

    Args:
        codec: the contract of alerts.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._codec = codec
        self._known: dict[tuple[str, bytes], _Pressed] = {}
        self._seen: set[tuple[str, bytes]] = set()

    def message(self, item: Any, arrival: Arrival) -> tuple[Message, str] | None:
        """The message and the identity of an alert; None where it has to go the slow way."""
        if type(item) is not dict:
            return None
        rest = item.copy()
        alert_id, message = rest.pop("alert_id", None), rest.pop("message", None)
        if alert_id is not None and not _usual(alert_id):
            return None
        if message is not None and (
            type(message) is not str or not message or "description" in rest or "summary" in rest
        ):
            return None
        at = _time(rest)
        if at is None:
            return None
        try:
            key = (arrival.tenant, orjson.dumps(rest))
        except TypeError:
            return None  # deeper than orjson writes
        if len(key[1]) > _LONGEST:
            return None
        pressed = self._known.get(key) or self._pressed(key, rest, arrival)
        if pressed is None or (arrival.bound and pressed.tenant != arrival.tenant):
            return None
        named = alert_id or pressed.alert_id(at, message) or arrival.new_id()
        value = pressed.template.fill(
            named,
            arrival.received_at if at < 0 else at,
            avro_long(arrival.received_at),
            None if message is None else avro_string(message),
        )
        return Message(ALERTS.name, pressed.template.key, value), named_identity(pressed.tenant, named)

    def _pressed(self, key: tuple[str, bytes], rest: dict[str, Any], arrival: Arrival) -> _Pressed | None:
        """A template for what comes a second time: making one costs as much as five alerts the slow way."""
        if key not in self._seen:
            if len(self._seen) >= _MOST:
                self._seen = set()
            self._seen.add(key)
            return None
        try:
            # The template has no id; the body's next is for the alert itself.
            alert = AlertIn.model_validate(rest).record(replace(arrival, new_id=str))
        except ValueError:
            return None  # the slow way says what is wrong
        if len(self._known) >= _MOST:
            self._known = {}
        made = _Pressed(AlertTemplate(self._codec, alert), alert.tenant, alert)
        self._known[key] = made
        return made


def _usual(alert_id: Any) -> bool:
    return type(alert_id) is str and 0 < len(alert_id) <= LONGEST_NAME and alert_id == alert_id.strip()


def _time(rest: dict[str, Any]) -> int | None:
    """Takes the time out of the members: epoch ms, negative where there is none; None for two of them, or what is no time."""
    given = [name for name in _TIMES if name in rest]
    if not given:
        return -1
    at = rest.pop(given[0])
    if len(given) > 1 or at is None or at == "":
        return None
    if type(at) is int and _LEAST_MS <= at < _BELOW_MS:
        return at
    try:
        return values.time_ms(at)
    except InvalidInputError:
        return None
