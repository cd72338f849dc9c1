"""How the machine itself is: every check with what is wrong and what to do."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api import condition as under_test
from ops.api.condition import Condition, condition_router, keeping_up_question, log_question
from ops.lag.judgement import LagRow, LagStatus
from state.errors import StoreUnavailableError


def away() -> dict[str, Any]:
    """A store that does not answer."""
    raise StoreUnavailableError("Cassandra does not answer.")


@pytest.fixture
def condition() -> Iterator[Condition]:
    """One check is well, two are not."""
    condition = Condition(
        {"brokers": lambda: {"nodes": [1]}, "store": away, "events": log_question(lambda: False)}, lambda: 1_000
    )
    yield condition
    condition.close()


def test_every_check_is_told_with_what_is_wrong(condition: Condition) -> None:
    """And what the well ones know."""
    app = FastAPI()
    app.include_router(condition_router(condition))
    found = TestClient(app).get("/api/v1/health").json()
    assert {one["name"]: one["ok"] for one in found["checks"]} == {"brokers": True, "store": False, "events": False}
    assert (found["well"], found["brokers"], found["checks"][1]["detail"]) == (
        False,
        {"nodes": [1]},
        "Cassandra does not answer.",
    )


def test_a_check_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told, and that it did not answer."""
    monkeypatch.setattr(under_test, "CHECK_TIMEOUT_S", 0.05)
    free = threading.Event()
    condition = Condition({"hangs": lambda: {"late": free.wait(30)}, "well": dict}, lambda: 1_000)
    try:
        checks = condition.view()["checks"]
    finally:
        free.set()
        condition.close()
    assert [(one["name"], one["ok"]) for one in checks] == [("hangs", False), ("well", True)]


class FakeBoard:
    """Rows of one look."""

    def __init__(self, *rows: LagRow) -> None:
        self._rows = rows

    def latest(self, _: float) -> tuple[tuple[LagRow, ...], float]:
        return self._rows, 1.0


def test_a_group_of_ours_that_stands_still_is_named() -> None:
    """Strangers' groups are not this program's health."""
    ours = LagRow("breakwater-edge", "alerts", 0, 40, 60.0, 0.0, None, LagStatus.STALL, [])
    theirs = LagRow("strangers", "alerts", 0, 9_999, 600.0, 0.0, None, LagStatus.STOP, [])
    told = keeping_up_question(FakeBoard(ours, theirs))()
    assert (told["lag"], told["lag_s"], told["wrong"]) == (40, 60.0, "breakwater-edge on alerts: STALL. See the lag.")
    assert keeping_up_question(FakeBoard(theirs))()["wrong"] == ""
