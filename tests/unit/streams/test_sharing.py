"""Keys that share a state: all of them learn in it, its row is written behind theirs, nothing is learnt twice after a crash."""

from collections.abc import Sequence
from typing import Any

import pytest

from schemas.records.intake import MetricPoint
from streams.changelog import RowStore
from streams.deciding import PartitionDecisions
from streams.rows import PartitionRows
from streams.stage import Position, Received, Step
from streams.topics import METRICS, Topic
from streams.turns import whole
from streams.wire import Wire
from tests.support.fleets import climbers, fleet_points

SHARED = "all"


class Counting:
    """Each series counts its points, and all together count theirs in one more state."""

    name = "counting"
    sources: tuple[Topic, ...] = (METRICS,)
    views: tuple[Topic, ...] = ()

    def key(self, received: Received[Any]) -> str | None:
        return str(received.record.series)

    def shared_key(self, received: Received[Any]) -> str:  # noqa: ARG002
        return SHARED

    def initial(self, key: str) -> list[int]:  # noqa: ARG002
        return [0]

    def decide_among(self, state: list[int], shared: list[int], received: Received[Any]) -> Step[list[int]]:  # noqa: ARG002
        shared[0] += 1
        return Step([state[0] + 1])

    def tick(self, key: str, state: list[int], now: int) -> Step[list[int]] | None:  # noqa: ARG002
        return None

    def waits(self, state: list[int]) -> bool:  # noqa: ARG002
        return False

    def observe(self, received: Received[Any]) -> None: ...

    def dump(self, state: list[int]) -> dict[str, Any]:
        return {"n": state[0]}

    def load(self, fields: dict[str, Any]) -> list[int]:
        return [fields["n"]]


def decisions(store: RowStore) -> PartitionDecisions[list[int]]:
    """As a worker has them that has just taken the partition over."""
    stage = Counting()
    return PartitionDecisions(stage, PartitionRows(stage, store, 0), Wire())


def points(count: int) -> list[Received[MetricPoint]]:
    """Three series in turn."""
    found = fleet_points(climbers(3, count // 3))
    return [Received(one, Position(METRICS.name, 0, offset, 0)) for offset, one in enumerate(found)]


def taken(held: PartitionDecisions[list[int]], records: Sequence[Received[MetricPoint]]) -> None:
    for one in records:
        assert held.record(one) == []


def counts(store: RowStore) -> dict[str, int]:
    rows = PartitionRows(Counting(), store, 0)
    return {key.decode(): rows.row(key.decode()).state[0] for key in store.keys(0)}


def test_all_learn_in_one_and_the_next_owner_goes_on_with_it() -> None:
    """Over two owners, each with rows written in between."""
    store, records = RowStore(), points(30)
    store.own({0: 0}, 1)
    for part in (records[:14], records[14:]):
        held = decisions(store)
        taken(held, part)
        store.put(0, whole(held.rows.take_dirty()))
    found = counts(store)
    assert found.pop(SHARED) == 30
    assert sorted(found.values()) == [10, 10, 10]


@pytest.mark.parametrize("written", range(5))
def test_a_crash_between_two_rows_lets_nothing_be_learnt_twice(written: int) -> None:
    """The shared row is the last: what it lacks after a crash are points that their own series do have."""
    store, records = RowStore(), points(30)
    store.own({0: 0}, 1)
    held = decisions(store)
    taken(held, records[:15])
    rows = whole(held.rows.take_dirty())
    assert list(rows)[-1] == SHARED.encode()
    store.put(0, dict(list(rows.items())[:written]))
    after = decisions(store)
    taken(after, records)  # all are delivered again
    store.put(0, whole(after.rows.take_dirty()))
    found = counts(store)
    lost = 0 if written == 4 else 5 * written
    assert found.pop(SHARED) == 30 - lost
    assert sorted(found.values()) == [10, 10, 10]
