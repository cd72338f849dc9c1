"""Personal texts: sealed before they go to the log, opened for those who are shown them, gone once the key is destroyed."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.convert import to_dict
from schemas.records.command import ApprovalAnswer
from state.chain import check
from state.chain import seal as seal_event
from state.errors import SubjectKeysError
from state.incident import EventType, fold
from state.personal import (
    ERASED,
    UNREADABLE,
    OpenedProjection,
    SubjectKey,
    anonymous,
    opened,
    seal,
    sealed,
)
from state.ports import IncidentQuery, StoredEvent
from state.restoration import verification_of
from state.sqlite_projection import SqliteProjection
from state.subject_keys import SubjectKeys
from tests.support.commands import command
from tests.support.ledger_run import Run, numbered

INCIDENT = "inc-checkout"
KEY = SubjectKey("ab" * 16, bytes(range(32)))
ANSWER = ApprovalAnswer(approval_id="a-1", plan_hash="cd" * 32, by="alice", why="It is on fire \U0001f525")


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    """A file of keys that is not there yet."""
    return SubjectKeys(tmp_path / "keys" / "persons.sqlite")


def test_what_is_marked_is_sealed_and_opens_again(keys: SubjectKeys) -> None:
    """Who, and what they wrote; the rest of the record is as it was."""
    fields = sealed(ANSWER, INCIDENT, keys)
    assert (fields["approval_id"], fields["plan_hash"]) == ("a-1", "cd" * 32)
    assert "alice" not in json.dumps(fields)
    assert "fire" not in json.dumps(fields)
    assert opened(fields, INCIDENT, keys) == to_dict(ANSWER)


def test_the_same_said_twice_is_sealed_alike(keys: SubjectKeys) -> None:
    """So a command that is made twice has one id; another text, person or incident is sealed otherwise."""
    first = sealed(ANSWER, INCIDENT, keys)
    assert sealed(ANSWER, INCIDENT, keys) == first
    others = [
        sealed(replace(ANSWER, why="no"), INCIDENT, keys)["why"],
        sealed(replace(ANSWER, by="bob"), INCIDENT, keys)["why"],
        sealed(ANSWER, "inc-cart", keys)["why"],
    ]
    assert len({first["why"], *others}) == 4


def test_nobody_is_not_sealed(keys: SubjectKeys) -> None:
    """A record that says of no person whose it is."""
    assert sealed(replace(ANSWER, by="", why="nobody answered"), INCIDENT, keys)["why"] == "nobody answered"


@given(st.text(), st.text())
def test_any_text_comes_back(text: str, incident_id: str) -> None:
    """Wherever it stands in another text or in a structure, any number of times."""
    ring = FakeKeys(KEY)
    box = seal(text, incident_id, KEY)
    shown = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert opened({"a": [f"by {box} and {box}."], "n": 7}, incident_id, ring) == {
        "a": [f"by {shown} and {shown}."], "n": 7,
    }  # fmt: skip


def test_a_sealed_text_opens_nowhere_else() -> None:
    """Moved to another incident, or changed: it says that it cannot be read."""
    box = seal("alice", INCIDENT, KEY)
    assert opened(box, "inc-cart", FakeKeys(KEY)) == UNREADABLE
    spoilt = box[:-6] + ("A" if box[-6] != "A" else "B") + box[-5:]
    assert opened(spoilt, INCIDENT, FakeKeys(KEY)) == UNREADABLE
    assert opened(f"personal:1:{KEY.key_id}:AAAA", INCIDENT, FakeKeys(KEY)) == UNREADABLE
    assert opened(box, INCIDENT, FakeKeys(SubjectKey("00" * 16, KEY.secret))) == UNREADABLE


def test_who_has_no_keys_is_told_of_somebody() -> None:
    """Notices go to people by other services."""
    assert anonymous(f"{seal('alice', INCIDENT, KEY)} approved the plan") == "somebody approved the plan"


def test_the_key_is_made_once_and_is_its_owners_alone(keys: SubjectKeys, tmp_path: Path) -> None:
    """By however many at once; looking makes no file."""
    path = tmp_path / "keys" / "persons.sqlite"
    assert keys.find("ab" * 16) is None
    assert not path.exists()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: SubjectKeys(path).of("alice"), range(16)))
    assert len(set(found)) == 1
    assert keys.find(found[0].key_id) == found[0]
    assert keys.of("bob") != found[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_destroyed_key_leaves_nothing_in_its_file(keys: SubjectKeys, tmp_path: Path) -> None:
    """Neither its bytes nor the name; others' keys stay, and a new key of the same person is another one."""
    alice, bob = keys.of("alice"), keys.of("bob")
    assert keys.erase("alice")
    assert not keys.erase("alice")
    left = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert alice.secret not in left
    assert b"alice" not in left
    assert keys.erased(alice.key_id)
    assert not keys.erased(bob.key_id)
    assert keys.of("bob") == bob
    assert keys.of("alice").key_id != alice.key_id


def test_a_file_that_is_no_store_of_keys_is_told(tmp_path: Path) -> None:
    """Nothing is recorded unsealed instead."""
    (tmp_path / "keys").write_bytes(b"no database" * 100)
    with pytest.raises(SubjectKeysError, match="cannot be used"):
        SubjectKeys(tmp_path / "keys").of("alice")


def test_erasing_leaves_every_chain_whole(keys: SubjectKeys, tmp_path: Path) -> None:
    """The log and the projection hold what was sealed: hashes are right before and after, and only the words are gone."""
    answer = sealed(ANSWER, INCIDENT, keys)
    opening = command()
    closing = command(EventType.INCIDENT_CLOSED, command_id="close", payload=json.dumps({"reason": answer["why"]}))
    run = Run().feed(numbered([opening, closing]))
    stored = [StoredEvent(event, "incident.events", 0, offset) for offset, event in enumerate(run.events)]
    store = SqliteProjection(tmp_path / "store.sqlite")
    store.apply(stored)
    shown = OpenedProjection(store, keys)
    assert _outcomes(shown) == [ANSWER.why] * 3
    keys.erase("alice")
    assert _outcomes(shown) == [ERASED] * 3
    assert all(check(event) for event in run.events)
    assert verification_of(store.timeline(INCIDENT), []).faults() == []
    assert store.incident(INCIDENT) == fold(INCIDENT, run.events)
    store.close()


def test_what_is_opened_is_json_again(keys: SubjectKeys, tmp_path: Path) -> None:
    """Quotes and line ends in a person's words break no payload."""
    words = 'she said "no"\n\\ and left'
    box = seal(words, INCIDENT, keys.of("alice"))
    run = Run().feed(numbered([
        command(), command(EventType.INCIDENT_CLOSED, command_id="close", payload=json.dumps({"reason": box})),
    ]))  # fmt: skip
    store = SqliteProjection(tmp_path / "store.sqlite")
    store.apply([StoredEvent(event, "incident.events", 0, offset) for offset, event in enumerate(run.events)])
    last = OpenedProjection(store, keys).timeline(INCIDENT)[-1].event
    assert json.loads(last.payload) == {"reason": words}
    assert last.hash == run.events[-1].hash
    assert seal_event(last).hash != last.hash
    store.close()


def _outcomes(shown: OpenedProjection) -> list[str]:
    state = shown.incident(INCIDENT)
    assert state is not None
    (listed,) = shown.incidents(IncidentQuery()).incidents
    return [state.outcome, listed.outcome, json.loads(shown.timeline(INCIDENT)[-1].event.payload)["reason"]]


class FakeKeys:
    """One key, never destroyed."""

    def __init__(self, key: SubjectKey) -> None:
        self._key = key

    def of(self, subject: str) -> SubjectKey:  # noqa: ARG002 - there is but one
        return self._key

    def find(self, key_id: str) -> SubjectKey | None:
        return self._key if key_id == self._key.key_id else None

    def erased(self, key_id: str) -> bool:  # noqa: ARG002 - never
        return False
