"""Held back to a rate, by a clock of the test's own."""

from ops.intake.pace import Pace


class FakeTime:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_a_rate_is_kept_to_on_average() -> None:
    """1,000 records at 250 a second take four seconds."""
    time = FakeTime()
    pace = Pace(250, time.clock, time.sleep)
    for sent in range(pace.stride, 1001, pace.stride):
        pace.wait(sent)
    assert time.now_s == 104.0


def test_who_is_late_does_not_wait() -> None:
    """A sender that was held up catches up."""
    time = FakeTime()
    pace = Pace(10, time.clock, time.sleep)
    time.now_s += 60
    pace.wait(100)
    assert time.now_s == 160.0


def test_without_a_rate_nobody_waits() -> None:
    """As fast as Kafka takes it."""
    time = FakeTime()
    Pace(None, time.clock, time.sleep).wait(1_000_000)
    assert time.now_s == 100.0
