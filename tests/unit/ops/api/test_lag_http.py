"""Lag over HTTP: however many ask, the broker is looked at once in a while."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.lag import lag_router
from ops.lag import watch as lag_watch
from ops.lag.judgement import Sample, Unread
from ops.lag.watch import LagBoard
from streams.errors import BrokerUnreachableError
from tests.support.waiting import eventually

EDGE, REPLAY = ("breakwater-edge", "alerts", 0), ("breakwater-replay-1", "alerts", 0)


class FakeProbe:
    """A broker on which a group of the product and a replay are five records behind; counts how often it is asked."""

    def __init__(self, *_: object) -> None:
        self.now_s, self.asked, self.closed, self.away = 1_000.0, 0, 0, False

    def close(self) -> None:
        self.closed += 1

    def sample(self, *_: Any, **__: Any) -> Sample:
        self.asked += 1
        if self.away:
            raise BrokerUnreachableError("127.0.0.1:1")
        self.now_s += 1.5
        behind = Unread(5, int(self.now_s * 1000) - 3_000, ("inc-checkout",))
        return Sample(
            self.now_s,
            {EDGE: self.asked, REPLAY: 7},
            {("alerts", 0): 100},
            {EDGE[0]: 1},
            {EDGE: behind, REPLAY: behind},
        )


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> FakeProbe:
    probe = FakeProbe()
    monkeypatch.setattr(lag_watch, "LagProbe", lambda _: probe)
    return probe


@pytest.fixture
def board(probe: FakeProbe, request: pytest.FixtureRequest) -> Iterator[LagBoard]:
    """Looks once, or as often as the test's marker says."""
    board = LagBoard("kafka:1", every_s=getattr(request, "param", 3_600.0))
    yield board
    board.close()


@pytest.fixture
def client(board: LagBoard) -> TestClient:
    app = FastAPI()
    app.include_router(lag_router(board))
    return TestClient(app)


def test_lag_names_the_incidents_behind_it(client: TestClient) -> None:
    """Replays are apart: nobody waits for them."""
    found = client.get("/api/v1/lag").json()
    (row,), (replay,) = found["rows"], found["replays"]
    assert (row["group"], row["lag"], row["lag_s"], row["incidents"]) == (EDGE[0], 5, 3.0, ["inc-checkout"])
    assert replay["group"] == REPLAY[0]


def test_nobody_looks_before_somebody_asks(client: TestClient, probe: FakeProbe) -> None:
    """And all who ask get the answer of one look."""
    assert probe.asked == 0
    for _ in range(5):
        assert client.get("/api/v1/lag").status_code == 200
    assert probe.asked == 1


@pytest.mark.parametrize("board", [0.001], indirect=True)
def test_a_broker_that_is_away_is_to_be_asked_again(client: TestClient, probe: FakeProbe) -> None:
    """503, and nothing of the past is told as the present; once it answers, so does this."""
    client.get("/api/v1/lag")
    probe.away = True
    eventually(lambda: client.get("/api/v1/lag").status_code == 503)
    found = client.get("/api/v1/lag/history")
    assert (found.status_code, found.headers["retry-after"]) == (503, "5")
    probe.away = False
    eventually(lambda: client.get("/api/v1/lag").status_code == 200)


@pytest.mark.parametrize("board", [0.001], indirect=True)
def test_how_the_lag_went_is_told(client: TestClient, probe: FakeProbe) -> None:
    """A value a look for everyone who was behind."""
    client.get("/api/v1/lag")
    eventually(lambda: probe.asked > 3)
    found = client.get("/api/v1/lag/history").json()
    assert {line["group"] for line in found["lines"]} == {EDGE[0], REPLAY[0]}
    assert all(len(line["lag"]) == len(line["lag_s"]) == len(found["at"]) > 2 for line in found["lines"])
    assert found["lines"][0]["lag"][0] == 5


def test_connections_are_given_back(client: TestClient, board: LagBoard, probe: FakeProbe) -> None:
    """At the process' end."""
    client.get("/api/v1/lag")
    board.close()
    assert probe.closed == 1
