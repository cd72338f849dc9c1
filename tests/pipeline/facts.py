"""What the log, the files and the receivers say at the end: the promises that no failure may break, as assertions."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.verifying import verify_store
from schemas.codec import Codec
from schemas.records.command import ActionState
from schemas.records.log import DeadLetter, IncidentEvent
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import Action
from state.event_log import read_events
from state.incident import EventType
from streams.reading import read_all
from streams.topics import ACCOUNT, ALERTS, DEAD_LETTERS, SAMPLED
from tests.pipeline.failing_service import FailingService
from tests.pipeline.platform import PATIENCE_S, Platform
from tests.support.waiting import eventually


@dataclass
class Book:
    """One incident's alerts: records on the topic, what the account says, and by place which were kept and which are dead."""

    records: int = 0
    account: AlertAccount | None = None
    windows: dict[tuple[int, int], AlertAccount] = field(default_factory=dict)
    kept: set[tuple[int, int]] = field(default_factory=set)
    dead: set[tuple[int, int]] = field(default_factory=set)


def books(bootstrap: str, incident_ids: Collection[str]) -> dict[str, Book]:
    """The books of these incidents."""
    found = {incident_id: Book() for incident_id in incident_ids}
    for message in read_all(bootstrap, ALERTS.name):
        if (key := (message.key or b"").decode("utf-8", "replace")) in found:
            found[key].records += 1
    accounts, letters = Codec(AlertAccount), Codec(DeadLetter)
    for message in read_all(bootstrap, ACCOUNT.name):
        account = accounts.decode(message.value)
        if account.incident_id in found:
            book = found[account.incident_id]
            if book.account is None or account.upto >= book.account.upto:
                book.account = account
            window = account.window_start, account.first_offset
            if window not in book.windows or account.upto >= book.windows[window].upto:
                book.windows[window] = account
    for message in read_all(bootstrap, SAMPLED.name):
        if (key := (message.key or b"").decode()) in found:
            offset = int(dict(message.headers)["source-offset"] or -1)
            found[key].kept.add((message.partition, offset))
    for message in read_all(bootstrap, DEAD_LETTERS.name):
        if message.value is None:
            continue  # the mark of one that was put back
        letter = letters.decode(message.value)
        if letter.topic == ALERTS.name and (key := (letter.key or b"").decode("utf-8", "replace")) in found:
            found[key].dead.add((letter.partition, letter.offset))
    return found


def assert_account_exact(platform: Platform, failing: FailingService) -> None:
    """Each incident: received = kept + suppressed + late + dead = its records on `alerts`; the kept ones are on
    `alerts.sampled`, the dead ones on `dead.letters`, and the windows add up."""
    found = books(platform.bootstrap, failing.incident_ids)
    assert sum(book.records for book in found.values()) == failing.sent
    for incident_id, book in found.items():
        account = book.account
        assert account is not None, f"nothing was ever said of {incident_id}"
        parts = (account.total_kept, account.total_suppressed, account.total_late, account.total_dead_lettered)
        assert book.records == account.total_received == sum(parts), (incident_id, account)
        assert len(book.kept) == account.total_kept, (incident_id, account)
        assert len(book.dead) == account.total_dead_lettered, (incident_id, account)
        for window in book.windows.values():
            assert window.received == window.kept + window.suppressed + window.late + window.dead_lettered, window
        assert sum(window.received for window in book.windows.values()) == account.total_received, incident_id


def events_of(platform: Platform, incident_id: str) -> list[IncidentEvent]:
    """An incident's events, in order."""
    return [stored.event for stored in read_events(platform.bootstrap, incident_id=incident_id)]


def payloads(events: list[IncidentEvent], kind: EventType, episode: int) -> list[dict[str, Any]]:
    """What events of a kind say, of one episode."""
    return [json.loads(event.payload) for event in events if event.type == kind and event.episode == episode]


def assert_restarted_once(platform: Platform, failing: FailingService, *, episodes: int = 1) -> None:
    """Each episode: one intent, one outcome, one start of a new process; and no episode more."""
    events = events_of(platform, failing.incident_id)
    for episode in range(1, episodes + 1):
        (intended,) = payloads(events, EventType.ACTION_INTENDED, episode)
        (completed,) = payloads(events, EventType.ACTION_COMPLETED, episode)
        assert completed["action_id"] == intended["action_id"]
        assert (completed["action"], completed["state"]) == (Action.RESTART, ActionState.SUCCEEDED)
        assert len(payloads(events, EventType.INCIDENT_RESOLVED, episode)) == 1
    assert [event.episode for event in events if event.type == EventType.INCIDENT_OPENED] == [*range(1, episodes + 1)]
    assert len(failing.restarts) == episodes, failing.unit.done
    assert failing.starts == 1 + episodes


def assert_told_once(platform: Platform, failing: FailingService) -> None:
    """People were told of the resolution by every channel; nothing was told twice, but what a crash cut off in between: that
    went out again under the same Idempotency-Key."""
    ids = failing.incident_ids
    eventually(
        lambda: {"opened", "resolved"} <= _statuses(_webhooks(platform), failing.incident_id), limit_s=PATIENCE_S
    )
    platform.await_taken_in("breakwater-command", "incident.events", "notifications")
    platform.await_taken_in("breakwater-command-projection", "incident.events")
    console = [n for n in _console(platform.settings.home) if n["incident_id"] in ids]
    hooks = [n for n in _webhooks(platform) if n["incident_id"] in ids]
    assert {"opened", "resolved"} <= _statuses(console, failing.incident_id)
    assert _repeated(n["notification_id"] for n in console) == {}
    tried = _attempts(platform.settings.home)
    again = _repeated(n["notification_id"] for n in hooks)
    assert all(tried[one] == times for one, times in again.items()), (again, tried)
    for told in (console, list({n["notification_id"]: n for n in hooks}.values())):
        assert _repeated((n["incident_id"], n["episode"], n["status"], n["severity"]) for n in told) == {}


def assert_chain_whole(platform: Platform) -> None:
    """Every chain of the event store holds, against its own hashes and against the snapshots."""
    verdict = verify_store(platform.bootstrap)
    assert verdict.events > 0
    assert verdict.faults == ()


def statuses_told(platform: Platform, incident_id: str) -> set[str]:
    """What people were told of an incident, by file and by webhook: opened, escalated, resolved, closed."""
    return _statuses(_console(platform.settings.home), incident_id) & _statuses(_webhooks(platform), incident_id)


def _statuses(notices: list[dict[str, Any]], incident_id: str) -> set[str]:
    return {n["status"] for n in notices if n["incident_id"] == incident_id}


def _webhooks(platform: Platform) -> list[dict[str, Any]]:
    """What the receiver got, a delivery each; the key of each is its id."""
    pairs = list(zip(platform.hooks.keys, platform.hooks.bodies, strict=False))
    assert all(key == body["notification_id"] for key, body in pairs)
    return [body for _, body in pairs]


def _console(home: Path) -> list[dict[str, Any]]:
    return _lines(home / "notifications.jsonl")


def _attempts(home: Path) -> Counter[str]:
    """How often each notification was begun to be sent, by the journal that is written before."""
    return Counter(line["id"] for line in _lines(home / "notifications.journal") if line["state"] == "sending")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _repeated(things: Iterator[Any] | Any) -> dict[Any, int]:
    counted: defaultdict[Any, int] = defaultdict(int)
    for thing in things:
        counted[thing] += 1
    return {thing: times for thing, times in counted.items() if times > 1}
