"""The topic of dead letters as a shelf: which letters lie there, and which were put back already.

A redrive leaves a mark beside the letter: a record of the letter's key without a value, with the header `redriven-of`. It
lies in the same partition, after the letter, and is kept as long or longer: as long as a letter is there, so is its mark.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from ops.dead_letters.errors import LetterNotFoundError
from ops.intake.letters import INDEX_HEADER
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.log import DeadLetter
from state.log_reader import RawRecord
from streams.encoder import CodecFor, single_object_codec
from streams.reading import read_all
from streams.topics import DEAD_LETTERS

# When a letter's record came in, and where among those of the same moment.
Place = tuple[int, str, int, int, int]
REDRIVEN_OF = "redriven-of"


@dataclass(frozen=True, slots=True)
class Shelved:
    """A letter, and where on the topic of dead letters it lies."""

    letter: DeadLetter
    partition: int
    offset: int


@dataclass(slots=True)
class Overview:
    """The whole shelf in small: how many letters, which were put back, how far each partition was read.

    `order` has every letter's place in time, with its partition and offset on the shelf; some 200 bytes a letter.
    """

    letters: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)
    redriven: set[str] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)
    order: list[tuple[Place, int, int]] = field(default_factory=list)


class Shelf:
    """Reads the dead letters of one cluster; raises BrokerUnreachableError where it does not answer."""

    def __init__(self, bootstrap: str, codec_for: CodecFor = single_object_codec) -> None:
        self._bootstrap = bootstrap
        self._codec: Codec[DeadLetter] = codec_for(DEAD_LETTERS)

    def letters(self, until: Overview) -> Iterator[Shelved]:
        """Every letter that the overview saw, in the order in which they came in; none that came later.

        So what concerns one incident goes back in its order, on whichever partitions of the shelf its letters lie. Letters that
        are read before their turn are held: as many as one partition of the shelf is ahead of another in time.
        """
        due = iter(sorted(until.order))
        following = next(due, None)
        held: dict[tuple[int, int], Shelved] = {}
        for record in read_all(self._bootstrap, DEAD_LETTERS.name):
            if record.offset > until.ends.get(record.partition, -1):
                continue
            held.update({(shelved.partition, shelved.offset): shelved for shelved in self._shelved(record)})
            while following is not None and following[1:] in held:
                yield held.pop(following[1:])
                following = next(due, None)
        # Retention may have taken some between the two readings: what is left is in order all the same.
        yield from sorted(held.values(), key=lambda shelved: place_in_time(shelved.letter))

    def scan(self, overview: Overview) -> Iterator[Shelved]:
        """Every letter that lies there now; fills in the overview on the way."""
        for record in read_all(self._bootstrap, DEAD_LETTERS.name):
            _note_marks(overview, record)
            for shelved in self._shelved(record):
                overview.letters += 1
                reason = shelved.letter.reason
                overview.by_reason[reason] = overview.by_reason.get(reason, 0) + 1
                yield shelved

    def newest(self, limit: int, reason: str | None = None) -> tuple[list[DeadLetter], Overview]:
        """The newest letters, of one reason or of all, the newest first; and the overview of all."""
        overview = Overview()
        found = (s for s in self.scan(overview) if reason in (None, s.letter.reason))
        best = heapq.nlargest(limit, found, key=lambda s: (s.letter.occurred_at, s.offset))
        return [shelved.letter for shelved in best], overview

    def overview(self) -> Overview:
        """How the shelf stands now."""
        overview = Overview()
        for shelved in self.scan(overview):
            overview.order.append((place_in_time(shelved.letter), shelved.partition, shelved.offset))
        return overview

    def find(self, text: str) -> tuple[DeadLetter, bool]:
        """The letter of this id, or the only one whose id begins so; and whether it was put back.

        Raises:
            LetterNotFoundError: there is none, or several begin so.
        """
        overview = Overview()
        found = {s.letter.dead_letter_id: s.letter for s in self.scan(overview) if _begins(s.letter, text)}
        if text in found:
            found = {text: found[text]}
        if len(found) != 1:
            what = "no dead letter has" if not found else f"{len(found)} dead letters have"
            raise LetterNotFoundError(f"{what} the id {text!r}; `breakwater dlq list` shows them.".capitalize())
        (letter,) = found.values()
        return letter, letter.dead_letter_id in overview.redriven

    def _shelved(self, record: RawRecord) -> Iterator[Shelved]:
        try:
            letter = self._codec.decode(record.value)
        except DecodeError:
            return  # a mark, or no letter at all
        yield Shelved(letter, record.partition, record.offset)


def place_in_time(letter: DeadLetter) -> Place:
    """What orders letters: when they came in; then where they lay, or their place in the body that they came with."""
    index = letter.headers.get(INDEX_HEADER, b"0")
    return letter.occurred_at, letter.topic, letter.partition, int(index) if index.isdigit() else 0, letter.offset


def _note_marks(overview: Overview, record: RawRecord) -> None:
    overview.ends[record.partition] = record.offset
    marks = (value for name, value in record.headers if name == REDRIVEN_OF)
    overview.redriven.update(value.decode("utf-8", "replace") for value in marks if value is not None)


def _begins(letter: DeadLetter, text: str) -> bool:
    return bool(text) and letter.dead_letter_id.startswith(text)
