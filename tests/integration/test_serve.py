"""The whole HTTP application: on a real broker, and without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from ops.serve import create_app
from ops.settings import Settings
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.log import DeadLetter, WorkSignal
from state.clock import wall_clock_ms
from streams.reading import read_all
from streams.topics import create_topics

pytestmark = pytest.mark.kafka


@asynccontextmanager
async def served(home: Path, bootstrap: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that has started."""
    app = create_app(Settings(home=home), bootstrap)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
    async with app.router.lifespan_context(app), client:
        yield client


async def sent(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    """The answer of a sender who tries again as a 503 bids: where topics are new, a busy broker chooses leaders for seconds."""
    for _ in range(30):
        answer = await client.post(path, **body)
        if answer.status_code != 503:
            break
        await asyncio.sleep(float(answer.headers["retry-after"]))
    return answer


def marked(bootstrap: str, topic: str, mark: str) -> list[bytes]:
    """The values on a topic that hold the mark: other tests' records, readable or not, are passed over."""
    return [value for message in read_all(bootstrap, topic) if mark.encode() in (value := message.value or b"")]


async def test_an_accepted_alert_is_on_its_topic_and_a_refused_body_in_the_dead_letters(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """By the time of the answer both can be read."""
    create_topics(kafka_bootstrap, 4, 1)
    async with served(tmp_path, kafka_bootstrap) as client:
        taken = await sent(client, "/v1/alerts", json={"service": topic_prefix, "name": "n"})
        broken = await sent(client, "/webhook", content=b"\x00" + topic_prefix.encode())
        ready = await client.get("/health/ready")
        metrics = await client.get("/metrics")
    assert (taken.status_code, broken.status_code, ready.status_code) == (202, 400, 200)
    (alert,) = [Codec(Alert).decode(value) for value in marked(kafka_bootstrap, "alerts", topic_prefix)]
    (letter,) = [Codec(DeadLetter).decode(value) for value in marked(kafka_bootstrap, "dead.letters", topic_prefix)]
    assert alert.service == topic_prefix
    assert (letter.dead_letter_id, letter.value) == (broken.json()["dead_letter_id"], b"\x00" + topic_prefix.encode())
    assert 'breakwater_intake_items_total{outcome="accepted",path="/v1/alerts"} 1.0' in metrics.text


async def test_what_a_worker_says_of_itself_is_read_from_the_log(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """A stage over its budget is told over HTTP a moment later, as the page's health view asks it."""
    create_topics(kafka_bootstrap, 4, 1)
    signal = WorkSignal(
        signal_id=topic_prefix, kind="over_budget", worker="analysis-1", stage="diagnosis", topic="candidates",
        limit="most", measured=200.0, allowed=180.0, times=3, occurred_at=wall_clock_ms(),
    )  # fmt: skip
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    producer.produce("work.signals", Codec(WorkSignal).encode(signal), b"analysis-1")
    assert producer.flush(20) == 0
    found: list[dict[str, Any]] = []
    async with served(tmp_path, kafka_bootstrap) as client:
        for _ in range(100):
            told = (await client.get("/api/v1/signals")).json()["signals"]
            found = [one for one in told if one["signal_id"] == topic_prefix]
            if found:
                break
            await asyncio.sleep(0.2)
    assert [(one["stage"], one["measured"], one["times"]) for one in found] == [("diagnosis", 200.0, 3)]


async def test_incidents_are_served_from_the_projection(tmp_path: Path, kafka_bootstrap: str) -> None:
    """An empty store has no incidents, knows no id, and gives no cursor."""
    async with served(tmp_path, kafka_bootstrap) as client:
        assert (await client.get("/api/v1/incidents")).json() == {"incidents": [], "cursor": None}
        assert (await client.get("/api/v1/incidents/none")).status_code == 404
        assert (await client.get("/api/v1/incidents/none/timeline")).status_code == 404
        assert (await client.get("/api/v1/incidents?cursor=made-up")).status_code == 422
        assert (await client.get("/api/v1/incidents?since=banana")).status_code == 422


async def test_without_a_broker_it_lives_but_is_not_ready_and_takes_nothing(tmp_path: Path) -> None:
    """503 for alerts and readiness, 200 for liveness: restarting it would not help."""
    async with served(tmp_path, "127.0.0.1:1") as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
        answer = await client.post("/v1/alerts", json={"service": "s", "name": "n"}, timeout=30)
    assert (answer.status_code, answer.json()["accepted"]) == (503, 0)
