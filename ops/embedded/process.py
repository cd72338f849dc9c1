"""A server's process: started apart from ours, found again by later runs, stopped for certain.

The pid file holds the process's start, in seconds after the machine's boot, beside its pid: a pid that the system has
given to another program since is never taken for ours, nor is it when the clock is set.
"""

import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from ops.embedded.errors import StopFailedError

# The kernel tells starts in hundredths of a second.
_TOLERANCE_S = 0.05
# The kernel needs a moment to free a gigabyte.
_KILL_LIMIT_S = 30.0


class ServerProcess:
    """The process of one server; `pid_file` is where every run of Breakwater looks for it."""

    def __init__(self, pid_file: Path) -> None:
        self._pid_file = pid_file
        self._child: subprocess.Popen[bytes] | None = None

    def spawn(self, command: Sequence[str], *, folder: Path, output: Path) -> int:
        """Start `command` in `folder` with its output in the file `output`, and note its pid, which is returned.

        It gets a session of its own, so that Ctrl-C at a terminal and the end of our process do not reach it.
        """
        with output.open("wb") as log:
            self._child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._note(self._child.pid)
        return self._child.pid

    def find(self) -> psutil.Process | None:
        """The running process, whoever started it; None if it has ended or never was."""
        if self._child is not None:
            self._child.poll()
        try:
            noted = json.loads(self._pid_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(noted["pid"]))
            same = abs(_started_after_boot_s(process) - float(noted["started_after_boot_s"])) < _TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None

    def stop(self, *, patience_s: float) -> bool:
        """End the process, by SIGTERM and after `patience_s` by SIGKILL; whether it was running."""
        return self._end(signal.SIGTERM, patience_s)

    def kill(self) -> bool:
        """End the process by SIGKILL, as a crash would; whether it was running. The pid file stays."""
        return self._end(signal.SIGKILL, _KILL_LIMIT_S)

    def forget(self) -> None:
        """Remove the pid file."""
        self._pid_file.unlink(missing_ok=True)

    def _end(self, first: signal.Signals, patience_s: float) -> bool:
        process = self.find()
        if process is None:
            return False
        try:
            process.send_signal(first)
            process.wait(patience_s)
        except psutil.TimeoutExpired:
            _kill(process)
        except psutil.NoSuchProcess:
            pass
        if self._child is not None:
            self._child.poll()
        return True

    def _note(self, pid: int) -> None:
        noted = {"pid": pid, "started_after_boot_s": _started_after_boot_s(psutil.Process(pid))}
        partial = self._pid_file.with_suffix(".partial")
        partial.write_text(json.dumps(noted) + "\n", encoding="utf-8")
        partial.replace(self._pid_file)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
        process.wait(_KILL_LIMIT_S)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired as error:
        raise StopFailedError(
            f"Process {process.pid} did not end within {_KILL_LIMIT_S:.0f} s of SIGKILL, so it hangs in the kernel, "
            "most often on its disk. Look at the disk and the kernel's log, and try again."
        ) from error


def _started_after_boot_s(process: psutil.Process) -> float:
    # Both move alike when the clock is set; their difference does not move.
    return process.create_time() - psutil.boot_time()
