"""The feed: everyone hears of everything once, may come back where they stopped, and is told where that cannot be."""

import pytest

from ops.api.feed import Feed, Listener


async def heard(listener: Listener) -> list[str] | None:
    """What has come, without waiting."""
    found = await listener.next(0.001)
    return None if found is None else [message.data for message in found]


@pytest.fixture
def feed() -> Feed:
    """Of two partitions, read from 10 and 20 on; keeps five, four may wait."""
    feed = Feed(kept=5, waiting=4, most_listeners=2)
    feed.begin({0: 10, 1: 20})
    return feed


async def test_a_listener_hears_what_comes_after_it_joined(feed: Feed) -> None:
    """In order, once."""
    feed.publish(0, 10, "before")
    listener = feed.join()
    feed.publish(1, 20, "a")
    feed.publish(0, 11, "b")
    assert await heard(listener) == ["a", "b"]
    assert await heard(listener) == []


async def test_who_comes_back_hears_what_was_missed(feed: Feed) -> None:
    """By the id that was heard last, over all partitions."""
    feed.publish(0, 10, "a")
    last = feed.id
    feed.publish(1, 20, "b")
    feed.publish(0, 11, "c")
    assert await heard(feed.join(last)) == ["b", "c"]
    assert await heard(feed.join(feed.id)) == []


@pytest.mark.parametrize("last", ["0:9,1:20", "0:10,1:99", "0:10", "0:10,1:20,2:0", "x", "0:10,1:20,", "9" * 40_000])
async def test_an_id_that_cannot_be_resumed_is_a_reset(feed: Feed, last: str) -> None:
    """Too old, of the future, of other partitions, or none at all."""
    assert await heard(feed.join(last)) is None


async def test_what_is_not_kept_any_more_is_a_reset(feed: Feed) -> None:
    """The oldest made room for the newest."""
    last = feed.id
    for offset in range(10, 16):
        feed.publish(0, offset, str(offset))
    assert await heard(feed.join(last)) is None


async def test_who_is_too_slow_is_told_and_goes_on_from_there(feed: Feed) -> None:
    """Never more than four wait for one listener, whatever it does."""
    slow, quick = feed.join(), feed.join()
    for offset in range(10, 15):
        feed.publish(0, offset, str(offset))
        assert await heard(quick) == [str(offset)]
        assert len(slow.waiting) <= 4
    assert await heard(slow) is None
    feed.publish(0, 15, "next")
    assert await heard(slow) == ["next"]


async def test_a_reading_that_begins_anew_is_a_reset_for_all(feed: Feed) -> None:
    """The broker was away; what came meanwhile was not read."""
    listener = feed.join()
    feed.begin({0: 50, 1: 60})
    assert await heard(listener) is None
    assert feed.id == "0:50,1:60"


def test_listeners_are_counted(feed: Feed) -> None:
    """More than the limit are turned away by the route."""
    first = feed.join()
    feed.join()
    assert feed.full
    feed.leave(first)
    assert not feed.full
