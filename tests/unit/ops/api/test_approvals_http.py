"""Approvals over HTTP: the exact plan, one answer that counts, and conflicts that say what is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agents.resolution.plan import plan_hash
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from state.subject_keys import SubjectKeys
from tests.support.api import ID, DirectCommands, client_of
from tests.support.event_sequences import EventLog

PLAN = '{"action":"RESTART","evidence":["anomalies/0/7"],"steps":["stop checkout and start it again"]}'
HASH = plan_hash(PLAN)
URL = "/api/v1/approvals/approval-1"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[DirectCommands]:
    """An incident in which a plan waits."""
    pipeline = DirectCommands(EventLog(), SqliteProjection(tmp_path / "store.sqlite"))
    pipeline.append(EventType.INCIDENT_OPENED)
    pipeline.append(EventType.DECISION_MADE, autonomous=False)
    pipeline.append(EventType.APPROVAL_REQUESTED, approval_id="approval-1", plan=PLAN, plan_hash=HASH)
    yield pipeline
    pipeline.store.close()


@pytest.fixture
def client(pipeline: DirectCommands) -> TestClient:
    return client_of(pipeline)


def said(answer: str = "approve", **changes: Any) -> dict[str, Any]:
    return {"answer": answer, "plan_hash": HASH, "by": "ana", "why": "It is the known leak", **changes}


def test_what_waits_is_shown_with_its_exact_plan(client: TestClient) -> None:
    """The plan as an object, the hash that an answer binds to, until when, and the incident that it is of."""
    (waiting,) = client.get("/api/v1/approvals").json()["approvals"]
    assert (waiting["approval_id"], waiting["incident_id"], waiting["plan_hash"]) == ("approval-1", ID, HASH)
    assert waiting["plan"]["evidence"] == ["anomalies/0/7"]
    assert waiting["state"] == "PENDING"
    assert client.get("/api/v1/approvals?tenant=other").json() == {"approvals": []}


@pytest.mark.parametrize(("answer", "state"), [("approve", "GIVEN"), ("reject", "REFUSED")])
def test_an_answer_is_put_on_record(client: TestClient, pipeline: DirectCommands, answer: str, state: str) -> None:
    """As a command by an operator whose source is the request's own record; then nothing waits any more."""
    found = client.post(URL, json=said(answer))
    assert (found.status_code, found.json()["state"], found.json()["by"]) == (200, state, "ana")
    (command,) = pipeline.taken
    assert (command.agent, command.source_topic, command.source_offset) == ("operator", "incident.events", 2)
    assert client.get("/api/v1/approvals").json() == {"approvals": []}


def test_the_same_answer_again_changes_nothing(client: TestClient, pipeline: DirectCommands) -> None:
    """A browser that sends twice, or a program that retries, gets the same answer; the log has one."""
    first, second = client.post(URL, json=said()), client.post(URL, json=said())
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert len(pipeline.taken) == 1


@pytest.mark.parametrize("later", [{"by": "ben"}, {"answer": "reject"}])
def test_whoever_comes_second_is_told_who_was_first(client: TestClient, later: dict[str, Any]) -> None:
    """409 with the approval as it is."""
    client.post(URL, json=said())
    found = client.post(URL, json={**said(), **later})
    assert (found.status_code, found.headers["content-type"]) == (409, "application/problem+json")
    assert "given by ana" in found.json()["detail"]
    assert found.json()["approval"]["by"] == "ana"


def test_an_answer_to_another_plan_is_stale(client: TestClient, pipeline: DirectCommands) -> None:
    """409 with the hash of the plan that waits; nothing is sent."""
    found = client.post(URL, json=said(plan_hash="0" * 64))
    assert (found.status_code, found.json()["plan_hash"], pipeline.taken) == (409, HASH, [])


def test_an_answer_after_its_time_is_stale(client: TestClient, pipeline: DirectCommands) -> None:
    """What the plan rests on is too old; the list says so too."""
    pipeline.log.now_ms += 901_000
    found = client.post(URL, json=said())
    assert (found.status_code, pipeline.taken) == (409, [])
    assert "expired" in found.json()["detail"]
    assert client.get("/api/v1/approvals").json()["approvals"][0]["state"] == "EXPIRED"


@pytest.mark.parametrize("kind", [EventType.DECISION_MADE, EventType.INCIDENT_RESOLVED])
def test_a_plan_that_something_took_the_place_of_is_stale(
    client: TestClient, pipeline: DirectCommands, kind: EventType
) -> None:
    """A later decision, or the end of the trouble."""
    pipeline.append(kind)
    assert client.post(URL, json=said()).status_code == 409


def test_a_plan_that_was_tampered_with_is_not_approved(client: TestClient, pipeline: DirectCommands) -> None:
    """Its text is not what the hash is of."""
    pipeline.append(EventType.APPROVAL_REQUESTED, approval_id="approval-1", plan='{"action":"NOOP"}', plan_hash=HASH)
    found = client.post(URL, json=said())
    assert (found.status_code, pipeline.taken) == (409, [])


def test_an_answer_is_judged_again_where_the_incident_went_on(client: TestClient, pipeline: DirectCommands) -> None:
    """Refused by its version, it names the new one; the plan still waits, so it counts."""
    pipeline.between = [EventType.ALERTS_ACCOUNTED, EventType.ALERTS_ACCOUNTED]
    found = client.post(URL, json=said())
    assert (found.status_code, found.json()["state"]) == (200, "GIVEN")
    assert [command.expected_version for command in pipeline.taken] == [3, 4, 5]


def test_an_answer_to_a_plan_that_was_overtaken_meanwhile_is_not_given_again(
    client: TestClient, pipeline: DirectCommands
) -> None:
    """On the new state nothing is left to be said: 409, after one try."""
    pipeline.between = [EventType.INCIDENT_RESOLVED]
    found = client.post(URL, json=said())
    assert found.status_code == 409
    assert [command.expected_version for command in pipeline.taken] == [3]


def test_an_answer_that_is_on_its_way_is_accepted(pipeline: DirectCommands) -> None:
    """Kafka has it and the workers have not said so yet: 202."""
    pipeline.deaf = True
    found = client_of(pipeline, patience_s=0.2).post(URL, json=said())
    assert (found.status_code, found.json()["state"]) == (202, "PENDING")


def test_an_answer_that_kafka_does_not_take_is_to_be_given_again(client: TestClient, pipeline: DirectCommands) -> None:
    """503: nothing is on record."""
    pipeline.fault = "_MSG_TIMED_OUT"
    found = client.post(URL, json=said())
    assert (found.status_code, found.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    "body", [said(by=" "), said(why=""), said("perhaps"), said(plan_hash="short"), said(more=1), {}, []]
)
def test_an_answer_without_who_and_why_is_none(client: TestClient, pipeline: DirectCommands, body: Any) -> None:
    """422 in problem details; nothing is sent."""
    found = client.post(URL, json=body)
    assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")
    assert pipeline.taken == []


def test_an_unknown_plan_is_told(client: TestClient) -> None:
    """404 with where to look."""
    found = client.post("/api/v1/approvals/none", json=said())
    assert found.status_code == 404
    assert "/api/v1/approvals" in found.json()["detail"]


def test_a_persons_name_and_words_are_in_the_log_only_sealed(pipeline: DirectCommands, tmp_path: Path) -> None:
    """They are shown as long as the key is there; the same answer again is still the same."""
    keys = SubjectKeys(tmp_path / "persons.sqlite")
    client = client_of(pipeline, keys=keys)
    assert client.post(URL, json=said()).json()["by"] == "ana"
    assert client.post(URL, json=said()).status_code == 200
    recorded = [str(command) for command in pipeline.taken] + [str(stored.event) for stored in pipeline.log.events]
    assert recorded
    assert not any("ana" in text or "known leak" in text for text in recorded)
    assert keys.erase("ana")
    shown = client.get(f"/api/v1/incidents/{ID}/timeline").json()["events"][-1]
    assert (shown["payload"]["by"], shown["payload"]["why"]) == ("[erased]", "[erased]")
