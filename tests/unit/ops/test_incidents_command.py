"""`breakwater incidents`, on a store with one whole story and one incident that is open."""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.commands.incidents import app
from ops.errors import IncidentNotFoundError
from ops.times import iso
from state.errors import ProjectionDamagedError
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from tests.support.event_sequences import STORY, TOPIC, EventLog

WHOLE, OPEN = "inc-aa11", "inc-aa22"
KEYS = {
    "incident_id", "status", "version", "head_hash", "classification", "root_cause", "decision", "actions", "alerts",
}  # fmt: skip
EVENT_KEYS = {"version", "type", "occurred_at", "hash", "topic", "partition", "offset", "payload", "agent"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, and no server but the embedded ones."""
    for name in ("CASSANDRA_CONTACT_POINTS", "BREAKWATER_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def log(home: Path) -> EventLog:
    """The events in the store; the last one is a minute old."""
    now_ms = time.time_ns() // 1_000_000
    log = EventLog(now_ms=now_ms - 60_000 - (len(STORY) + 1) * 1000)
    for kind in STORY:
        log.append(WHOLE, kind)
    log.append(OPEN, EventType.INCIDENT_OPENED, tenant="acme", service="cart", title="cart: \x1b[2J[red]slow[/]")
    projection = SqliteProjection(home / "store.sqlite")
    projection.apply(log.events)
    projection.close()
    return log


def run(*arguments: str) -> Result:
    """What the command line does with these words after `breakwater incidents`."""
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120"})


def answer(*arguments: str) -> Any:
    """The JSON document that a command prints, and nothing else."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_list_has_the_latest_change_first(log: EventLog) -> None:
    """Both incidents, whole states, and no further page."""
    found = answer("list")
    assert [one["incident_id"] for one in found["incidents"]] == [OPEN, WHOLE]
    assert found["incidents"][0].keys() >= KEYS
    assert found["cursor"] is None


def test_the_list_can_be_narrowed(log: EventLog) -> None:
    """By status (in any case), tenant, service and time."""
    for arguments, expected in {
        ("--status", "resolved"): [WHOLE],
        ("--status", "OPEN"): [OPEN],
        ("--tenant", "acme"): [OPEN],
        ("--service", "checkout"): [WHOLE],
        ("--since", iso(log.now_ms)): [OPEN],
        ("--since", "2h"): [OPEN, WHOLE],
        ("--since", "1s"): [],
    }.items():
        assert [one["incident_id"] for one in answer("list", *arguments)["incidents"]] == expected, arguments


def test_a_limited_list_can_be_gone_on_with(log: EventLog) -> None:
    """The cursor of one list continues with the next."""
    first = answer("list", "--limit", "1")
    second = answer("list", "--limit", "1", "--cursor", first["cursor"])
    assert [page["incidents"][0]["incident_id"] for page in (first, second)] == [OPEN, WHOLE]
    assert "--cursor" in run("list", "--limit", "1").stderr


def test_show_has_the_folded_state(log: EventLog) -> None:
    """The contract's keys, with what the events fold to."""
    found = answer("show", WHOLE)
    state = log.state(WHOLE)
    assert found.keys() >= KEYS
    assert (found["version"], found["head_hash"]) == (len(STORY), state.head_hash)
    assert (found["status"], found["root_cause"]) == ("resolved", "checkout")
    assert found["decision"]["action"] == "RESTART"
    assert [action["state"] for action in found["actions"]] == ["SUCCEEDED"]
    assert found["alerts"] == state.alerts


def test_the_timeline_has_every_event_and_its_place(log: EventLog) -> None:
    """A list in version order; times are epoch milliseconds as over HTTP, payloads are objects."""
    events = answer("timeline", WHOLE)
    assert [event["version"] for event in events] == list(range(1, len(STORY) + 1))
    for event, stored in zip(events, log.of(WHOLE), strict=True):
        assert event.keys() >= EVENT_KEYS
        assert (event["topic"], event["partition"], event["offset"]) == (TOPIC, stored.partition, stored.offset)
        assert (event["hash"], event["type"]) == (stored.event.hash, stored.event.type)
        assert event["payload"] == json.loads(stored.event.payload)
        assert (event["occurred_at"], event["recorded_at"]) == (stored.event.occurred_at, stored.event.recorded_at)


def test_the_state_of_any_past_instant_can_be_asked_for(log: EventLog) -> None:
    """At each event's time the state has just that event as its head."""
    for stored in log.of(WHOLE):
        found = answer("at", WHOLE, "--time", str(stored.event.recorded_at))
        assert (found["version"], found["head_hash"]) == (stored.event.version, stored.event.hash)
    assert answer("at", WHOLE, "--time", "5s")["version"] == len(STORY)


def test_before_it_opened_there_was_no_incident(log: EventLog) -> None:
    """An instant before the first event is an error that says when that was."""
    result = run("at", WHOLE, "--time", "2000-01-01")
    assert isinstance(result.exception, IncidentNotFoundError)
    assert iso(log.of(WHOLE)[0].event.recorded_at) in str(result.exception)


def test_the_beginning_of_an_id_is_enough_where_no_other_has_it(log: EventLog) -> None:
    """A unique prefix names the incident; one that two share, or none has, is an error that tells the way on."""
    assert answer("show", "inc-aa1")["incident_id"] == WHOLE
    for text, words in {"inc-aa": "2 incidents begin", "nope": "incidents list", "": "incidents list"}.items():
        result = run("show", text)
        assert result.exit_code == 1
        assert isinstance(result.exception, IncidentNotFoundError)
        assert words in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--status", "broken"),
        ("list", "--since", "yesterday"),
        ("list", "--cursor", "made up"),
        ("list", "--limit", "0"),
        ("at", WHOLE, "--time", "noon"),
        ("at", WHOLE),
        ("show",),
    ],
)
def test_wrong_use_exits_with_2(log: EventLog, arguments: tuple[str, ...]) -> None:
    """What cannot be read on the command line is wrong use, not a failure."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_person_sees_cause_votes_action_and_seconds(log: EventLog) -> None:
    """`show` tells all that matters in words."""
    shown = run("show", WHOLE).stdout
    for words in (
        "memory leak, 85 % sure", "restart checkout, autonomous", "prediction  scale up checkout", "More memory buys",
        "succeeded, healthy", "12.50 USD", "3,618 received = 14 kept + 3,600 suppressed + 3 late + 1 dead lettered",
        "Resolved after 9.0 s: restart verified healthy",
    ):  # fmt: skip
        assert words in shown, words


def test_a_person_reads_the_timeline_as_a_story(log: EventLog) -> None:
    """When since the opening, who, what, and why with the records that it rests on."""
    shown = run("timeline", WHOLE).stdout
    for words in (
        "+0.0 s", "detection", "Incident opened, critical: checkout: memory grows without bound",
        "Heap at 91 % of its limit [alerts.sampled-0@7]", "Decided: restart checkout, autonomously",
        "diagnosis votes restart at 85 %", "+9.0 s", "Resolved: restart verified healthy",
    ):  # fmt: skip
        assert words in shown, words


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_the_list_fits_the_terminal(home: Path, columns: int) -> None:
    """A line an incident, none wider than the terminal, however long the ids and titles; whole in JSON."""
    name = "inc-" + "0a1b2c3d" * 4
    log = EventLog(now_ms=time.time_ns() // 1_000_000)
    log.append(name, EventType.INCIDENT_OPENED, service="cart", title="cart: " + "much too slow " * 20)
    projection = SqliteProjection(home / "store.sqlite")
    projection.apply(log.events)
    projection.close()
    lines = CliRunner().invoke(app, ["list"], env={"COLUMNS": str(columns)}).stdout.splitlines()
    assert len(lines) == 2
    assert all(len(line) <= columns for line in lines)
    shown, status, *_ = lines[1].split()
    assert (len(shown), status) == (14 if columns < 100 else 36, "open")
    assert lines[0].split()[-1] == "changed"
    assert lines[1].endswith("s ago")
    assert answer("show", shown)["incident_id"] == name
    assert answer("list")["incidents"][0]["incident_id"] == name


def test_a_storm_is_on_only_while_the_incident_is(log: EventLog, home: Path) -> None:
    """A storm whose end was not told before the episode ended is not shown as being on."""
    log.append(OPEN, EventType.STORM_OPENED)
    log.append(OPEN, EventType.ALERTS_ACCOUNTED)
    projection = SqliteProjection(home / "store.sqlite")
    projection.apply(log.events)
    assert "a storm is on" in run("show", OPEN).stdout
    log.append(OPEN, EventType.INCIDENT_RESOLVED)
    projection.apply(log.events)
    projection.close()
    assert "a storm is on" not in run("show", OPEN).stdout


def test_hostile_text_neither_steers_the_terminal_nor_the_layout(log: EventLog) -> None:
    """Escape sequences and markup of a title are shown, not obeyed."""
    for arguments in (("list",), ("show", OPEN), ("timeline", OPEN)):
        shown = run(*arguments).stdout
        assert "\x1b[2J" not in shown
        assert "cart: ·[2J[red]slow[/]" in shown


def test_an_empty_store_says_what_to_do() -> None:
    """No incidents is no error; a person is told what makes some, a program gets an empty list."""
    result = run("list")
    assert (result.exit_code, "breakwater demo" in result.stdout) == (0, True)
    assert "Leave out a filter" in run("list", "--status", "open").stdout
    assert answer("list") == {"incidents": [], "cursor": None}


def test_a_damaged_store_is_named(home: Path) -> None:
    """The error names the file and the way to rebuild it."""
    (home / "store.sqlite").write_bytes(b"gone bad " * 1000)
    result = run("list")
    assert result.exit_code == 1
    assert isinstance(result.exception, ProjectionDamagedError)
    assert "store.sqlite" in str(result.exception)


@pytest.mark.parametrize("arguments", [("list",), ("show", WHOLE), ("timeline", WHOLE)])
def test_a_row_that_is_no_state_is_told_with_the_way_out(log: EventLog, home: Path, arguments: tuple[str, ...]) -> None:
    """The file is whole; what lies in it is not ours."""
    with sqlite3.connect(home / "store.sqlite") as connection:
        connection.execute("UPDATE incidents SET state = '[]'")
    result = run(*arguments)
    assert isinstance(result.exception, ProjectionDamagedError)
    assert "rebuilt from the log" in str(result.exception)


def test_show_says_where_a_plan_that_waits_is_answered(log: EventLog, home: Path) -> None:
    """With whom it waits for; not where there is no such plan."""
    assert "/approvals" not in run("show", OPEN).stdout
    log.append(OPEN, EventType.DECISION_MADE)
    log.append(OPEN, EventType.APPROVAL_REQUESTED)
    projection = SqliteProjection(home / "store.sqlite")
    projection.apply(log.events)
    projection.close()
    shown = run("show", OPEN).stdout
    assert (log.state(OPEN).approval or {})["role"] in shown
    assert "/approvals on the page" in shown
    log.append(OPEN, EventType.HUMAN_REQUESTED)
    other = log.append("inc-aa33", EventType.INCIDENT_OPENED)
    log.append(other.event.incident_id, EventType.HUMAN_REQUESTED)
    projection = SqliteProjection(home / "store.sqlite")
    projection.apply(log.events)
    projection.close()
    assert "repair it by hand" in run("show", "inc-aa33").stdout
    assert "repair it by hand" not in run("show", OPEN).stdout
