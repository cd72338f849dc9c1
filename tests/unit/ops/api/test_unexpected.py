"""Errors that no route tells: whoever asks can read them, and nothing of an exception's text gets out."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from ops.api.problems import MEDIA
from ops.api.unexpected import Unexpected, tell_problems
from ops.intake.http import Intake
from ops.intake.server import BoundedHttp
from ops.serve import create_app
from ops.settings import Settings
from tests.support.intake import serving

ALERT = {
    "incident_id": "inc-1",
    "container_name": "cart",
    "alert_type": "OutOfMemory",
    "severity": "critical",
    "logs": "",
}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def server(home: Path) -> FastAPI:
    """All of `serve`, not started: whatever wants Kafka or the store meets an exception that nobody foresaw."""
    return create_app(Settings(home=home), "127.0.0.1:1")


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as said:
        yield said


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """Asks it as a program of this machine."""
    return TestClient(server(tmp_path), "http://127.0.0.1", client=("127.0.0.1", 50_000))


def problem(answer: httpx2.Response, status: int) -> str:
    """The detail of a problem."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA)
    document = answer.json()
    assert (document["status"], document["type"]) == (status, "about:blank")
    assert document["title"]
    return str(document["detail"])


def test_an_exception_in_the_intake_is_a_problem(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    """The paths that lie in front of all else; it says that the alert may not have been taken, and no more. The log says why."""

    def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(Intake, "answer", broken)
    said = problem(client.post("/webhook", json=ALERT), 500)
    assert "send it again" in said
    assert "secret" not in said
    assert [(one["path"], one["exc_info"], one["log_level"]) for one in logged] == [("/webhook", True, "error")]


def test_an_exception_behind_a_route_is_a_problem(client: TestClient) -> None:
    """Also where FastAPI would send a bare text."""
    assert "unexpected" in problem(client.get("/api/v1/incidents"), 500)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/page/nothing.js", "/health/nothing"])
def test_a_path_that_is_not_there(client: TestClient, path: str) -> None:
    """And what there is instead."""
    assert "/docs" in problem(client.get(path), 404) or path.startswith("/page/")


def test_a_method_that_a_path_does_not_take(client: TestClient) -> None:
    """With those that it takes, as HTTP has it."""
    answer = client.delete("/api/v1/incidents", headers={"Content-Type": "application/json"})
    assert "DELETE" in problem(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"answer":' + b"[" * 3_000 + b"]" * 3_000 + b"}", b"\xff", b'{"by":']
)
def test_a_body_that_cannot_be_read_is_told_with_what_to_send(client: TestClient, body: bytes) -> None:
    """Nested without end, no UTF-8, cut off."""
    found = client.post("/api/v1/approvals/x", content=body, headers={"content-type": "application/json"})
    assert "/docs" in problem(found, found.status_code)
    assert found.status_code in (400, 422)


def test_a_browser_is_shown_a_page(client: TestClient) -> None:
    """A person who mistyped an address reads what is wrong, and gets back from there."""
    answer = client.get("/<script>", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such path" in answer.text
    assert 'href="/"' in answer.text
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_part_of_the_page_tells_it_where_the_answer_would_be(client: TestClient) -> None:
    """What htmx asks for is put in place: a piece, not a document."""
    answer = client.get("/part/incidents", headers={"HX-Request": "true", "Accept": "*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert answer.text.startswith('<div class="wrong" role="alert">')


def test_an_answer_that_broke_off_is_not_taken_for_whole() -> None:
    """Its beginning is sent: all that can be done is to end the connection."""

    async def broken() -> AsyncIterator[str]:
        yield "the first"
        raise RuntimeError("the rest is gone")

    app = FastAPI()
    app.add_api_route("/", lambda: StreamingResponse(broken()))
    tell_problems(app)
    with pytest.raises(RuntimeError, match="the rest is gone"):
        TestClient(Unexpected(app)).get("/")


def exchanged(address: str, request: bytes) -> tuple[bytes, dict[str, object]]:
    """The status line, and the JSON of the body, of an answer that ends its connection."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert MEDIA.encode() in head
    return head.split(b"\r\n")[0], json.loads(body)


async def test_what_is_no_http_is_a_problem_too() -> None:
    """The server's own refusals, before any application hears of the request."""
    with serving(FastAPI()) as address:
        status, document = await asyncio.to_thread(exchanged, address, b"GET / HTTP/9.9\r\nno header\r\n\r\n")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert document["status"] == 400


async def test_too_many_connections_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With when."""
    monkeypatch.setattr(BoundedHttp, "most_connections", 1)
    with serving(FastAPI()) as address:
        status, document = await asyncio.to_thread(exchanged, address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert "come again" in str(document["detail"])
