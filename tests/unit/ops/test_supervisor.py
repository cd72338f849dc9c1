"""Everything at once: started in order, watched, stopped whole however it ends. The processes are real, the servers are not."""

import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from ops import supervisor
from ops.child import Child
from ops.cli import app
from ops.embedded.errors import StartAbandonedError, StartFailedError
from ops.errors import (
    AlreadyRunningError,
    ChildFailedError,
    HomeUnusableError,
    HttpAddressUnusableError,
    HttpPortTakenError,
)
from ops.listening import check_port
from ops.settings import Settings
from ops.supervisor import Supervisor
from tests.support.waiting import eventually

WAITS = "import os, sys, time; print(*sys.argv[1:], os.environ['KAFKA_BOOTSTRAP_SERVERS'], flush=True); time.sleep(600)"
DIES = "print('there is no such thing')"


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of Kafka; children wait instead of working."""
    found: list[str] = []
    monkeypatch.setattr(supervisor, "create_topics", lambda at, *_: found.append(f"topics at {at}"))
    monkeypatch.setattr(supervisor, "publish_schemas", lambda at: found.append(f"schemas at {at}"))
    children(monkeypatch, WAITS)
    return found


def children(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have children run a line of Python."""
    monkeypatch.setattr(supervisor, "Child", functools.partial(Child, program=(sys.executable, "-c", code)))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An operator's Kafka, so that none is started."""
    return Settings(home=tmp_path / "home", kafka_bootstrap_servers="kafka:1", http_port=0)


def supervised(settings: Settings, **more: Any) -> Supervisor:
    """All of it but the HTTP side."""
    return Supervisor(settings, **{"serve": False, "progress": lambda _: None, **more})


def gone(pid: int | None) -> bool:
    """Whether no process has this id."""
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return True
    return False


def test_topics_and_schemas_are_there_before_the_workers(settings: Settings, asked: list[str]) -> None:
    """Then a worker of each role, as many as were asked for, each told of Kafka."""
    with supervised(settings, instances=2) as running:
        assert asked == ["topics at kafka:1", "schemas at kafka:1"]
        assert list(running.workers) == [f"{role}-{n}" for role in ("edge", "analysis", "command") for n in (1, 2)]
        edge = running.workers["edge-2"]
        eventually(lambda: edge.tail() == "worker edge --instance 2 kafka:1")


@pytest.mark.parametrize("how", [KeyboardInterrupt, RuntimeError])
def test_however_it_ends_all_are_stopped(settings: Settings, how: type[BaseException]) -> None:
    """No process is left, and the home is free for the next."""
    pids: list[int | None] = []

    def fail() -> None:
        with supervised(settings) as running:
            pids.extend(child.pid for child in running.workers.values())
            raise how

    with pytest.raises(how):
        fail()
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)
    with supervised(settings, roles=()):
        pass


def test_a_worker_that_dies_is_started_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to ask for it."""
    monkeypatch.setattr(supervisor, "WATCH_S", 0.02)
    with supervised(settings, roles=("edge",)) as running:
        child = running.workers["edge-1"]
        died = child.pid
        os.kill(died or 0, signal.SIGKILL)
        eventually(lambda: child.restarts == 1 and child.pid is not None)
        assert child.pid != died


def test_looking_after_goes_on_whatever_one_look_meets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that is gone, a disk that is full: the next look comes, and the other workers have theirs."""
    monkeypatch.setattr(supervisor, "WATCH_S", 0.02)
    with supervised(settings, roles=("edge", "command")) as running:
        monkeypatch.setattr(running.workers["edge-1"], "watch", broken_pipe)
        child = running.workers["command-1"]
        died = child.pid
        os.kill(died or 0, signal.SIGKILL)
        eventually(lambda: child.restarts == 1 and child.pid is not None)
        assert child.pid != died


def broken_pipe() -> None:
    """As a print to a closed pipe ends."""
    raise BrokenPipeError(32, "Broken pipe")


class FallenKafka:
    """In place of the embedded Kafka: has died, and cannot be started at first."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.asked = 0
        self.abandoned = threading.Event()

    def status(self) -> SimpleNamespace:
        """It does not run yet."""
        return SimpleNamespace(running=False)

    def up(self) -> SimpleNamespace:
        """The first start is well."""
        return SimpleNamespace(address="kafka:1")

    def down(self) -> None:
        """Nothing to stop."""

    def abandon(self) -> None:
        """Whoever waits for a start is told."""
        self.abandoned.set()

    def fallen(self) -> bool:
        """It never comes back for good."""
        return True

    def revive(self) -> bool:
        """The disk is full at the first look."""
        self.asked += 1
        if self.asked == 1:
            raise StartFailedError("Kafka ended: no space left on the device.")
        return True


def test_its_own_kafka_is_started_again_until_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's is the operator's."""
    monkeypatch.setattr(supervisor, "WATCH_S", 0.02)
    kafka = FallenKafka()
    monkeypatch.setattr(supervisor, "EmbeddedKafka", lambda *_, **__: kafka)
    with supervised(Settings(home=tmp_path / "home", kafka_bootstrap_servers="", http_port=0), roles=()):
        eventually(lambda: kafka.asked > 1)
    assert kafka.asked > 1


class SlowKafka(FallenKafka):
    """Takes two minutes to start, if nobody gives it up."""

    def revive(self) -> bool:
        """As an overloaded machine starts it."""
        self.asked += 1
        if self.abandoned.wait(120):
            raise StartAbandonedError("given up")
        return True


def test_a_kafka_that_is_slow_to_come_back_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that die meanwhile are started again, it is started once at a time, and Ctrl-C does not wait for it."""
    monkeypatch.setattr(supervisor, "WATCH_S", 0.02)
    kafka = SlowKafka()
    monkeypatch.setattr(supervisor, "EmbeddedKafka", lambda *_, **__: kafka)
    chosen = Settings(home=tmp_path / "home", kafka_bootstrap_servers="", http_port=0)
    with supervised(chosen, roles=("edge",)) as running:
        eventually(lambda: kafka.asked == 1)
        child = running.workers["edge-1"]
        died = child.pid
        os.kill(died or 0, signal.SIGKILL)
        eventually(lambda: child.restarts == 1 and child.pid is not None)
        begun = time.monotonic()
    assert time.monotonic() - begun < 60
    assert kafka.asked == 1


def test_a_home_has_one_supervisor(settings: Settings, asked: list[str]) -> None:
    """The second one says so, and touches nothing."""
    with supervised(settings, roles=()):
        del asked[:]
        with pytest.raises(AlreadyRunningError), supervised(settings):
            pass
        assert asked == []


def test_a_home_that_cannot_be_made_is_told(settings: Settings) -> None:
    """With the setting that names another."""
    settings.home.write_text("a file")
    with pytest.raises(HomeUnusableError, match="BREAKWATER_HOME"), supervised(settings):
        pass


def test_an_http_side_that_does_not_come_up_ends_the_rest(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the end of its log; the workers that ran are stopped."""
    begun: list[Child] = []

    def recorded(*arguments: Any) -> Child:
        begun.append(Child(*arguments, program=(sys.executable, "-c", DIES)))
        return begun[-1]

    monkeypatch.setattr(supervisor, "Child", recorded)
    with pytest.raises(ChildFailedError, match="there is no such thing"), supervised(settings, serve=True):
        pass
    assert len(begun) == 4
    assert all(child.pid is None for child in begun)


def test_the_http_side_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is ready, on a free port that it is told."""
    asked: list[str] = []

    def get(url: str, **_: Any) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200 if len(asked) > 2 else 503)

    monkeypatch.setattr(httpx, "get", get)
    with supervised(settings, roles=(), serve=True) as running:
        assert asked == [f"{running.http_url}/health/ready"] * 3


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])  # noqa: S104 - the other program is that careless
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port that another program listens on, on one address or on all."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((request.param, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104 - so an operator may set it
def test_a_port_that_another_holds_is_refused(settings: Settings, taken: int, host: str) -> None:
    """Whichever address the other has, and whichever we are to have; by a sentence with the setting."""
    chosen = settings.model_copy(update={"http_host": host, "http_port": taken})
    with pytest.raises(HttpPortTakenError, match="BREAKWATER_HTTP_PORT"), supervised(chosen, roles=(), serve=True):
        pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_not_called_taken(host: str) -> None:
    """It is no address of this one."""
    with pytest.raises(HttpAddressUnusableError, match="BREAKWATER_HTTP_HOST"):
        check_port(host, 8080)


class Running:
    """A program that is up, to whom Ctrl-C comes."""

    bootstrap, contact_points, stopped, found_kafka = "kafka:1", None, False, True

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        type(self).stopped = True

    @property
    def http_url(self) -> str:
        """Where it answers; by the time that this is told, a person has seen enough."""
        signal.raise_signal(signal.SIGINT)
        return ""


def test_ctrl_c_stops_everything_and_is_a_good_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0: that is how `up` ends."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(supervisor, "Supervisor", Running)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path))
    monkeypatch.setenv("BREAKWATER_SUPERVISED", "")
    try:
        answer = CliRunner().invoke(app, ["up"])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (answer.exit_code, Running.stopped) == (0, True)
    assert "Everything is stopped; the data stays. Kafka was there before, and runs on" in answer.stderr
