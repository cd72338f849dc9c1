"""A server's process is found again, never confused with another, and ended for certain."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.embedded.process import ServerProcess

WAIT = "import signal, sys; print('ready', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
# The first thread ends, another goes on.
HEADLESS = (
    "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); print('ready', flush=True); "
    "ctypes.CDLL(None).syscall(60 if __import__('platform').machine() == 'x86_64' else 93, 0)"
)


class Started:
    """A server's folder and its process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = ServerProcess(folder)

    def spawn(self, script: str = WAIT) -> int:
        """Start `script` and wait until it says that it is ready."""
        output = self.folder / "console.log"
        command = [sys.executable, "-c", script, self.process.mark]
        pid = self.process.spawn(command, folder=self.folder, output=output)
        while "ready" not in output.read_text():
            assert psutil.pid_exists(pid)
        return pid


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Started]:
    """A server that does nothing, ended after the test."""
    started = Started(tmp_path)
    yield started
    started.process.kill()


def test_another_run_finds_it(server: Started) -> None:
    """Who starts Breakwater later sees the same process."""
    pid = server.spawn()

    found = ServerProcess(server.folder).find()

    assert found is not None
    assert found.pid == pid


def test_it_has_a_session_of_its_own(server: Started) -> None:
    """Ctrl-C at the terminal of whoever started it does not reach it."""
    assert os.getsid(server.spawn()) != os.getsid(0)


def test_a_recycled_pid_is_not_ours(server: Started) -> None:
    """A pid file whose pid the system gave to another program since names no server, and nothing is ended."""
    innocent = os.getpid()
    (server.folder / "process.json").write_text(json.dumps({"pid": innocent, "started_after_boot_s": 1.0}))

    assert server.process.find() is None
    assert server.process.stop(patience_s=1.0) is False


def test_a_lost_pid_file_loses_no_server(server: Started) -> None:
    """The process is found by its command line, or two would share one data folder."""
    pid = server.spawn()
    (server.folder / "process.json").unlink()

    found = ServerProcess(server.folder).find()

    assert found is not None
    assert found.pid == pid
    assert json.loads((server.folder / "process.json").read_text())["pid"] == pid


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 7}'])
def test_a_damaged_pid_file_names_nobody(server: Started, content: str) -> None:
    """It is as good as none."""
    (server.folder / "process.json").write_text(content)

    assert server.process.find() is None


def test_a_crash_is_seen(server: Started) -> None:
    """After kill -9 nothing is found, though the pid file is still there."""
    server.spawn()

    assert server.process.kill() is True

    assert (server.folder / "process.json").exists()
    assert server.process.find() is None
    assert server.process.kill() is False


@pytest.mark.skipif(sys.platform != "linux", reason="threads end one by one on Linux only")
def test_one_whose_first_thread_has_ended_still_runs(server: Started) -> None:
    """Its other threads hold its ports: what is killed is gone when all of it is."""
    pid = server.spawn(HEADLESS)
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        pass

    found = server.process.find()

    assert found is not None
    assert found.pid == pid


def test_one_that_does_not_listen_is_killed(server: Started) -> None:
    """SIGTERM first; SIGKILL when patience is over."""
    pid = server.spawn(STUBBORN)

    assert server.process.stop(patience_s=0.2) is True

    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("script", "number"),
    [
        ("import os; os.kill(os.getpid(), 9)", 9),
        ("raise SystemExit(143)", 15),  # as Java ends where it is told to
        ("raise SystemExit(1)", None),
        ("raise SystemExit(0)", None),
    ],
)
def test_it_is_known_which_signal_ended_it(tmp_path: Path, script: str, number: int | None) -> None:
    """While it runs, or where another run started it, none is."""
    process = ServerProcess(tmp_path)
    assert process.killed_by() is None
    process.spawn([sys.executable, "-c", script, process.mark], folder=tmp_path, output=tmp_path / "console.log")
    while process.find() is not None:
        pass
    assert process.killed_by() == number
    assert ServerProcess(tmp_path).killed_by() is None
