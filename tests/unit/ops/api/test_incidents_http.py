"""Incidents over HTTP: at any instant, with what they cost, and nothing sent twice to who has it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.concurrency import run_in_threadpool

from ops.api import incidents
from ops.api.incident_pages import IncidentPages
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from tests.support.api import ID, DirectCommands, client_of
from tests.support.event_sequences import EventLog

URL = f"/api/v1/incidents/{ID}"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[DirectCommands]:
    """An incident that was diagnosed; its events are a second apart."""
    pipeline = DirectCommands(EventLog(), SqliteProjection(tmp_path / "store.sqlite"))
    for kind in (EventType.INCIDENT_OPENED, EventType.ALERTS_ACCOUNTED, EventType.DIAGNOSIS_MADE):
        pipeline.append(kind)
    yield pipeline
    pipeline.store.close()


@pytest.fixture
def client(pipeline: DirectCommands) -> TestClient:
    return client_of(pipeline)


def test_an_incident_is_shown_as_it_was(client: TestClient, pipeline: DirectCommands) -> None:
    """Folded up to the instant; before its first event there is nothing but its name."""
    now = pipeline.log.now_ms
    statuses = [client.get(URL, params={"at": str(at)}).json()["status"] for at in (now - 2_001, now - 2_000, now)]
    assert statuses == ["none", "open", "diagnosed"]


def test_an_instant_that_is_none_is_told(client: TestClient) -> None:
    """422, with the parameter's name."""
    found = client.get(URL, params={"at": "noon"})
    assert (found.status_code, found.json()["detail"][:3]) == (422, "at:")


def test_what_an_incident_costs_is_shown_beside_it(client: TestClient, pipeline: DirectCommands) -> None:
    """A critical service at night: 10,000 a minute; two seconds so far, of the 180 that are the target."""
    impact = client.get(URL).json()["impact"]
    assert (impact["per_minute"], impact["cost"], impact["left_s"]) == (10_000.0, pytest.approx(333.33), 178.0)
    pipeline.append(EventType.INCIDENT_RESOLVED)
    pipeline.log.now_ms += 60_000
    over = client.get(URL).json()["impact"]
    assert (over["per_minute"], over["cost"]) == (0.0, 500.0)
    assert over["saved"] == pytest.approx(30 * 10_000 - 500)


@pytest.mark.parametrize("path", ["/api/v1/incidents", URL, f"{URL}/timeline"])
def test_who_has_it_already_gets_a_tag_only(client: TestClient, pipeline: DirectCommands, path: str) -> None:
    """304 as long as nothing but the clock moved; the whole answer after the next event."""
    tag = client.get(path).headers["etag"]
    pipeline.log.now_ms += 500
    again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    pipeline.append(EventType.DECISION_MADE)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "name", ["a/b", "/", "a%2Fb", "100%", "a?b#c", "a\nb", "\x7f\x01", "søk …", "x/timeline", "a+b"]
)
def test_an_id_may_be_any_text(client: TestClient, pipeline: DirectCommands, name: str) -> None:
    """Percent-encoded in the path: the incident, its timeline, and none of another's."""
    pipeline.append(EventType.INCIDENT_OPENED, name)
    found = client.get(f"/api/v1/incidents/{quote(name, safe='')}").json()
    assert (found["incident_id"], found["version"]) == (name, 1)
    timeline = client.get(f"/api/v1/incidents/{quote(name, safe='')}/timeline").json()
    assert (timeline["incident_id"], len(timeline["events"])) == (name, 1)
    assert client.get(f"/api/v1/incidents/{quote(name + '/', safe='')}").status_code == 404


def test_a_page_goes_on_where_it_ended(client: TestClient, pipeline: DirectCommands) -> None:
    """By cursor, until it is null; no incident twice."""
    for number in range(5):
        pipeline.append(EventType.INCIDENT_OPENED, f"inc-{number}")
    seen: list[str] = []
    wanted = {"limit": "2"}
    while "cursor" not in wanted or wanted["cursor"]:
        found = client.get("/api/v1/incidents", params=wanted).json()
        seen += [one["incident_id"] for one in found["incidents"]]
        wanted["cursor"] = found["cursor"] or ""
    assert sorted(seen) == sorted({ID, *(f"inc-{number}" for number in range(5))})


def test_a_text_is_looked_for_in_names_and_causes(client: TestClient, pipeline: DirectCommands) -> None:
    """Whatever its case; page by page, none twice and none left out."""
    for number in range(450):
        title = "Queue of MAIL grows" if number % 100 == 0 else "latency"
        pipeline.append(EventType.INCIDENT_OPENED, f"inc-{number}", title=title)
    seen: list[str] = []
    wanted: dict[str, str] = {"q": " mail ", "limit": "2"}
    while "cursor" not in wanted or wanted["cursor"]:
        found = client.get("/api/v1/incidents", params=wanted).json()
        seen += [one["incident_id"] for one in found["incidents"]]
        wanted["cursor"] = found["cursor"] or ""
    assert sorted(seen) == ["inc-0", "inc-100", "inc-200", "inc-300", "inc-400"]


def test_a_text_that_is_nowhere_is_looked_for_within_bounds(client: TestClient) -> None:
    """An empty page says whether there is more to look through."""
    assert client.get("/api/v1/incidents", params={"q": "nowhere"}).json() == {"incidents": [], "cursor": None}


def test_a_page_that_is_there_takes_no_thread(pipeline: DirectCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made once by a thread, then given as it is, with its tag; another page is made anew."""
    made: list[object] = []

    async def counted(*what: Any) -> Any:
        made.append(what)
        return await run_in_threadpool(*what)

    monkeypatch.setattr(incidents, "run_in_threadpool", counted)
    app = FastAPI()
    app.include_router(
        incidents.incidents_router(lambda: pipeline.store, IncidentPages(lambda: pipeline.store, fresh_s=60))
    )
    client = TestClient(app)
    first, again = client.get("/api/v1/incidents"), client.get("/api/v1/incidents")
    assert (first.content, first.headers["etag"]) == (again.content, again.headers["etag"])
    assert len(made) == 1
    assert client.get("/api/v1/incidents", params={"limit": "1"}).status_code == 200
    assert len(made) == 2


@pytest.mark.parametrize("version", ["-1", str(2**63), "9" * 30])
def test_a_version_that_none_can_have_is_refused(client: TestClient, version: str) -> None:
    """Before the store is asked for it."""
    assert client.get(f"{URL}/timeline", params={"after_version": version}).status_code == 422
