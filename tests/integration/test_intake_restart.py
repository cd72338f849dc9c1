"""A sender's repetition makes no second alert after a restart, nor at another process beside."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.intake.formats import BY_PATH
from ops.intake.recall import Recall
from ops.serve import create_app
from ops.settings import Settings
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.samples import sample
from state.clock import wall_clock_ms
from streams.reading import read_all
from streams.telemetry import TelemetryProducer
from streams.topics import create_topics
from tests.support.waiting import soon

pytestmark = pytest.mark.kafka


@asynccontextmanager
async def served(home: Path, bootstrap: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one process' application, for its life."""
    app = create_app(Settings(home=home, **settings), bootstrap)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
    async with app.router.lifespan_context(app), client:
        yield client


def bodies(service: str) -> dict[str, Any]:
    """One alert a path: by its sender's id, by condition and time, and by labels and start."""
    alertmanager = BY_PATH["/v1/alertmanager"].example.body
    one = alertmanager["alerts"][0]
    event = {"routing_key": "k", "event_action": "trigger", "dedup_key": service,
             "payload": {"summary": "s", "source": service, "severity": "error", "component": service}}  # fmt: skip
    return {
        "/v1/alerts": [
            {"service": service, "name": "n", "alert_id": "mine"},
            {"service": service, "name": "n", "timestamp": 1_760_000_000_000, "message": "full"},
        ],
        "/webhook": {"container_name": service, "alert_type": "OOM", "logs": ["a"], "timestamp": 1_760_000_000},
        "/v1/alertmanager": alertmanager | {"alerts": [one | {"labels": {"alertname": "A", "service": service}}]},
        "/v2/enqueue": event,
    }


def there(bootstrap: str, service: str) -> list[Alert]:
    """The service's alerts on the topic; other tests' are passed over."""
    found = [m.value for m in read_all(bootstrap, "alerts") if service.encode() in (m.value or b"")]
    return [Codec(Alert).decode(value) for value in found]


async def post_all(client: httpx.AsyncClient, service: str) -> None:
    """Every body, each of which has to be taken."""
    for path, body in bodies(service).items():
        answer = await client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert answer.is_success, answer.text


async def test_what_was_taken_before_a_restart_is_known_after_it(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """All of the same bodies again make nothing new; another alert of the same condition does."""
    create_topics(kafka_bootstrap, 4, 1)
    async with served(tmp_path, kafka_bootstrap) as client:
        await post_all(client, topic_prefix)
    async with served(tmp_path, kafka_bootstrap) as client:
        await post_all(client, topic_prefix)
        again = {"service": topic_prefix, "name": "n", "timestamp": 1_760_000_000_001, "message": "full"}
        assert (await client.post("/v1/alerts", json=again)).json()["duplicates"] == 0
    alerts = there(kafka_bootstrap, topic_prefix)
    assert len(alerts) == len({(one.tenant, one.alert_id) for one in alerts}) == 6


async def test_a_body_without_ids_that_was_told_to_come_again_is_known_after_a_restart_too(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """Kafka took it late, and its sender heard 503; then it comes to the next process, and once more as a new one."""
    create_topics(kafka_bootstrap, 4, 1)
    body = [{"service": topic_prefix, "name": "n", "message": f"{n}"} for n in range(20)]
    async with served(tmp_path, kafka_bootstrap, intake_patience_s=0.001) as client:
        assert (await client.post("/v1/alerts", json=body)).status_code == 503
        await soon(lambda: len(there(kafka_bootstrap, topic_prefix)) == 20)
    async with served(tmp_path, kafka_bootstrap) as client:
        again, new = [(await client.post("/v1/alerts", json=body)).json() for _ in range(2)]
    assert (again["accepted"], again["duplicates"], new["duplicates"]) == (20, 20, 0)
    alerts = there(kafka_bootstrap, topic_prefix)
    assert len(alerts) == len({one.alert_id for one in alerts}) == 40


@dataclass
class Heard:
    """Keeps what it is told."""

    identities: set[str] = field(default_factory=set)
    begun: bool = False

    def learn(self, identities: list[str]) -> None:
        """Kafka has these."""
        self.identities.update(identities)

    def recalled(self) -> None:
        """All that was there at the start has been told."""
        self.begun = True


async def test_what_another_process_takes_is_learnt_where_they_share_their_senders(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    """After what was there at the start; what is no alert is passed over."""
    create_topics(kafka_bootstrap, 4, 1)
    heard = Heard()
    recall = Recall(kafka_bootstrap, Codec(Alert), heard, window_s=300, most=1000, shared=True, clock=wall_clock_ms)
    with TelemetryProducer(kafka_bootstrap) as producer:
        producer.send_alert(sample(Alert, tenant="t", alert_id=f"{topic_prefix}-before"))
        producer.flush()
        recall.start()
        try:
            await soon(lambda: heard.begun)
            assert f"t\x1f{topic_prefix}-before" in heard.identities
            producer.send_raw("alerts", b"k", b"\xff" + topic_prefix.encode())
            producer.send_alert(sample(Alert, tenant="t", alert_id=f"{topic_prefix}-after"))
            await soon(lambda: f"t\x1f{topic_prefix}-after" in heard.identities)
        finally:
            recall.stop()
