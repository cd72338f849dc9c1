"""The figures at the top of every page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.api.overview import Overview
from ops.lag.history import LagHistory
from ops.lag.judgement import LagRow, LagStatus
from state.incident import EventType
from state.sqlite_projection import SqliteProjection
from streams.errors import BrokerUnreachableError
from tests.support.event_sequences import EventLog

NOW = 1_700_000_000_000


class FakeBoard:
    """A group of ours that stands still, and a stranger's; or no broker."""

    def __init__(self) -> None:
        self.history, self.away = LagHistory(), False

    def latest(self) -> tuple[tuple[LagRow, ...], float]:
        if self.away:
            raise BrokerUnreachableError("127.0.0.1:1")
        ours = LagRow("breakwater-edge", "alerts", 0, 40, 61.5, 0.0, None, LagStatus.STALL, [])
        return (ours, LagRow("strangers", "alerts", 0, 9_999, 600.0, 0.0, None, LagStatus.STOP, [])), 1.0


class FakeSighted:
    """A storm, and a breach that is foretold."""

    def rates(self, _now: int) -> dict[str, Any]:
        return {"storms": [{}], "rates": {"received": [0.0, 30.0, 30.0, 0.0], "kept": [0.0, 3.0, 0.0, 0.0]}}

    def predictions(self, _now: int) -> dict[str, Any]:
        return {"standing": [{}]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteProjection]:
    store = SqliteProjection(tmp_path / "store.sqlite")
    yield store
    store.close()


@pytest.fixture
def board() -> FakeBoard:
    return FakeBoard()


@pytest.fixture
def overview(store: SqliteProjection, board: FakeBoard) -> Overview:
    return Overview(lambda: store, board, FakeSighted(), lambda: 20, lambda: True, lambda: NOW)


def test_what_burns_is_counted(overview: Overview, store: SqliteProjection) -> None:
    """Those that have ended do not burn."""
    log = EventLog()
    for name in ("inc-a", "inc-b", "inc-c"):
        store.apply(
            [log.append(name, EventType.INCIDENT_OPENED, severity="CRITICAL" if name == "inc-a" else "WARNING")]
        )
    store.apply([log.append("inc-c", EventType.INCIDENT_RESOLVED)])
    found = overview.view()
    assert (found["burning"], found["critical"], found["more"], found["letters"]) == (2, 1, False, 20)


def test_rates_are_of_the_last_seconds_and_lag_is_of_our_own_groups(overview: Overview) -> None:
    """A stranger's group is no matter of this program's health; one of ours that stands still is."""
    found = overview.view()
    assert (found["alerts"], found["storms"], found["predictions"]) == (
        {"received_per_s": 20.0, "kept_per_s": 1.0},
        1,
        1,
    )
    assert found["lag"] == {"known": True, "standing": 1, "lag": 40, "lag_s": 61.5}
    assert found["well"] is False


def test_without_a_broker_the_rest_is_told(overview: Overview, board: FakeBoard) -> None:
    """The lag is not known, and so all is not well."""
    board.away = True
    found = overview.view()
    assert (found["lag"]["known"], found["well"], found["burning"]) == (False, False, 0)
