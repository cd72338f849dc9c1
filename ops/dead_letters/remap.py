"""What a letter puts on its topic when it goes back.

A letter from a topic goes back byte for byte. One of the intake never was on a topic: its body is mapped anew, by today's
rules and settings, as if it came in again; what is refused again stays where it is.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count

from ops.intake.arrival import Arrival
from ops.intake.batch import BatchReader
from ops.intake.files import cells_of
from ops.intake.formats import BY_PATH, chosen
from ops.intake.letters import BOUND_HEADER, ITEMS_HEADER, PATH_HEADER, STAGE
from ops.intake.places import places_of
from ops.intake.reading import Parcel, check_size
from ops.intake.rows import AlertMaker, CsvAlerts, JsonAlerts, RowMapping
from ops.intake.rules import Rules
from ops.intake.sending import COLUMNS_HEADER, CSV_PATH, JSONL_PATH, MAPPING_HEADER
from schemas.errors import InvalidInputError
from schemas.records.log import DeadLetter
from streams.outbox import Message
from streams.topics import ALERTS

REDRIVEN = "redriven"


class Remapper:
    """Makes the messages of letters that go back, by the rules of today."""

    def __init__(self, reader: BatchReader, rules: Rules) -> None:
        self._reader = reader
        self._rules = rules

    def messages(self, letter: DeadLetter) -> list[Message]:
        """The messages, each with the header `redriven`: the letter's id.

        Raises:
            InvalidInputError: an intake's letter is refused again, or its bytes were too many to be kept.
            BodyRefusedError: its body is still no JSON, or has too many items.
        """
        redriven = {REDRIVEN: letter.dead_letter_id.encode()}
        if letter.stage != STAGE:
            partition = letter.partition if letter.key is None else None
            return [Message(letter.topic, letter.key, letter.value, partition, {**letter.headers, **redriven})]
        if letter.value is None:
            raise InvalidInputError("Its bytes were too many to be kept; its sender has to send it again, in parts.")
        return [message._replace(headers=redriven) for message in self._mapped(letter, letter.value)]

    def _mapped(self, letter: DeadLetter, value: bytes) -> list[Message]:
        numbers = count()
        new_id = partial(_numbered, letter.dead_letter_id, numbers)
        bound = BOUND_HEADER in letter.headers
        arrival = Arrival(letter.occurred_at, new_id, letter.tenant, self._rules, bound)
        path = letter.headers.get(PATH_HEADER, b"")
        if path in (CSV_PATH, JSONL_PATH):
            return [self._row(letter, value)]
        if path.decode("utf-8", "replace") not in BY_PATH:
            raise InvalidInputError(f"It came by {path!r}, which this version does not know.")
        headers = {name: held.decode("latin-1") for name, held in letter.headers.items()}
        known = chosen(BY_PATH[path.decode()], Parcel(value, headers))
        batch = self._reader.read(known, value, headers, arrival, {})
        wanted = places_of(headers.get(ITEMS_HEADER, ""))
        refusals = [refusal for refusal in batch.reading.refusals if not wanted or refusal.index in wanted]
        if refusals:
            raise InvalidInputError(refusals[0].detail)
        return [m for m, place in zip(batch.messages, batch.places, strict=True) if not wanted or place in wanted]

    def _row(self, letter: DeadLetter, value: bytes) -> Message:
        check_size(len(value), self._rules.max_item_bytes)
        mapping = RowMapping.from_json(letter.headers[MAPPING_HEADER])
        maker = AlertMaker(self._reader.encoder.codec(ALERTS), mapping.tenant, letter.dead_letter_id)
        maker.tick(letter.occurred_at)
        if letter.headers[PATH_HEADER] == JSONL_PATH:
            return Message(ALERTS.name, *JsonAlerts(mapping, maker).alert(value, 0))
        header = cells_of(letter.headers[COLUMNS_HEADER])
        return Message(ALERTS.name, *CsvAlerts(header, mapping, maker).alert(cells_of(value), 0))


def _numbered(letter_id: str, numbers: Iterator[int]) -> str:
    return f"{letter_id}-{next(numbers)}"
