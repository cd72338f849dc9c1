"""The raw topic counted anew, alert by alert: what every window of every incident received, and what was dead or late of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from agents.sampling.batch import NO_INCIDENT, believable, incident_of
from agents.sampling.columns import AlertDecoder
from agents.sampling.rules import SamplingRules
from schemas.records.vocabulary import Millis
from streams.transport.batch import RawRecord

# Records that are decoded at once.
_BATCH = 20_000


class Place(NamedTuple):
    """A window of an incident: of the alerts in one partition of the raw topic."""

    partition: int
    incident_id: str
    window_start: Millis


class GivenUp(NamedTuple):
    """A record batch of the raw topic that sampling could not unpack: its offsets, and its time."""

    partition: int
    first: int
    last: int
    at: Millis


@dataclass(slots=True)
class Counted:
    """What the raw topic holds, by window: all records, those that cannot be alerts, and those that came late."""

    received: Counter[Place] = field(default_factory=Counter)
    dead: Counter[Place] = field(default_factory=Counter)
    late: Counter[Place] = field(default_factory=Counter)
    waiting: int = 0


class Recount:
    """Counts the raw topic. Each partition's records come in order from its beginning.

    Args:
        until: by partition, up to where sampling has committed. upto: by partition and incident, the last offset that an
            event tells of. Records beyond both wait for sampling.
        given_up: the batches that sampling could not unpack, each of which it took for one record. What this reader could
            make of them does not count.
    """

    def __init__(
        self,
        decoder: AlertDecoder,
        rules: SamplingRules,
        until: Mapping[int, int],
        upto: Mapping[tuple[int, str], int],
        given_up: Iterable[GivenUp] = (),
    ) -> None:
        self._decoder, self._rules, self._until, self._upto = decoder, rules, until, upto
        self._given_up: dict[int, list[GivenUp]] = defaultdict(list)
        for batch in given_up:
            self._given_up[batch.partition].append(batch)
        self._marks: dict[tuple[int, str], Millis] = {}
        self.counted = Counted()

    def take(self, partition: int, records: Iterable[RawRecord]) -> None:
        """Count records of a partition."""
        given_up = self._given_up[partition]
        for part in _batches(records):
            if given_up:
                self._count(partition, [r for r in part if not any(b.first <= r.offset <= b.last for b in given_up)])
            else:
                self._count(partition, part)

    def end(self) -> Counted:
        """What was counted, once all records were."""
        for batch in chain.from_iterable(self._given_up.values()):
            if self._waits(batch.partition, batch.last, NO_INCIDENT):
                self.counted.waiting += 1
            else:
                self._dead(batch.partition, NO_INCIDENT, batch.at)
        return self.counted

    def _waits(self, partition: int, offset: int, incident_id: str) -> bool:
        return offset >= self._until.get(partition, 0) and offset > self._upto.get((partition, incident_id), -1)

    def _count(self, partition: int, records: list[RawRecord]) -> None:
        columns, rejects = self._decoder.decode(records, self._rules.max_alert_bytes)
        alive: dict[int, tuple[str, Millis]] = {}
        if columns is not None:
            ids = columns.codes("incident_id")
            rows = believable(columns, rejects, self._rules)
            times, codes = columns.occurred_at[rows].tolist(), ids.codes[rows].tolist()
            places = columns.rows[rows].tolist()
            alive = {p: (ids.values[code], at) for p, code, at in zip(places, codes, times, strict=True)}
        for number, record in enumerate(records):
            incident_id, at = alive.get(number) or (incident_of(record), None)
            if self._waits(partition, record.offset, incident_id):
                self.counted.waiting += 1
            elif at is None:
                self._dead(partition, incident_id, record.timestamp)
            else:
                self._alert(partition, incident_id, at)

    def _alert(self, partition: int, incident_id: str, at: Millis) -> None:
        mark = self._marks.get((partition, incident_id), -1)
        late = mark - at > self._rules.lateness_ms
        mark = self._marks[partition, incident_id] = max(mark, at)
        place = self._place(partition, incident_id, mark if late else at)
        self.counted.received[place] += 1
        if late:
            self.counted.late[place] += 1

    def _dead(self, partition: int, incident_id: str, arrived_at: Millis) -> None:
        place = self._place(partition, incident_id, max(arrived_at, 0))
        self.counted.received[place] += 1
        self.counted.dead[place] += 1

    def _place(self, partition: int, incident_id: str, at: Millis) -> Place:
        return Place(partition, incident_id, at - at % self._rules.window_ms)


def _batches(records: Iterable[RawRecord]) -> Iterator[list[RawRecord]]:
    left = iter(records)
    while part := list(islice(left, _BATCH)):
        yield part
