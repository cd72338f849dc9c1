"""Hostile senders against a real server: slow ones, smugglers, bombs, replays; each is refused, and costs little."""

import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any

import cramjam
import httpx
import pytest

from ops import supervisor
from ops.intake.body import BodyReader
from ops.intake.guard import Guard
from ops.intake.limits import SlidingWindow
from ops.intake.server import server_options
from ops.intake.signatures import SeenOfSources, SeenSignatures
from ops.intake.sources import Hmac, Source
from tests.support.intake import FakeDelivery, app_of, intake_over, served

GOOD = json.dumps({"service": "checkout", "name": "HighMemory"}).encode()
SOURCES = (
    Source(name="token", paths=("/v1/alerts",), bearer="s3cret", tenant="acme"),
    Source(name="signed", paths=("/v1/grafana", "/v1/logs"), hmac=Hmac(secret="k", timestamp_header="X-Time")),  # noqa: S106
    Source(name="pager", paths=("/v2/enqueue",), routing_key="R0UT1NG"),
)


@pytest.fixture(scope="module")
def delivery() -> FakeDelivery:
    """Takes everything."""
    return FakeDelivery()


@pytest.fixture(scope="module")
def address(delivery: FakeDelivery) -> Iterator[str]:
    """A server that waits half a second for headers and for bodies."""
    with served(intake_over(delivery, bodies=BodyReader(timeout_s=0.5)), headers_timeout_s=0.5) as found:
        yield found


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A server that knows its sources, and lets each send ten items."""
    guard = Guard(SOURCES, by_key=SlidingWindow(10, 3600))
    with served(intake_over(FakeDelivery(), guard=guard)) as found:
        yield found


def exchange(address: str, raw: bytes) -> bytes:
    """What a server answers to raw bytes, until it ends the connection or has answered."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(raw)
        return connection.recv(65_536)


@pytest.mark.parametrize("raw", [b"", b"POST /v1/alerts HTT", b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nX-Slow: 1\r\n"])
def test_headers_that_do_not_come_end_the_connection(address: str, raw: bytes) -> None:
    """Half a minute of nothing is no request."""
    with contextlib.suppress(ConnectionResetError):
        assert exchange(address, raw) == b""


def test_headers_without_end_end_the_connection(address: str) -> None:
    """They are never held beyond a bound."""
    endless = b"POST /v1/alerts HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(200))
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        assert exchange(address, endless) == b""


def test_a_body_that_does_not_come_is_told_so_and_the_connection_ends(address: str) -> None:
    """408; the rest is not waited for."""
    answer = exchange(address, b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("endless", [b"2;" + b"e" * 300_000, b"2\r\n{}\r\n0\r\nX: " + b"a" * 300_000])
def test_what_is_neither_headers_nor_body_ends_the_connection(address: str, endless: bytes) -> None:
    """Extensions of chunks and trailers are not waited for to their end, nor answered."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        head = b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert exchange(address, head + endless) == b""


def test_chunks_of_a_byte_are_a_body(address: str, delivery: FakeDelivery) -> None:
    """Their frames are many times what they hold, and it is taken all the same."""
    body = b'{"service": "s", "name": "n", "message": "%s"}' % (b"x" * 30_000)
    chunks = b"".join(b"1\r\n" + body[at : at + 1] + b"\r\n" for at in range(len(body)))
    head = b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    before = len(delivery.alerts())
    assert b" 202 " in exchange(address, head + chunks + b"0\r\n\r\n").split(b"\r\n")[0]
    assert len(delivery.alerts()) == before + 1


def test_a_sender_that_says_no_more_hears_its_answer(address: str) -> None:
    """It has closed its side alone. One that does so in the middle of its body is gone."""
    host, _, port = address.partition(":")
    head = b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(GOOD)
    for body, said in ((GOOD, b" 202 "), (GOOD[:-1], b"")):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head + body)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
            assert said in answer[:20]
            assert bool(answer) == bool(said)


def test_requests_that_come_at_once_are_answered_in_their_order(address: str) -> None:
    """Pipelined: each has its answer, the bad one among them too."""
    bodies = [b'{"service": "p%d", "name": "n"}' % n for n in range(20)]
    bodies[7] = b"{"
    raw = b"".join(b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(b) + b for b in bodies)
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(raw)
        answers = b""
        while answers.count(b"HTTP/1.1 ") < len(bodies):
            answers += connection.recv(65_536)
    found = [part.split(b" ", 1)[0] for part in answers.split(b"HTTP/1.1 ")[1:]]
    assert found == [b"202"] * 7 + [b"400"] + [b"202"] * 12


def test_a_trailer_is_no_header(guarded: str) -> None:
    """Whoever stands in front of the intake checks headers; what comes behind the body does not let anybody in."""
    request = b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n%s\r\n"
    answer = exchange(guarded, request % b"Authorization: Bearer s3cret\r\n")
    assert b" 401 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 50\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Type: application/json\r\nContent-Type: text/plain\r\n",
        b"Content-Length : 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5\r\nX: a\r\n folded\r\n",
        b"Content-Length: 5\r\nHost: b\r\n",
    ],
)
def test_headers_that_two_readers_would_read_differently_are_refused(address: str, headers: bytes) -> None:
    """400, and the connection ends or the next request is not what the body hid."""
    smuggled = b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = exchange(address, b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + smuggled)
    assert answer.split(b" ")[1:2] in ([b"400"], [])
    assert answer.count(b"HTTP/1.1") <= 2
    assert b" 200 " not in answer


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("gzip", gzip.compress(b"[" + b" " * 64_000_000)),
        ("gzip", gzip.compress(b" " * 10_000_000) * 5),
        ("deflate", zlib.compress(b" " * 64_000_000)),
        ("zstd", bytes(cramjam.zstd.compress(b" " * 64_000_000))),
    ],
    ids=["gzip", "gzip members", "deflate", "zstd"],
)
def test_a_bomb_is_refused_before_it_is_unpacked(
    address: str, delivery: FakeDelivery, encoding: str, bomb: bytes
) -> None:
    """413; the dead letter has its bytes as they came."""
    answer = httpx.post(f"http://{address}/v1/alerts", content=bomb, headers={"content-encoding": encoding}, timeout=20)
    assert (answer.status_code, answer.json()["reason"]) == (413, "oversized")
    assert delivery.letters()[-1].value == bomb
    assert delivery.letters()[-1].headers["content-encoding"] == encoding.encode()


def test_a_snappy_bomb_tells_its_size_itself(address: str) -> None:
    """The length stands before the data, and is believed only as a reason to refuse."""
    headers = {"content-encoding": "snappy", "content-type": "application/x-protobuf"}
    answer = httpx.post(
        f"http://{address}/api/v1/write", content=b"\xff\xff\xff\xff\x0f" + b"\0" * 100, headers=headers
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(GOOD)), ("deflate", zlib.compress(GOOD)), ("zstd", bytes(cramjam.zstd.compress(GOOD)))],
    ids=["gzip", "deflate", "zstd"],
)
def test_an_honest_packed_body_is_taken(address: str, delivery: FakeDelivery, encoding: str, packed: bytes) -> None:
    """As it would be plain."""
    answer = httpx.post(f"http://{address}/v1/alerts", content=packed, headers={"content-encoding": encoding})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/xml"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        ({"content-encoding": "br"}, 415),
        ({"content-encoding": "gzip"}, 400),
        ({"content-encoding": "gzip, gzip"}, 415),
    ],
)
def test_what_cannot_be_read_is_told_as_a_problem_and_kept(
    address: str, delivery: FakeDelivery, headers: dict[str, str], status: int
) -> None:
    """RFC 9457, with the dead letter's id."""
    answer = httpx.post(f"http://{address}/v1/alerts", content=GOOD, headers=headers)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["dead_letter_id"]) == (status, delivery.letters()[-1].dead_letter_id)
    assert delivery.letters()[-1].value == GOOD


def test_bottomless_and_endless_json_is_refused_quickly(address: str, delivery: FakeDelivery) -> None:
    """A thousand levels, and millions of empty lists: neither is built."""
    for levels, statuses in ((900, {202, 422}), (1015, {202, 422}), (5000, {400})):
        deep = b'{"service": "s", "name": "n", "labels": {"a": ' + b"[" * levels + b"]" * levels + b"}}"
        assert httpx.post(f"http://{address}/v1/alerts", content=deep).status_code in statuses
    endless = b"[" + b"[]," * 4_000_000 + b"1]"
    answer = httpx.post(f"http://{address}/v1/alerts", content=endless, timeout=20)
    assert (answer.status_code, answer.json()["reason"]) == (413, "oversized")


def test_a_source_with_a_token_is_let_in_by_it_alone_and_bound_to_its_tenant(guarded: str) -> None:
    """Its records cannot name another."""
    url = f"http://{guarded}/v1/alerts"
    right = {"authorization": "Bearer s3cret"}
    assert httpx.post(url, content=GOOD).status_code == 401
    assert httpx.post(url, content=GOOD, headers={"authorization": "Bearer s3cre"}).status_code == 401
    assert httpx.post(url, content=GOOD, headers=right).status_code == 202
    other = httpx.post(url, json={"service": "s", "name": "n", "tenant": "umbrella"}, headers=right)
    assert (other.status_code, other.json()["errors"][0]["fields"]) == (422, ["tenant"])
    assert httpx.post(url, json={"service": "s", "name": "n", "tenant": "acme"}, headers=right).status_code == 202


def signed(body: bytes, at_s: int, secret: bytes = b"k") -> dict[str, str]:
    """The headers of a signed request."""
    signature = hmac.new(secret, f"{at_s}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Time": str(at_s), "X-Signature-256": f"sha256={signature}"}


def test_a_signature_counts_once_for_its_own_body_and_not_for_long(guarded: str) -> None:
    """Replayed, altered, outdated, of another key: 401."""
    url, body, now = f"http://{guarded}/v1/logs", b'{"service": "s", "message": "m"}', int(time.time())
    assert httpx.post(url, content=body, headers=signed(body, now)).status_code == 202
    again = httpx.post(url, content=body, headers=signed(body, now))
    assert (again.status_code, again.json()["reason"]) == (401, "replayed")
    assert httpx.post(url, content=body + b" ", headers=signed(body, now + 1)).status_code == 401
    assert httpx.post(url, content=body, headers=signed(body, now - 301)).json()["reason"] == "replayed"
    assert httpx.post(url, content=body, headers=signed(body, now + 1, b"other")).status_code == 401
    assert httpx.post(url, content=body, headers={"X-Time": "soon"}).status_code == 401


@pytest.mark.parametrize(
    "write", [str.upper, lambda x: x.removeprefix("sha256="), lambda x: x.replace("sha256=", "v1="), "base64"]
)
def test_a_signature_that_is_written_otherwise_is_the_same(guarded: str, write: Any) -> None:
    """Who replays a request may write its signature in every way that is read."""
    url, body, now = f"http://{guarded}/v1/logs", f'{{"service": "s", "message": "{write}"}}'.encode(), int(time.time())
    headers = signed(body, now)
    assert httpx.post(url, content=body, headers=headers).status_code == 202
    digest = headers["X-Signature-256"].removeprefix("sha256=")
    other = base64.b64encode(bytes.fromhex(digest)).decode() if write == "base64" else write(f"sha256={digest}")
    other = other.replace("SHA256=", "sha256=")
    again = httpx.post(url, content=body, headers=headers | {"X-Signature-256": other})
    assert (again.status_code, again.json()["reason"]) == (401, "replayed")


async def test_a_signature_counts_only_where_its_request_was_taken() -> None:
    """Who was told to come again sends the very same, and is taken once."""
    delivery = FakeDelivery(failure="_MSG_TIMED_OUT")
    app = app_of(intake_over(delivery, guard=Guard(SOURCES)))
    body = b'{"service": "s", "message": "m"}'
    headers = signed(body, int(time.time()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        said = [(await client.post("/v1/logs", content=body, headers=headers)).status_code]
        delivery.failure = None
        said += [(await client.post("/v1/logs", content=body, headers=headers)).status_code for _ in range(2)]
    assert said == [503, 202, 401]


async def test_what_was_signed_before_the_start_is_asked_to_be_signed_anew() -> None:
    """An earlier process may have taken it; 503 loses nothing of an honest sender, who signs each time that it sends."""
    now = int(time.time())
    app = app_of(intake_over(FakeDelivery(), guard=Guard(SOURCES, seen=SeenOfSources(now * 1000))))
    body = b'{"service": "s", "message": "m"}'
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        answers = [await client.post("/v1/logs", content=body, headers=signed(body, at)) for at in (now - 1, now)]
    assert [answer.status_code for answer in answers] == [503, 202]
    assert answers[0].headers["retry-after"] == "1"


def test_what_was_forgotten_counts_as_not_known() -> None:
    """More signatures than are remembered open no window for replays."""
    seen = SeenSignatures(most=2)
    for at in (10, 11, 12):
        seen.add((b"%d" % at, at))
    assert [seen.knows_of(at) for at in (10, 11, 12)] == [False, True, True]
    assert b"11" in seen
    seen.discard((b"11", 11))
    assert b"11" not in seen


def test_signatures_that_are_dated_ahead_push_out_elder_ones_alone() -> None:
    """What is signed now is known as long as anything is."""
    seen = SeenSignatures(most=3)
    for number, at in enumerate((400, 100, 400, 100, 101, 400)):
        seen.add((b"%d" % number, at))
    assert [seen.knows_of(at) for at in (100, 101, 102, 400)] == [False, False, True, True]
    assert [b"%d" % number in seen for number in (0, 2, 5)] == [True] * 3


def test_what_is_outdated_is_forgotten_and_takes_no_room() -> None:
    """It would be refused for its age, so nothing else is forgotten in its place."""
    seen = SeenSignatures(most=3)
    for at in range(100):
        seen.add((b"%d" % at, at), outdated_before=at - 1)
    assert len(seen) == 2
    assert seen.knows_of(0)
    for number in range(100):  # given back, again and again
        seen.add((b"same", 100 + number % 2))
        seen.discard((b"same", 100))
    assert len(seen._by_age) <= 6


def test_a_sources_flood_is_its_own() -> None:
    """Another's signatures are remembered as before."""
    seen = SeenOfSources(most=2)
    seen.of("quiet").add((b"q", 1))
    for at in range(10):
        seen.of("loud").add((b"%d" % at, at))
    assert (seen.of("loud").knows_of(1), seen.of("quiet").knows_of(1)) == (False, True)
    assert b"q" in seen.of("quiet")


def test_a_body_that_drips_in_does_not_keep_the_server_from_ending() -> None:
    """It is given up after a moment: nothing of it is taken, and whoever sends it hears that by the connection's end."""
    delivery = FakeDelivery()
    assert server_options()["timeout_graceful_shutdown"] < supervisor.STOP_S
    with served(intake_over(delivery), grace_s=0.5) as found:
        host, _, port = found.partition(":")
        dripping = socket.create_connection((host, int(port)), timeout=20)
        dripping.sendall(b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\n" + GOOD[:10])
        assert httpx.post(f"http://{found}/v1/alerts", content=GOOD).status_code == 202
        begun = time.monotonic()
    assert time.monotonic() - begun < 9
    with dripping, contextlib.suppress(ConnectionError):
        assert b" 202 " not in dripping.recv(100)
    assert len(delivery.taken) == 1


def test_what_only_dead_letters_have_is_not_taken_from_a_sender(address: str, delivery: FakeDelivery) -> None:
    """Headers by which a letter is read again would let a sender pretend what surrounds its alert, or which items count."""
    before = len(delivery.alerts())
    alert = {"status": "firing", "labels": {"alertname": "n", "service": "s"}}
    headers = {"intake-envelope": '{"receiver": "another"}', "intake-items": "7", "intake-path": "/v1/logs"}
    assert httpx.post(f"http://{address}/v1/alertmanager", json=alert, headers=headers).status_code == 202
    (made,) = delivery.alerts()[before:]
    assert "alertmanager_receiver" not in made.labels


def test_a_routing_key_is_a_sources_secret(guarded: str) -> None:
    """As PagerDuty's clients send it: in the body."""
    event = {"routing_key": "R0UT1NG", "event_action": "resolve", "dedup_key": "d"}
    assert httpx.post(f"http://{guarded}/v2/enqueue", json=event).status_code == 202
    assert httpx.post(f"http://{guarded}/v2/enqueue", json=event | {"routing_key": "x"}).status_code == 401


def test_a_sender_beyond_its_rate_is_told_when_to_come_again(guarded: str) -> None:
    """429 with Retry-After; others are not held up. A body that alone exceeds the rate passes where its sender was silent."""
    many = [{"service": "s", "source": "t"}] * 11
    edges = [edge | {"depends_on": "t"} for edge in many]
    assert httpx.post(f"http://{guarded}/v1/topology", json=edges).status_code == 202
    answer = httpx.post(f"http://{guarded}/v1/topology", json=edges[:1])
    assert (answer.status_code, answer.json()["reason"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
    event = {"routing_key": "R0UT1NG", "event_action": "resolve", "dedup_key": "d2"}
    assert httpx.post(f"http://{guarded}/v2/enqueue", json=event).status_code == 202


async def test_other_machines_are_refused_where_no_source_is_named() -> None:
    """Until somebody says who may send."""
    for open_to_all, status in ((False, 403), (True, 202)):
        app = app_of(intake_over(FakeDelivery(), guard=Guard(open_to_all=open_to_all)))
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://intake") as client:
            assert (await client.post("/v1/alerts", content=GOOD)).status_code == status


def test_a_web_page_cannot_send_as_this_machine(address: str, delivery: FakeDelivery) -> None:
    """A page of anybody's could post to 127.0.0.1 from the operator's browser."""
    before = len(delivery.taken)
    answer = httpx.post(f"http://{address}/v1/alerts", content=GOOD, headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["reason"], len(delivery.taken)) == (403, "cross_site", before)
