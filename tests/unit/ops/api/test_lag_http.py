"""Lag over HTTP: however many ask, the broker is asked once in a while."""

from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.lag import LagDesk, lag_router
from ops.lag import Sample, Unread
from ops.lag_probe import LagProbe
from streams.errors import BrokerUnreachableError

EDGE, REPLAY = ("breakwater-edge", "alerts", 0), ("breakwater-replay-1", "alerts", 0)


class FakeProbe:
    """A broker on which a group of the product and a replay are five records behind; counts how often it is asked."""

    def __init__(self) -> None:
        self.now_s, self.asked, self.closed, self.away = 1_000.0, 0, 0, False

    def sample(self, *_: Any, **__: Any) -> Sample:
        if self.away:
            raise BrokerUnreachableError("127.0.0.1:1")
        self.asked += 1
        self.now_s += 1.5
        behind = Unread(5, int(self.now_s * 1000) - 3_000, ("inc-checkout",))
        return Sample(
            self.now_s,
            {EDGE: self.asked, REPLAY: 7},
            {("alerts", 0): 100},
            {EDGE[0]: 1},
            {EDGE: behind, REPLAY: behind},
        )

    def __exit__(self, *_: object) -> None:
        self.closed += 1


@pytest.fixture
def probe() -> FakeProbe:
    return FakeProbe()


@pytest.fixture
def desk(probe: FakeProbe) -> LagDesk:
    return LagDesk(lambda: cast(LagProbe, probe), clock=lambda: probe.now_s)


@pytest.fixture
def client(desk: LagDesk) -> TestClient:
    app = FastAPI()
    app.include_router(lag_router(desk))
    return TestClient(app)


def test_lag_names_the_incidents_behind_it(client: TestClient) -> None:
    """Replays are apart: nobody waits for them."""
    found = client.get("/api/v1/lag").json()
    (row,), (replay,) = found["rows"], found["replays"]
    assert (row["group"], row["lag"], row["lag_s"], row["incidents"]) == (EDGE[0], 5, 3.0, ["inc-checkout"])
    assert replay["group"] == REPLAY[0]


def test_the_broker_is_asked_once_for_all_who_ask(client: TestClient, probe: FakeProbe) -> None:
    """Within two seconds the answer is the last one; after that it is looked at once more."""
    client.get("/api/v1/lag")
    asked = probe.asked
    for _ in range(5):
        client.get("/api/v1/lag")
    assert probe.asked == asked
    probe.now_s += 3
    client.get("/api/v1/lag")
    assert probe.asked == asked + 1


def test_a_broker_that_is_away_is_to_be_asked_again(client: TestClient, probe: FakeProbe) -> None:
    """503, and nothing of the past is told as the present."""
    client.get("/api/v1/lag")
    probe.away = True
    probe.now_s += 3
    found = client.get("/api/v1/lag")
    assert (found.status_code, found.headers["retry-after"]) == (503, "5")


def test_connections_are_given_back(client: TestClient, desk: LagDesk, probe: FakeProbe) -> None:
    """At the process' end."""
    client.get("/api/v1/lag")
    desk.close()
    assert probe.closed == 1
