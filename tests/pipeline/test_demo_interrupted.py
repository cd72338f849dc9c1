"""`breakwater demo` is ended by a signal at some moment: it leaves no process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.embedded.kafka import EmbeddedKafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(600)]

# What the demonstration says at that moment, and the signal that comes then.
MOMENTS = {
    "start": ("Starting Apache Kafka", signal.SIGTERM),
    "warm-up": ("learning what is usual", signal.SIGINT),
    "storm": ("fault in checkout", signal.SIGTERM),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[Path]:
    """A home that all demonstrations here have, one after the other; whatever runs of it at the end is ended."""
    folder = tmp_path_factory.mktemp("interrupted")
    try:
        yield folder
    finally:
        for process in left_over(folder):
            process.kill()
        EmbeddedKafka(folder, jars_dir=jars_dir).down()


def left_over(home: Path) -> list[psutil.Process]:
    """Processes that were started with this home, or in it."""
    found = []
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), *process.environ().values(), process.cwd()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(home) in trace for trace in traces):
            found.append(process)
    return found


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_an_interrupted_demonstration_leaves_no_process_behind(moment: str, home: Path, jars_dir: Path) -> None:
    """Its exit code is the shell's for the signal, and Kafka, workers, `serve` and the target are gone with it."""
    says, number = MOMENTS[moment]
    environment = {**os.environ, "BREAKWATER_HOME": str(home), "BREAKWATER_JARS_DIR": str(jars_dir)}
    environment.pop("KAFKA_BOOTSTRAP_SERVERS", None)
    command = [sys.executable, "-u", "-m", "ops.cli", "demo", "--alerts", "500"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as demo:
        try:
            assert demo.stdout is not None
            told = []
            for line in demo.stdout:
                told.append(line)
                if says in line:
                    break
            assert demo.poll() is None, "".join(told)
            demo.send_signal(number)
            rest = demo.stdout.read()
            code = demo.wait(120)
        finally:
            demo.kill()
    assert code == 128 + number, "".join(told) + rest
    assert f"{number.name} came" in rest
    eventually(lambda: left_over(home) == [], limit_s=60)
