"""Rows by partition on a Faust table: written to the changelog in bulk, and recovered from it in bulk.

Faust's own table writes one changelog record a change without waiting for it, and recovers some 4,000 records a second. Here
a stage awaits its rows' records before it puts the rows, and recovery takes a fetch at once.

Rows are fenced. Each record carries its writer's epoch: where the changelog ended when the writer took the partition over, and
of which generation of the group the writer was, as two may take over where the first has written nothing. A worker that lost
its partition without knowing (it was stopped, or cut off) may still write; its rows come after its successor's, but carry a
smaller epoch, and recovery passes them over.
"""

from collections.abc import Iterable
from typing import Any

import faust
from faust.tables.table import Table

from streams.outbox import MAX_MESSAGE_BYTES, Message
from streams.topics import Topic, create_topics
from streams.transport.batch import RawRecord

# Row bytes begin with this where the state wants ticks, so that waiting keys are found without reading rows.
WAITING = b'{"w":1'
EPOCH_HEADER = "epoch"
_MOST_DIGITS = 18  # of an epoch
# Of the generation in an epoch; it decides between two of which the changelog's end is the same, so it may wrap.
_GENERATION_BITS = 20
# The key of the one row of a partition that is no state's: what a stage notes of the partition itself.
PARTITION_ROW = b"\xff"
# Small segments, cleaned soon: what a recovery reads is about the live rows and 32 MiB.
_TOPIC_SETTINGS = {
    "segment.bytes": str(16 << 20),
    "min.cleanable.dirty.ratio": "0.1",
}

Rows = dict[bytes, bytes | None]


class RowStore:
    """The rows of the partitions that a worker holds, and in which epoch each was written. Pure.

    Of two records of a key the one with the greater epoch holds, of one epoch the later.
    """

    def __init__(self) -> None:
        self._rows: dict[int, dict[bytes, tuple[int, bytes | None]]] = {}
        self._epochs: dict[int, int] = {}
        self._owned: frozenset[int] = frozenset()

    def recover(self, partition: int, records: Iterable[RawRecord]) -> None:
        """Take records of the changelog, in their order."""
        rows = self._rows.setdefault(partition, {})
        for record in records:
            if record.key is None or not (record.key == PARTITION_ROW or _is_text(record.key)):
                continue  # no row of ours
            epoch, held = _epoch_of(record), rows.get(record.key)
            if held is None or epoch >= held[0]:
                rows.pop(record.key, None)  # so that those written last are at the end
                rows[record.key] = epoch, record.value

    def own(self, ends: dict[int, int], generation: int) -> None:
        """Recovery is complete: the worker holds these partitions, whose changelogs ended there, and no others.

        Args:
            generation: of the consumer group, when it gave the worker these partitions.
        """
        self._rows = {p: {k: v for k, v in self._rows.get(p, {}).items() if v[1] is not None} for p in ends}
        turn = generation % (1 << _GENERATION_BITS)
        self._epochs = {partition: end << _GENERATION_BITS | turn for partition, end in ends.items()}
        self._owned = frozenset(ends)

    def let_go(self) -> None:
        """Partitions were taken away: until the next recovery is complete no rows are whole."""
        self._owned = frozenset()

    def holds(self, partition: int) -> bool:
        """Whether the worker holds a partition with all of its rows: from the end of their recovery until it is taken away."""
        return partition in self._owned

    def epoch(self, partition: int) -> int:
        """The epoch that the worker writes a partition's rows in."""
        return self._epochs.get(partition, 0)

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The row of a key."""
        held = self._rows.get(partition, {}).get(key)
        return None if held is None else held[1]

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:
        """The keys of a partition, `PARTITION_ROW` among them, or those of states that want ticks."""
        rows = self._rows.get(partition, {}).items()
        live = ((key, row) for key, (_, row) in rows if row is not None)
        if waiting:
            return [key for key, row in live if row.startswith(WAITING) and key != PARTITION_ROW]
        return [key for key, _ in live]

    def put(self, partition: int, rows: Rows) -> None:
        """Take rows whose changelog records are delivered; None removes one."""
        held, epoch = self._rows.setdefault(partition, {}), self.epoch(partition)
        for key, row in rows.items():
            held.pop(key, None)  # so that those written last are at the end
            if row is not None:
                # A copy of its own size: what orjson makes is cut from a larger piece of memory, whose rest nothing fits.
                held[key] = epoch, bytes(memoryview(row))


def _epoch_of(record: RawRecord) -> int:
    """The writer's epoch; 0, older than any, where the header says what no writer could: an epoch that begins after it."""
    told = next((value for name, value in record.headers if name == EPOCH_HEADER), None) or b""
    epoch = int(told) if told.isdigit() and len(told) <= _MOST_DIGITS else 0
    return epoch if epoch >> _GENERATION_BITS <= record.offset else 0


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


class RowTable:
    """A stage's rows in one worker, on a Faust table.

    Args:
        app: the Faust app. name: of the table, in the changelog's name. partitions: of the stage's sources.
    """

    def __init__(self, app: Any, name: str, partitions: int) -> None:
        self._store = RowStore()
        self._table = app.tables.add(_FaustTable(app, name, partitions, self._store))
        self.changelog: str = self._table.changelog_topic_name

    def let_go(self) -> None:
        """See `RowStore.let_go`."""
        self._store.let_go()

    def holds(self, partition: int) -> bool:
        """See `RowStore.holds`."""
        return self._store.holds(partition)

    def epoch(self, partition: int) -> int:
        """See `RowStore.epoch`."""
        return self._store.epoch(partition)

    def get(self, partition: int, key: bytes) -> bytes | None:
        """See `RowStore.get`."""
        return self._store.get(partition, key)

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:
        """See `RowStore.keys`."""
        return self._store.keys(partition, waiting=waiting)

    def put(self, partition: int, rows: Rows) -> None:
        """See `RowStore.put`."""
        self._store.put(partition, rows)

    def messages(self, partition: int, rows: Rows) -> list[Message]:
        """The changelog records of rows."""
        headers = {EPOCH_HEADER: b"%d" % self._store.epoch(partition)}
        return [Message(self.changelog, key, row, partition, headers) for key, row in rows.items()]


def changelogs(app: Any) -> list[Topic]:
    """The changelog topics of an app's tables."""
    tables = sorted(app.tables.values(), key=lambda table: str(table.name))
    return [
        Topic(str(t.changelog_topic_name), bytes, compacted=True, max_bytes=MAX_MESSAGE_BYTES, config=_TOPIC_SETTINGS)
        for t in tables
    ]


def create_changelogs(app: Any, bootstrap: str) -> list[str]:
    """Create the changelogs that are not there; return their names.

    Faust would make them as well, but only after it has joined its group, which its assignor then warns of.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`.
        TopicMismatchError: one has another number of partitions than the sources: rows could not be found again.
    """
    made = changelogs(app)
    return create_topics(bootstrap, app.conf.topic_partitions, app.conf.topic_replication_factor, made, exact=True)


class _FaustTable(Table):  # type: ignore[misc]
    """What Faust's recovery sees: it assigns, seeks and measures; the rows go to a RowStore."""

    def __init__(self, app: Any, name: str, partitions: int, store: RowStore) -> None:
        self._row_store = store
        schema = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        super().__init__(
            app, name=name, partitions=partitions, schema=schema, beacon=app.tables.beacon,
            # Without the types a table's own default, JSON, takes the place of the schema's serializers.
            key_type=bytes, value_type=bytes,
        )  # fmt: skip

    def recover(self, partition: int, records: Iterable[RawRecord]) -> None:
        """Called by the consumer with all that a fetch brought."""
        self._row_store.recover(partition, records)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Called by Faust's recovery with the last record of each fetch, which the store has already."""

    async def on_recovery_completed(self, active_tps: set[Any], standby_tps: set[Any]) -> None:  # noqa: ARG002 - Faust's
        """Called by Faust's recovery once the changelogs of a new assignment are read."""
        highest = self.app.tables.recovery.active_highwaters
        ends = {tp.partition: highest[tp] + 1 for tp in active_tps}
        self._row_store.own(ends, self.app.consumer_generation_id)
