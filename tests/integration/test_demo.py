"""The demonstration against a real Kafka: what it sends arrives, what it starts it stops, what is missing it says."""

import io
import json
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from agents.resolution.process_units import ProcessUnits
from agents.resolution.targets import read_targets
from ops.demo.observer import Observer
from ops.demo.picture import Picture
from ops.demo.run import Platform, Progress, Surroundings, Timing, Worker, run_demo
from ops.demo.scenarios import SCENARIOS
from ops.demo.store_check import StoreCheck
from ops.settings import Settings
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.intake import Alert
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import Tier
from state.log_reader import LogReader
from streams.reading import read_all
from streams.telemetry import TelemetryProducer
from streams.topics import ACCOUNT, create_topics
from tests.support.demo_target import RememberingIntake

pytestmark = pytest.mark.kafka


class DeadWorker:
    """A worker that died."""

    restarts = 3
    log_file = Path("edge-1.log")


class KafkaAlone:
    """A platform without workers: nothing becomes of what it takes."""

    def __init__(self, bootstrap: str, http_url: str) -> None:
        self.bootstrap = bootstrap
        self.http_url = http_url
        self.workers: dict[str, Worker] = {"edge-1": DeadWorker()}


def around(bootstrap: str, intake: RememberingIntake, **timing: float) -> Surroundings:
    """Surroundings of Kafka alone, quick to give up."""

    @contextmanager
    def start(_: Settings, progress: Progress) -> Iterator[Platform]:
        create_topics(bootstrap, 4, 1)
        progress("Kafka alone")
        yield KafkaAlone(bootstrap, intake.url)

    quick = Timing(**{"warm_up_s": 1.0, "ready_s": 0.0, "limit_s": 3.0, **timing})
    return Surroundings(
        start_platform=start, check_store=lambda _: StoreCheck(0, True), check_rerun=lambda *_: None, timing=quick
    )


@pytest.fixture
def intake() -> Iterator[RememberingIntake]:
    """An intake of the test's own."""
    server = RememberingIntake()
    yield server
    server.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of the test's own."""
    return Settings(home=tmp_path)


def left_over(settings: Settings) -> list[Any]:
    """Units that run, targets that may be acted on, threads that go on: of a demonstration that should be over."""
    units = ProcessUnits(settings.home / "units")
    threads = {"fleet", "caller", "watcher", "flood", "observer", "stage-lag"}
    return [
        *(name for name in units.names() if units.alive(name)),
        *read_targets(settings.targets),
        *(t.name for t in threading.enumerate() if t.name in threads and t.is_alive()),
    ]


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_without_workers_the_demo_says_what_is_missing_and_leaves_nothing_behind(
    scenario: str,
    kafka_bootstrap: str,
    intake: RememberingIntake,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1; one JSON document on standard output; the real target has told of itself by the intake."""
    told = io.StringIO()
    code = run_demo(
        settings, scenario, 200, as_json=True, console=Console(file=told), surroundings=around(kafka_bootstrap, intake)
    )
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert f"No incident was opened for {SCENARIOS[scenario].target.service}." in found["missing"]
    assert "Worker edge-1 died 3 times; see edge-1.log." in found["missing"]
    assert (found["alerts"]["received"], found["incidents"]) == (0, [])
    assert any(path == "/v1/metrics" for path, _ in intake.taken)
    assert "missing: " in told.getvalue()
    assert left_over(settings) == []


def test_nothing_is_broken_where_no_worker_would_mend_it(
    kafka_bootstrap: str, intake: RememberingIntake, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demonstration gives up before the fault, and says so."""
    surroundings = around(kafka_bootstrap, intake, ready_s=0.5, limit_s=600.0)
    code = run_demo(
        settings, "memory-leak", 200, as_json=True, console=Console(file=io.StringIO()), surroundings=surroundings
    )
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert found["missing"][0].startswith("The workers did not begin")
    assert left_over(settings) == []


def test_the_storm_is_on_the_topic_to_the_last_alert(
    kafka_bootstrap: str, intake: RememberingIntake, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was sent is there; of it, the malformed ones cannot be decoded or are no acceptable alerts."""
    with LogReader(kafka_bootstrap, "before-the-demo") as log:
        before = {p: log.bounds("alerts", p)[1] for p in log.partitions("alerts")}
    run_demo(
        settings, "memory-leak", 1_000, as_json=True, console=Console(file=io.StringIO()),
        surroundings=around(kafka_bootstrap, intake, limit_s=14.0),
    )  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    ids = {f"{found['environment']}-{n:07d}" for n in range(1, 2_000)}
    codec, arrived, broken = Codec(Alert), 0, 0
    for message in read_all(kafka_bootstrap, "alerts"):
        if message.offset < before.get(message.partition, 0):
            continue
        try:
            arrived += codec.decode(message.value).alert_id in ids
        except DecodeError:
            broken += 1
    assert found["alerts"]["sent"] > 500
    assert broken > 0
    # Of the malformed, those dated ahead and those too large can be decoded.
    assert found["alerts"]["sent"] == arrived + broken


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["platform", "warm-up"])
def test_a_signal_stops_everything(
    moment: str, number: signal.Signals, kafka_bootstrap: str, intake: RememberingIntake, settings: Settings
) -> None:
    """While it starts and while it runs; the exit code is the shell's."""
    surroundings = around(kafka_bootstrap, intake, warm_up_s=60.0)
    start = surroundings.start_platform

    def interrupted(given: Settings, progress: Progress) -> Any:
        if moment == "platform":
            signal.raise_signal(number)
        else:
            threading.Timer(1.5, psutil.Process().send_signal, [number]).start()
        return start(given, progress)

    told = io.StringIO()
    code = run_demo(
        settings, "memory-leak", 200, as_json=False, console=Console(file=told),
        surroundings=replace(surroundings, start_platform=interrupted),
    )  # fmt: skip
    assert code == 128 + number
    assert f"{number.name} came" in told.getvalue()
    assert left_over(settings) == []


def account(received: int, incident_id: str) -> AlertAccount:
    """An account of alerts that were all kept."""
    return AlertAccount(
        incident_id=incident_id, tenant="default", service="checkout", tier=Tier.CRITICAL, window_start=0,
        window_ms=10_000, received=received, kept=received, suppressed=0, late=0, dead_lettered=0, closed=False,
        total_received=received, total_kept=received, total_suppressed=0, total_late=0, total_dead_lettered=0,
        partition=0, first_offset=0, upto=received,
    )  # fmt: skip


def test_an_observer_sees_what_comes_after_its_start(kafka_bootstrap: str) -> None:
    """Whatever earlier demonstrations left in the log is not its affair; what cannot be read is passed over."""
    create_topics(kafka_bootstrap, 4, 1)
    ours, codec = f"inc-{uuid.uuid4().hex}", Codec(AlertAccount)

    def send(value: bytes) -> None:
        with TelemetryProducer(kafka_bootstrap) as producer:
            producer.send_raw(ACCOUNT.name, ours.encode(), value)

    send(codec.encode(account(900, ours)))
    observer = Observer(kafka_bootstrap, Picture([ours]))
    observer.start()
    try:
        send(b"no account")
        send(codec.encode(account(7, ours)))
        wait_until(lambda: observer.observed().alerts.received > 0)
        assert (observer.observed().alerts.received, observer.unreadable) == (7, 1)
    finally:
        observer.stop()


def wait_until(question: Callable[[], bool]) -> None:
    """Ask until it is true; fails after 30 s."""
    waiting = threading.Event()
    for _ in range(600):
        if question():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not come true within 30 s")
