"""What is there already is answered in front of the routes: the same answer, to nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ops.page.fragments import Fragments
from ops.serve import create_app
from ops.settings import Settings
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from tests.support.api import DirectCommands
from tests.support.event_sequences import EventLog
from tests.support.page_sources import page_over


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The page over one incident."""
    pipeline = DirectCommands(EventLog(), SqliteProjection(tmp_path / "store.sqlite"))
    pipeline.append(EventType.INCIDENT_OPENED)
    yield TestClient(page_over(pipeline, tmp_path))
    pipeline.store.close()


@pytest.mark.parametrize(
    "path",
    ["/", "/part/incidents", "/part/incidents?status=open", "/part/counts", "/part/counts?listed=1", "/page/page.css"],
)
def test_the_second_who_asks_gets_the_same_without_a_route(
    client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers included; whoever has it is told so."""
    first = client.get(path)
    # Whatever would have to be made now cannot be.
    monkeypatch.setattr(Fragments, "page", None)
    monkeypatch.setattr(Fragments, "view", None)
    monkeypatch.setattr(Fragments, "counts", None)
    second = client.get(path)
    assert (second.status_code, second.content, second.headers) == (200, first.content, first.headers)
    assert client.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_what_is_not_held_or_not_understood_is_the_route_s(client: TestClient) -> None:
    """A file that there is not, a question that cannot be asked, another method."""
    assert client.get("/page/none.js").status_code == 404
    assert client.get("/part/counts?listed=maybe").status_code == 422
    assert client.post("/part/incidents").status_code == 405


def test_nobody_is_answered_whom_serve_does_not_let_ask(tmp_path: Path) -> None:
    """Not even with a file that is always there: of another machine, or by another name of this one."""
    app = create_app(Settings(home=tmp_path), "127.0.0.1:1")
    ours = TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 50_000))
    assert ours.get("/page/page.css").status_code == 200
    for base, peer in (("http://127.0.0.1", "192.0.2.7"), ("http://rebound.example", "127.0.0.1")):
        theirs = TestClient(app, base, client=(peer, 50_000))
        assert theirs.get("/page/page.css").status_code == 403
        assert theirs.get("/part/incidents").status_code == 403
