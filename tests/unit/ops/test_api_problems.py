"""What the API answers where it cannot answer: problem details that say what to do."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.incidents import incidents_router
from state.errors import ProjectionUnavailableError
from state.sqlite_projection import SqliteProjection
from tests.support.event_sequences import story

PATHS = ("/api/v1/incidents", "/api/v1/incidents/inc-checkout")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteProjection]:
    """A store with one story."""
    projection = SqliteProjection(file)
    projection.apply(story().events)
    yield projection
    projection.close()


@pytest.fixture
def client(store: SqliteProjection) -> TestClient:
    """Asks the API of it; an error that gets past the routes is the client's 500, as a server would answer."""
    app = FastAPI()
    app.include_router(incidents_router(lambda: store))
    return TestClient(app, raise_server_exceptions=False)


def told(answer: httpx2.Response, status: int) -> str:
    """The detail of problem details with this status."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document = answer.json()
    assert (document["type"], document["status"]) == ("about:blank", status)
    assert document["title"]
    return str(document["detail"])


@pytest.mark.parametrize("path", PATHS)
def test_a_damaged_file_is_told_with_the_way_out(client: TestClient, file: Path, path: str) -> None:
    """The pages of the file were overwritten under the running program."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = file.stat().st_size
    with file.open("r+b") as pages:
        pages.seek(100)
        pages.write(b"gone bad " * (size // 9 - 12))
    assert "rebuilt from the log" in told(client.get(path), 500)


@pytest.mark.parametrize("path", PATHS)
def test_a_row_that_is_no_state_is_told_with_the_way_out(client: TestClient, file: Path, path: str) -> None:
    """The file is whole; what lies in it is not ours."""
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE incidents SET state = '{\"version\": [[[[]]]]}'")
    assert "rebuilt from the log" in told(client.get(path), 500)


def test_a_store_that_is_away_is_to_be_asked_again(
    client: TestClient, store: SqliteProjection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, with how long to wait."""

    def away(_: object) -> None:
        raise ProjectionUnavailableError("Cassandra does not answer. Start it.")

    monkeypatch.setattr(store, "incidents", away)
    answer = client.get("/api/v1/incidents")
    assert told(answer, 503) == "Cassandra does not answer. Start it."
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/incidents/nope", 404, "lists those that there are"),
        ("/api/v1/incidents/nope/timeline", 404, "lists those that there are"),
        ("/api/v1/incidents?since=noon", 422, "is no time"),
        ("/api/v1/incidents?cursor=made-up", 422, "cursor"),
    ],
)
def test_a_wrong_question_is_told_what_would_be_right(client: TestClient, path: str, status: int, said: str) -> None:
    """In the same form."""
    assert said in told(client.get(path), status)
