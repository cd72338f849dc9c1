"""The HTTP intake over a delivery that can fail: what is answered, what goes to Kafka, what to the dead letters."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from ops.intake.body import MAX_BODY_BYTES
from ops.intake.counters import IntakeCounters
from ops.intake.reading import MAX_ITEMS
from ops.intake.rules import Rules
from tests.support.intake import FakeDelivery, app_of, intake_over

NOW = 1_700_000_000_000
GOOD = {"service": "checkout", "name": "HighMemory"}
PLAIN = {"incident_id": "INC-7", "container_name": "checkout", "alert_type": "HighMemory", "severity": "critical",
         "logs": "heap at 83 %", "timestamp": "2022-01-15T02:32:32Z"}  # fmt: skip


@pytest.fixture
def delivery() -> FakeDelivery:
    """Takes everything."""
    return FakeDelivery()


@pytest.fixture
async def client(delivery: FakeDelivery) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the intake, which takes items of up to 1,000 bytes."""
    app = app_of(intake_over(delivery, clock=lambda: NOW, rules=Rules(max_item_bytes=1000)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        yield client


async def test_the_plain_payload_is_accepted_and_in_kafka(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """202 says how many; the alert is keyed by its incident."""
    answer = await client.post("/webhook", json=PLAIN)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": 0, "duplicates": 0, "errors": []})
    assert [alert.incident_id for alert in delivery.alerts()] == ["INC-7"]
    assert delivery.taken[0].key == b"INC-7"


@pytest.mark.parametrize("body", [GOOD, [GOOD], {"alerts": [GOOD]}])
async def test_one_a_list_or_an_object_with_a_list(
    client: httpx.AsyncClient, delivery: FakeDelivery, body: object
) -> None:
    """The same alert, three ways."""
    assert (await client.post("/v1/alerts", json=body)).json()["accepted"] == 1
    assert [alert.service for alert in delivery.alerts()] == ["checkout"]


async def test_no_answer_before_kafkas_acknowledgement(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """202 is a promise; it waits for what it rests on."""
    delivery.gate.clear()
    asked = asyncio.create_task(client.post("/v1/alerts", json=GOOD))
    done, _ = await asyncio.wait({asked}, timeout=0.2)
    assert not done
    delivery.gate.set()
    assert (await asked).status_code == 202


@pytest.mark.parametrize("body", [b'{"incident_id": "INC', b"\x00\xff\xfe binary", b"", b"[" * 3000, b'"\\ud800"'])
async def test_what_is_no_json_is_kept_byte_for_byte(
    client: httpx.AsyncClient, delivery: FakeDelivery, body: bytes
) -> None:
    """Truncated, binary, empty, bottomless, half a character: 400, and the dead letter's id."""
    answer = await client.post("/webhook", content=body)
    (letter,) = delivery.letters()
    assert answer.status_code == 400
    assert answer.json()["dead_letter_id"] == letter.dead_letter_id
    assert (letter.value, letter.reason, letter.topic) == (body, "not_json", "alerts")
    assert letter.headers["intake-path"] == b"/webhook"


async def test_bad_items_do_not_take_the_good_ones_with_them(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """Each refused item is told by its place, and kept exactly as it stood in the body."""
    body = b'{"alerts": [ {"service": "a", "name": "n"}, {"service" : 3.50},\n 7]}'
    answer = await client.post("/v1/alerts", content=body)
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 2)
    assert [(e["index"], e["reason"]) for e in answer.json()["errors"]] == [(1, "invalid"), (2, "invalid")]
    assert [letter.value for letter in delivery.letters()] == [b'{"service" : 3.50}', b"7"]
    assert [e["dead_letter_id"] for e in answer.json()["errors"]] == [x.dead_letter_id for x in delivery.letters()]


async def test_a_body_of_which_nothing_is_taken_is_unprocessable(
    client: httpx.AsyncClient, delivery: FakeDelivery
) -> None:
    """422, and the single item's letter holds the body itself."""
    answer = await client.post("/v1/alerts", content=b'{ "service": "a" }')
    assert answer.status_code == 422
    assert "name is missing" in answer.json()["errors"][0]["detail"]
    assert delivery.letters()[0].value == b'{ "service": "a" }'


async def test_nothing_is_taken_while_kafka_is_away(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """503 with Retry-After; for alerts, and for dead letters alike."""
    delivery.failure = "_MSG_TIMED_OUT"
    for content in (json.dumps(GOOD), "no json"):
        answer = await client.post("/v1/alerts", content=content)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["accepted"] == 0


async def test_an_oversized_alert_is_refused_and_kept(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """413; its bytes are whole in the dead letter."""
    body = json.dumps(GOOD | {"message": "x" * 1000}).encode()
    assert (await client.post("/v1/alerts", content=body)).status_code == 413
    assert (delivery.letters()[0].value, delivery.letters()[0].reason) == (body, "oversized")


async def test_an_oversized_item_of_a_list_is_refused_alone(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """The limit is for an alert, not for a body of many."""
    answer = await client.post("/v1/alerts", json=[GOOD, GOOD | {"message": "x" * 1000}, GOOD])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert answer.json()["errors"][0]["reason"] == "oversized"


async def test_a_body_beyond_the_limit_is_not_held_but_told(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """413; the letter has its size and SHA-256 in the place of its bytes."""
    answer = await client.post("/v1/alerts", content=b"x" * (MAX_BODY_BYTES + 1))
    (letter,) = delivery.letters()
    assert (answer.status_code, letter.value, letter.reason) == (413, None, "oversized")
    assert f"{MAX_BODY_BYTES + 1} bytes, sha256 " in letter.detail


async def test_a_body_too_large_for_a_letter_is_told_too(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """A Kafka record has an end: beyond it the letter has size and SHA-256."""
    assert (await client.post("/v1/alerts", content=b"{" * 2_000_000)).status_code == 400
    assert delivery.letters()[0].value is None
    assert "2000000 bytes, sha256 " in delivery.letters()[0].detail


async def test_a_body_of_countless_items_makes_one_dead_letter(
    client: httpx.AsyncClient, delivery: FakeDelivery
) -> None:
    """A hundred kilobytes of ones must not become fifty thousand letters."""
    answer = await client.post("/v1/alerts", content=b"[" + b"1," * MAX_ITEMS + b"1]")
    assert (answer.status_code, len(delivery.letters())) == (413, 1)


async def test_metrics_logs_and_edges_have_their_topics(client: httpx.AsyncClient, delivery: FakeDelivery) -> None:
    """Each by its own path."""
    await client.post("/v1/metrics", json={"metrics": [{"service": "s", "name": "m", "value": 1}]})
    await client.post("/v1/logs", json=[{"service": "s", "message": "m"}])
    await client.post("/v1/topology", json={"service": "s", "depends_on": "t"})
    assert [message.topic for message in delivery.taken] == ["metrics", "logs", "topology"]


async def test_the_documentation_describes_the_bodies(client: httpx.AsyncClient) -> None:
    """OpenAPI without dangling references."""
    described = (await client.get("/openapi.json")).json()
    body = described["paths"]["/v1/alerts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "service" in body["anyOf"][0]["properties"]
    assert "$defs" not in json.dumps(described)


async def test_what_comes_in_is_counted_by_outcome_and_dead_letters_by_reason(delivery: FakeDelivery) -> None:
    """So that an operator sees which sender sends what."""
    registry = CollectorRegistry()
    intake = intake_over(delivery, counters=IntakeCounters(registry))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(intake)), base_url="http://intake") as client:
        await client.post("/v1/alerts", json=[GOOD | {"alert_id": "a"}, GOOD | {"alert_id": "a"}, {"service": "s"}])
        await client.post("/v1/alerts", content=b"{")
        await client.post("/v1/alerts", json=GOOD, headers={"origin": "https://evil.example"})
        await client.post("/v1/sns", json={"Type": "SubscriptionConfirmation"})

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"breakwater_intake_{name}", labels)

    assert value("items_total", path="/v1/alerts", outcome="accepted") == 2
    assert value("items_total", path="/v1/alerts", outcome="duplicate") == 1
    assert value("items_total", path="/v1/alerts", outcome="rejected") == 2
    assert value("dead_letters_total", path="/v1/alerts", reason="invalid") == 1
    assert value("dead_letters_total", path="/v1/alerts", reason="not_json") == 1
    assert value("not_admitted_total", path="/v1/alerts", reason="cross_site") == 1
    assert value("passed_over_total", path="/v1/sns", what="SubscriptionConfirmation") == 1
    assert value("waiting_bytes") == 0
