"""One batch through the rule: from what a fetch brought to what is forwarded, what is dead, and which accounts changed. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from agents.sampling.columns import MOST_STAMP, AlertDecoder, Columns, Ints, LogView, RecordsView, Rejects
from agents.sampling.incidents import COUNTS, MAX_TEXT, Incidents, N, key_of
from agents.sampling.rations import Rations
from agents.sampling.rule import add, sample
from agents.sampling.rules import SamplingRules
from agents.sampling.unopened import decode_unopened
from schemas.errors import DecodeError
from streams.transport.batch import RawRecord
from streams.transport.chunks import Chunk

# The incident that dead letters are counted for whose key names none.
NO_INCIDENT = "unreadable"
MAX_ID_CHARS = 256


@dataclass(frozen=True, slots=True)
class Kept:
    """Alerts to be forwarded: records of `log` at `places`, in order, each by the key of its incident `ids[codes[i]]`."""

    log: LogView
    places: Ints
    ids: list[str]
    codes: Ints


@dataclass(slots=True)
class Outcome:
    """What is forwarded, and which records are dead and why."""

    kept: list[Kept] = field(default_factory=list)
    dead: list[tuple[RawRecord, DecodeError]] = field(default_factory=list)


class Sampler:
    """The rule over one partition's batches.

    Args:
        state: what is known of the incidents. upto: everything up to this offset is counted and forwarded.
    """

    def __init__(self, state: Incidents, upto: int, decoder: AlertDecoder, rules: SamplingRules) -> None:
        self.state, self.upto = state, upto
        self._decoder, self._rules, self._rations = decoder, rules, Rations(rules)

    def work_through(self, records: Sequence[RawRecord] | Sequence[Chunk]) -> Outcome:
        """Sample a batch. Records that were counted before are passed over."""
        outcome = Outcome()
        for some in _alike(records):
            for columns, rejects, log in self._decoded(some):
                self._take(columns, rejects, log, outcome)
        return outcome

    def _decoded(
        self, records: Sequence[RawRecord] | Sequence[Chunk]
    ) -> Iterator[tuple[Columns | None, Rejects, LogView]]:
        """A batch in pieces as large as can be: whole, where nothing in it is in doubt."""
        if not records:
            return
        chunks = [record for record in records if isinstance(record, Chunk)]
        if not chunks:
            opened = [record for record in records if not isinstance(record, Chunk)]
            yield *self._decoder.decode(opened, self._rules.max_alert_bytes), RecordsView(opened)
            return
        columns = decode_unopened(chunks, self._decoder.fingerprint, self._rules.max_alert_bytes)
        if columns is not None:
            yield columns, {}, columns.log
        elif len(chunks) == 1:
            yield from self._decoded(list(chunks[0].records()))
        else:
            half = len(chunks) // 2
            yield from self._decoded(chunks[:half])
            yield from self._decoded(chunks[half:])

    def _take(self, columns: Columns | None, rejects: Rejects, log: LogView, outcome: Outcome) -> None:
        alive = np.empty(0, np.int64)
        if columns is not None:
            alive = believable(columns, rejects, self._rules)
        dead = [(log.record(place), rejects[place]) for place in sorted(rejects)]
        fresh = [(record, self.state.slot_of(incident_of(record)), error) for record, error in dead]
        fresh = [one for one in fresh if one[0].offset > max(self.upto, self.state.numbers[one[1], N.UPTO])]
        if columns is not None and len(alive):
            self._sample(columns if len(alive) == len(columns) else columns.take(alive), outcome)
        for record, slot, error in fresh:
            self._bury(slot, record)
            outcome.dead.append((record, error))

    def _sample(self, columns: Columns, outcome: Outcome) -> None:
        ids = columns.codes("incident_id")
        by_code = self.state.slots(ids.values)
        slots = by_code[ids.codes]
        new = columns.offsets > np.maximum(self.state.numbers[slots, N.UPTO], self.upto)
        if not new.all():
            rows = np.flatnonzero(new)
            if len(rows):
                self._sample(columns.take(rows), outcome)
            return
        fates = sample(self.state, slots, columns, self._rules, self._rations)
        self._describe(by_code, ids.codes, columns)
        kept = np.flatnonzero(fates.kept)
        outcome.kept.append(Kept(columns.log, columns.rows[kept], ids.values, ids.codes[kept]))

    def _describe(self, slots: Ints, codes: Ints, columns: Columns) -> None:
        """Note the tenant and service of each incident, as its last alert says."""
        last = np.empty(len(slots), np.int64)
        last[codes] = np.arange(len(codes))  # of several, numpy keeps the last
        tenants, services = columns.texts("tenant", last), columns.texts("service", last)
        state = self.state
        for slot, tenant, service in zip(slots.tolist(), tenants, services, strict=True):
            state.tenants[slot], state.services[slot] = tenant[:MAX_TEXT], service[:MAX_TEXT]

    def _bury(self, slot: int, record: RawRecord) -> None:
        """Count a record that is no alert, in the window of its arrival: it has no other time."""
        numbers = self.state.numbers[slot]
        counts = np.zeros((1, COUNTS + 2), np.int64)
        counts[0, N.RECEIVED] = counts[0, N.DEAD] = 1
        arrived = min(max(record.timestamp, 0), MOST_STAMP)
        window = arrived // self._rules.window_ms
        add(self.state, key_of(np.asarray([slot]), np.asarray([window])), counts, np.asarray([record.offset]))
        numbers[N.UPTO] = max(int(numbers[N.UPTO]), record.offset)
        numbers[N.ARRIVED] = max(int(numbers[N.ARRIVED]), arrived)
        self.state.changed[slot] = True


def _alike(records: Sequence[Any]) -> Iterator[list[Any]]:
    """Records in their order, chunks and opened ones apart."""
    return (list(some) for _, some in groupby(records, lambda record: isinstance(record, Chunk)))


def believable(columns: Columns, rejects: Rejects, rules: SamplingRules) -> Ints:
    """The rows whose time and incident can be true; the others join the rejects."""
    arrived = columns.arrived_at
    ids = columns.codes("incident_id")
    named = np.asarray([0 < len(v) <= MAX_ID_CHARS for v in ids.values], bool)[ids.codes]
    ahead, before = columns.occurred_at > arrived + rules.future_ms, columns.occurred_at < 0
    wrong = ahead | before | ~named
    for row in np.flatnonzero(wrong).tolist():
        at = int(columns.occurred_at[row])
        if not named[row]:
            fault = DecodeError("no_incident_id", f"The incident_id must have 1 to {MAX_ID_CHARS} characters.")
        elif ahead[row]:
            fault = DecodeError("future_dated", f"occurred_at is {at - int(arrived[row])} ms after the alert arrived.")
        else:
            fault = DecodeError("impossible_time", f"occurred_at is {at} ms: before 1970.")
        rejects[int(columns.rows[row])] = fault
    return np.flatnonzero(~wrong)


def incident_of(record: RawRecord) -> str:
    """The incident that a record without a readable alert is counted for: its key."""
    try:
        text = bytes(record.key or b"").decode()
    except UnicodeDecodeError:
        return NO_INCIDENT
    return text if 0 < len(text) <= MAX_ID_CHARS else NO_INCIDENT
