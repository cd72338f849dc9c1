"""The operating system's side of a unit: spawning its process, finding it again, ending it for certain."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from agents.resolution.errors import UnitStartError, UnitStopError
from agents.resolution.unit_file import Unit

# The kernel tells starts in hundredths of a second.
_TOLERANCE_S = 0.05
# The kernel needs a moment to free a gigabyte.
_KILL_LIMIT_S = 10.0
_POLL_S = 0.02
# Marks in a process's environment by which it is found when a crash kept its pid from being noted.
_UNIT_MARK = "BREAKWATER_UNIT"
_ACTION_MARK = "BREAKWATER_ACTION"
# What a program needs of our environment; the rest may hold secrets that are none of its business.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")

# Processes that we started ourselves, by pid, so that they are reaped when they end.
_Children = dict[int, subprocess.Popen[bytes]]


class UnitProcesses:
    """Processes of units. `patience_s`: how long SIGTERM is given before SIGKILL."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._children: _Children = {}

    def spawn(self, unit: Unit, file: Path, command: list[str], action_id: str) -> psutil.Process:
        """Start a command for a unit, in a session of its own, its output appended to the unit's log.

        Raises:
            UnitStartError: the system could not start it.
        """
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        marks = {_UNIT_MARK: str(file), _ACTION_MARK: action_id}
        try:
            with Path(unit.log).open("ab") as log:
                child = subprocess.Popen(
                    command, cwd=unit.workdir, env={**kept, **unit.environment, **marks},
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            self._children[child.pid] = child
            return psutil.Process(child.pid)
        except (OSError, ValueError, psutil.Error) as error:
            raise UnitStartError(
                f"The unit {unit.service} could not be started by {command}: {error}. "
                f"Correct its command or folder ({unit.workdir})."
            ) from error

    def find(self, unit: Unit) -> psutil.Process | None:
        """The unit's running process, whoever started it; None if it has ended or never was."""
        if unit.pid is None:
            return None
        self._reap(unit.pid)
        try:
            process = psutil.Process(unit.pid)
            same = abs(started_after_boot_s(process) - unit.started_after_boot_s) < _TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    def orphan(self, file: Path, action_id: str) -> psutil.Process | None:
        """The process that a start for this action left, whose starter died before it noted the pid."""
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                marks = process.environ()
                if marks.get(_UNIT_MARK) == str(file) and marks.get(_ACTION_MARK) == action_id and _leads(process):
                    return process
        return None

    def end(self, process: psutil.Process, service: str) -> None:
        """End a process and its session: SIGTERM, then SIGKILL.

        Raises:
            UnitStopError: it is still there.
        """
        for number, limit_s in ((signal.SIGTERM, self._patience_s), (signal.SIGKILL, _KILL_LIMIT_S)):
            _signal(process.pid, number)
            if self._over_within(process, limit_s):
                break
        else:
            raise UnitStopError(
                f"Process {process.pid} of the unit {service} did not end within {_KILL_LIMIT_S:.0f} s of SIGKILL, so it "
                "hangs in the kernel, most often on its disk. Look at the disk and the kernel's log."
            )
        _signal(process.pid, signal.SIGKILL)  # what it started and left behind

    def _over_within(self, process: psutil.Process, limit_s: float) -> bool:
        # Not Process.wait: another program may be its parent and leave a zombie, which is over, but never gone.
        deadline = time.monotonic() + limit_s
        while not self._over(process):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _over(self, process: psutil.Process) -> bool:
        self._reap(process.pid)
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def _reap(self, pid: int) -> None:
        child = self._children.get(pid)
        if child is not None and child.poll() is not None:
            del self._children[pid]


def started_after_boot_s(process: psutil.Process) -> float:
    """A process's start in seconds after the machine's: unlike a date it does not move when the clock is set."""
    return process.create_time() - psutil.boot_time()


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _leads(process: psutil.Process) -> bool:
    return os.getsid(process.pid) == process.pid and process.status() != psutil.STATUS_ZOMBIE
