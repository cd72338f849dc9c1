"""States that cannot be written: a worker goes on with the row of before."""
# ruff: noqa: ARG002 - the protocols' shape

from typing import Any

import orjson
import pytest

from streams.rows import MAX_ROW_BYTES, PartitionRows
from streams.stage import Received, Step
from streams.topics import Topic
from streams.turns import whole


class _Keep:
    """A stage whose state is its dictionary."""

    name = "keep"
    sources: tuple[Topic, ...] = ()
    views: tuple[Topic, ...] = ()

    def key(self, received: Received[Any]) -> str | None:
        return None

    def initial(self, key: str) -> dict[str, Any]:
        return {}

    def decide(self, state: dict[str, Any], received: Received[Any]) -> Step[dict[str, Any]]:
        return Step(state)

    def tick(self, key: str, state: dict[str, Any], now: int) -> None:
        return None

    def waits(self, state: dict[str, Any]) -> bool:
        return "wait" in state

    def observe(self, received: Received[Any]) -> None:
        return None

    def dump(self, state: dict[str, Any]) -> dict[str, Any]:
        return state

    def load(self, fields: dict[str, Any]) -> dict[str, Any]:
        return fields


class _Table:
    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = rows

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:
        return []


@pytest.mark.parametrize("bad", ["\ud800", 2**70, "x" * MAX_ROW_BYTES], ids=["half a character", "wide", "large"])
def test_a_state_that_cannot_be_written_is_given_up_alone(bad: Any) -> None:
    """The other keys' rows are written, and its own key goes on from what was written last."""
    table = _Table({b"a": orjson.dumps({"w": 1, "u": {"t": 7}, "s": {"wait": 1}})})
    rows: PartitionRows[dict[str, Any]] = PartitionRows(_Keep(), table, 0)
    rows.changed("a", rows.row("a"), {"bad": bad})
    rows.changed("b", rows.row("b"), {"good": 1})
    assert set(whole(rows.take_dirty())) == {b"b"}
    assert rows.row("a").state == {"wait": 1}
    assert rows.row("a").upto == {"t": 7}
    assert "a" in rows.waiting
    assert whole(rows.take_dirty()) == {}
