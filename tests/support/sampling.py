"""One partition's sampling, fed with records as a fetch brings them: as objects, or unopened."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from agents.sampling.batch import Outcome, Sampler
from agents.sampling.columns import AlertDecoder
from agents.sampling.incidents import COUNTS, Incidents, N
from agents.sampling.rules import SamplingRules
from schemas.records.intake import Alert
from streams.transport.chunks import Chunk
from tests.support.alerts import CODEC, START

_PLAIN, _LZ4 = 0, 3


@dataclass
class Record:
    """A record as the transport hands it over."""

    offset: int
    value: bytes | None
    key: bytes | None = b"inc-1"
    timestamp: int = START + 3_600_000
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Edge:
    """Feeds batches to the rule and keeps its accounts."""

    rules: SamplingRules = field(default_factory=SamplingRules)
    state: Incidents = field(default_factory=Incidents)
    sampler: Sampler = field(init=False)

    def __post_init__(self) -> None:
        self.sampler = Sampler(self.state, -1, AlertDecoder(), self.rules)

    def batch(self, records: Sequence[Record] | Sequence[Chunk]) -> Outcome:
        return self.sampler.work_through(records)

    def total(self, count: N) -> int:
        """Over all incidents."""
        return int(self.state.numbers[self.state.live(), count].sum())

    def totals(self) -> dict[str, list[int]]:
        """The counts of each incident."""
        live = {self.state.ids[slot]: self.state.numbers[slot, :COUNTS].tolist() for slot in self.state.live().tolist()}
        return {incident_id: counts for incident_id, counts in live.items() if any(counts)}

    def windows(self, incident_id: str) -> dict[int, list[int]]:
        """By start, the counts of an incident's windows, in the order of `N`."""
        owner = self.state.windows.owners() == self.state.slot_of(incident_id)
        starts = (self.state.windows.parts()[owner] * self.rules.window_ms).tolist()
        return dict(zip(starts, self.state.windows.values[owner, :COUNTS].tolist(), strict=True))


def kept_offsets(outcome: Outcome) -> list[int]:
    """The offsets of what is forwarded, in order."""
    return sorted(offset for kept in outcome.kept for offset in kept.log.offsets[kept.places].tolist())


def records(some: Sequence[Alert], first: int = 0) -> list[Record]:
    """Alerts as records from an offset on."""
    return [Record(first + i, CODEC.encode(a), a.incident_id.encode()) for i, a in enumerate(some)]


def chunks(some: Sequence[Record], size: int, *, compressed: bool = True, begins_at: int = 0) -> list[Chunk]:
    """Records as record batches of the log, so many in each."""
    made = []
    for at in range(0, len(some), size):
        part = some[at : at + size]
        builder = DefaultRecordBatchBuilder(2, _LZ4 if compressed else _PLAIN, 0, -1, -1, 0, 1 << 28)
        for record in part:
            builder.append(
                record.offset - part[0].offset, record.timestamp, record.key, record.value, list(record.headers)
            )
        raw = bytearray(builder.build())
        raw[0:8] = part[0].offset.to_bytes(8, "big")
        made.append(Chunk(bytes(raw), begins_at))
    return made
