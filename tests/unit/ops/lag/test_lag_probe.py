"""What the lag probe says of a broker that does not answer."""

from concurrent.futures import Future
from typing import Any

import pytest

from ops.lag import probe as lag_probe
from ops.lag.probe import LagProbe
from streams.errors import BrokerUnreachableError


class SilentAdmin:
    """Asks, and is never answered."""

    def __init__(self, _settings: dict[str, Any]) -> None:
        self.asked = 0

    def list_consumer_groups(self, **_: Any) -> "Future[Any]":
        """An answer that does not come."""
        return Future()


def test_an_answer_that_does_not_come_is_an_unreachable_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Kafka restarts, whoever looks at the lag again and again has one kind of error to expect."""
    monkeypatch.setattr(lag_probe, "AdminClient", SilentAdmin)
    monkeypatch.setattr(lag_probe, "_REQUEST_S", 0.01)
    with LagProbe("127.0.0.1:1") as probe, pytest.raises(BrokerUnreachableError):
        probe.sample(peek=False)
