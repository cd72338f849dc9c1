"""A server's process: started apart from ours, found again by later runs, stopped for certain.

The pid file holds the process's start, in seconds after the machine's boot, beside its pid: a pid that the system has
given to another program since is never taken for ours, nor is it when the clock is set.
"""

import json
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from ops.embedded.errors import StopFailedError

# The kernel tells starts in hundredths of a second.
_TOLERANCE_S = 0.05
# The kernel needs a moment to free a gigabyte.
_KILL_LIMIT_S = 30.0
_SIGNALS = frozenset(signal.valid_signals())


class ServerProcess:
    """The process of the server whose folder is `folder`; `folder / "process.json"` is the pid file."""

    def __init__(self, folder: Path) -> None:
        self._pid_file = folder / "process.json"
        self._child: subprocess.Popen[bytes] | None = None
        self.mark = f"-Dbreakwater.server={folder}"

    def spawn(self, command: Sequence[str], *, folder: Path, output: Path) -> int:
        """Start `command` in `folder` with its output in the file `output`, and note its pid, which is returned.

        It gets a session of its own, so that Ctrl-C at a terminal and the end of our process do not reach it. The
        `mark` must be among its arguments.
        """
        self.forget()
        with output.open("wb") as log:
            self._child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._note(psutil.Process(self._child.pid))
        return self._child.pid

    def find(self) -> psutil.Process | None:
        """The running process, whoever started it; None if it has ended or never was.

        Without a pid file every process is looked at for the mark: the starter may have been killed before it wrote
        the file, and two servers on one data folder would destroy it.
        """
        if self._child is not None:
            self._child.poll()
        try:
            noted = json.loads(self._pid_file.read_text(encoding="utf-8"))
            pid, started_s = int(noted["pid"]), float(noted["started_after_boot_s"])
        except (OSError, ValueError, KeyError, TypeError):
            return self._search()
        try:
            process = psutil.Process(pid)
            same = abs(_started_after_boot_s(process) - started_s) < _TOLERANCE_S
            return process if same and not _has_ended(process) else None
        except psutil.Error:
            return None

    def stop(self, *, patience_s: float) -> bool:
        """End the process, by SIGTERM and after `patience_s` by SIGKILL; whether it was running."""
        return self._end(signal.SIGTERM, patience_s)

    def kill(self) -> bool:
        """End the process by SIGKILL, as a crash would; whether it was running. The pid file stays."""
        return self._end(signal.SIGKILL, _KILL_LIMIT_S)

    def died(self) -> bool:
        """Whether it was started, and has ended otherwise than by being stopped and forgotten."""
        return self._pid_file.exists() and self.find() is None

    def killed_by(self) -> int | None:
        """The signal that ended what was started here; None where it ended by itself, runs, or was started by another."""
        status = None if self._child is None else self._child.poll()
        if status is None:
            return None
        # A shell, and Java where it handles the signal, end with 128 and the signal's number.
        number = -status if status < 0 else status - 128
        return number if number in _SIGNALS else None

    def forget(self) -> None:
        """Remove the pid file."""
        self._pid_file.unlink(missing_ok=True)

    def _search(self) -> psutil.Process | None:
        if not self._pid_file.parent.exists():
            return None
        for process in psutil.process_iter(["cmdline"]):
            if self.mark in (process.info["cmdline"] or ()):
                with suppress(psutil.NoSuchProcess):
                    self._note(process)
                    return process
        return None

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

    def _note(self, process: psutil.Process) -> None:
        noted = {"pid": process.pid, "started_after_boot_s": _started_after_boot_s(process)}
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


def _has_ended(process: psutil.Process) -> bool:
    # Of a process that is killed the first thread is a zombie while others still hold its ports.
    return bool(process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)


def _started_after_boot_s(process: psutil.Process) -> float:
    # Both move alike when the clock is set; their difference does not move.
    return process.create_time() - psutil.boot_time()
