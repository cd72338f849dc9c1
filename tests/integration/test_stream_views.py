"""What every worker reads whole: topics that are there, that come later, with records that cannot be read or taken."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from schemas.records.intake import MetricPoint
from streams.stage import Received
from streams.topics import Topic
from streams.views import ViewReader
from streams.wire import Wire
from tests.support.bombs import write_bomb
from tests.support.streaming import Log, point
from tests.support.waiting import soon

pytestmark = pytest.mark.kafka


async def test_views_catch_up_and_follow_what_comes_later(log: Log, unique: Callable[[str], str]) -> None:
    """All that was there is handed over before `caught_up`; a topic made afterwards is read from its beginning."""
    there, later = unique("there"), unique("later")
    log.create(there)
    await asyncio.to_thread(write_bomb, log.bootstrap, there)
    log.produce(there, [(f"s{n}", point(f"s{n}")) for n in range(500)] + [("x", b"no point")])
    seen: list[str] = []

    def observe(received: Received[Any]) -> None:
        seen.append(received.record.series)
        if received.record.series == "s7":
            raise ValueError("a view that fails on one record")

    topics = [Topic(there, MetricPoint, compacted=True), Topic(later, MetricPoint, compacted=True)]
    views = ViewReader(log.bootstrap, topics, observe, Wire())
    views.start()
    try:
        await soon(views.caught_up.is_set, limit_s=30)
        assert sorted(seen) == sorted(f"s{n}" for n in range(500))
        log.create(later)
        log.produce(later, [("late", point("late"))])
        await soon(lambda: "late" in seen, limit_s=30)
    finally:
        views.close()
