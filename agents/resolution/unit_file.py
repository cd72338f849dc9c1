"""Managed process units on disk: a file a unit, written whole or not at all, changed by one program at a time."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.resolution.errors import UnitBusyError, UnitError
from schemas.convert import from_dict, to_dict
from schemas.records.vocabulary import Action, Millis

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RETRY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """A start that was begun, noted before anything is touched: by which action ("" for none), with which command."""

    action_id: str
    action: Action | None
    command: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action that took place on the unit, and when; `undone` once it was taken back."""

    action_id: str
    action: Action
    at: Millis
    detail: str
    undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One managed process: how it is started, and which process it is now.

    `pid` with `started_after_boot_s` tells it from a later process of the same pid. `instance_of` is set on copies that
    a scale-up made. `done` holds its last actions, `log` is the file of its output.
    """

    service: str
    command: list[str]
    environment: dict[str, str]
    workdir: str
    log: str
    scalable: bool = False
    previous_command: list[str] | None = None
    instance_of: str = ""
    pid: int | None = None
    started_after_boot_s: float = 0.0
    started_at: Millis | None = None
    action_id: str = ""
    underway: Underway | None = None
    done: list[Done] = field(default_factory=list)

    def outcome(self, action_id: str) -> Done | None:
        """What became of an action here; None where it did not take place."""
        return next((done for done in self.done if done.action_id == action_id), None)


class UnitFiles:
    """The files of a folder. `wait_s` bounds the wait for another program that works on a unit."""

    def __init__(self, folder: Path, wait_s: float = 30.0) -> None:
        self._folder, self._wait_s = folder.absolute(), wait_s

    def path(self, service: str) -> Path:
        """The unit's file.

        Raises:
            UnitError: the name could lead out of the folder.
        """
        if not _NAME.fullmatch(service):
            raise UnitError(
                f"{service!r} cannot name a unit. Use letters, digits, dot, dash and underscore, and begin with a "
                "letter or digit."
            )
        return self._folder / f"{service}.json"

    def log(self, service: str) -> Path:
        """The file of the unit's output."""
        return self.path(service).with_suffix(".log")

    def names(self) -> list[str]:
        """The units that are defined, sorted."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def find(self, service: str) -> Unit | None:
        """The unit, None where it is not defined.

        Raises:
            UnitError: its file cannot be used.
        """
        path = self.path(service)
        try:
            return from_dict(Unit, json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnitError(
                f"The unit file {path} cannot be used ({type(error).__name__}: {error}). "
                "Stop the process by hand, remove the file and define the unit again."
            ) from error

    def read(self, service: str) -> Unit:
        """The unit.

        Raises:
            UnitError: it is not defined, or its file cannot be used.
        """
        unit = self.find(service)
        if unit is None:
            raise UnitError(
                f"No process unit {service} is defined in {self._folder}. Start the service through Breakwater, or "
                "correct `unit` in targets.json."
            )
        return unit

    def write(self, unit: Unit) -> Unit:
        """Replace the unit's file by this state, surviving a crash of the machine; return the state."""
        path = self.path(unit.service)
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(to_dict(unit), file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return unit

    @contextmanager
    def locked(self, service: str) -> Iterator[None]:
        """Hold the unit for the block; the kernel lets it go when the holder ends, however it ends.

        Raises:
            UnitBusyError: another program held it all the time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self._wait_s
        with self.path(service).with_suffix(".lock").open("a") as file:
            while not _acquired(file.fileno()):
                if time.monotonic() >= deadline:
                    raise UnitBusyError(
                        f"Another program works on the unit {service} for {self._wait_s:.0f} s. Try again."
                    )
                time.sleep(_RETRY_S)
            yield


def _acquired(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
