"""A process that is measured: started, watched, stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.bench.errors import BenchError
from ops.ending import SUPERVISED

_STOP_S = 20.0
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds that a process has used since its start, in all its threads; and resident memory, MiB."""

    cpu_s: float
    rss_mb: float


class Measured:
    """One Python process; its output goes to a file."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self.log = process, log
        self._seen = psutil.Process(process.pid)

    def usage(self) -> Usage:
        """What it has used.

        Raises:
            BenchError: it has ended; the message has the end of its output.
        """
        if self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise BenchError(f"A measured process ended by itself ({self._process.returncode}). It said last:\n{tail}")
        with self._seen.oneshot():
            times = self._seen.cpu_times()
            return Usage(times.user + times.system, self._seen.memory_info().rss / 2**20)


@contextmanager
def measured(arguments: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[Measured]:
    """`python -m …` for the time of the block; see `measured_program`."""
    with measured_program([sys.executable, "-m", *arguments], log, environment) as process:
        yield process


@contextmanager
def measured_program(command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[Measured]:
    """A program for the time of the block, with none of this process's settings of the program but `environment`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BREAKWATER_", "KAFKA_", "CASSANDRA_"))}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # It ends with this process, however that happens.
            env={**inherited, **environment, SUPERVISED: "1"},
            start_new_session=True,
        )
    try:
        yield Measured(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
