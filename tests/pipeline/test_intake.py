"""The intake and the whole program behind it: what real senders fire becomes the right incidents, what they resolve ends them;
what was refused goes back under load, and every alert is counted."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pagerduty
import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from ops.dead_letters.redrive import ALREADY, REDRIVEN, Redrive
from ops.dead_letters.remap import Remapper
from ops.dead_letters.shelf import Shelf
from ops.intake import composition
from ops.intake.batch import BatchReader
from ops.intake.formats import BY_PATH
from ops.intake.rules import Rules
from ops.intake.sns_trust import SnsTrust
from ops.serve import create_app
from schemas.codec import Codec
from schemas.identity import incident_id
from schemas.records.analysis import Anomaly
from schemas.records.intake import Alert, LogLine, MetricPoint
from state.incident import EventType, Status
from streams.encoder import TelemetryEncoder
from streams.reading import read_all
from streams.topics import ALERTS, ANOMALIES, DEAD_LETTERS, LOGS, METRICS
from tests.pipeline.facts import assert_chain_whole, books, events_of
from tests.pipeline.platform import PATIENCE_S, Platform, platform
from tests.support.intake import serving
from tests.support.opentelemetry import tell_metrics_and_logs
from tests.support.real_senders import alertmanager, prometheus, scraped
from tests.support.sns import Web, signed
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(600)]

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
ENDED = (Status.RESOLVED, Status.CLOSED)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[Platform]:
    """A program of these tests' own: others leave letters on its shelf, and on its topics what is no alert."""
    with platform(tmp_path_factory.mktemp("intake"), jars_dir) as running:
        yield running


@dataclass(frozen=True)
class Sender:
    """One sender with one condition: how it fires and resolves, and the incident that is expected."""

    incident_id: str
    fire: Callable[[], object]
    resolve: Callable[[], object]
    acknowledge: Callable[[], object] = bool


def test_what_real_senders_fire_becomes_incidents_and_what_they_resolve_ends_them(
    program: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus, Alertmanager, PagerDuty's client, SNS, the CloudEvents SDK, and Grafana and Datadog as recorded: one incident
    each, resolved because its alerts cleared. Prometheus' samples and OpenTelemetry's metrics and logs are series and lines."""
    letters = len(list(read_all(program.bootstrap, DEAD_LETTERS.name)))
    with all_senders(program, tmp_path, monkeypatch) as senders:
        for sender in senders.values():
            sender.fire()
        for name, sender in senders.items():
            assert await_status(program, sender, Status.NONE, *ENDED)["alerts"] is not None, name
        for sender in senders.values():
            sender.acknowledge()
            sender.resolve()
        for name, sender in senders.items():
            found = await_status(program, sender, *(set(Status) - set(ENDED)))
            assert (found["status"], found["outcome"]) == ("resolved", "alerts cleared"), (name, found)
    told = books(program.bootstrap, {sender.incident_id for sender in senders.values()})
    for name, sender in senders.items():
        acknowledged = [e for e in events_of(program, sender.incident_id) if e.type == EventType.INCIDENT_ACKNOWLEDGED]
        assert [e.episode for e in acknowledged] == ([1] if name == "pagerduty" else []), name
        # Repetitions made no second alert: one fired, one resolved, and the account says so.
        assert told[sender.incident_id].records == 2, name
        events = events_of(program, sender.incident_id)
        assert [e.episode for e in events if e.type == EventType.INCIDENT_OPENED] == [1], name
    assert_series_are_there(program)
    assert len(list(read_all(program.bootstrap, DEAD_LETTERS.name))) == letters
    assert_chain_whole(program)


def test_a_redrive_under_load_keeps_the_order_and_the_account_exact(program: Platform, tmp_path: Path) -> None:
    """Alerts that were too large under a setting go back under another, while more of the same incidents come in: in their
    order, once, and received = kept + suppressed + late + dead = what is on the topic."""
    services = ("dead-a", "dead-b", "dead-c")
    strict = program.settings.model_copy(update={"max_alert_bytes": 1024, "home": tmp_path / "strict"})
    with serving(create_app(strict, program.bootstrap)) as address:
        for number in range(60):
            answer = httpx.post(f"http://{address}/v1/alerts", json=[sized(service, number) for service in services])
            assert answer.status_code == (202 if number % 3 else 422), answer.text
    shelf = Shelf(program.bootstrap)
    remapper = Remapper(BatchReader(TelemetryEncoder()), Rules())
    with storming(program.running.http_url, services) as storm:
        tried = [one.outcome for one in Redrive(program.bootstrap, shelf, remapper, dry_run=True).run("oversized")]
        done = [one.outcome for one in Redrive(program.bootstrap, shelf, remapper).run("oversized")]
        again = [one.outcome for one in Redrive(program.bootstrap, shelf, remapper).run("oversized")]
    assert tried == done == [REDRIVEN] * 60
    assert again == [ALREADY] * 60
    program.await_taken_in("breakwater-edge", ALERTS.name)
    for service in services:
        incident = incident_id("default", "production", service)
        assert redriven_numbers(program, incident) == [*range(0, 60, 3)]
        book = books(program.bootstrap, {incident})[incident]
        account = book.account
        assert account is not None
        parts = account.total_kept, account.total_suppressed, account.total_late, account.total_dead_lettered
        assert book.records == 60 + storm.sent[service] == account.total_received == sum(parts), (service, account)
        assert (len(book.kept), len(book.dead)) == (account.total_kept, account.total_dead_lettered)


def sized(service: str, number: int) -> dict[str, Any]:
    """An alert, of which every third is larger than a kilobyte."""
    message = "x" * (20 if number % 3 else 2_000)
    return {"service": service, "name": "n", "alert_id": f"{service}-{number}", "message": message}


def redriven_numbers(program: Platform, incident: str) -> list[int]:
    """The numbers of an incident's alerts that went back, in the topic's order."""
    found = [m for m in read_all(program.bootstrap, ALERTS.name) if m.key == incident.encode()]
    alerts = [Codec(Alert).decode(m.value) for m in found if "redriven" in dict(m.headers)]
    return [int(alert.alert_id.rpartition("-")[2]) for alert in alerts]


@dataclass
class Storm:
    """What was sent and taken, by service."""

    sent: Counter[str] = field(default_factory=Counter)


@contextmanager
def storming(url: str, services: tuple[str, ...]) -> Iterator[Storm]:
    """Alerts of these services all the time of the block, by another thread; some come before it begins."""
    storm, over = Storm(), threading.Event()

    def send() -> None:
        with httpx.Client() as client:
            while not over.is_set():
                alerts = [{"service": service, "name": "n"} for service in services for _ in range(50)]
                client.post(f"{url}/v1/alerts", json=alerts).raise_for_status()
                storm.sent.update(alert["service"] for alert in alerts)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        eventually(lambda: len(storm.sent) == len(services), limit_s=PATIENCE_S)
        yield storm
    finally:
        over.set()
        sender.join()


def assert_series_are_there(program: Platform) -> None:
    """The senders' metrics and logs are under their services' incidents, were taken in."""
    where = incident_id("default", "staging", "otel-shop")
    points = records(program, METRICS.name, MetricPoint)
    assert {p.name for p in points if p.incident_id == where} >= {"orders", "latency_sum", "latency_count"}
    scraped_at = incident_id("default", "staging", "prom-shop")
    assert {p.value for p in points if p.incident_id == scraped_at and p.name == "errors"} == {7.0, 1.0}
    (line,) = (line for line in records(program, LOGS.name, LogLine) if line.incident_id == where)
    assert line.message.startswith("heap at 83 %")
    program.await_taken_in("breakwater-analysis", METRICS.name, LOGS.name, ALERTS.name + ".sampled")


@contextmanager
def all_senders(program: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Sender]]:
    """Everything that sends, by name; programs among it run for the time of the block."""
    url = program.running.http_url
    host = url.removeprefix("http://")
    errors = {"errors": 1.0}
    with ExitStack() as running:
        # SNS' certificate lies on a host of Amazon's: this intake alone has the test's in its place.
        monkeypatch.setattr(composition, "SnsTrust", partial(SnsTrust, fetch=Web().fetch))
        settings = program.settings.model_copy(update={"sns_topics": TOPIC, "home": folder / "sns"})
        sns = running.enter_context(serving(create_app(settings, program.bootstrap)))
        target = running.enter_context(scraped(errors))
        running.enter_context(prometheus(folder, host, target, "prom-shop"))
        manager = running.enter_context(alertmanager(folder, host))
        tell_metrics_and_logs(host, "otel-shop", "staging")
        yield {
            "prometheus": Sender(
                incident_id("default", "staging", "prom-shop"),
                lambda: errors.update(errors=7.0), lambda: errors.update(errors=1.0)),
            "alertmanager": Sender(
                incident_id("default", "production", "am-shop"),
                partial(to_alertmanager, manager, 300), partial(to_alertmanager, manager, -1)),
            "pagerduty": pagerduty_sender(url, program),
            "sns": Sender(
                incident_id("default", "production", "sns-shop"),
                partial(from_sns, sns, "ALARM"), partial(from_sns, sns, "OK")),
            "cloudevents": Sender(
                incident_id("default", "production", "event-shop"),
                partial(cloud_event, url, to_binary, "fired"), partial(cloud_event, url, to_structured, "resolved")),
            "grafana": Sender(
                incident_id("default", "production", "grafana-shop"),
                partial(from_grafana, url, "firing"), partial(from_grafana, url, "resolved")),
            "datadog": Sender(
                incident_id("default", "staging", "dog-shop"),
                partial(from_datadog, url, "Triggered"), partial(from_datadog, url, "Recovered")),
        }  # fmt: skip


def to_alertmanager(manager: str, ends_in_s: int) -> None:
    """Have Alertmanager know of an alert that ends then."""
    labels = {"alertname": "HighErrorRate", "service": "am-shop", "severity": "critical", "instance": "a"}
    ends_at = datetime.now(UTC) + timedelta(seconds=ends_in_s)
    alert = {"labels": labels, "annotations": {"summary": "Errors"}, "startsAt": BEGUN, "endsAt": ends_at.isoformat()}
    httpx.post(f"{manager}/api/v2/alerts", json=[alert]).raise_for_status()


def pagerduty_sender(url: str, program: Platform) -> Sender:
    """PagerDuty's client; what it triggers is triggered again, as its monitors do, and acknowledged once it is an incident."""
    client = pagerduty.EventsApiV2Client("R0UT1NGKEY")
    client._url = url  # its setter takes https alone

    def trigger() -> None:
        client.trigger("disk full", "db-1", dedup_key="pd-shop", severity="critical")
        client.trigger("disk full", "db-1", dedup_key="pd-shop", severity="critical")

    def named() -> str:
        found = [a for a in records(program, ALERTS.name, Alert) if a.labels.get("dedup_key") == "pd-shop"]
        return found[0].incident_id if found else ""

    trigger()
    return Sender(named(), bool, partial(client.resolve, "pd-shop"), partial(client.acknowledge, "pd-shop"))


def from_sns(address: str, state: str) -> None:
    """Have SNS deliver a CloudWatch alarm twice, as it may."""
    body = BY_PATH["/v1/sns"].example.body
    alarm = orjson.loads(body["Message"]) | {"NewStateValue": state, "StateChangeTime": now()}
    alarm["Trigger"] |= {"Dimensions": [{"name": "ServiceName", "value": "sns-shop"}]}
    sent = {key: value for key, value in body.items() if key not in ("Signature", "SigningCertURL", "SignatureVersion")}
    message = sent | {"Message": orjson.dumps(alarm).decode(), "Timestamp": now()}
    post(f"http://{address}/v1/sns", orjson.dumps(signed(message)), {})


def cloud_event(url: str, write: Any, what: str) -> None:
    """Post what the SDK writes, twice."""
    attributes = {"id": f"e-{what}", "source": "/monitors/7", "type": f"com.example.alert.{what}", "specversion": "1.0",
                  "subject": "event-shop", "time": datetime.now(UTC), "datacontenttype": "application/json"}  # fmt: skip
    message = write(CloudEvent(attributes, {"name": "HighErrorRate", "severity": "critical"}), JSONFormat())
    post(f"{url}/v1/cloudevents", message.body, message.headers)


def from_grafana(url: str, status: str) -> None:
    """Post Grafana's recorded notification, of one alert that begins or ends now."""
    body = BY_PATH["/v1/grafana"].example.body
    one = body["alerts"][0]
    labels = {key: one["labels"][key] for key in ("alertname", "team", "zone")} | {"service": "grafana-shop"}
    one = one | {"status": status, "startsAt": BEGUN, "labels": labels | {"severity": "critical"}}
    one |= {"endsAt": now()} if status == "resolved" else {}
    post(f"{url}/v1/grafana", orjson.dumps(body | {"status": status, "alerts": [one]}), {})


def from_datadog(url: str, transition: str) -> None:
    """Post Datadog's recorded notification, of now."""
    body = BY_PATH["/v1/datadog"].example.body
    told = {"alert_transition": transition, "last_updated": str(int(time.time() * 1000)), "alert_priority": "P1",
            "title": f"[{transition} on {{host:web-1}}] CPU is high", "tags": "service:dog-shop,env:staging"}  # fmt: skip
    post(f"{url}/v1/datadog", orjson.dumps(body | told), {})


def post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """Post a body, and once more as a sender does whose answer was lost."""
    for _ in range(2):
        answer = httpx.post(url, content=body, headers={"content-type": "application/json"} | headers)
        assert answer.is_success, answer.text


def await_status(program: Platform, sender: Sender, *passing: Status) -> dict[str, Any]:
    """The sender's incident once it is there and stands otherwise than these."""
    seen: list[dict[str, Any]] = []

    def stands() -> bool:
        answer = httpx.get(f"{program.running.http_url}/api/v1/incidents/{sender.incident_id}")
        if answer.status_code == 200:
            seen.append(answer.json())
        return bool(seen) and seen[-1]["status"] not in passing

    try:
        eventually(stands, limit_s=PATIENCE_S)
    except AssertionError as error:
        raise AssertionError(f"{_story(program, sender.incident_id)}\n{seen[-1:]}\n{program.tails()}") from error
    return seen[-1]


def _story(program: Platform, incident: str) -> str:
    """What was heard of an incident and what came of it, for a test that fails."""
    alerts = [(a.status, a.occurred_at) for a in records(program, ALERTS.name, Alert) if a.incident_id == incident]
    anomalies = [a for a in records(program, ANOMALIES.name, Anomaly) if a.incident_id == incident]
    alarms = [(a.metric, round(a.score, 5), a.occurred_at) for a in anomalies[-20:]]
    return f"{incident}: {[e.type for e in events_of(program, incident)]}; alerts {alerts}; last anomalies {alarms}"


def records(program: Platform, topic: str, record: type) -> list[Any]:
    """What a topic has."""
    return [Codec(record).decode(message.value) for message in read_all(program.bootstrap, topic)]


def now() -> str:
    """This moment, as senders write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


BEGUN = now()
