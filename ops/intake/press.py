"""Native alerts by the ten thousand: what they have in common is validated and encoded once, by the rules of `ops.intake.models`.

A condition that comes a second time gets a template; id, time and message are filled in, by columns. The bytes are those that the
slow way makes, and whatever is unusual goes the slow way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

from ops.intake.arrival import Arrival, Made
from ops.intake.columns import pays
from ops.intake.identity import condition_id, named_identity
from ops.intake.models import AlertIn
from ops.intake.native_table import Row, Table, alike, single, table_of
from ops.intake.reading import LONGEST_RECORD, Reading
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis
from schemas.template import AlertTemplate, avro_long, avro_string
from streams.outbox import Message, keyed_messages
from streams.topics import ALERTS

# Conditions that are remembered, of all sets of members together; at some 1,500 bytes each, 20,000 are 30 MB. A condition of more
# bytes goes the slow way.
_MOST = 20_000
_LONGEST = 4_096
# A single alert of a longer text is left to the table, which sees to what Kafka takes.
_LONGEST_MESSAGE = 100_000
_LENGTHS = [avro_long(length) for length in range(2048)]


@dataclass(frozen=True, slots=True)
class _Pressed:
    """A condition: its template, its tenant, and an alert of it."""

    template: AlertTemplate
    tenant: str
    alert: Alert

    def alert_id(self, at: Millis, message: str | None) -> str:
        """The id of one without an id of its own, of a time that was given."""
        return condition_id(self.alert, at, self.alert.message if message is None else message)


@dataclass(eq=False, slots=True)
class _Kind:
    """Alerts that have the same members: the conditions among them that are known, and those that came once."""

    known: dict[Row, _Pressed] = field(default_factory=dict)
    seen: set[Row] = field(default_factory=set)


class AlertPress:
    """Makes messages of native alerts. May be used by several threads at once.

    Args:
        codec: the contract of alerts.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._codec = codec
        self._kinds: dict[tuple[str, tuple[str, ...]], _Kind] = {}
        self._remembered = 0

    def __len__(self) -> int:
        """What is remembered: sets of members, and conditions, of which one that came twice counts twice."""
        return self._remembered

    def made(self, items: Sequence[Any], arrival: Arrival, reading: Reading) -> list[Made | None]:
        """The messages and identities of a body's items; None where one has to go the slow way.

        Raises:
            BodyRefusedError: they are endless.
        """
        if len(items) == 1 and (one := self._single(items[0], arrival, reading)) is not None:
            return [one]
        found: list[Made | None] = [None] * len(items)
        tables = alike(items)
        for names, places in tables.items():
            if not pays(len(places), len(tables)):
                continue
            rows = items if len(places) == len(items) else [items[place] for place in places]
            table = table_of(names, rows)
            if table is not None:
                self._fill(found, places, table, arrival, reading)
        return found

    def _single(self, item: Any, arrival: Arrival, reading: Reading) -> Made | None:
        """Of a body's only item, where its condition is known."""
        told = single(item)
        kind = self._kinds.get((arrival.tenant, told.names)) if told is not None else None
        if told is None or kind is None:
            return None
        known = kind.known.get(told.row)
        if known is None or (arrival.bound and known.tenant != arrival.tenant):
            return None
        if len(told.message or "") > _LONGEST_MESSAGE:
            return None
        name = told.alert_id
        if name is None:
            name = arrival.new_id() if told.at is None else known.alert_id(told.at, told.message)
        value = known.template.fill(
            name,
            arrival.received_at if told.at is None else told.at,
            avro_long(arrival.received_at),
            None if told.message is None else avro_string(told.message),
        )
        reading.spend_all(len(value))
        return Message(ALERTS.name, known.template.key, value), named_identity(known.tenant, name)

    def _fill(
        self, found: list[Made | None], places: Sequence[int], table: Table, arrival: Arrival, reading: Reading
    ) -> None:
        pressed = self._pressed(table, arrival)
        usual = [row for row, one in enumerate(pressed) if one is not None and table.usual(row)]
        # The arrival's ids are given in the order of the items, however often the body is read, and by whichever way.
        if not usual or (table.named is None and table.stamps is None and len(usual) < len(found)):
            return
        known = [one for row in usual if (one := pressed[row]) is not None]
        times, messages, ids = table.times(usual), table.messages(usual), table.ids(usual)
        if ids is None:
            new_id = arrival.new_id
            ids = [
                new_id() if at is None else one.alert_id(at, message)
                for one, at, message in zip(known, times, messages or repeat(None), strict=False)
            ]
        received = avro_long(arrival.received_at)
        templates = [one.template for one in known]
        said = [one.message for one in templates] if messages is None else [*map(bytes.__add__, *_encoded(messages))]
        made = list(map(b"".join, zip(
            [one.head for one in templates], *_encoded(ids), [one.between for one in templates],
            [received if at is None else avro_long(at) for at in times], repeat(received), said,
            [one.tail for one in templates], strict=False,
        )))  # fmt: skip
        reading.spend_all(sum(map(len, made)))
        out = keyed_messages(ALERTS.name, [one.key for one in templates], made)
        for row, message, one, name in zip(usual, out, known, ids, strict=True):
            if len(message.value or b"") <= LONGEST_RECORD:
                found[places[row]] = message, named_identity(one.tenant, name)

    def _pressed(self, table: Table, arrival: Arrival) -> list[_Pressed | None]:
        """The condition of each row; None where it is not known yet, or is none that may be sent."""
        kind = self._kinds.get((arrival.tenant, table.names)) or self._kind(arrival.tenant, table.names)
        if kind is None:
            return [None] * len(table.rows)
        found = [*map(kind.known.get, table.rows)]
        if None in found:
            for row, one in enumerate(found):
                if one is None and table.usual(row):
                    found[row] = self._learned(kind, table, row, arrival)
        if arrival.bound:
            return [one if one is not None and one.tenant == arrival.tenant else None for one in found]
        return found

    def _kind(self, tenant: str, names: tuple[str, ...]) -> _Kind | None:
        if sum(map(len, names)) > _LONGEST:
            return None
        self._count()
        return self._kinds.setdefault((tenant, names), _Kind())

    def _count(self) -> None:
        """One more is remembered: where that is one too many, nothing else is."""
        self._remembered += 1
        if self._remembered > _MOST:
            self._kinds, self._remembered = {}, 1

    def _learned(self, kind: _Kind, table: Table, row: int, arrival: Arrival) -> _Pressed | None:
        """A template for what comes a second time: making one costs as much as five alerts the slow way."""
        key = table.rows[row]
        if sum(map(len, key)) + sum(map(len, table.names)) > _LONGEST:
            return None
        if key in kind.known:  # of a row before
            return kind.known[key]
        self._count()
        if key not in kind.seen:
            kind.seen.add(key)
            return None
        try:
            # The template has no id; the body's next is for the alert itself.
            alert = AlertIn.model_validate(table.condition(row)).record(replace(arrival, new_id=str))
        except ValueError:
            return None  # the slow way says what is wrong
        made = _Pressed(AlertTemplate(self._codec, alert), alert.tenant, alert)
        kind.known[key] = made
        return made


def _encoded(texts: Sequence[str]) -> tuple[Iterable[bytes], Iterable[bytes]]:
    """Lengths and bytes of Avro's strings."""
    raw = [*map(str.encode, texts)]
    sizes = [*map(len, raw)]
    if max(sizes, default=0) < 2048:
        return map(_LENGTHS.__getitem__, sizes), raw
    return map(avro_long, sizes), raw
