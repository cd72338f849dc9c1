"""What the server renders: every view, hostile text as it is written, answers and their errors as fragments."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agents.resolution.plan import plan_hash
from ops.page.rendering import render
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from tests.support.api import ID, DirectCommands
from tests.support.event_sequences import EventLog
from tests.support.page_sources import LETTER, page_over

HOSTILE = '<img src=x onerror="hacked=1">\u202edeliaf\u200b'
SHOWN = "&lt;img src=x onerror=&#34;hacked=1&#34;&gt;\ufffddeliaf\ufffd"
PLAN = '{"action":"RESTART","evidence":["anomalies/0/7"],"steps":["stop checkout and start it again"]}'
VIEWS = ("", "approvals", "storms", "lag", "predictions", "letters", "health", f"incident/{ID}")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[DirectCommands]:
    """An incident with a hostile title in which a plan waits, and one that it causes."""
    pipeline = DirectCommands(EventLog(), SqliteProjection(tmp_path / "store.sqlite"))
    pipeline.append(EventType.INCIDENT_OPENED, title=HOSTILE)
    pipeline.append(EventType.DECISION_MADE, autonomous=False)
    pipeline.append(EventType.APPROVAL_REQUESTED, approval_id="approval-1", plan=PLAN, plan_hash=plan_hash(PLAN))
    pipeline.append(EventType.INCIDENT_OPENED, "inc-cart", service="cart")
    pipeline.append(EventType.DIAGNOSIS_MADE, "inc-cart", parent_incident_id=ID)
    yield pipeline
    pipeline.store.close()


@pytest.fixture
def client(pipeline: DirectCommands, tmp_path: Path) -> TestClient:
    return TestClient(page_over(pipeline, tmp_path), raise_server_exceptions=False)


def said(**changes: Any) -> dict[str, Any]:
    return {"answer": "approve", "plan_hash": plan_hash(PLAN), "by": "ana", "why": "It is the known leak", **changes}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_a_page_and_a_fragment(client: TestClient, view: str) -> None:
    """The page has the policy of its files; the fragment is not sent twice."""
    page, part = client.get(f"/{view}"), client.get(f"/part/{view or 'incidents'}")
    assert (page.status_code, part.status_code) == (200, 200)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.text.startswith("<!doctype html>")
    assert "<html" not in part.text
    tag = {"If-None-Match": part.headers["etag"]}
    if view != "health":  # its checks' times are new each time
        assert client.get(f"/part/{view or 'incidents'}", headers=tag).status_code == 304


def test_a_tag_moves_with_the_incident_and_not_with_the_clock(client: TestClient, pipeline: DirectCommands) -> None:
    """So that asking every few seconds costs little."""
    tag = client.get(f"/part/incident/{ID}").headers["etag"]
    pipeline.log.now_ms += 5_000
    assert client.get(f"/part/incident/{ID}").headers["etag"] == tag
    pipeline.append(EventType.HUMAN_REQUESTED)
    pipeline.log.now_ms += 1
    time.sleep(0.65)  # what was answered a moment ago may be answered again
    assert client.get(f"/part/incident/{ID}").headers["etag"] != tag


@pytest.mark.parametrize("view", ["", f"incident/{ID}", "approvals"])
def test_a_hostile_title_is_shown_as_written(client: TestClient, view: str) -> None:
    """Escaped; what is invisible or turns the direction is made visible."""
    text = client.get(f"/{view}").text
    assert SHOWN in text
    assert "<img src=x" not in text


def test_children_are_folded_under_their_parent(client: TestClient) -> None:
    """Shown once, within the fold."""
    text = client.get("/part/incidents").text
    assert "1 more because of" in text
    assert text.count('data-id="inc-cart"') == 1
    assert text.index("<details") < text.index('data-id="inc-cart"')


def test_filters_that_fit_nothing_say_so_and_others_are_refused(client: TestClient) -> None:
    """An empty list is designed; a status that there is not is a 422 in words."""
    assert "No incident fits the filters." in client.get("/part/incidents?tenant=nobody").text
    found = client.get("/part/incidents?status=%3Cb%3E")
    assert (found.status_code, "&lt;b&gt;" in found.text) == (422, True)


def test_an_incident_is_shown_as_it_was(client: TestClient, pipeline: DirectCommands) -> None:
    """The decision is not known before it was made; later events are dimmed; nothing can be answered there."""
    first = pipeline.store.timeline(ID)[0].event.recorded_at
    text = client.get(f"/part/incident/{ID}?at={first}").text
    assert "The agents have not decided yet." in text
    assert 'class="later"' in text
    assert "<form" not in text
    assert "<form" in client.get(f"/part/incident/{ID}").text


def test_an_unknown_incident_is_a_page_that_says_so(client: TestClient) -> None:
    """404, in the page's frame and as a fragment."""
    for path in ("/incident/none", "/part/incident/none"):
        found = client.get(path)
        assert (found.status_code, "There is no incident none." in found.text) == (404, True)


def test_a_plan_is_approved(client: TestClient, pipeline: DirectCommands) -> None:
    """As a fragment that tells, and the page is told to ask anew; then nothing waits."""
    found = client.post("/part/approvals/approval-1", json=said())
    assert (found.status_code, found.headers["hx-trigger"]) == (200, "changed")
    assert "On record: given." in found.text
    assert "No plan waits for anybody." in client.get("/part/approvals").text
    assert len(pipeline.taken) == 1


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [({"plan_hash": "0" * 64}, 409, "another plan"), ({"by": " "}, 422, "by:"), ({"answer": "maybe"}, 422, "answer:")],
)
def test_an_answer_that_cannot_count_is_told_why(
    client: TestClient, pipeline: DirectCommands, changes: dict[str, Any], status: int, words: str
) -> None:
    """In place of the outcome; nothing was commanded."""
    found = client.post("/part/approvals/approval-1", json=said(**changes))
    assert (found.status_code, words in found.text, pipeline.taken) == (status, True, [])


def test_a_dead_letter_is_read_and_put_back(client: TestClient) -> None:
    """Its bytes as text; without who and why it stays where it is."""
    assert "&lt;b&gt;no alert&lt;/b&gt;" in client.get(f"/part/letter/{LETTER}").text
    assert client.post("/part/letters/redrive", json={"dead_letter_id": LETTER, "by": "ana"}).status_code == 422
    found = client.post(
        "/part/letters/redrive", json={"dead_letter_id": LETTER, "by": "ana", "why": "mended", "reason": "x"}
    )
    assert "1 put back" in found.text
    assert "put back</span>" in client.get("/part/letters").text


def test_a_rerun_s_verdict_stays_on_the_incident(client: TestClient) -> None:
    """Answered as the section that it stands in."""
    assert "identical" in client.post(f"/part/rerun/{ID}", json={}).text
    assert "identical" in client.get(f"/part/incident/{ID}").text


def test_a_record_that_is_not_there_is_told_why(client: TestClient) -> None:
    """404 with what took it."""
    found = client.get("/part/record/anomalies/0/41")
    assert (found.status_code, "is not written yet" in found.text) == (404, True)


def test_the_counts_are_put_beside_the_views_names(client: TestClient) -> None:
    """Each out of band, into its own place."""
    text = client.get("/part/counts").text
    assert 'id="approvals-count" hx-swap-oob="true"' in text
    assert "wait for a person" not in text
    assert "wait for a person" in client.get("/part/counts?listed=1").text


def test_the_api_s_description_is_rendered(client: TestClient) -> None:
    """From the OpenAPI document, without anybody else's program."""
    assert "/api/v1/stream" in client.get("/docs").text


def test_an_action_shows_its_plan_and_how_far_it_came(client: TestClient, pipeline: DirectCommands) -> None:
    """Also one that nobody had to approve: first what it is going to do, then how dry run and checks went."""
    pipeline.append(EventType.ACTION_INTENDED, "inc-cart", parameters={"plan": PLAN})
    text = client.get("/part/incident/inc-cart").text
    assert "stop checkout and start it again" in text
    assert "anomalies[0]@7" in text
    assert text.count("not told yet") == 2
    pipeline.append(EventType.ACTION_COMPLETED, "inc-cart", parameters={"plan": PLAN}, healthy=True, checks=2)
    time.sleep(0.65)  # what was answered a moment ago may be answered again
    text = client.get("/part/incident/inc-cart").text
    assert "✓ it could be done" in text
    assert "✓ healthy after 2 checks" in text


def test_the_list_tells_since_when(client: TestClient, pipeline: DirectCommands) -> None:
    """As of the server's clock; the browser goes on from there."""
    pipeline.log.now_ms += 12 * 60_000
    began = pipeline.store.timeline("inc-cart")[0].event.recorded_at
    text = client.get("/part/incidents").text
    assert f'data-live="ago" data-at="{began}">12 min</span> ago' in text
    assert "saved if over now" in text


def test_a_record_s_names_stand_for_nothing_of_the_template_s() -> None:
    """Whoever writes headers chooses their names."""
    headers = {"items": "<i>", "get": "a", "keys": "b", "values": "c"}
    text = render("record.html", one={"timestamp": 1_700_000_000_000, "key": "k", "headers": headers, "value": {}})
    assert [f"<dt>{name}</dt>" in text for name in headers] == [True] * 4
    assert "&lt;i&gt;" in text
