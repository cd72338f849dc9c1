"""A worker's heartbeat: a loop that turns beats, one that is stuck or stopped does not, and the check tells them apart."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import heartbeat
from ops.heartbeat import SILENT_S, Heartbeat, heartbeat_file, main, silence_s


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until the condition holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a file tells no event
            await asyncio.sleep(0.001)


def beaten_at(folder: Path, at_s: float) -> None:
    """Date the last beat."""
    heartbeat_file(folder).touch()
    os.utime(heartbeat_file(folder), (at_s, at_s))


async def test_a_loop_that_turns_beats_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However old the last beat is, the next one makes it fresh; the folder is made where it is not there."""
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.001)
    folder = tmp_path / "workers" / "edge-1"
    beating = Heartbeat(folder)
    beating.start()
    for _ in range(3):
        await until(lambda: (silence_s(folder, time.time()) or 100.0) < SILENT_S)
        beaten_at(folder, 0.0)
    beating.close()


async def test_a_worker_that_has_stopped_is_not_alive_at_once(tmp_path: Path) -> None:
    """Its file goes, also where it never began; the folder of another is not touched."""
    beating = Heartbeat(tmp_path / "edge-1")
    beating.start()
    await until(heartbeat_file(tmp_path / "edge-1").exists)
    beating.close()
    Heartbeat(tmp_path / "edge-2").close()
    assert silence_s(tmp_path / "edge-1", time.time()) is None


def test_silence_is_counted_from_the_last_beat(tmp_path: Path) -> None:
    """In seconds; None without a beat."""
    assert silence_s(tmp_path, 1_000.0) is None
    beaten_at(tmp_path, 990.0)
    assert silence_s(tmp_path, 1_000.0) == pytest.approx(10.0)


def test_containers_that_share_a_folder_have_a_file_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one that lives would hide one that does not."""
    beaten_at(tmp_path, 990.0)
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    assert silence_s(tmp_path, 1_000.0) is None


def test_the_check_passes_a_living_worker_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 for a beat of late, 1 for an old one and for none, 2 for wrong use; each says why."""
    beaten_at(tmp_path, time.time())
    assert main([str(tmp_path)]) == 0
    beaten_at(tmp_path, time.time() - 2 * SILENT_S)
    assert main([str(tmp_path)]) == 1
    assert "last beat 20." in capsys.readouterr().out
    assert main([str(tmp_path / "edge-1")]) == 1
    assert "no worker of" in capsys.readouterr().out
    assert main([]) == 2


def test_the_check_imports_nothing_that_is_slow() -> None:
    """It is run every few seconds for every worker: it works where there are no packages but Python's own."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "ops.heartbeat"], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.split(":")[0]) == (2, "usage")
