"""Health verification: five tries, growing waits, the first good answer ends it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from agents.resolution.health import HealthCheck, HealthLimits

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


class FakeSleep:
    """Remembers the waits and does not wait."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits_s.append(seconds)


Serve = Callable[[list[bytes]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that answers each request with the next of these bytes; the last for ever."""
    servers: list[asyncio.Server] = []

    async def start(answers: list[bytes]) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answers.pop(0) if len(answers) > 1 else answers[0])
            if b"DRIP" in answers[0]:
                await reader.read()  # until the other side gives up
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"

    yield start
    for server in servers:
        server.close()


async def test_the_first_good_answer_ends_it_well(serve: Serve) -> None:
    """Two failures, then a good page: healthy at the third check, after waits of 1 and 1.5 s."""
    sleep = FakeSleep()
    url = await serve([b"HTTP/1.1 503 Busy\r\n\r\n", OK + b'{"status": "starting"}', OK + b'{"status": "ok"}'])
    health = await HealthCheck(HealthLimits(), sleep).verify(url)
    assert (health.healthy, health.checks) == (True, 3)
    assert sleep.waits_s == [1.0, 1.5]


async def test_all_tries_failing_is_unhealthy(serve: Serve) -> None:
    """Five checks with 1, 1.5, 2.25 and 3.375 s between them; the last answer is told."""
    sleep = FakeSleep()
    url = await serve([OK + b'{"status": "failing"}'])
    health = await HealthCheck(HealthLimits(), sleep).verify(url)
    assert (health.healthy, health.checks) == (False, 5)
    assert sleep.waits_s == [1.0, 1.5, 2.25, 3.375]
    assert "status 'failing'" in health.detail


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (OK + b'{"status": "UP"}', True),
        (OK + b'{"version": 3}', True),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nfine", True),
        (OK + b'{"status": null}', False),
        (OK + b"{", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", False),
        (b"not HTTP at all", False),
    ],
)
async def test_what_counts_as_healthy(serve: Serve, answer: bytes, healthy: bool) -> None:
    """HTTP 200, and a good status where it is JSON that tells one."""
    url = await serve([answer])
    health = await HealthCheck(HealthLimits(tries=1), FakeSleep()).verify(url)
    assert health.healthy is healthy


async def test_a_page_that_never_ends_is_unhealthy(serve: Serve) -> None:
    """A check is bounded as a whole, not only between two bytes."""
    url = await serve([OK + b"DRIP"])
    health = await HealthCheck(HealthLimits(tries=1, timeout_s=0.2), FakeSleep()).verify(url)
    assert "no answer" in health.detail


async def test_nobody_there_is_unhealthy() -> None:
    """A refused connection is an answer, too."""
    health = await HealthCheck(HealthLimits(tries=2), FakeSleep()).verify("http://127.0.0.1:9/health")
    assert (health.healthy, health.checks) == (False, 2)
    assert "ConnectError" in health.detail
