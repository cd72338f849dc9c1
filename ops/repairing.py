"""Repairing the event store from the projection: what the chain proves to be right is written once more, signed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import Producer

from ops.incident_lookup import whole_timeline
from ops.verifying import Trust, records_of, verify_store
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.errors import StoreUnavailableError
from state.event_log import EVENTS_TOPIC, event_key
from state.ports import Projection, StoredEvent
from state.repairs import as_repaired, repair_header
from state.restoration import Restoration, grouped, plan_restoration
from state.signing import SigningKey
from state.verification import Fault, home_of
from state.witnesses import Testimony

_EVENTS = Codec(IncidentEvent)
_PATIENCE_S = 60.0
# Incidents whose records are held at once: at 50 events of 2 kB each, 50 MB.
_AT_ONCE = 500

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Repair:
    """A version that was, or in a dry run would be, written once more."""

    incident_id: str
    version: int
    partition: int


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair came to; `refused` are the faults that stay."""

    faults: int
    restored: tuple[Repair, ...]
    refused: tuple[Fault, ...]


def repair_store(
    bootstrap: str,
    projection: Projection,
    key: SigningKey,
    trust: Trust,
    *,
    dry_run: bool,
    progress: Progress = lambda _: None,
) -> RepairReport:
    """Verify the store, and restore what can be.

    Args:
        key: signs what is written. trust: whose checkpoints and repairs count.
        dry_run: write nothing.

    Raises:
        StoreUnavailableError: Kafka does not answer, or did not take a record; doing it again goes on.
        ProjectionUnavailableError: the projection cannot be read.
    """
    verdict = verify_store(bootstrap, trust, progress=lambda count: progress(f"{count:,} events read"))
    faults: dict[str, list[Fault]] = defaultdict(list)
    for fault in verdict.faults:
        faults[fault.incident_id].append(fault)
    restored: list[Repair] = []
    refused = faults.pop("", [])
    names = list(faults)
    for start in range(0, len(names), _AT_ONCE):
        some = {name: faults[name][-1].partition for name in names[start : start + _AT_ONCE]}
        progress(f"{start:,} of {len(names):,} damaged incidents looked at")
        for incident_id, (plan, partition) in _plans(bootstrap, projection, some, trust, verdict.testimony).items():
            restored += [Repair(incident_id, event.version, partition) for event in plan.events]
            refused += plan.refused
            # What lies in another partition replaces nothing, and nothing written here replaces it.
            refused += [fault for fault in faults[incident_id] if fault.partition != partition]
            if not dry_run:
                _write(bootstrap, key, partition, plan.events)
    return RepairReport(len(verdict.faults), tuple(restored), tuple(refused))


def _plans(
    bootstrap: str, projection: Projection, incidents: dict[str, int], trust: Trust, heard: Testimony
) -> dict[str, tuple[Restoration, int]]:
    """What can be restored of each incident, and in which partition it belongs."""
    entries, repairs = records_of(bootstrap, incidents, trust)
    plans, homes = {}, heard.homes
    for one, witnesses in grouped(heard.witnesses(), incidents).items():
        held = whole_timeline(projection, one)
        logged = Counter(entry.partition for entry in entries[one] if isinstance(entry, StoredEvent))
        places = logged or Counter(stored.partition for stored in held) or Counter([incidents[one]])
        home = home_of(places, homes.get(one))
        here = [entry for entry in entries[one] if entry.partition == home]
        records = as_repaired(here, [repair for repair in repairs[one] if repair.partition == home])
        plan = plan_restoration(one, records, [stored.event for stored in held], witnesses)
        plans[one] = plan, home
    return plans


def _write(bootstrap: str, key: SigningKey, partition: int, events: Iterable[IncidentEvent]) -> None:
    producer = Producer({
        "bootstrap.servers": bootstrap, "client.id": "breakwater-repair", "acks": "all", "enable.idempotence": True,
        "log_level": 0,
    })  # fmt: skip
    failures: list[str] = []
    for event in events:
        name, value = event_key(event.incident_id, event.version), _EVENTS.encode(event)
        producer.produce(
            EVENTS_TOPIC, value, name, partition, headers=list(repair_header(key, name, value).items()),
            on_delivery=lambda error, _: failures.append(str(error)) if error else None,
        )  # fmt: skip
    if producer.flush(_PATIENCE_S) or failures:
        why = failures[0] if failures else f"it was silent for {_PATIENCE_S:.0f} s"
        raise StoreUnavailableError(f"Kafka did not take a repair: {why}. Repair again: what was written counts.")
