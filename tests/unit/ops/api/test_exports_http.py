"""What is taken away from an incident: postmortem, bundle, the verdict of a rerun."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.exports import Exports, exports_router, run_breakwater
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from tests.support.event_sequences import EventLog

URL = "/api/v1/incidents/inc-checkout"


class CommandLine:
    """In place of `breakwater`: notes what is run, writes a bundle, says a verdict."""

    def __init__(self) -> None:
        self.ran: list[Sequence[str]] = []
        self.code, self.said, self.complaint = 1, b'{"result": "diverged", "decisions": 3}', b""

    async def __call__(self, arguments: Sequence[str]) -> tuple[int, bytes, bytes]:
        self.ran.append(arguments)
        if arguments[0] == "bundle" and self.code < 2:
            Path(arguments[2]).write_bytes(b"all of it")  # noqa: ASYNC240 - eight bytes
            return 0, b"", b""
        return self.code, self.said, self.complaint


@pytest.fixture
def command_line() -> CommandLine:
    return CommandLine()


@pytest.fixture
def log() -> EventLog:
    return EventLog()


@pytest.fixture
def store(tmp_path: Path, log: EventLog) -> Iterator[SqliteProjection]:
    store = SqliteProjection(tmp_path / "store.sqlite")
    for kind in (EventType.INCIDENT_OPENED, EventType.DIAGNOSIS_MADE):
        store.apply([log.append("inc-checkout", kind)])
    yield store
    store.close()


@pytest.fixture
def client(store: SqliteProjection, command_line: CommandLine, tmp_path: Path) -> TestClient:
    app, exports = FastAPI(), Exports(lambda: store, command_line, tmp_path / "exports")
    app.include_router(exports_router(lambda: exports))
    return TestClient(app)


def test_a_postmortem_begins_as_a_page(client: TestClient) -> None:
    """The same as `breakwater incidents timeline --markdown`, as a file."""
    found = client.get(f"{URL}/postmortem")
    assert found.headers["content-disposition"] == 'attachment; filename="inc-checkout.md"'
    assert found.text.startswith("# ")


def test_an_id_that_no_program_can_be_told_is_refused(
    client: TestClient, store: SqliteProjection, log: EventLog, command_line: CommandLine
) -> None:
    """A NUL ends what a program is told; with a reason, before anything is run."""
    store.apply([log.append("a\0b", EventType.INCIDENT_OPENED)])
    found = client.get("/api/v1/incidents/a%00b/bundle")
    assert (found.status_code, command_line.ran) == (422, [])
    assert "NUL" in found.json()["detail"]


def test_a_bundle_is_sent_whole_and_leaves_nothing_behind(client: TestClient, tmp_path: Path) -> None:
    """Its folder is removed once it was sent."""
    found = client.get(f"{URL}/bundle")
    assert (found.content, found.headers["content-disposition"]) == (
        b"all of it",
        'attachment; filename="inc-checkout.bundle"',
    )
    assert list((tmp_path / "exports").iterdir()) == []


def test_a_verdict_is_kept_until_the_incident_moves(
    client: TestClient, command_line: CommandLine, store: SqliteProjection, log: EventLog
) -> None:
    """Nothing before somebody asks; then it is made once; the next event makes it stale."""
    assert client.get(f"{URL}/rerun").json()["result"] is None
    first = client.post(f"{URL}/rerun").json()
    assert (first["result"], first["stale"], client.post(f"{URL}/rerun").json()) == ("diverged", False, first)
    assert command_line.ran == [["rerun", "--json", "--", "inc-checkout"]]
    store.apply([log.append("inc-checkout", EventType.DECISION_MADE)])
    assert client.get(f"{URL}/rerun").json()["stale"] is True
    assert client.post(f"{URL}/rerun").json()["stale"] is False
    assert len(command_line.ran) == 2


@pytest.mark.parametrize("path", ["rerun", "bundle"])
def test_what_fails_says_why(client: TestClient, command_line: CommandLine, tmp_path: Path, path: str) -> None:
    """The last words of the command; a trial later may succeed."""
    command_line.code, command_line.said, command_line.complaint = 2, b"", b"reading\nKafka does not answer.\n"
    found = client.request("POST" if path == "rerun" else "GET", f"{URL}/{path}")
    assert (found.status_code, found.json()["detail"]) == (503, f"`breakwater {path}` failed: Kafka does not answer.")
    assert not (tmp_path / "exports").exists() or list((tmp_path / "exports").iterdir()) == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "postmortem"), ("GET", "bundle"), ("GET", "rerun"), ("POST", "rerun")]
)
def test_an_unknown_incident_runs_nothing(
    client: TestClient, command_line: CommandLine, method: str, path: str
) -> None:
    """Also one whose name looks like an option."""
    for name in ("inc-none", "--help"):
        assert client.request(method, f"/api/v1/incidents/{name}/{path}").status_code == 404
    assert command_line.ran == []


async def test_the_command_line_runs_as_a_process_of_its_own() -> None:
    """Its output apart from its complaints."""
    code, said, complaint = await run_breakwater(["rerun", "--json", "--set", "nonsense", "--", "x"])
    assert (code, said) == (2, b"")
    assert b"nonsense" in complaint
