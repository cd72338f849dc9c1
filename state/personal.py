"""Personal texts in events: sealed with a key of the person, so that destroying the key erases them and the chain stays whole.

A record marks a field as personal by `schemas.records.vocabulary.personal`, which names the field that says whose it is. Before a
command with such a field leaves the process its text is sealed: AES-256-GCM under the person's key, bound to the incident. What
is in the log, and what hashes are taken of, is the sealed text; those who show events open it again where the key is still
there. The nonce is made of the text (as in RFC 5297), so the same text is sealed alike and a command made twice stays one.
"""

import base64
import dataclasses
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.convert import to_dict
from schemas.records.vocabulary import PERSONAL_OF
from state.incident import IncidentState
from state.ports import IncidentQuery, Page, Projection, StoredEvent

ERASED = "[erased]"
UNREADABLE = "[sealed]"
SOMEBODY = "somebody"

_NONCE_BYTES = 12
_SEALED = re.compile(r"personal:1:([0-9a-f]{32}):([A-Za-z0-9_-]+=*)")


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A person's key: 32 secret bytes, and the id that sealed texts name it by, which says nothing about the person."""

    key_id: str
    secret: bytes


class Keyring(Protocol):
    """Where persons' keys are kept."""

    def of(self, subject: str) -> SubjectKey:
        """The person's key; a new one where there is none."""

    def find(self, key_id: str) -> SubjectKey | None:
        """The key of this id; None where it is not there."""

    def erased(self, key_id: str) -> bool:
        """Whether the key of this id was destroyed here."""


def sealed(record: Any, incident_id: str, keys: Keyring) -> dict[str, Any]:
    """A record's fields, those that are personal sealed; empty texts are left as they are."""
    fields = to_dict(record)
    for field in dataclasses.fields(record):
        whose = field.metadata.get(PERSONAL_OF)
        subject = getattr(record, whose) if whose else ""
        if subject and fields[field.name]:
            fields[field.name] = seal(fields[field.name], incident_id, keys.of(subject))
    return fields


def seal(text: str, incident_id: str, key: SubjectKey) -> str:
    """A text that only the key's owner can read: `personal:1:`, the key's id, the nonce and the ciphertext in base64."""
    bound, said = _bound(incident_id, key.key_id), text.encode("utf-8", "surrogatepass")
    nonce = hmac.digest(hashlib.sha256(b"nonce" + key.secret).digest(), bound + said, "sha256")[:_NONCE_BYTES]
    box = nonce + AESGCM(key.secret).encrypt(nonce, said, bound)
    return f"personal:1:{key.key_id}:{base64.urlsafe_b64encode(box).decode()}"


def opened(value: Any, incident_id: str, keys: Keyring) -> Any:
    """A JSON value with all sealed texts in it opened; those whose key is gone say so."""
    if isinstance(value, str):
        return _SEALED.sub(lambda found: _open(found, incident_id, keys), value) if "personal:1:" in value else value
    if isinstance(value, dict):
        return {name: opened(one, incident_id, keys) for name, one in value.items()}
    return [opened(one, incident_id, keys) for one in value] if isinstance(value, list) else value


def anonymous(text: str) -> str:
    """A text for those who have no keys: sealed persons are somebody."""
    return _SEALED.sub(SOMEBODY, text)


class OpenedProjection:
    """A `state.ports.Projection` for those who show it: as another one, with sealed texts opened."""

    def __init__(self, projection: Projection, keys: Keyring) -> None:
        self._projection, self._keys = projection, keys

    def apply(self, events: Sequence[StoredEvent]) -> int:
        """As the projection's own."""
        return self._projection.apply(events)

    def incident(self, incident_id: str) -> IncidentState | None:
        """The folded state of one incident."""
        state = self._projection.incident(incident_id)
        return None if state is None else self._state(state)

    def timeline(self, incident_id: str, after_version: int = 0, limit: int = 10_000) -> list[StoredEvent]:
        """The events of one incident; their hashes are those of the sealed texts."""
        return [self._event(stored) for stored in self._projection.timeline(incident_id, after_version, limit)]

    def incidents(self, query: IncidentQuery) -> Page:
        """Incidents that match."""
        page = self._projection.incidents(query)
        return replace(page, incidents=[self._state(state) for state in page.incidents])

    def count(self) -> int:
        """The number of events that are held."""
        return self._projection.count()

    def clear(self) -> None:
        """Forget everything: the log has it."""
        self._projection.clear()

    def close(self) -> None:
        """Give connections back."""
        self._projection.close()

    def _state(self, state: IncidentState) -> IncidentState:
        fields = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
        return IncidentState(**opened(fields, state.incident_id, self._keys))

    def _event(self, stored: StoredEvent) -> StoredEvent:
        event = stored.event
        if "personal:1:" not in event.payload:
            return stored
        return replace(stored, event=replace(event, payload=_in_json(event.payload, event.incident_id, self._keys)))


def _in_json(text: str, incident_id: str, keys: Keyring) -> str:
    def open_one(found: re.Match[str]) -> str:
        return orjson.dumps(_open(found, incident_id, keys)).decode()[1:-1]

    return _SEALED.sub(open_one, text)


def _open(found: re.Match[str], incident_id: str, keys: Keyring) -> str:
    key_id, told = found.groups()
    key = keys.find(key_id)
    if key is None:
        return ERASED if keys.erased(key_id) else UNREADABLE
    try:
        box = base64.urlsafe_b64decode(told)
        said = AESGCM(key.secret).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _bound(incident_id, key_id))
    except (InvalidTag, ValueError):
        return UNREADABLE
    return said.decode("utf-8", "replace")


def _bound(incident_id: str, key_id: str) -> bytes:
    return f"breakwater/personal/1\n{key_id}\n{incident_id}".encode("utf-8", "surrogatepass")
