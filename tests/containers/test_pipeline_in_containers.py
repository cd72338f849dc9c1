"""From the producer to the read side: the workers on a Kafka and a Cassandra in containers."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.account.totals import totals
from ops.ending import SUPERVISED
from ops.settings import Settings
from ops.storm.alerts import Storm, conditions, storm_alerts
from ops.supervisor import Supervisor
from ops.verifying import verify_store
from schemas.codec import Codec
from schemas.records.intake import Alert
from streams.telemetry import TelemetryProducer
from streams.topics import ALERTS
from tests.support.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]


def send_firing(bootstrap: str, storm: Storm) -> int:
    """Put a storm on the topic of alerts until it begins to subside; returns how many alerts that were.

    What subsides within the moment in which it began need not be told to anybody.
    """
    sent = 0
    with TelemetryProducer(bootstrap) as producer:
        for key, value in storm_alerts(storm, Codec(Alert), lambda: time.time_ns() // 1_000_000):
            if sent == storm.alerts * 9 // 10:
                break
            producer.send_raw(ALERTS.name, key, value)
            sent += 1
        producer.flush()
    return sent


def listed(url: str, tenant: str) -> list[dict[str, Any]]:
    """A tenant's incidents, as the API tells of them."""
    incidents: list[dict[str, Any]] = httpx.get(f"{url}/api/v1/incidents?tenant={tenant}").json()["incidents"]
    return incidents


def test_a_storm_is_accounted_for_and_its_incidents_are_in_cassandra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kafka_bootstrap: str,
    cassandra_contact_point: str,
    topic_prefix: str,
) -> None:
    """Of 4,500 alerts each is kept, suppressed or dead; the incidents are those of the storm; the chains are whole."""
    monkeypatch.setenv(SUPERVISED, "1")  # the workers do not outlive this test run, however it ends
    servers = {"kafka_bootstrap_servers": kafka_bootstrap, "cassandra_contact_points": cassandra_contact_point}
    settings = Settings.model_validate({"home": tmp_path, "store": "cassandra", "http_port": 0, **servers})
    storm = Storm(alerts=5_000, incidents=4, tenant=topic_prefix)
    expected = {alert.incident_id for alert in conditions(storm)}
    with Supervisor(settings, progress=print) as running:
        sent = send_firing(kafka_bootstrap, storm)
        eventually(lambda: totals(kafka_bootstrap).received == sent, limit_s=60)
        eventually(lambda: {i["incident_id"] for i in listed(running.http_url, storm.tenant)} == expected, limit_s=60)
    account = totals(kafka_bootstrap)
    assert account.kept + account.suppressed + account.dead_lettered == account.received
    assert account.suppressed > account.kept > 0
    verdict = verify_store(kafka_bootstrap)
    assert (verdict.incidents, verdict.faults) == (4, ())
