"""Records find their topic, their key and their bytes."""

from dataclasses import replace

import pytest

from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert, MetricPoint, TopologyEdge
from schemas.samples import sample
from streams.encoder import TelemetryEncoder

ALERT = sample(Alert, incident_id="inc-1")
POINT = sample(MetricPoint, series="acme/prod/checkout/memory_bytes")
EDGE = sample(TopologyEdge, tenant="acme", environment="prod", service="cart", depends_on="checkout")


def test_an_alert_is_keyed_by_its_incident() -> None:
    """So that one worker sees an incident's alerts in order."""
    out = TelemetryEncoder().message(ALERT)
    assert (out.topic, out.key) == ("alerts", b"inc-1")
    assert Codec(Alert).decode(out.value) == ALERT


def test_a_metric_point_is_keyed_by_its_series() -> None:
    """So that one model sees a series in order."""
    out = TelemetryEncoder().message(POINT)
    assert (out.topic, out.key) == ("metrics", b"acme/prod/checkout/memory_bytes")


def test_an_edge_is_keyed_by_both_of_its_ends() -> None:
    """So that compaction keeps the last word on each edge."""
    out = TelemetryEncoder().message(EDGE)
    assert (out.topic, out.key) == ("topology", b"acme/prod/cart/checkout")


def test_a_field_of_the_wrong_type_is_refused_with_its_record() -> None:
    """A library must not send bytes that every reader will dead-letter."""
    with pytest.raises(InvalidInputError, match="Alert cannot be written"):
        TelemetryEncoder().message(replace(ALERT, occurred_at="yesterday"))  # type: ignore[arg-type]


def test_a_time_beyond_64_bits_is_refused() -> None:
    """Avro's long has 64 bits; more would wrap around or crash."""
    with pytest.raises(InvalidInputError):
        TelemetryEncoder().message(replace(ALERT, occurred_at=1 << 70))


def test_what_is_no_telemetry_is_refused() -> None:
    """The message names what can be sent."""
    with pytest.raises(InvalidInputError, match="str is no telemetry; send Alert"):
        TelemetryEncoder().message("alert!")
