"""Whoever listens on the page is told of each event once: a repair of the log is no news."""

import asyncio
import json
from typing import Any

from ops.api.feed import Feed
from ops.api.tail import _Telling
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.repairs import REPAIR
from streams.topics import EVENTS
from tests.support.event_sequences import story


class Told:
    """A message of Kafka's client."""

    def __init__(self, event: IncidentEvent, headers: list[tuple[str, bytes]] | None) -> None:
        self._event, self._headers = event, headers

    def topic(self) -> str:
        return EVENTS.name

    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, self._event.recorded_at

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return Codec(IncidentEvent).encode(self._event)

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self._headers


async def test_a_repair_is_not_told() -> None:
    """The record itself is: by its first writing."""
    event = story().events[0].event
    telling = _Telling(Feed(), asyncio.get_running_loop())
    new: Any = Told(event, [("trace", b"1")])
    again: Any = Told(event, [(REPAIR, b"signed")])
    told = telling._told(new)
    assert told is not None
    assert (told[:2], json.loads(told[2])["incident_id"]) == ((1, 7), event.incident_id)
    assert telling._told(again) is None
