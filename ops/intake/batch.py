"""A body becomes messages and dead letters: every item of it is one or the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ops.intake.alert_bytes import AlertBytes
from ops.intake.arrival import Arrival
from ops.intake.body import MAX_BODY_BYTES
from ops.intake.errors import BodyRefusedError, ItemRefusedError
from ops.intake.formats.format import Format
from ops.intake.label_press import LabelPress
from ops.intake.letters import ENVELOPE_HEADER, INDEX_HEADER, INVALID, ITEMS_HEADER, LONGEST_VALUE, UNSUPPORTED, refused
from ops.intake.places import as_ranges
from ops.intake.press import AlertPress
from ops.intake.reading import Parcel, Reading
from ops.intake.unpacking import unpacked
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.records.log import DeadLetter, IncidentCommand
from streams.encoder import TelemetryEncoder
from streams.outbox import Message
from streams.topics import ALERTS, COMMANDS

# Of a body of which more items are refused one letter holds the whole: 150 kB of nothing would make 50,000 letters of 400 bytes.
_MOST_LETTERS = 1_000
# What surrounds the items is in every letter of one; where that is more than this one letter holds the whole.
_MOST_AROUND = 1_000_000
_MESSAGES = frozenset((Message,))


@dataclass(slots=True)
class Batch:
    """What one body becomes.

    Attributes:
        messages: of what is taken; identities: of each, what tells it from a repetition, or None; places: of each, its item's.
        letters: of what is refused; for a format whose items have no bytes of their own one letter stands for all.
    """

    reading: Reading
    messages: list[Message] = field(default_factory=list)
    identities: list[str | None] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Items of which nothing was refused."""
        return self.reading.items - len({refusal.index for refusal in self.reading.refusals})

    def letter_ids(self) -> list[str]:
        """For each refusal the id of its letter."""
        ids = [letter.dead_letter_id for letter in self.letters]
        return ids if len(ids) == len(self.reading.refusals) else ids[:1] * len(self.reading.refusals)


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads bodies. Needs no Kafka; large bodies may be read on any thread.

    Args:
        encoder: makes the messages of accepted records.
        max_body_bytes: what a body may unpack to.
    """

    encoder: TelemetryEncoder
    max_body_bytes: int = MAX_BODY_BYTES
    _press: list[AlertPress] = field(default_factory=list, repr=False)
    _label_press: list[LabelPress] = field(default_factory=list, repr=False)
    _bytes: list[AlertBytes] = field(default_factory=list, repr=False)

    def press(self) -> AlertPress:
        """What makes messages of usual alerts; made with the codec, which a registry may have to be asked for."""
        if not self._press:
            self._press.append(AlertPress(self.encoder.codec(ALERTS)))
        return self._press[0]

    def label_press(self) -> LabelPress:
        """The same for usual alerts by labels."""
        if not self._label_press:
            self._label_press.append(LabelPress(self.encoder.codec(ALERTS)))
        return self._label_press[0]

    def open(self, known: Format, raw: bytes, headers: Mapping[str, str]) -> Parcel:
        """Unpack a body of a format.

        Raises:
            BodyRefusedError: `unsupported` for a media type or an encoding that is not the format's, `unpackable`, `oversized`.
        """
        parcel = Parcel(raw, headers)
        if not known.takes(parcel.media):
            wanted = ", ".join(media for media in known.media if media)
            raise BodyRefusedError(UNSUPPORTED, f"{known.path} takes no {parcel.media[:60]!r}; send {wanted}.")
        charset = _charset(headers.get("content-type", ""))
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise BodyRefusedError(UNSUPPORTED, f"The charset {charset[:60]!r} is not taken; send UTF-8.")
        encoding = headers.get("content-encoding", "")
        return Parcel(unpacked(raw, encoding, self.max_body_bytes), headers) if encoding else parcel

    def read(
        self,
        known: Format,
        raw: bytes,
        headers: Mapping[str, str],
        arrival: Arrival,
        kept: Mapping[str, bytes],
    ) -> Batch:
        """Map every item of a body as it came.

        Args:
            kept: headers of the dead letters.

        Raises:
            BodyRefusedError: nothing of it can be read.
        """
        if arrival.press is None:
            arrival = replace(arrival, press=self.press(), label_press=self.label_press())
        reading = known.read(self.open(known, raw, headers), arrival)
        batch = self.encoded(reading, arrival)
        self._shelve(batch, known, raw, arrival, kept)
        return batch

    def encoded(self, reading: Reading, arrival: Arrival) -> Batch:
        """The messages of a reading; a record that cannot be written, or is of a tenant not the sender's, is a refusal more.

        Raises:
            BodyRefusedError: they are endless.
        """
        batch = Batch(reading)
        if _MESSAGES.issuperset(map(type, reading.records)):
            # As nearly all bodies: the press made all of them, and told the reading how long they are.
            batch.messages, batch.identities, batch.places = reading.records, reading.identities, reading.places
            return batch
        reading.made = 0  # of lines it was their texts alone
        for at, record in enumerate(reading.records):
            if type(record) is Message:
                batch.messages.append(record)
            else:
                try:
                    if arrival.bound and record.tenant != arrival.tenant:
                        raise _foreign(record.tenant, arrival.tenant)
                    message = self._message(record)
                    reading.spend(len(message.value or b""))
                    batch.messages.append(message)
                except InvalidInputError as error:
                    reading.refuse(reading.place(at), error)
                    continue
            batch.identities.append(reading.identities[at])
            batch.places.append(reading.place(at))
        return batch

    def _message(self, record: Any) -> Message:
        if type(record) is IncidentCommand:
            return Message(COMMANDS.name, record.incident_id.encode(), self.encoder.codec(COMMANDS).encode(record))
        if type(record) is not Alert:
            return self.encoder.message(record)
        if not self._bytes:
            self._bytes.append(AlertBytes(self.encoder.codec(ALERTS)))
        try:
            return Message(ALERTS.name, record.incident_id.encode(), self._bytes[0].of(record))
        except (ValueError, TypeError):
            return self.encoder.message(record)  # says what is wrong

    def _shelve(self, batch: Batch, known: Format, raw: bytes, arrival: Arrival, kept: Mapping[str, bytes]) -> None:
        refusals = batch.reading.refusals
        if not refusals:
            return
        around = batch.reading.envelope
        surroundings = {ENVELOPE_HEADER: around} if around else {}
        many = (len(refusals) > _MOST_LETTERS and len(raw) <= LONGEST_VALUE) or len(refusals) * len(
            around
        ) > _MOST_AROUND
        if known.whole or many or any(refusal.value is None for refusal in refusals):
            places = sorted({refusal.index for refusal in refusals})
            told = {ITEMS_HEADER: as_ranges(places).encode()}
            detail = f"{len(places)} of {batch.reading.items} items: {refusals[0].detail}"
            reason = refusals[0].reason if len({r.reason for r in refusals}) == 1 else INVALID
            batch.letters.append(self._letter(known, raw, reason, detail, arrival, {**kept, **told}))
            return
        item_headers: dict[str, Any] = {k: v for k, v in kept.items() if k != "content-encoding"} | surroundings
        for refusal in refusals:
            told = item_headers | {INDEX_HEADER: str(refusal.index).encode()}
            batch.letters.append(self._letter(known, refusal.value, refusal.reason, refusal.detail, arrival, told))

    @staticmethod
    def _letter(
        known: Format, value: bytes | None, reason: str, detail: str, arrival: Arrival, headers: Mapping[str, bytes]
    ) -> DeadLetter:
        return refused(value, topic=known.topic.name, reason=reason, detail=detail, arrival=arrival, headers=headers)


def _foreign(named: str, own: str) -> ItemRefusedError:
    return ItemRefusedError(
        f"tenant is {named[:60]!r}, and the sender's is {own!r}; name that, or none.", INVALID, ("tenant",)
    )


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""
