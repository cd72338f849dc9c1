"""Posting to a webhook: limited in rate, tried again while that is worth it, left alone while the receiver is down."""

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx
import stamina

from agents.breaker import BreakerOpenError, CircuitBreaker
from agents.communication.errors import ChannelError, ReceiverBusyError
from agents.communication.token_bucket import TokenBucket

_TOO_MANY = 429
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """Seconds for one request, for all of them together, before the second one and at most between two; and how many."""

    request_s: float = 10.0
    total_s: float = 30.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    attempts: int = 6


class HttpDelivery:
    """Posts to one address. The address may be a secret: neither errors nor logs show more of it than the host."""

    def __init__(
        self,
        url: str,
        *,
        client: httpx.AsyncClient,
        breaker: CircuitBreaker,
        bucket: TokenBucket | None = None,
        limits: DeliveryLimits | None = None,
    ) -> None:
        self._url, self._client, self._breaker, self._bucket = url, client, breaker, bucket
        self._limits = limits or DeliveryLimits()

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Post until it is taken; return the HTTP status.

        Raises:
            ChannelError: it was refused, or not taken in time.
        """
        limits = self._limits
        try:
            async with asyncio.timeout(limits.total_s):
                return await self._until_taken(body, headers)
        except TimeoutError as error:
            raise ChannelError(f"{self._host()} did not take it within {limits.total_s:.0f} s.") from error
        except BreakerOpenError as error:
            raise ChannelError(str(error)) from error

    async def _until_taken(self, body: bytes, headers: dict[str, str]) -> int:
        limits, status = self._limits, 0
        async for attempt in stamina.retry_context(
            on=self._wait, attempts=limits.attempts, timeout=limits.total_s,
            wait_initial=limits.first_wait_s, wait_max=limits.longest_wait_s, wait_jitter=limits.first_wait_s,
        ):  # fmt: skip
            with attempt:
                if self._bucket is not None:
                    await self._bucket.take()
                status = await self._once(body, headers)
        return status

    async def _once(self, body: bytes, headers: dict[str, str]) -> int:
        self._breaker.enter()
        well = False
        try:
            response = await self._client.post(self._url, content=body, headers=headers, timeout=self._limits.request_s)
            # A refusal (4xx) is about this message: the receiver itself is up.
            well = response.status_code < _SERVER_FAULT and response.status_code != _TOO_MANY
        except httpx.TransportError as error:
            raise ReceiverBusyError(f"{self._host()} was not reached: {type(error).__name__}.") from error
        except httpx.InvalidURL as error:
            raise ChannelError("The webhook's address is no URL. Correct the setting.") from error
        finally:
            (self._breaker.succeeded if well else self._breaker.failed)()
        return self._taken(response)

    def _taken(self, response: httpx.Response) -> int:
        status = response.status_code
        if status == _TOO_MANY or status >= _SERVER_FAULT:
            raise ReceiverBusyError(f"{self._host()} answered HTTP {status}.", _retry_after_s(response))
        if not response.is_success:
            raise ChannelError(
                f"{self._host()} refused it with HTTP {status}: {response.text[:200]!r}. Correct the webhook's address."
            )
        return status

    def _wait(self, error: Exception) -> bool | float:
        """For stamina: whether it is worth another try, and after how long where the receiver says so."""
        if not isinstance(error, ReceiverBusyError):
            return False
        if error.after_s is None:
            return True
        return error.after_s if error.after_s < self._limits.total_s else False

    def _host(self) -> str:
        try:
            return httpx.URL(self._url).host or "The webhook"
        except httpx.InvalidURL:
            return "The webhook"


def _retry_after_s(response: httpx.Response) -> float | None:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a date beside the answer's own date."""
    text = response.headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())
