"""A filled-in template is what the codec would have written."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.template import AlertTemplate, avro_long, avro_string

# Of all sizes, and the epoch milliseconds that have a way of their own.
TIMES = st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1) | st.integers(
    min_value=-(1 << 41), max_value=1 << 41
)


@given(st.builds(Alert), st.text(), TIMES, TIMES, st.text())
def test_filling_in_is_encoding(alert: Alert, alert_id: str, occurred_at: int, received_at: int, message: str) -> None:
    """Byte for byte, whatever the alert."""
    codec = Codec(Alert)
    template = AlertTemplate(codec, alert)
    filled = replace(alert, alert_id=alert_id, occurred_at=occurred_at, received_at=received_at)
    assert template.fill(alert_id, occurred_at, avro_long(received_at)) == codec.encode(filled)
    other = replace(filled, message=message)
    assert template.fill(alert_id, occurred_at, avro_long(received_at), avro_string(message)) == codec.encode(other)
