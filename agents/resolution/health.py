"""Is a target healthy? Its health page is asked a few times, with growing waits, until it says so once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

# What services call "well": ours, Spring Boot's, the health+json draft's (draft-inadarei-api-health-check).
_WELL = frozenset({"ok", "healthy", "up", "pass"})
# A health page is small; more is not read.
_MAX_BYTES = 65_536
_WAIT_GROWTH = 1.5

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """How often is asked; seconds before the second check, half as much again before each further one; seconds a check."""

    tries: int = 5
    first_wait_s: float = 1.0
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """The answer: after how many checks, and what the last one said, as a clause."""

    healthy: bool
    checks: int
    detail: str


class HealthCheck:
    """Verifies targets over HTTP. The first good answer ends it well; when all tries failed the target is not healthy."""

    def __init__(self, limits: HealthLimits, sleep: Sleep = asyncio.sleep) -> None:
        self._limits, self._sleep = limits, sleep

    async def verify(self, url: str) -> Health:
        """Ask until healthy or out of tries. Never raises for what the target does."""
        wait_s, said = self._limits.first_wait_s, ""
        # No proxy of the environment: a target is asked directly or not at all.
        async with httpx.AsyncClient(trust_env=False) as client:
            for number in range(1, self._limits.tries + 1):
                fault = await self._fault(client, url)
                if fault is None:
                    return Health(True, number, f"healthy at check {number}")
                said = fault
                if number < self._limits.tries:
                    await self._sleep(wait_s)
                    wait_s *= _WAIT_GROWTH
        tries = self._limits.tries
        return Health(False, tries, f"not healthy in {tries} check{'s' if tries > 1 else ''}; the last: {said}")

    async def _fault(self, client: httpx.AsyncClient, url: str) -> str | None:
        limit_s = self._limits.timeout_s
        try:
            # httpx bounds each read; this bounds a page that drips.
            async with asyncio.timeout(limit_s), client.stream("GET", url, timeout=limit_s) as response:
                return _judged(response, await _head(response))
        except (TimeoutError, httpx.TimeoutException):
            return f"no answer in {limit_s:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"


async def _head(response: httpx.Response) -> bytes:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > _MAX_BYTES:
            break
    return body


def _judged(response: httpx.Response, body: bytes) -> str | None:
    """None for HTTP 200 whose JSON, if it is JSON and tells a status, tells a good one; else what is wrong."""
    if response.status_code != httpx.codes.OK:
        return f"HTTP {response.status_code}"
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        page = json.loads(body)
    except ValueError:
        return "HTTP 200 with JSON that cannot be read"
    status = page.get("status", "ok") if isinstance(page, dict) else "ok"
    return None if str(status).lower() in _WELL else f"HTTP 200 with status {str(status)[:100]!r}"
