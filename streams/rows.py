"""The states of one partition: decoded as they are needed, dumped where they changed.

A row holds the state and, by source topic, the offset up to which records are in it, so a redelivery is told apart; and how
many steps made it, for the decision journal (streams.journal).
"""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import orjson
import structlog

from streams.changelog import PARTITION_ROW, WAITING, Rows
from streams.outbox import MAX_MESSAGE_BYTES
from streams.stage import KeyedStage
from streams.turns import Steps

log = structlog.get_logger()

S = TypeVar("S")

# States kept decoded a partition; the rest are rows in the table. A series' state, the largest of the many, takes 16 kB.
MAX_DECODED = 20_000
# Keys ticked at once. A tick that decodes its row costs some 40 µs, so of a partition's second no more than a tenth.
MOST_TICKED = 2_000
# Rows written in one step, and their bytes: a few milliseconds.
_WRITTEN_AT_ONCE, _BYTES_AT_ONCE = 50, 256 << 10
# Key and row; the rest of the largest message is Kafka's framing and the epoch.
MAX_ROW_BYTES = MAX_MESSAGE_BYTES - 1024


class Table(Protocol):
    """Where rows are kept; streams.changelog.RowTable."""

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The row of a key."""

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:
        """The keys of a partition, the one written last at the end, or those of states that want ticks."""


@dataclass(slots=True)
class Row(Generic[S]):
    """A state, how far each source is in it, and the number of steps that made it."""

    state: S
    upto: dict[str, int] = field(default_factory=dict)
    steps: int = 0


class PartitionRows(Generic[S]):
    """The states of one partition, from when a worker takes it over until it loses it.

    Args:
        most: as many states are kept, those written last; None keeps all, as where a state is of something that is not over.
    """

    def __init__(self, stage: KeyedStage[S], table: Table, partition: int, most: int | None = None) -> None:
        self._stage = stage
        self._most = most
        self._count = 0 if most is None else len(table.keys(partition))
        self._table = table
        self._partition = partition
        self._rows: OrderedDict[str, Row[S]] = OrderedDict()
        self._dirty: dict[str, Row[S] | None] = {}
        self.waiting: set[str] = {key.decode() for key in table.keys(partition, waiting=True)}
        self._ticked_upto = ""

    def __len__(self) -> int:
        """How many states are decoded."""
        return len(self._rows)

    def turn(self) -> list[str]:
        """The keys to tick now: all that wait, in order; where they are many the next MOST_TICKED, round and round."""
        ordered = sorted(self.waiting)
        if len(ordered) > MOST_TICKED:
            at = bisect_right(ordered, self._ticked_upto)
            ordered = (ordered[at:] + ordered[:at])[:MOST_TICKED]
            self._ticked_upto = ordered[-1]
        return ordered

    def row(self, key: str) -> Row[S]:
        """The row of a key; a new one where there is none."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._read(key)
        self._rows.move_to_end(key)
        return row

    def _read(self, key: str) -> Row[S]:
        stored = None if key in self._dirty else self._table.get(self._partition, key.encode())
        if stored is None:
            return Row(self._stage.initial(key))
        fields = orjson.loads(stored)
        # A row of before the journal: its first step must not pass for one that began with nothing.
        return Row(self._stage.load(fields["s"]), fields["u"], fields.get("n", 1))

    def changed(self, key: str, row: Row[S], state: S | None) -> None:
        """A key has a new state; None forgets it."""
        if state is None:
            self._rows.pop(key, None)
            self._dirty[key] = None
            self.waiting.discard(key)
            return
        row.state = state
        # The row itself, as a key that was forgotten may come back.
        self._dirty[key] = self._rows[key] = row
        (self.waiting.add if self._stage.waits(state) else self.waiting.discard)(key)

    def learned(self, key: str) -> None:
        """A state that keys share has learnt: its row is written behind those of the keys that have changed by now."""
        row = self._rows[key]
        self._dirty.pop(key, None)
        self.changed(key, row, row.state)

    def take_dirty(self) -> Steps[Rows]:
        """The rows that changed since the last call, as bytes; None for those to remove. In steps: nothing may change in between.

        A state that cannot be written (half a character, a number beyond 64 bits, too large) is given up: its key goes back to
        the row that was written last, as it would be in every worker that came after this one.
        """
        rows: Rows = {}
        number = size = 0
        for key, row in self._dirty.items():
            try:
                written = rows[key.encode()] = self._written(key, row)
                size += len(written or b"")
            except (TypeError, ValueError, RecursionError) as error:
                log.error("a state cannot be written", stage=self._stage.name, key=key[:256], reason=str(error)[:500])
                self._give_up(key)
            number += 1
            if number == _WRITTEN_AT_ONCE or size > _BYTES_AT_ONCE:
                number = size = 0
                yield
        self._dirty.clear()
        if self._most is not None:
            self._forget_oldest(rows, self._most)
        while len(self._rows) > MAX_DECODED:
            self._rows.popitem(last=False)
        return rows

    def _forget_oldest(self, rows: Rows, most: int) -> None:
        """Add to the rows the removal of those written longest ago, where there are too many."""
        get = self._table.get
        self._count += sum((row is not None) - (get(self._partition, key) is not None) for key, row in rows.items())
        if self._count <= most:
            return
        # Some more than need be: the list of all keys is not made for each new one.
        excess = self._count - most + most // 20
        gone = [key for key in self._table.keys(self._partition) if key not in rows and key != PARTITION_ROW][:excess]
        for key in gone:
            rows[key] = None
            self._rows.pop(key.decode(), None)
            self.waiting.discard(key.decode())
        self._count -= len(gone)
        log.warning(
            "too many states: those heard of longest ago are forgotten", stage=self._stage.name, forgotten=len(gone)
        )

    def _written(self, key: str, row: Row[S] | None) -> bytes | None:
        dumped = self._dump(row)
        size = len(key.encode()) + len(dumped or b"")
        if size > MAX_ROW_BYTES:
            raise ValueError(f"The row has {size} bytes; {MAX_ROW_BYTES} are the most.")
        return dumped

    def _give_up(self, key: str) -> None:
        self._rows.pop(key, None)
        stored = self._table.get(self._partition, key.encode())
        (self.waiting.add if stored and stored.startswith(WAITING) else self.waiting.discard)(key)

    def _dump(self, row: Row[S] | None) -> bytes | None:
        if row is None:
            return None
        head = {"w": 1} if self._stage.waits(row.state) else {}
        steps = {"n": row.steps} if row.steps else {}
        return orjson.dumps({**head, "u": row.upto, **steps, "s": self._stage.dump(row.state)})
