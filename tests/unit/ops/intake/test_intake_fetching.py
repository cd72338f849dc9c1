"""What the intake fetches from elsewhere: one small document from the host that was asked, or nothing."""

import gzip
import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from ops.intake import sns_trust
from ops.intake.sns_trust import fetch_once
from tests.support.sns import KEY, certificate


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A host that tries what it can; notes what it is asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """One path a trick."""
        self.asked.append(self.path)
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/secret")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write({"/large": b"x" * 70_000, "/packed": gzip.compress(b" " * 9_000_000)}.get(self.path, b"ok"))
        while self.path == "/slow":  # a byte now and then, so that no single read is late
            time.sleep(0.05)
            try:
                self.wfile.write(b".")
                self.wfile.flush()
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def elsewhere() -> Iterator[http.server.ThreadingHTTPServer]:
    """A server of such a host."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    Elsewhere.asked.clear()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


async def test_a_document_is_fetched_as_it_is(elsewhere: http.server.ThreadingHTTPServer) -> None:
    """Once."""
    assert await fetch_once(f"http://127.0.0.1:{elsewhere.server_port}/document") == b"ok"
    assert Elsewhere.asked == ["/document"]


@pytest.mark.parametrize(("path", "why"), [("redirect", "302 for"), ("large", "more than 65536 bytes")])
async def test_what_leads_on_or_is_too_large_is_given_up(
    elsewhere: http.server.ThreadingHTTPServer, path: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect is not followed, and no more is read than a certificate has: neither waits for the time to run out."""
    monkeypatch.setattr(sns_trust, "_TIMEOUT_S", 60.0)
    begun = time.monotonic()
    with pytest.raises(httpx.HTTPError, match=why):
        await fetch_once(f"http://127.0.0.1:{elsewhere.server_port}/{path}")
    assert Elsewhere.asked == [f"/{path}"]
    assert time.monotonic() - begun < 30


async def test_a_drip_is_given_up_when_its_time_is_over(
    elsewhere: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No single read is late, and the whole is: of a host that says a byte now and then, for as long as one listens."""
    monkeypatch.setattr(sns_trust, "_TIMEOUT_S", 2.0)
    begun = time.monotonic()
    with pytest.raises(httpx.HTTPError, match="not within 2 s"):
        await fetch_once(f"http://127.0.0.1:{elsewhere.server_port}/slow")
    assert 2.0 <= time.monotonic() - begun < 10


async def test_a_bomb_stays_packed(elsewhere: http.server.ThreadingHTTPServer) -> None:
    """Nine megabytes of nothing are ten thousand bytes here, which are no certificate."""
    assert len(await fetch_once(f"http://127.0.0.1:{elsewhere.server_port}/packed")) < 10_000


async def test_a_name_that_was_bent_to_another_machine_gets_nothing(
    elsewhere: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    """It has no certificate of that name which anybody vouches for, so the request is never sent."""
    key = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "own.pem").write_bytes(key + certificate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem")
    elsewhere.socket = context.wrap_socket(elsewhere.socket, server_side=True)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await fetch_once(f"https://localhost:{elsewhere.server_port}/document")
    assert Elsewhere.asked == []
