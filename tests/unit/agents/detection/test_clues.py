"""What alerts and metrics are taken to speak for."""

from typing import Any

import pytest

from agents.detection.clues import Clue, clues_of_alert, clues_of_anomaly, with_clues
from schemas.records.vocabulary import Classification, Severity
from tests.support.signals import NOW, alert, anomaly


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("OutOfMemory", "checkout cannot allocate memory, heap at 93 % of limit", "MEMORY_LEAK"),
        ("MemoryPressure", "checkout memory at 88 % of its limit and rising", "MEMORY_LEAK"),
        ("HighCpu", "cpu load above 95 %", "RESOURCE_EXHAUSTION"),
        ("disk_full", "no space left on device", "RESOURCE_EXHAUSTION"),
        ("SlowQueries", "orders database queries wait 900 ms", "DATABASE_FAILURE"),
        ("TrafficSpike", "request flood: 400 % more traffic than usual", "DDOS"),
        ("CrashLoop", "checkout is in a crash loop since the rollout", "DEPLOYMENT_REGRESSION"),
        ("PacketLoss", "12 % packet loss to 10.0.0.1", "NETWORK"),
        ("UpstreamTimeout", "storefront timed out waiting for upstream checkout-v2", "CASCADE"),
    ],
)
def test_words_of_an_alert_name_a_kind_of_trouble(name: str, message: str, expected: str) -> None:
    """Of all kinds that are found the expected one weighs most."""
    found = clues_of_alert(alert(name, message=message))
    assert max(found, key=found.__getitem__) == expected


def test_the_upstream_label_names_a_cascade_whatever_the_message_says() -> None:
    """The label is structure, the message prose."""
    found = clues_of_alert(alert("X", message="database of the other side", labels={"upstream": "orders"}))
    assert max(found, key=found.__getitem__) is Classification.CASCADE


def test_a_service_is_not_its_own_upstream() -> None:
    """A label that names the service itself tells of no cascade."""
    assert Classification.CASCADE not in clues_of_alert(alert("X", labels={"upstream": "checkout"}))


def test_a_deploy_label_speaks_for_the_deployment() -> None:
    """Whatever broke, it broke after that."""
    found = clues_of_alert(alert("HighErrorRate", labels={"deploy": "42"}))
    assert found == {Classification.DEPLOYMENT_REGRESSION: 2.0}


def test_information_speaks_softly() -> None:
    """A finished rollout is told of every day."""
    loud = clues_of_alert(alert("DeploymentFinished"))
    soft = clues_of_alert(alert("DeploymentFinished", severity=Severity.INFO))
    assert soft[Classification.DEPLOYMENT_REGRESSION] < loud[Classification.DEPLOYMENT_REGRESSION] / 2


@pytest.mark.parametrize(
    ("metric", "changes", "expected"),
    [
        ("memory_limit_ratio", {}, "MEMORY_LEAK"),
        ("heap_bytes", {"trend_per_min": -0.1}, "RESOURCE_EXHAUSTION"),
        ("cpu_ratio", {}, "RESOURCE_EXHAUSTION"),
        ("db_query_seconds", {}, "DATABASE_FAILURE"),
        ("request_rate", {"value": 900.0, "expected": 100.0}, "DDOS"),
        ("tcp_retransmits", {}, "NETWORK"),
    ],
)
def test_a_metric_speaks_for_what_it_measures(metric: str, changes: dict[str, Any], expected: str) -> None:
    """Memory that rises leaks; memory that is merely high is short."""
    assert set(clues_of_anomaly(anomaly(metric, **changes))) == {expected}


@pytest.mark.parametrize("metric", ["latency_ms", "error_rate"])
def test_effects_tell_no_cause(metric: str) -> None:
    """That it hurts does not say why."""
    assert clues_of_anomaly(anomaly(metric)) == {}


def test_a_value_that_falls_is_no_exhaustion() -> None:
    """Memory that was given back."""
    assert clues_of_anomaly(anomaly(value=0.1, expected=0.5)) == {}


def test_clues_fade_by_half_a_minute_and_add_up() -> None:
    """One of weight 2 is worth 1 a minute later; with another 2 it is 3."""
    clues = with_clues((), {Classification.DDOS: 2.0}, NOW)
    assert clues[0].weight_at(NOW + 60_000) == pytest.approx(1.0)
    (grown,) = with_clues(clues, {Classification.DDOS: 2.0}, NOW + 60_000)
    assert grown.at == NOW + 60_000
    assert grown.weight == pytest.approx(3.0)


def test_clues_stay_bounded_in_a_storm() -> None:
    """A hundred thousand alerts weigh no more than a hundred."""
    clues: tuple[Clue, ...] = ()
    for _ in range(1000):
        clues = with_clues(clues, {Classification.CASCADE: 2.0}, NOW)
    assert len(clues) == 1
    assert clues[0].weight <= 100


@pytest.mark.parametrize(
    ("metric", "changes", "expected"),
    [
        ("request_rate", {"value": 150.0, "expected": 100.0}, set()),
        ("request_rate", {"value": 250.0, "expected": 100.0}, {Classification.DDOS}),
        ("open_fds", {}, {Classification.RESOURCE_EXHAUSTION}),
        ("connections_active", {}, {Classification.RESOURCE_EXHAUSTION, Classification.DATABASE_FAILURE}),
    ],
)
def test_a_busy_hour_is_no_attack_and_own_handles_are_no_database(
    metric: str, changes: dict[str, Any], expected: set[Classification]
) -> None:
    """Traffic speaks from twice the usual on; descriptors and threads are the process's own."""
    assert set(clues_of_anomaly(anomaly(metric, **changes))) == expected


def test_a_queue_speaks_for_load_as_for_slowness() -> None:
    """From nothing waiting to a fifth of the places is no flood: it may as well be that less is done."""
    found = clues_of_anomaly(anomaly("queue_ratio", value=0.2, expected=0.0))
    assert found == {Classification.DDOS: 1.0, Classification.RESOURCE_EXHAUSTION: 1.0}
