"""A batch whose producer fails in a way of its own is one that was not delivered."""

import time

import pytest

from state.transactions import Batch, _UndeliveredError


class FakeProducer:
    """Flushes as confluent-kafka does after a fatal error that another thread met."""

    def flush(self, patience_s: float) -> int:  # noqa: ARG002 - its shape
        raise SystemError("returned NULL without setting an exception")


def test_a_flush_that_fails_without_a_reason_is_an_undelivered_batch() -> None:
    """So it is aborted, and aborting says that the producer was fenced."""
    batch = Batch(FakeProducer(), 0, time.monotonic() + 1)  # type: ignore[arg-type]
    with pytest.raises(_UndeliveredError, match="NULL"):
        batch.offsets()
