"""Whatever is posted to whichever path: never a 500, never no answer, and every refused byte is accounted for."""

import asyncio
import gzip
import itertools
import time
from typing import Any

import cramjam
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.intake.answers import Answer
from ops.intake.formats import BY_PATH, FORMATS, Format
from ops.intake.formats.remote_write_messages import Request, WriteRequest
from ops.intake.http import Intake
from tests.support.intake import FakeDelivery, app_of, intake_over

NOW = 1_800_000_000_000
MEDIA = ["application/json", "application/x-protobuf", "text/plain", "application/x-ndjson", "application/cloudevents+json",
         "application/cloudevents-batch+json", "image/png", "", "application/json; charset=latin-1",
         "application/x-protobuf;proto=io.prometheus.write.v2.Request", ";;=;", "application/x-protobuf;proto=?"]  # fmt: skip
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**63, -(2**63), 10**18, "", " ", "x", "x" * 5000, "\x00", "é", "\U0001f600",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-02-30", "NaN", "Infinity", "-1", "1" * 400, [], {}, [[]],
    [None], [1, "a"], {"": ""}, {"a": None}, {"a": {"b": [1]}}, "__proto__", "${jndi:ldap://x}", "' OR 1=1 --", "\r\nX: y",
]  # fmt: skip
CORPUS = [b"", b" ", b"null", b"0", b'""', b"[]", b"{}", b"[[]]", b"[null]", b"[{}]", b'{"alerts":[]}', b'{"alerts":null}',
          b'{"alerts":{}}', b'{"alerts":[null,1,"x",[],{}]}', b"[" * 1020, b"[" * 1000 + b"]" * 1000, b"\xff\xfe\x00",
          b"\x00" * 64,
          b'{"a":' * 500 + b"1" + b"}" * 500, b'"\\ud800"',
          b'{"service":"s","name":"n","labels":{"a":1e400},"value":1e400,"timestamp":1e400}',
          b'{"service":"s","name":"n","value":NaN}', b'{"service":"s","name":"n","value":' + b"9" * 4000 + b"}",
          b'{"service":"a\\u0000","name":"\\u0000","labels":{"\\u0000":"\\u0000"}}', b'{"service":"\xc3\x28","name":"n"}',
          b'{"service":"s","name":"n","labels":{"' + b"k" * 200_000 + b'":"v"}}',
          b'{"service":"a","service":"b","name":"n"}', b"\xef\xbb\xbf{}",
          b"{}{}", b"\n\n{}\n", b"-", b"1e999", b"\x0a\xff\xff\xff\xff\x0f", b"\x1f\x8b\x08", b"a=b&c=d", b"<xml/>",
          b'{"resourceMetrics":[{"resource":{"attributes":[{"key":1}]}}]}', b'{"resourceLogs":{}}',
          b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":{"dataPoints":[{"asInt":"x"}]}}]}]}]}',
          b'{"labels":{"a":"' + b"x" * 300_000 + b'"}}']  # fmt: skip


def ask(known: Format, body: bytes, headers: dict[str, str]) -> tuple[Answer, FakeDelivery, Intake]:
    """The answer to one request, and what then lies in Kafka."""

    async def answered() -> tuple[Answer, FakeDelivery, Intake]:
        delivery = FakeDelivery()
        intake = intake_over(delivery, clock=lambda: NOW)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items() if value]
        return await intake.answer(known, {"headers": raw, "client": ("127.0.0.1", 1)}, receive), delivery, intake

    return asyncio.run(answered())


def check(known: Format, body: bytes, headers: dict[str, str]) -> None:
    """An answer that is no failure of ours; and of what it refuses, the bytes."""
    answer, delivery, intake = ask(known, body, headers)
    assert answer.status in (200, 202, 204, 400, 413, 415, 422), (answer.status, answer.body)
    letters = delivery.letters()
    assert bool(letters) or answer.status < 300
    for letter in letters:
        assert letter.detail
        assert letter.value is None or letter.value == body or letter.value in body or "content-encoding" in headers
        assert letter.value is not None or "sha256" in letter.detail
    if answer.media == "application/json" and b'"duplicates"' in answer.body:
        said = orjson.loads(answer.body)
        assert said["rejected"] == len(letters)
        assert said["accepted"] <= len(delivery.taken) - len(letters) + said["duplicates"]
    assert intake.handover.waiting_bytes == 0
    assert intake.bodies.held == 0


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *itertools.chain.from_iterable(places(child, (*path, key)) for key, child in children)]


def changed(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a place."""
    if not path:
        return value
    copy = node.copy()
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


def remote_write(version: int) -> bytes:
    """A request of remote write."""
    if version == 2:
        request = Request(symbols=["", "__name__", "up", "job", "a", "s"])
        request.timeseries.add(labels_refs=[1, 2, 3, 4]).samples.add(value=1, timestamp=NOW)
        request.timeseries[0].histograms.add(count_int=3, sum=2.5, timestamp=NOW)
    else:
        request = WriteRequest()
        series = request.timeseries.add()
        series.labels.add(name="__name__", value="up")
        series.samples.add(value=1, timestamp=NOW)
    raw: bytes = request.SerializeToString()
    return raw


def example(known: Format) -> tuple[bytes, dict[str, str]]:
    """A body that is taken."""
    if known.example.body is None:
        return bytes(cramjam.snappy.compress_raw(remote_write(1))), {
            "content-type": "application/x-protobuf", "content-encoding": "snappy",
        }  # fmt: skip
    return orjson.dumps(known.example.body), dict(known.example.headers)


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_the_corpus_at_every_path(known: Format) -> None:
    """Plain, packed, and under every media type."""
    for body in CORPUS:
        check(known, body, {"content-type": known.media[0]})
        check(known, body, {"content-type": known.media[-1]})
    for media in MEDIA:
        check(known, example(known)[0], {"content-type": media})
    check(known, gzip.compress(example(known)[0]), {"content-type": known.media[0], "content-encoding": "gzip"})
    check(known, example(known)[0], {"content-encoding": "zstd"})


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_an_example_with_any_value_odd(known: Format) -> None:
    """Every member of it, by turns every odd value."""
    document = known.example.body
    if document is None:
        return
    odd = itertools.cycle(ODD)
    for path in places(document):
        for _ in range(4):
            value = next(odd)
            body = (
                orjson.dumps(changed(document, path, lambda _, value=value: value), default=str)
                if _sane(value)
                else b"{"
            )
            check(known, body, dict(known.example.headers))


def field(number: int, data: bytes) -> bytes:
    """A protobuf field of bytes."""
    return bytes((number << 3 | 2,)) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    return bytes((number,)) if number < 0x80 else bytes((number & 0x7F | 0x80,)) + _varint(number >> 7)


def nested(levels: int) -> bytes:
    """OTLP's AnyValue: arrays of arrays."""
    value = field(1, b"a")
    for _ in range(levels):
        value = field(5, field(1, value))
    return value


def otlp(resource_attribute: bytes, scope: bytes) -> bytes:
    """A request of one resource and one scope."""
    return field(1, field(1, field(1, field(1, b"k") + field(2, resource_attribute))) + field(2, scope))


# A point of a gauge, without a value.
POINT = field(2, field(1, b"m") + field(5, field(1, b"")))
ABSURD = {
    "lengths beyond the end": b"\x0a\xff\xff\xff\xff\x07",
    "a length of 2**64": b"\x0a" + b"\xff" * 9 + b"\x01",
    "groups without end": b"\x0b" * 10_000,
    "a million of nothing": b"\x0a\x00" * 1_000_000,
    "scopes of nothing": field(1, b"\x12\x00" * 200_000),
    "metrics of nothing": otlp(nested(0), b"\x12\x00" * 200_000),
    "values in values": otlp(nested(50), POINT),
    "values in values beyond protobuf": otlp(nested(5_000), POINT),
    "a million values": otlp(field(5, b"\x0a\x00" * 1_000_000), POINT),
    "much in common": otlp(field(1, b"x" * 2_500_000), POINT * 2_000),
    "attributes without end": field(1, field(1, field(1, field(1, b"k")) * 20_000) + field(2, POINT * 2_000)),
    "buckets without end": otlp(
        nested(0), field(2, field(1, b"m") + field(9, field(1, b"\x32" + _varint(800_000) + b"\0" * 800_000)))
    ),
    "a name that is no text": field(1, field(1, field(1, b"__name__") + field(2, b"\xff\xfe")) + field(2, b"\x11" + b"\0" * 8)),
}  # fmt: skip
PROTOBUF_PATHS = [known for known in FORMATS if "application/x-protobuf" in known.media]


@pytest.mark.parametrize("what", ABSURD)
@pytest.mark.parametrize("known", PROTOBUF_PATHS, ids=lambda known: known.name)
def test_absurd_protobuf_is_dealt_with_at_once(known: Format, what: str) -> None:
    """Whatever it claims or repeats, it is answered within seconds of the processor's time, and makes no flood."""
    headers, body = {"content-type": "application/x-protobuf"}, ABSURD[what]
    if known.path == "/api/v1/write":
        headers["content-encoding"], body = "snappy", bytes(cramjam.snappy.compress_raw(body))
    begun = time.process_time()
    check(known, body, headers)
    assert time.process_time() - begun < 5


def amplified(known: Format) -> bytes:
    """A body whose items share a text of megabytes."""
    document = known.example.body
    if known.name in ("alertmanager", "grafana"):
        return orjson.dumps(document | {"receiver": "x" * 3_000_000, "alerts": document["alerts"] * 200})
    return orjson.dumps(document)


@pytest.mark.parametrize("name", ["alertmanager", "grafana"])
@pytest.mark.parametrize("bad", [0, 1, 60])
def test_what_kafka_would_never_take_is_refused_and_not_put_off(name: str, bad: int) -> None:
    """A record or a letter of more than Kafka takes would be told 503 for ever; and what items share is not multiplied."""
    known = next(known for known in FORMATS if known.name == name)
    document = orjson.loads(amplified(known))
    document["alerts"][:bad] = [7] * bad
    answer, delivery, _ = ask(known, orjson.dumps(document), {})
    assert answer.status in (413, 422)
    assert delivery.letters()
    assert all(len(message.value or b"") < 2_000_000 for message in delivery.taken)


def test_a_text_that_many_alerts_share_makes_no_flood() -> None:
    """Each record holds it; a body of 1 MB would make gigabytes."""
    known = BY_PATH["/v1/alertmanager"]
    item = known.example.body["alerts"][0]
    body = known.example.body | {"receiver": "x" * 200_000, "alerts": [item] * 2_000}
    answer, delivery, _ = ask(known, orjson.dumps(body), {})
    assert (answer.status, len(delivery.alerts())) == (413, 0)
    assert [letter.value for letter in delivery.letters()] == [orjson.dumps(body)]


def test_every_path_that_takes_a_body_in_is_fuzzed() -> None:
    """A path that is added to the intake is in the documentation, and here."""
    app = app_of(intake_over(FakeDelivery()))
    there = {path for path, known in app.openapi()["paths"].items() if "post" in known}
    assert there == {known.path for known in FORMATS}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_anything_at_every_path(known: Format, data: st.DataObject) -> None:
    """Bytes of no kind, and examples with bytes cut out, put in and turned over."""
    body, headers = example(known)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(at, min(len(body), at + 8)))
        body = body[:at] + data.draw(st.binary(max_size=6)) + body[end:]
    else:
        body = data.draw(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
        headers["content-type"] = data.draw(st.sampled_from(MEDIA))
    check(known, body, headers)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([1, 2]), st.data())
def test_remote_write_with_bytes_turned_over(version: int, data: st.DataObject) -> None:
    """Under snappy, where the protobuf is what is broken."""
    raw = bytearray(remote_write(version))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    proto = "io.prometheus.write.v2.Request" if version == 2 else "prometheus.WriteRequest"
    headers = {"content-type": f"application/x-protobuf;proto={proto}", "content-encoding": "snappy"}
    check(BY_PATH["/api/v1/write"], bytes(cramjam.snappy.compress_raw(bytes(raw))), headers)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.dictionaries(st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time",
       "ce-subject", "ce-x", "content-encoding"]), st.text(max_size=12), max_size=6))  # fmt: skip
def test_cloudevents_with_any_headers(body: bytes, headers: dict[str, str]) -> None:
    """In binary mode the event stands in the headers."""
    check(BY_PATH["/v1/cloudevents"], body, headers)


def _sane(value: Any) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**64
