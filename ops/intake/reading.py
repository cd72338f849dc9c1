"""What a body says: records that are taken, and items that are refused, each by its place. No format drops one in silence."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ops.intake.arrival import Made
from ops.intake.errors import BodyRefusedError, ItemRefusedError
from ops.intake.letters import INVALID, NOT_JSON, OVERSIZED
from ops.intake.spans import cut_items
from schemas.errors import InvalidInputError

# A thousand times what a person types, and little enough that a body of ones makes no flood of dead letters.
MAX_ITEMS = 50_000
# A JSON value takes some 50 bytes once parsed: two million are 100 MB, and no honest body of 16 MiB has so many.
_MAX_VALUES = 2_000_000
_COUNTED_FROM_BYTES = 1 << 20
# What all items share stands once in a body, and in every record that is made of it: 16 MiB could become terabytes.
_MOST_MADE = 128 << 20
# What a press leaves out of an item: members that are null or empty, times that were written at length.
_LACKING = 8_192
# The Avro bytes of one record; Kafka takes 2 MiB with all that is around them.
LONGEST_RECORD = 1_900_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A body, unpacked, and its headers by lower-case names."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def media(self) -> str:
        """The media type without parameters, in lower case; "" where none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that is not taken: its place, a code, a sentence, the fields at fault; its exact bytes where it has its own."""

    index: int
    reason: str
    detail: str
    fields: tuple[str, ...] = ()
    value: bytes | None = None


@dataclass(slots=True)
class Reading:
    """What one body says.

    Attributes:
        records: records of the contracts, or messages that are encoded already.
        identities: for each record what tells it from another, where a sender's retry shall make no second one; else None.
        places: for each record the place of its item.
        refusals: items that are not taken.
        items: how many items the body has.
        envelope: what surrounds the items, as JSON: kept with a refused item, so that it can be read again.
        facts: what the format's answer tells beside.
        passed_over: parts that are no values, by what they are, counted.
        made: bytes of the records so far.
    """

    records: list[Any] = field(default_factory=list)
    identities: list[str | None] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    items: int = 0
    envelope: bytes = b""
    facts: dict[str, Any] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    made: int = 0

    def take(self, record: Any, identity: str | None = None) -> None:
        """One more record."""
        self.records.append(record)
        self.identities.append(identity)

    def take_all(self, made: Sequence[Made], places: Sequence[int]) -> None:
        """So many records more, with their identities, of the items of these places."""
        records, identities = zip(*made, strict=True)
        self.records += records
        self.identities += identities
        self.places += places

    def spend(self, size: int) -> None:
        """A record of so many bytes is made.

        Raises:
            ItemRefusedError: Kafka would never take it. BodyRefusedError: the body makes more of itself than is made of any.
        """
        if size > LONGEST_RECORD:
            raise ItemRefusedError(f"The item makes a record of {size} bytes; {LONGEST_RECORD} are taken.", OVERSIZED)
        self.spend_all(size)

    def spend_all(self, size: int) -> None:
        """Records of so many bytes together are about to be made, none of which is too long for Kafka.

        Raises:
            BodyRefusedError: as of `spend`.
        """
        self.made += size
        if self.made > _MOST_MADE:
            raise BodyRefusedError(
                OVERSIZED,
                f"The body makes more than {_MOST_MADE} bytes of records: its items share too much. Send fewer.",
            )

    def place(self, at: int) -> int:
        """The place of the item that a record is of."""
        return self.places[at] if at < len(self.places) else at

    def refuse(self, index: int, error: InvalidInputError, value: bytes | None = None) -> None:
        """One more item that is not taken."""
        reason = error.reason if isinstance(error, ItemRefusedError) else INVALID
        fields = error.fields if isinstance(error, ItemRefusedError) else ()
        self.refusals.append(Refused(index, reason, str(error), fields, value))


def parse_json(body: bytes) -> Any:
    """The JSON of a body.

    Raises:
        BodyRefusedError: it is none (binary, truncated, of another encoding, too deep), or has millions of values.
    """
    check_values(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyRefusedError(NOT_JSON, f"The body is no JSON: {error}.") from error


def check_values(body: bytes) -> None:
    """Raises BodyRefusedError for a body of more values than are parsed, by what stands between them."""
    if len(body) > _COUNTED_FROM_BYTES:
        count = body.count(b",") + body.count(b"[") + body.count(b"{")
        if count > _MAX_VALUES:
            raise BodyRefusedError(OVERSIZED, f"The body has some {count} values; send at most {_MAX_VALUES} at once.")


def check_count(count: int) -> None:
    """Raises BodyRefusedError for more than `MAX_ITEMS` items."""
    if count > MAX_ITEMS:
        raise BodyRefusedError(OVERSIZED, f"The body has {count} items; send at most {MAX_ITEMS} at once.")


def listed(parsed: Any, key: str) -> list[Any] | None:
    """The items of a list, or of an object's list under `key`; None for anything else, which is one item itself."""
    if isinstance(parsed, list):
        return parsed
    found = parsed.get(key) if isinstance(parsed, dict) else None
    return found if isinstance(found, list) else None


# Takes an item and puts what it becomes into the reading.
TakeItem = Callable[[Any, Reading], None]
# Makes what usual items become, all at once: None for the others, or nothing at all. The reading is told of the bytes.
PressItems = Callable[[Sequence[Any], Reading], Sequence[Made | None]]


def read_items(
    body: bytes,
    parsed: Any,
    key: str,
    max_item_bytes: int,
    take: TakeItem,
    envelope: Any = None,
    press: PressItems | None = None,
) -> Reading:
    """Read the items of a JSON body; a refused one is cut out of the body exactly as it stood there.

    Where the items cannot be told apart by their bytes the refusals have none of their own: the whole body stands for them.

    Raises:
        BodyRefusedError: it has too many items.
    """
    items = listed(parsed, key)
    if items is None:
        reading = Reading(items=1, envelope=_written(envelope))
        take_each(reading, [parsed], take, len(body) > max_item_bytes, max_item_bytes, len(body), press=press)
        _give_values(reading, [body])
        return reading
    check_count(len(items))
    reading = Reading(items=len(items), envelope=_written(envelope))
    take_each(reading, items, take, len(body) > max_item_bytes, max_item_bytes, press=press)
    if reading.refusals:
        # Cutting costs more than parsing, so it is done only where the bytes are wanted.
        cut = cut_items(body, key)
        if cut and len(cut) == len(items):
            _give_values(reading, cut)
    return reading


def _written(envelope: Any) -> bytes:
    try:
        return b"" if envelope is None else orjson.dumps(envelope)
    except TypeError as error:
        raise BodyRefusedError(INVALID, f"What surrounds the items is nested too deep: {error}.") from error


def take_each(
    reading: Reading,
    items: Sequence[Any],
    take: TakeItem,
    check: bool,
    max_item_bytes: int,
    size: int | None = None,
    first: int = 0,
    press: PressItems | None = None,
) -> None:
    """Take every item or say why not; one that is bottomless is refused as any other. The first has the place `first`."""
    made = press(items, reading) if press is not None else ()
    if made and None not in made and (not check or (size is None and _all_short(made, max_item_bytes))):
        reading.take_all(made, range(first, first + len(made)))  # type: ignore[arg-type] # no None
        return
    for index, item in enumerate(items):
        try:
            if check:
                check_size(len(orjson.dumps(item)) if size is None else size, max_item_bytes)
            before = len(reading.records)
            if made and (one := made[index]) is not None:
                reading.take(*one)
            else:
                take(item, reading)
            reading.places += [first + index] * (len(reading.records) - before)
        except InvalidInputError as error:
            reading.refuse(first + index, error)
        except (RecursionError, orjson.JSONEncodeError):
            # orjson writes 254 levels and Python's own stack has a thousand.
            reading.refuse(
                first + index, ItemRefusedError("The item is nested too deep; give it fewer levels.", INVALID)
            )


def _all_short(made: Sequence[Made | None], max_item_bytes: int) -> bool:
    """Whether no item can have had more bytes: JSON takes at most six for one, and what the record lacks of it is short."""
    longest = max(len(one[0].value or b"") for one in made if one is not None)
    return longest * 6 + _LACKING <= max_item_bytes


def check_size(size: int, max_item_bytes: int) -> None:
    """Raises ItemRefusedError for an item of more than `max_item_bytes`."""
    if size > max_item_bytes:
        raise ItemRefusedError(
            f"The item has {size} bytes; send at most {max_item_bytes} (BREAKWATER_MAX_ALERT_BYTES).", OVERSIZED
        )


def _give_values(reading: Reading, values: Sequence[bytes]) -> None:
    reading.refusals = [
        Refused(r.index, r.reason, r.detail, r.fields, values[r.index]) if r.value is None else r
        for r in reading.refusals
    ]
