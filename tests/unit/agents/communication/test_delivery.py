"""Posting to webhooks, against a real receiver on this machine: retries, bounds, rates, breaker, secrets."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from agents.breaker import CircuitBreaker
from agents.communication.delivery import DeliveryLimits, HttpDelivery
from agents.communication.errors import ChannelError
from agents.communication.slack_channel import SlackChannel, message
from agents.communication.token_bucket import TokenBucket
from agents.communication.webhook_channel import WebhookChannel
from tests.support.notifications import notification
from tests.support.waiting import free_port
from tests.support.webhook_receiver import Answer, WebhookReceiver

# Waits of real receivers are seconds; these keep the order of things and not the time.
QUICK = DeliveryLimits(first_wait_s=0.001, longest_wait_s=0.002, attempts=4, total_s=5.0)


class FakeTime:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(round(seconds, 6))


Make = Callable[..., HttpDelivery]


@pytest.fixture
async def to() -> AsyncIterator[Make]:
    """Makes a delivery to an address."""
    async with httpx.AsyncClient(trust_env=False) as client:

        def make(url: str, limits: DeliveryLimits = QUICK, **more: Any) -> HttpDelivery:
            breaker = more.pop("breaker", None) or CircuitBreaker("the receiver", lambda: 0.0)
            return HttpDelivery(url, client=client, breaker=breaker, limits=limits, **more)

        yield make


async def test_the_webhook_gets_the_fields_and_the_idempotency_key(to: Make) -> None:
    """One POST with the notification as JSON."""
    with WebhookReceiver() as receiver:
        detail = await WebhookChannel(to(receiver.url)).send(notification())
    assert detail == "taken with HTTP 200"
    assert receiver.keys == ["notification-1"]
    assert receiver.bodies[0]["title"] == notification().title


async def test_slack_gets_blocks(to: Make) -> None:
    """Slack's format, with text for where blocks are not shown."""
    with WebhookReceiver() as receiver:
        await SlackChannel(to(receiver.url)).send(notification())
    (body,) = receiver.bodies
    assert body["text"] == notification().title
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "context"]


def test_slack_is_not_fooled_by_what_others_wrote() -> None:
    """Mentions and links are escaped, and Slack's own limits kept."""
    made = message(notification(title="<!channel> " + "x" * 300, body="<https://evil|click> & " + "y" * 5_000))
    header, section, _ = made["blocks"]
    assert "<" not in made["text"]
    assert len(header["text"]["text"]) == 150
    assert section["text"]["text"].startswith("&lt;https://evil|click&gt; &amp; ")
    assert len(section["text"]["text"]) == 3_000
    json.dumps(made)


async def test_a_receiver_that_stumbles_is_tried_again_with_the_same_key(to: Make) -> None:
    """Two server faults, then it is taken: three requests of one key."""
    with WebhookReceiver(Answer(503), Answer(500)) as receiver:
        await WebhookChannel(to(receiver.url)).send(notification())
    assert receiver.keys == ["notification-1"] * 3


async def test_tries_are_bounded(to: Make) -> None:
    """After the last attempt the error says what the receiver answered."""
    with WebhookReceiver(*[Answer(503)] * 10) as receiver:
        with pytest.raises(ChannelError, match=r"127\.0\.0\.1 answered HTTP 503"):
            await to(receiver.url).post(b"{}", {})
        assert len(receiver.bodies) == QUICK.attempts


async def test_a_refusal_is_not_tried_again(to: Make) -> None:
    """HTTP 404 will be 404 again; the error says what to correct."""
    with WebhookReceiver(Answer(404)) as receiver:
        with pytest.raises(ChannelError, match=r"HTTP 404.*Correct the webhook's address"):
            await to(receiver.url).post(b"{}", {})
        assert len(receiver.bodies) == 1


async def test_retry_after_is_honoured(to: Make) -> None:
    """A receiver that asks for a second does not hear from us within our own, shorter wait: the total bound comes first."""
    limits = DeliveryLimits(first_wait_s=0.001, longest_wait_s=0.001, attempts=4, total_s=1.2)
    with WebhookReceiver(Answer(429, {"Retry-After": "1"})) as receiver:
        assert await to(receiver.url, limits).post(b"{}", {}) == 200
        assert len(receiver.bodies) == 2
    with WebhookReceiver(*[Answer(429, {"Retry-After": "1"})] * 3) as receiver:
        with pytest.raises(ChannelError):
            await to(receiver.url, limits).post(b"{}", {})
        assert len(receiver.bodies) == 2


async def test_a_wait_beyond_the_bound_is_not_begun(to: Make) -> None:
    """Asked to come back in an hour, the notification fails now."""
    with WebhookReceiver(Answer(429, {"Retry-After": "3600"})) as receiver:
        with pytest.raises(ChannelError, match="HTTP 429"):
            await to(receiver.url).post(b"{}", {})
        assert len(receiver.bodies) == 1


async def test_the_breaker_spares_a_receiver_that_is_down(to: Make) -> None:
    """Five failures over two notifications open it; then nothing is sent any more, and the error says so."""
    breaker = CircuitBreaker("the receiver", lambda: 0.0)
    with WebhookReceiver(*[Answer(500)] * 20) as receiver:
        delivery = to(receiver.url, breaker=breaker)
        for _ in range(3):
            with pytest.raises(ChannelError):
                await delivery.post(b"{}", {})
        assert len(receiver.bodies) == 5
        with pytest.raises(ChannelError, match="left alone"):
            await delivery.post(b"{}", {})


async def test_refusals_do_not_open_the_breaker(to: Make) -> None:
    """HTTP 400 is about the message: the receiver is up."""
    breaker = CircuitBreaker("the receiver", lambda: 0.0)
    with WebhookReceiver(*[Answer(400)] * 9) as receiver:
        delivery = to(receiver.url, breaker=breaker)
        for _ in range(9):
            with pytest.raises(ChannelError):
                await delivery.post(b"{}", {})
    assert breaker.state == "closed"


async def test_errors_do_not_show_the_secret_address(to: Make) -> None:
    """A webhook's path is its password."""
    port = free_port()
    with pytest.raises(ChannelError, match=r"127\.0\.0\.1 was not reached") as caught:
        await to(f"http://127.0.0.1:{port}/services/T0/SECRET").post(b"{}", {})
    assert "SECRET" not in str(caught.value)
    with pytest.raises(ChannelError):
        await to("not a url").post(b"{}", {})


async def test_the_token_bucket_lets_a_burst_through_and_then_one_a_second() -> None:
    """Slack's rate: five at once, the sixth after a second, the seventh a second behind it."""
    time = FakeTime()
    bucket = TokenBucket(1.0, 5, clock=time.clock, sleep=time.sleep)
    for _ in range(7):
        await bucket.take()
    assert time.slept_s == [1.0, 2.0]
    time.now_s += 60.0
    for _ in range(6):
        await bucket.take()
    assert time.slept_s == [1.0, 2.0, 1.0]
