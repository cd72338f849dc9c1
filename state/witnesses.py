"""What else than the log has seen an incident's versions: snapshots, and signed checkpoints of all heads."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from schemas.records.log import HeadsCheckpoint, IncidentSnapshot
from state.checkpoints import Checkpoint, genuine, newest
from state.event_log import CHECKPOINTS_TOPIC, SNAPSHOTS_TOPIC, checkpoint_of, snapshot_of
from state.log_reader import LogReader, RawRecord
from state.signing import SigningKey
from state.snapshots import authentic


@dataclass(frozen=True, slots=True)
class Witness:
    """Something that has seen a version of an incident with this hash; `offset` is where the version lay, or the log's end."""

    incident_id: str
    version: int
    hash: str
    partition: int
    offset: int
    name: str


@dataclass(slots=True)
class Testimony:
    """All witnesses, and what was not heard.

    Attributes:
        checkpoints: by partition, those that count. forged: records that name a trusted key, which did not sign them.
        untrusted: how many records of checkpoints other keys signed. unmarked: snapshots without this store's mark.
    """

    snapshots: dict[str, Witness] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    forged: list[RawRecord] = field(default_factory=list)
    untrusted: int = 0
    unmarked: int = 0

    @property
    def homes(self) -> dict[str, int]:
        """The partitions of incidents that signed checkpoints name."""
        return {one: checkpoint.partition for checkpoint in self.checkpoints.values() for one in checkpoint.marks}

    def witnesses(self) -> Iterator[Witness]:
        """Snapshots first: they say where a version lay."""
        yield from self.snapshots.values()
        for checkpoint in self.checkpoints.values():
            for mark in checkpoint.marks.values():
                yield Witness(
                    mark.incident_id, mark.version, mark.hash, checkpoint.partition, checkpoint.end,
                    "a signed checkpoint",
                )  # fmt: skip


def witness_of(snapshot: IncidentSnapshot, partition: int) -> Witness:
    """A snapshot as a witness."""
    return Witness(
        snapshot.incident_id, snapshot.version, snapshot.head_hash, partition, snapshot.event_offset, "a snapshot"
    )


def hear(
    bootstrap: str,
    key: SigningKey | None = None,
    trusted: Collection[bytes] = (),
    *,
    snapshots_topic: str = SNAPSHOTS_TOPIC,
    checkpoints_topic: str = CHECKPOINTS_TOPIC,
) -> Testimony:
    """Read all witnesses.

    Args:
        key: the store's own, where it is known: then only snapshots with its mark are heard.
        trusted: public keys that checkpoints may be signed with, beside that one.

    Raises:
        StoreUnavailableError: Kafka does not answer.
    """
    found = Testimony()
    public = {*trusted, *([key.public] if key else [])}
    with LogReader(bootstrap, "breakwater-witnesses") as reader:
        for raw in _whole(reader, snapshots_topic):
            _hear_snapshot(found, raw, key)
        parts: dict[int, list[HeadsCheckpoint]] = {}
        for raw in _whole(reader, checkpoints_topic):
            record = checkpoint_of(raw)
            if record is None or record.public_key not in public:
                found.untrusted += raw.value is not None
            elif record.partition == raw.partition and genuine(record):
                parts.setdefault(record.partition, []).append(record)
            else:
                found.forged.append(raw)
    for partition, some in parts.items():
        if (checkpoint := newest(some, public, partition)) is not None:
            found.checkpoints[partition] = checkpoint
    return found


def _hear_snapshot(found: Testimony, raw: RawRecord, key: SigningKey | None) -> None:
    if key is not None and not authentic(key, raw.key, raw.value, dict(raw.headers)):
        found.unmarked += 1
        return
    record = snapshot_of(raw)
    if record is not None:
        witness = witness_of(record.snapshot, raw.partition)
        before = found.snapshots.get(witness.incident_id)
        if before is None or witness.version >= before.version:  # an old one may have been written again
            found.snapshots[witness.incident_id] = witness


def _whole(reader: LogReader, topic: str) -> Iterable[RawRecord]:
    return reader.read(topic, {p: reader.bounds(topic, p) for p in reader.partitions(topic)})
