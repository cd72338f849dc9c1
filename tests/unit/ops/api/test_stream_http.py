"""The stream over HTTP: events with ids, a sign of life, an end when the process ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.feed import Feed
from ops.api.stream import _lines, stream_router


def client_of(feed: Feed, stopping: Callable[[], bool]) -> TestClient:
    app = FastAPI()
    app.include_router(stream_router(feed, stopping, heartbeat_s=0.01))
    return TestClient(app)


def looks(times: int) -> Callable[[], bool]:
    """Ends a stream after it has looked so many times."""
    left = iter(range(times))
    return lambda: next(left, None) is None


@pytest.fixture
def feed() -> Feed:
    feed = Feed(most_listeners=1)
    feed.begin({0: 5})
    return feed


def test_a_stream_begins_with_where_it_is_and_shows_that_it_lives(feed: Feed) -> None:
    """A browser that is cut off knows what to come back with, and one that hears nothing that it is cut off."""
    found = client_of(feed, looks(2)).get("/api/v1/stream")
    assert found.headers["content-type"].startswith("text/event-stream")
    assert found.text.startswith("retry: 1000\nid: 0:5\nevent: hello\n")
    assert 'event: alive\ndata: {"following": true}\n\n' in found.text
    assert feed.listeners == 0


def test_a_stream_says_when_the_log_cannot_be_followed(feed: Feed) -> None:
    """Silence would look like peace."""
    feed.cut_off()
    assert 'event: hello\ndata: {"following": false}\n\n' in client_of(feed, looks(1)).get("/api/v1/stream").text


def test_who_comes_back_gets_what_was_missed(feed: Feed) -> None:
    """By the header that browsers send; none of it is marked as heard before it was sent."""
    feed.publish(0, 5, '{"version":1}')
    feed.publish(0, 6, '{"version":2}')
    text = client_of(feed, looks(1)).get("/api/v1/stream", headers={"Last-Event-ID": "0:6"}).text
    assert 'event: incident\ndata: {"version":2}\n\n' in text
    assert '"version":1' not in text
    assert text.index("event: hello") < text.index("id: 0:7")


def test_who_was_away_too_long_looks_at_everything_anew(feed: Feed) -> None:
    """A reset, and the id to go on from."""
    text = client_of(feed, looks(1)).get("/api/v1/stream?last_event_id=0:1").text
    assert "id: 0:5\nevent: reset\n" in text


async def test_more_than_can_be_served_are_turned_away(feed: Feed) -> None:
    """503 with when to come back."""
    feed.join()
    found = await asyncio.to_thread(client_of(feed, looks(1)).get, "/api/v1/stream")
    assert (found.status_code, found.headers["retry-after"]) == (503, "5")


async def test_what_comes_right_behind_an_event_is_sent_with_the_next(feed: Feed) -> None:
    """The first one at once: a quiet moment's event is not held up, and a storm of them costs a stream a few writes a second."""
    lines = _lines(feed, feed.join(), lambda: False, 10.0)
    assert "event: hello" in await anext(lines)
    feed.publish(0, 5, '{"version":1}')
    assert (await anext(lines)).count("event: incident") == 1
    feed.publish(0, 6, '{"version":2}')
    sending = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0.02)
    feed.publish(0, 7, '{"version":3}')
    assert [piece.split(":")[0] for piece in (await sending).split("data: ")[1:]] == ['{"version"', '{"version"']
    assert isinstance(lines, AsyncGenerator)
    await lines.aclose()
