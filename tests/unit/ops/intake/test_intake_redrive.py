"""What the intake refused is read again as it came: with what surrounded it, and only what was refused."""

import asyncio
import gzip
from dataclasses import replace
from typing import Any

import orjson
import pytest

from ops.dead_letters.remap import Remapper
from ops.intake.arrival import Arrival
from ops.intake.batch import Batch, BatchReader
from ops.intake.formats import BY_PATH
from ops.intake.guard import Guard
from ops.intake.reading import Reading
from ops.intake.rules import Rules
from ops.intake.sources import Source
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert, LogLine
from schemas.records.log import DeadLetter
from streams.encoder import TelemetryEncoder
from streams.outbox import Message
from tests.support.intake import FakeDelivery, intake_over

SMALL, LARGE = Rules(max_item_bytes=1000), Rules(max_item_bytes=100_000)


def refused(path: str, body: bytes, guard: Guard | None = None, **headers: str) -> tuple[FakeDelivery, DeadLetter]:
    """What Kafka has of a body of which one item was too large, and its letter."""
    delivery = FakeDelivery()

    async def post() -> None:
        intake = intake_over(delivery, rules=SMALL, guard=guard or Guard())

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await intake.answer(BY_PATH[path], {"headers": raw, "client": None}, receive)

    asyncio.run(post())
    (letter,) = delivery.letters()
    return delivery, letter


def again(letter: DeadLetter, rules: Rules) -> list[Any]:
    """The records that a letter becomes by other rules."""
    codecs: dict[str, Codec[Any]] = {"alerts": Codec(Alert), "logs": Codec(LogLine)}
    messages = Remapper(BatchReader(TelemetryEncoder()), rules).messages(letter)
    assert all(message.headers == {"redriven": letter.dead_letter_id.encode()} for message in messages)
    return [codecs[message.topic].decode(message.value) for message in messages]


def test_an_alert_of_a_group_goes_back_with_its_group() -> None:
    """The letter has the alert's own bytes, and what surrounded it beside."""
    body = BY_PATH["/v1/alertmanager"].example.body
    one = body["alerts"][0]
    large = one | {"annotations": {"summary": "x" * 2000}}
    delivery, letter = refused("/v1/alertmanager", orjson.dumps(body | {"alerts": [one, large]}))
    assert letter.value == orjson.dumps(large)
    assert len(delivery.alerts()) == 1
    (alert,) = again(letter, LARGE)
    assert (alert.message, alert.labels["alertmanager_receiver"]) == ("x" * 2000, "breakwater")


def test_of_a_whole_body_only_what_was_refused_goes_back() -> None:
    """A line of OTLP has no bytes of its own: the packed body stands for it, as it came."""
    body = BY_PATH["/otlp/v1/logs"].example.body
    lines = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    lines = [*lines, lines[0] | {"body": {"stringValue": "y" * 2000}}, *lines]
    scope = body["resourceLogs"][0]["scopeLogs"][0] | {"logRecords": lines}
    packed = gzip.compress(orjson.dumps({"resourceLogs": [body["resourceLogs"][0] | {"scopeLogs": [scope]}]}))
    delivery, letter = refused("/v1/logs", packed, content_type="application/json", content_encoding="gzip")
    assert (letter.value, letter.headers["intake-items"]) == (packed, b"1")
    assert len(delivery.records("logs")) == 2
    (line,) = again(letter, LARGE)
    assert line.message.startswith("y" * 2000)


@pytest.mark.parametrize("rules", [SMALL])
def test_what_is_refused_again_stays(rules: Rules) -> None:
    """With the sentence that says why."""
    _, letter = refused("/v1/alerts", orjson.dumps({"service": "s", "name": "n", "message": "z" * 2000}))
    with pytest.raises(InvalidInputError, match="send at most 1000"):
        again(letter, rules)


def test_what_was_otlp_by_its_body_is_so_again() -> None:
    """At a path that two formats share the body tells which, then as now."""
    body = orjson.dumps(BY_PATH["/otlp/v1/logs"].example.body).replace(b"Example log record", b"w" * 2000)
    _, letter = refused("/v1/logs", body)
    assert letter.headers["intake-path"] == b"/otlp/v1/logs"
    assert again(letter, LARGE)[0].message.startswith("w" * 2000)


ACME = Guard([Source(name="acme", bearer="secret", tenant="acme")])
OF_ACME = {"authorization": "Bearer secret"}


@pytest.mark.parametrize("path", ["/v1/alerts", "/v1/alertmanager"])
def test_a_sender_of_one_tenant_reaches_no_other_by_way_of_the_dead_letters(path: str) -> None:
    """What it named another tenant in was refused, and is refused when it goes back."""
    alert = {"tenant": "other", "service": "s", "name": "n", "alertname": "n"}
    body = alert if path == "/v1/alerts" else {"version": "4", "alerts": [{"status": "firing", "labels": alert}]}
    delivery, letter = refused(path, orjson.dumps(body), ACME, **OF_ACME)
    assert delivery.alerts() == []
    with pytest.raises(InvalidInputError, match="the sender's is 'acme'"):
        again(letter, LARGE)


def test_what_was_too_large_goes_back_to_its_senders_tenant() -> None:
    """It named none."""
    _, letter = refused(
        "/v1/alerts", orjson.dumps({"service": "s", "name": "n", "message": "z" * 2000}), ACME, **OF_ACME
    )
    assert [alert.tenant for alert in again(letter, LARGE)] == ["acme"]


def test_what_other_rules_refuse_moves_nothing_of_the_rest() -> None:
    """Of a whole body the items that go back are those that were refused, whatever else of it is refused today."""
    good = [{"service": "s", "name": "n", "alert_id": f"good-{n}", "labels": {"x": "y" * 500}} for n in range(3)]
    large = [{"service": "s", "name": "n", "alert_id": f"large-{n}", "message": "x" * 1000} for n in range(1_200)]
    _, letter = refused("/v1/alerts", orjson.dumps([*good, *large]), content_type="application/json")
    remapper = Remapper(Forgetful(TelemetryEncoder()), LARGE)
    made = [Codec(Alert).decode(message.value).alert_id for message in remapper.messages(letter)]
    assert made == [f"large-{n}" for n in range(1_200)]


class Forgetful(BatchReader):
    """Refuses the second item of a body when its records are written, whatever it is."""

    def encoded(self, reading: Reading, arrival: Arrival) -> Batch:
        """As the tenant's bond or a record's length would have it refused."""
        foreign = (
            Codec(Alert).decode(reading.records[1].value)
            if isinstance(reading.records[1], Message)
            else reading.records[1]
        )
        reading.records[1] = replace(foreign, tenant="other")
        return super().encoded(reading, replace(arrival, bound=True))


def test_a_body_of_which_thousands_are_refused_is_one_letter() -> None:
    """So that nothing much makes no flood of letters; what was taken from it does not go back with the rest."""
    good = [{"service": "s", "name": "n", "alert_id": f"good-{n}"} for n in range(3)]
    large = [{"service": "s", "name": "n", "alert_id": f"large-{n}", "message": "x" * 1000} for n in range(1_200)]
    body = orjson.dumps([good[0], *large[:700], good[1], *large[700:], good[2]])
    delivery, letter = refused("/v1/alerts", body, content_type="application/json")
    assert (letter.value, letter.headers["intake-items"]) == (body, b"1-700,702-1201")
    assert [alert.alert_id for alert in delivery.alerts()] == ["good-0", "good-1", "good-2"]
    assert [alert.alert_id for alert in again(letter, LARGE)] == [f"large-{n}" for n in range(1_200)]
