"""Verifying the event store of a running Kafka, incident by incident or whole."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ops.errors import SettingsError
from ops.settings import Settings
from state.event_log import CHECKPOINTS_TOPIC, EVENTS_TOPIC, SNAPSHOTS_TOPIC, UnreadableEvent, read_events
from state.signing import SigningKey, load_if_there
from state.verification import Fault, Verification
from state.witnesses import Testimony, hear

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
    found = Verification()

    def unreadable(record: UnreadableEvent) -> None:
        if incident_id is None or record.incident_id in (incident_id, ""):
            found.unreadable(record)

    for stored in read_events(bootstrap, incident_id=incident_id, topic=events_topic, unreadable=unreadable):
        found.event(stored)
        if found.events % _TELL_EVERY == 0:
            progress(found.events)
    for witness in heard.witnesses():
        if incident_id in (None, witness.incident_id):
            found.witness(witness)
    for raw in heard.forged:
        found.forged_checkpoint(raw.partition, raw.offset)
    return Verdict(found.incidents, found.events, tuple(found.faults()), heard)


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
