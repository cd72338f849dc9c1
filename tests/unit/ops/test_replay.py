"""How a range is written, how its pace is kept, and how records are shown."""

import base64

import orjson
import pytest

from ops.decoding import RecordDecoder, json_default
from ops.replay import Bound, Pace, Slice, lost, parse_bound
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.samples import sample
from state.log_reader import RawRecord

NOW = 1_700_000_000_000


def raw(value: bytes | None, key: bytes | None = b"inc-1", topic: str = "alerts") -> RawRecord:
    """A record somewhere in the log."""
    return RawRecord(topic, 2, 41, NOW, key, value, [])


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("0", Bound(offset=0)),
        ("99999999999", Bound(offset=99_999_999_999)),
        ("100000000000", Bound(at=100_000_000_000)),
        ("1700000000123", Bound(at=1_700_000_000_123)),
        ("15m", Bound(at=NOW - 900_000)),
        ("2023-11-14T22:13:20Z", Bound(at=NOW)),
    ],
)
def test_digits_below_a_hundred_billion_are_offsets(text: str, bound: Bound) -> None:
    """Everything else is a time."""
    assert parse_bound(text, NOW) == bound


def test_what_is_neither_is_refused() -> None:
    """With what would be right."""
    with pytest.raises(InvalidInputError, match="is no time"):
        parse_bound("-5", NOW)


@pytest.mark.parametrize(
    ("start", "end", "after"),
    [
        (Bound(offset=5), Bound(offset=5), False),
        (Bound(offset=6), Bound(offset=5), True),
        (Bound(at=6), Bound(at=5), True),
        (Bound(at=6), Bound(offset=5), False),
        (Bound(), Bound(offset=5), False),
    ],
)
def test_a_range_that_is_turned_around_is_known(start: Bound, end: Bound, after: bool) -> None:
    """Ends of different kinds may be any way around."""
    assert start.is_after(end) is after


@pytest.mark.parametrize(
    ("found", "start", "told"),
    [
        (Slice(0, 0, 10, 0, 10), Bound(offset=0), None),
        (Slice(0, 7, 10, 7, 10), Bound(offset=2), "the log begins at offset 7: retention took 5 of what was asked for"),
        (Slice(0, 7, 10, 7, 10), Bound(offset=7), None),
        (Slice(0, 8, 10, 7, 10), Bound(at=NOW), None),
        (Slice(0, 7, 10, 7, 10), Bound(at=NOW), "records from 2023-11-14T22:13:20.000Z on may be among it"),
        (Slice(0, 7, 10, 7, 10), Bound(), "retention took what was before"),
    ],
)
def test_what_retention_took_is_told(found: Slice, start: Bound, told: str | None) -> None:
    """Never skipped in silence, and not told where nothing is missing."""
    sentence = lost(found, start)
    assert sentence is None if told is None else told in (sentence or "")


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.slept: list[float] = []

    def sleep(self, duration_s: float) -> None:
        self.slept.append(round(duration_s, 6))
        self.now_s += duration_s


@pytest.mark.parametrize(("speed", "slept"), [(1.0, [2.0, 1.0]), (10.0, [0.2, 0.1]), (0.5, [4.0, 2.0])])
def test_the_pace_is_the_original_times_the_speed(speed: float, slept: list[float]) -> None:
    """Records out of order are not waited for."""
    fake = FakeTime()
    pace = Pace(speed, lambda: fake.now_s, fake.sleep)
    for timestamp in (NOW, NOW + 2_000, NOW + 1_500, NOW + 3_000):
        pace.wait_for(timestamp)
    assert fake.slept == slept


def test_a_record_is_shown_by_its_contract() -> None:
    """Its fields by name, and its place."""
    alert = sample(Alert)
    line = RecordDecoder("alerts").line(raw(Codec(Alert).encode(alert)))
    assert (line["topic"], line["partition"], line["offset"], line["key"]) == ("alerts", 2, 41, "inc-1")
    assert line["value"]["alert_id"] == alert.alert_id
    assert "headers" not in line


def test_a_topic_that_is_not_ours_is_read_by_the_schemas_its_records_name() -> None:
    """A copy of a topic is as readable as the topic."""
    alert = sample(Alert)
    line = RecordDecoder("alerts.copy").line(raw(Codec(Alert).encode(alert)))
    assert line["value"]["alert_id"] == alert.alert_id


@pytest.mark.parametrize("value", [b"\xff\x00garbage", b"", b"\xc3\x01short", b"{not json"])
def test_bytes_that_are_no_record_are_shown_whole(value: bytes) -> None:
    """With the reason, and so that they can be had back exactly."""
    shown = RecordDecoder("alerts").line(raw(value, key=b"\xff"))
    assert base64.b64decode(shown["value"]["base64"]) == value
    assert shown["value"]["undecodable"]
    assert orjson.loads(orjson.dumps(shown, default=json_default))["key"] == {"base64": "/w=="}


def test_a_tombstone_is_null() -> None:
    """Nothing is made up for it."""
    assert RecordDecoder("alerts").line(raw(None))["value"] is None


def test_json_on_a_foreign_topic_is_shown_as_it_is() -> None:
    """Changelogs of tables, for one."""
    assert RecordDecoder("breakwater-edge-v1-rows-changelog").value(b'{"a":[1]}') == {"a": [1]}


def test_an_incidents_records_are_known_by_key_by_field_or_by_name() -> None:
    """Whatever the topic is keyed by."""
    alert = sample(Alert)
    encoded = Codec(Alert).encode(alert)
    decoder = RecordDecoder("alerts")
    assert decoder.is_of(raw(None, key=b"inc-1"), "inc-1")
    assert decoder.is_of(raw(None, key=b"inc-1/000000000007", topic="incident.events"), "inc-1")
    assert not decoder.is_of(raw(None, key=b"inc-11"), "inc-1")
    assert decoder.is_of(raw(encoded, key=b"a series"), alert.incident_id)
    assert not decoder.is_of(raw(encoded, key=b"a series"), alert.incident_id + "x")
    assert decoder.is_of(raw(b"garbage of inc-1", key=None), "inc-1")
