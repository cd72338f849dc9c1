"""The target's parts: gates, meter, log lines, health."""

import threading

import pytest

from ops.demo.errors import OverloadedError
from ops.demo.target.gates import Gate
from ops.demo.target.limits import MB
from ops.demo.target.meter import Meter
from ops.demo.target.vitals import Vitals, complaints, measures
from ops.demo.target.words import lines
from schemas.records.vocabulary import Severity


def vitals(**changes: object) -> Vitals:
    """A service that is well."""
    calm: dict[str, object] = {
        "memory_bytes": 40 * MB, "memory_limit_bytes": 160 * MB, "latency_ms": 5.0, "request_rate": 4.0,
        "error_rate": 0.0, "requests": 12, "refused": 0, "pool_in_use_ratio": 0.1, "pool_size": 20, "pool_lost": 0,
        "queue_ratio": 0.0, "queue_waiting": 0, "cpu_ratio": 0.1, "gc_ratio": 0.0,
    }  # fmt: skip
    return Vitals(**{**calm, **changes})  # type: ignore[arg-type]


def test_a_gate_turns_away_who_waits_too_long() -> None:
    """And says what was waited for."""
    gate = Gate("slots", 1, 4, 0.01)
    with gate.pass_through(), pytest.raises(OverloadedError, match="timed out after 10 ms waiting for one of 1 slots"):
        gate.pass_through().__enter__()


def test_a_full_queue_refuses_at_once() -> None:
    """Without waiting: the queue is for as many as it says."""
    gate = Gate("slots", 1, 1, 30.0)
    with gate.pass_through():
        waiter = threading.Thread(target=lambda: gate.pass_through().__enter__())
        waiter.start()
        while gate.waiting == 0:
            pass
        with pytest.raises(OverloadedError, match="request queue is full"):
            gate.pass_through().__enter__()
    waiter.join()


def test_a_lost_place_never_comes_back() -> None:
    """No more is lost than there is."""
    gate = Gate("database connections", 3, None, 0.0)
    assert (gate.lose(2), gate.lose(5), gate.lost) == (2, 1, 3)
    assert gate.in_use() == 1.0


def test_the_meter_tells_of_its_window_alone() -> None:
    """Rates are a second, latency is the 95th percentile in ms."""
    meter = Meter(window_s=2.0)
    meter.record(1.0, 9.0, served=False)
    for n in range(20):
        meter.record(10.0, 0.001 * (n + 1), served=n % 4 != 0)
    traffic = meter.read(11.0)
    assert (traffic.requests, traffic.refused, traffic.rate_per_s, traffic.error_rate) == (20, 5, 10.0, 0.25)
    assert traffic.latency_ms == pytest.approx(20.0)
    assert meter.read(20.0).latency_ms is None


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (vitals(), []),
        (vitals(memory_bytes=158 * MB), ["out of memory: heap at 99% of limit"]),
        (vitals(pool_in_use_ratio=1.0, pool_lost=20), ["connection pool exhausted: 0 of 20 connections free"]),
        (vitals(pool_in_use_ratio=1.0), []),
        (vitals(error_rate=0.6), ["60% of requests fail"]),
        (vitals(error_rate=1.0, requests=1), []),
    ],
)
def test_health_fails_with_its_reason(found: Vitals, why: list[str]) -> None:
    """A pool that is merely busy, or one bad request, is no failure."""
    assert complaints(found) == why


def test_trouble_is_logged_in_the_words_that_people_search_for() -> None:
    """Heap, garbage collection, out of memory; pool; queue."""
    heap = lines("checkout", vitals(memory_bytes=132 * MB, gc_ratio=0.3), 1)
    assert [line.message for line in heap] == [
        "heap at 82% of limit (132 MB of 160 MB), session cache keeps growing",
        "GC overhead: 30% of the last second went into garbage collection",
    ]
    assert lines("checkout", vitals(memory_bytes=160 * MB), 1)[-1].level == Severity.CRITICAL
    assert "pool exhausted" in lines("db", vitals(pool_in_use_ratio=1.0, pool_lost=20), 1)[0].message
    assert "traffic flood" in lines("edge", vitals(queue_ratio=0.9, queue_waiting=9), 1)[1].message


def test_a_calm_service_says_little() -> None:
    """A word in five seconds."""
    assert [len(lines("checkout", vitals(), second)) for second in range(6)] == [1, 0, 0, 0, 0, 1]


def test_latency_is_no_metric_without_requests() -> None:
    """An absent value is not zero."""
    assert "latency_ms" not in measures(vitals(latency_ms=None))
