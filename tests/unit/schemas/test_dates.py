"""Times that there never are."""

from dataclasses import replace
from typing import Any, cast

import pytest

from schemas.contracts import CONTRACTS
from schemas.dates import check_dates
from schemas.errors import DecodeError
from schemas.records.analysis import Prediction
from schemas.records.intake import Alert, MetricPoint
from schemas.records.sampling import AlertAccount
from schemas.samples import sample
from streams.topics import ALERTS, ANOMALIES, DECISIONS, GROUPS, HEARD, METRICS, Topic
from streams.wire import Wire
from tests.support.sampling import Record


@pytest.mark.parametrize("at", [2**63 - 1, 2**62, 253_402_300_800_000, -(2**63), -62_135_596_800_001])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MetricPoint, "occurred_at"),
        (MetricPoint, "received_at"),
        (AlertAccount, "window_start"),
        (Prediction, "made_at"),
    ],
)
def test_a_record_with_such_a_time_is_refused_by_the_name_of_its_field(kind: type, name: str, at: int) -> None:
    """Its reader is told what to send instead."""
    record: Any = sample(kind)
    with pytest.raises(DecodeError, match=f"{name} is {at}; give milliseconds since 1970") as refused:
        check_dates(replace(record, **{name: at}))
    assert refused.value.reason == "impossible_time"


def possible(record: Any) -> bool:
    """Whether its times are let pass."""
    try:
        check_dates(record)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_contract_s_own_times_are_possible(kind: type) -> None:
    """And so are the first and the last date of the calendar."""
    edges = replace(sample(MetricPoint), occurred_at=253_402_300_799_999, received_at=-62_135_596_800_000)
    refused = [record for record in (*(sample(kind, variant) for variant in range(4)), edges) if not possible(record)]
    assert refused == []


@pytest.mark.parametrize("topic", [GROUPS, HEARD, ANOMALIES, DECISIONS], ids=lambda topic: topic.name)
def test_what_other_stages_read_of_each_other_is_looked_at_too(topic: Topic) -> None:
    """Forged on an inner topic, such a time made the same tick fail again and again."""
    wire = Wire()
    forged: Any = replace(cast("Any", sample(topic.record)), occurred_at=2**63 - 1)
    with pytest.raises(DecodeError, match="occurred_at"):
        wire.received(topic, 0, Record(0, wire.codec(topic.record).encode(forged), b"k", 0))


def test_stages_read_no_such_record_but_for_alerts_whose_times_sampling_judges() -> None:
    """The one becomes a dead letter, the other is counted as late or of the future."""
    wire, never = Wire(), 2**62
    point, alert = replace(sample(MetricPoint), occurred_at=never), replace(sample(Alert), occurred_at=never)
    raws = [Record(0, wire.codec(type(one)).encode(one), b"k", 0) for one in (point, alert)]
    with pytest.raises(DecodeError, match="occurred_at"):
        wire.received(METRICS, 0, raws[0])
    assert wire.received(ALERTS, 0, raws[1]).record == alert
