"""A stage's states on a Faust table: a row a key, written to the changelog before the source is acknowledged.

A row holds the state and, by source topic, the offset up to which records are in it, so a redelivery is told apart. Row keys
begin with the partition: a Faust table holds all partitions of a worker in one store.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import faust
import orjson

from streams.outbox import Message
from streams.stage import Stage

S = TypeVar("S")

# States kept decoded a partition; the rest are rows in the table. At 4 kB a state this caps memory at 80 MB a partition.
MAX_DECODED = 20_000
# Row bytes begin with this where the state wants ticks, so that waiting keys are found without reading rows.
WAITING = b'{"w":1'


@dataclass(slots=True)
class Row(Generic[S]):
    """A state and how far each source is in it."""

    state: S
    upto: dict[str, int] = field(default_factory=dict)


class RowTable:
    """A Faust table with raw keys and values, written in bulk."""

    def __init__(self, app: Any, name: str, partitions: int) -> None:
        schema = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        self._table = app.Table(name, partitions=partitions, schema=schema)
        self.changelog: str = self._table.changelog_topic_name

    def get(self, key: bytes) -> bytes | None:
        """The row of a key."""
        found: bytes | None = self._store().get(key)
        return found

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:
        """The keys of a partition, or those of states that want ticks."""
        prefix = b"%d:" % partition
        return [k for k, v in self._store().items() if k.startswith(prefix) and (not waiting or v.startswith(WAITING))]

    def put(self, rows: dict[bytes, bytes | None]) -> None:
        """Take rows whose changelog records are delivered."""
        store = self._store()
        for key, value in rows.items():
            if value is None:
                store.pop(key, None)
            else:
                store[key] = value

    def messages(self, partition: int, rows: dict[bytes, bytes | None]) -> list[Message]:
        """The changelog records of rows."""
        return [Message(self.changelog, key, value, partition) for key, value in rows.items()]

    def _store(self) -> Any:
        # Faust's memory store keeps a dictionary that recovery fills; writing through Table.__setitem__ would send one
        # changelog record a step, and not wait for it.
        return self._table.data.data


class PartitionRows(Generic[S]):
    """The states of one partition, decoded as they are needed."""

    def __init__(self, stage: Stage[S], table: RowTable, partition: int) -> None:
        self._stage = stage
        self._table = table
        self._prefix = b"%d:" % partition
        self._rows: OrderedDict[str, Row[S]] = OrderedDict()
        self._dirty: dict[str, Row[S] | None] = {}
        cut = len(self._prefix)
        self.waiting: set[str] = {key[cut:].decode() for key in table.keys(partition, waiting=True)}

    def row(self, key: str) -> Row[S]:
        """The row of a key; a new one where there is none."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._read(key)
        self._rows.move_to_end(key)
        return row

    def _read(self, key: str) -> Row[S]:
        stored = None if key in self._dirty else self._table.get(self._prefix + key.encode())
        if stored is None:
            return Row(self._stage.initial(key))
        fields = orjson.loads(stored)
        return Row(self._stage.load(fields["s"]), fields["u"])

    def changed(self, key: str, row: Row[S], state: S | None) -> None:
        """A key has a new state; None forgets it."""
        if state is None:
            self._rows.pop(key, None)
            self._dirty[key] = None
            self.waiting.discard(key)
            return
        row.state = state
        self._dirty[key] = row
        (self.waiting.add if self._stage.waits(state) else self.waiting.discard)(key)

    def take_dirty(self) -> dict[bytes, bytes | None]:
        """The rows that changed since the last call, as bytes."""
        rows = {self._prefix + key.encode(): self._dump(row) for key, row in self._dirty.items()}
        self._dirty.clear()
        while len(self._rows) > MAX_DECODED:
            self._rows.popitem(last=False)
        return rows

    def _dump(self, row: Row[S] | None) -> bytes | None:
        if row is None:
            return None
        head = {"w": 1} if self._stage.waits(row.state) else {}
        return orjson.dumps({**head, "u": row.upto, "s": self._stage.dump(row.state)})
