"""When a worker is held to be stuck: it is behind, and has not moved for too long, and nothing excuses it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import StalledError
from streams.watchdog import Stillness, Watchdog
from tests.support.shells import offline_app


def test_a_partition_that_stands_for_longer_than_the_limit_is_stalled() -> None:
    """Counted from when it was first seen there."""
    stillness = Stillness(10)
    assert stillness.stalled({"p": 5}, 0) == []
    assert stillness.stalled({"p": 5}, 10) == []
    assert stillness.stalled({"p": 5}, 11) == [("p", 11)]


def test_one_that_moves_or_has_nothing_to_do_is_not() -> None:
    """Nor does an old stand count once there is work again."""
    stillness = Stillness(10)
    stillness.stalled({"p": 5}, 0)
    stillness.stalled({"p": 6}, 9)
    assert stillness.stalled({"p": 6}, 18) == []
    stillness.stalled({}, 20)
    assert stillness.stalled({"p": 6}, 40) == []


@given(st.lists(st.integers(1, 5), min_size=1, max_size=50))
def test_steady_progress_is_never_stalled(steps: list[int]) -> None:
    """However slow, as long as each look finds it further."""
    stillness, at = Stillness(1), 0
    for number, step in enumerate(steps):
        at += step
        assert stillness.stalled({"p": at}, number * 100) == []


@pytest.fixture
def app(tmp_path: Path) -> Any:
    made = offline_app(tmp_path)
    behind = {TP("alerts", 3): (17, 40)}
    made.consumer = SimpleNamespace(progress=lambda: behind)
    return made


async def look_twice(app: Any) -> None:
    watchdog = Watchdog(app, limit_s=-1)
    await watchdog.look()


async def test_it_says_where_the_worker_stands(app: Any) -> None:
    """The operator looks at the record there."""
    with pytest.raises(StalledError, match="alerts-3 stands at offset 17 of 40"):
        await look_twice(app)


async def test_a_rebalance_under_way_excuses_it(app: Any) -> None:
    """Nothing moves while partitions change hands."""
    app.rebalancing = True
    await look_twice(app)


async def test_a_topic_that_waits_for_an_effect_is_excused(app: Any) -> None:
    """An action may take minutes; other topics are watched all the same."""
    app.holds.append(lambda: {"alerts"})
    await look_twice(app)
