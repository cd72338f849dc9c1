"""What a letter puts on its topic when it goes back.

A letter from a topic goes back byte for byte. One of the intake never was on a topic: its body is mapped anew, by today's
rules and settings, as if it came in again; what is refused again stays where it is.
"""

from dataclasses import replace
from itertools import count

from ops.intake.batch import BatchReader
from ops.intake.files import cells_of
from ops.intake.formats import BY_PATH
from ops.intake.letters import PATH_HEADER, STAGE
from ops.intake.models import Arrival
from ops.intake.rows import AlertMaker, CsvAlerts, JsonAlerts, RowMapping
from ops.intake.sending import COLUMNS_HEADER, CSV_PATH, JSONL_PATH, MAPPING_HEADER
from schemas.errors import InvalidInputError
from schemas.records.log import DeadLetter
from streams.outbox import Message
from streams.topics import ALERTS

REDRIVEN = "redriven"


class Remapper:
    """Makes the messages of letters that go back."""

    def __init__(self, reader: BatchReader) -> None:
        self._reader = reader

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
        return [replace(message, headers=redriven) for message in self._mapped(letter, letter.value)]

    def _mapped(self, letter: DeadLetter, value: bytes) -> list[Message]:
        numbers = count()
        arrival = Arrival(letter.occurred_at, lambda: f"{letter.dead_letter_id}-{next(numbers)}", letter.tenant)
        path = letter.headers.get(PATH_HEADER, b"")
        if path in (CSV_PATH, JSONL_PATH):
            return [self._row(letter, value)]
        if path.decode("utf-8", "replace") not in BY_PATH:
            raise InvalidInputError(f"It came by {path!r}, which this version does not know.")
        batch = self._reader.read(value, BY_PATH[path.decode()], arrival, {})
        if batch.refusals:
            raise InvalidInputError(batch.refusals[0].detail)
        return batch.accepted

    def _row(self, letter: DeadLetter, value: bytes) -> Message:
        self._reader.check_size(len(value))
        mapping = RowMapping.from_json(letter.headers[MAPPING_HEADER])
        maker = AlertMaker(self._reader.encoder.codec(ALERTS), mapping.tenant, letter.dead_letter_id)
        maker.tick(letter.occurred_at)
        if letter.headers[PATH_HEADER] == JSONL_PATH:
            return Message(ALERTS.name, *JsonAlerts(mapping, maker).alert(value, 0))
        header = cells_of(letter.headers[COLUMNS_HEADER])
        return Message(ALERTS.name, *CsvAlerts(header, mapping, maker).alert(cells_of(value), 0))
