"""Verifying the event store of a running Kafka, incident by incident or whole."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.errors import SettingsError
from ops.settings import Settings
from state.event_log import CHECKPOINTS_TOPIC, EVENTS_TOPIC, SNAPSHOTS_TOPIC, UnreadableEvent, read_records
from state.ports import StoredEvent
from state.repairs import Entry, as_repaired, is_repair, of_incident
from state.restoration import grouped, verification_of
from state.signing import SigningKey, load_if_there
from state.verification import Fault, Verification
from state.witnesses import Testimony, Witness, hear

_TELL_EVERY = 50_000
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found, and which signed checkpoints it could hold the log against."""

    incidents: int
    events: int
    faults: tuple[Fault, ...]
    testimony: Testimony

    @property
    def verified(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word counts: the store's own key, where this home has it, and other public keys."""

    key: SigningKey | None = None
    public: frozenset[bytes] = frozenset()

    @property
    def keys(self) -> frozenset[bytes]:
        """All public keys whose signatures count."""
        return self.public | ({self.key.public} if self.key else frozenset())


def trust_of(settings: Settings, more: Collection[str] = ()) -> Trust:
    """The keys of the settings, and more in hex.

    Raises:
        SettingsError: one of them is no public key.
        SigningKeyError: the store's key cannot be used.
    """
    named = [text.strip() for text in (*settings.trusted_keys.split(","), *more) if text.strip()]
    return Trust(load_if_there(settings.store_key), frozenset(_public(text) for text in named))


def verify_store(
    bootstrap: str,
    trust: Trust | None = None,
    *,
    incident_id: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
    events_topic: str = EVENTS_TOPIC,
    snapshots_topic: str = SNAPSHOTS_TOPIC,
    checkpoints_topic: str = CHECKPOINTS_TOPIC,
) -> Verdict:
    """Read the whole log, and hold it against its own hashes, the snapshots and the signed checkpoints.

    Args:
        trust: whose checkpoints and snapshots count; without any, snapshots do unproved.
        incident_id: only this incident.
        progress: told the number of events that were read, now and then.

    Raises:
        StoreUnavailableError: Kafka does not answer, or the topics are not there.
    """
    trust = trust or Trust()
    # Witnesses first: they are written after their events, so the log that is read after them must hold all they saw.
    heard = hear(
        bootstrap, trust.key, trust.public, snapshots_topic=snapshots_topic, checkpoints_topic=checkpoints_topic
    )
    homes = heard.homes
    found, repairs = Verification(homes), dict[str, list[StoredEvent]]()
    for raw, record in read_records(bootstrap, incidents=_only(incident_id), topic=events_topic):
        if isinstance(record, UnreadableEvent):
            if incident_id is None or record.incident_id in (incident_id, ""):
                found.unreadable(record)
        elif incident_id in (None, record.event.incident_id):
            if is_repair(raw, trust.keys):
                repairs.setdefault(record.event.incident_id, []).append(record)
                continue
            found.event(record)
            if found.events % _TELL_EVERY == 0:
                progress(found.events)
    witnesses = [witness for witness in heard.witnesses() if incident_id in (None, witness.incident_id)]
    _judge_repaired(found, bootstrap, events_topic, repairs, trust, witnesses, homes)
    for witness in witnesses:
        if witness.incident_id not in repairs:
            found.witness(witness)
    for raw in heard.forged:
        found.forged_checkpoint(raw.partition, raw.offset)
    return Verdict(found.incidents, found.events, tuple(found.faults()), heard)


def records_of(
    bootstrap: str, incidents: Mapping[str, object], trust: Trust, topic: str = EVENTS_TOPIC
) -> tuple[dict[str, list[Entry]], dict[str, list[StoredEvent]]]:
    """The records of these incidents as they lie in the log, and the repairs among them, apart."""
    entries: dict[str, list[Entry]] = {incident_id: [] for incident_id in incidents}
    repairs: dict[str, list[StoredEvent]] = {incident_id: [] for incident_id in incidents}
    for raw, record in read_records(bootstrap, incidents=incidents.keys(), topic=topic):
        if (incident_id := of_incident(record)) not in entries:
            continue
        if isinstance(record, StoredEvent) and is_repair(raw, trust.keys):
            repairs[incident_id].append(record)
        else:
            entries[incident_id].append(record)
    return entries, repairs


def _judge_repaired(
    found: Verification,
    bootstrap: str,
    topic: str,
    repairs: Mapping[str, Sequence[StoredEvent]],
    trust: Trust,
    witnesses: Iterable[Witness],
    homes: Mapping[str, int],
) -> None:
    """Judge repaired incidents by their records as they count, which takes another look at them."""
    if not repairs:
        return
    entries, _ = records_of(bootstrap, repairs, trust, topic)
    for incident_id, seen in grouped(witnesses, repairs).items():
        own = verification_of(as_repaired(entries[incident_id], repairs[incident_id]), seen, homes)
        counted = sum(isinstance(entry, StoredEvent) for entry in entries[incident_id])
        found.absorb(own, incident_id, counted)


def _only(incident_id: str | None) -> Collection[str] | None:
    return None if incident_id is None else {incident_id}


def _public(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _KEY_BYTES:
        raise SettingsError(
            f"{text!r} is no public key: it has {2 * _KEY_BYTES} hex digits; see `breakwater events key`."
        )
    return found
