"""One worker as a process of its own: started, watched, started again when it dies, stopped with its parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

log = structlog.get_logger()

# A worker that dies is started again after this, doubled each time up to the bound, until it has lived a minute.
FIRST_WAIT_S, MOST_WAIT_S, SETTLED_S = 0.5, 15.0, 60.0
_PR_SET_PDEATHSIG = 1


class Child:
    """A process of this program.

    Args:
        name: for its log file and messages. arguments: of the `breakwater` command. environment: on top of this one's.
        program: what takes the arguments. clock: seconds that only grow.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log_file: Path,
        environment: Mapping[str, str],
        *,
        program: Sequence[str] = (sys.executable, "-m", "ops.cli"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.log_file = name, log_file
        self._command = [*program, *arguments]
        self._environment, self._clock = environment, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._again_at: float | None = None
        self._wait_s = FIRST_WAIT_S
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process, where it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process; its output goes to its log file."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as out:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self._environment},
                # Ctrl-C in the terminal is the parent's to handle; the children are stopped in order.
                start_new_session=True,
            )
        self._started_at, self._again_at = self._clock(), None

    def watch(self) -> None:
        """Start the process again where it has died and its wait is over. Called about once a second."""
        if self._process is None or self._process.poll() is None:
            if self._clock() - self._started_at > SETTLED_S:
                self._wait_s = FIRST_WAIT_S
            return
        if self._again_at is None:
            self._again_at = self._clock() + self._wait_s
            died, waits_s = self._process.returncode, self._wait_s
            self._wait_s = min(self._wait_s * 2, MOST_WAIT_S)
            log.warning("worker died", worker=self.name, status=died, again_in_s=waits_s)
        elif self._clock() >= self._again_at:
            self.restarts += 1
            self.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, patience_s: float) -> None:
        """Wait for the process to end; SIGKILL after the patience."""
        if self._process is None:
            return
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            log.warning("worker killed: it did not stop in time", worker=self.name)
            self._process.kill()
            self._process.wait()
        self._process = None

    def tail(self, lines: int = 20) -> str:
        """The end of the log."""
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent dies, however that happens (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:  # it died before
            sys.exit(0)
