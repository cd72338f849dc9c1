"""A file of JSON lines that is only appended to: what `append` has returned from survives a crash of machine and program.

Several processes may append to one file; each sees the others' lines at its next `unread`. A file that has grown to its
limit is set aside under the name with `.1`, and the one before that is dropped: disk stays bounded.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class JsonLines:
    """One such file. Nothing is opened before the first use; the folder is made then."""

    def __init__(self, path: Path, max_bytes: int = 8 << 20) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._aside = path.with_name(f"{path.name}.1")
        self._inode, self._read_bytes = 0, 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from appending for the block; for those who look before they append."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(f"{self._path.name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, fields: dict[str, Any]) -> None:
        """Write one line and wait until the disk has it."""
        with self.locked():
            self.append_locked(fields)

    def append_locked(self, fields: dict[str, Any]) -> None:
        """The same inside of `locked`. A line that a crash tore off is closed first: it cannot swallow this one."""
        line = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        if self._path.exists() and self._path.stat().st_size >= self._max_bytes:
            self._path.replace(self._aside)
        with self._path.open("ab+") as file:
            file.write(b"\n" + line if _torn(file.fileno()) else line)
            file.flush()
            os.fsync(file.fileno())

    def unread(self) -> list[dict[str, Any]]:
        """The whole lines that this object has not returned yet, whoever wrote them; what is no JSON is left out."""
        lines: list[bytes] = []
        if _inode(self._path) != self._inode or _size(self._path) < self._read_bytes:
            # First use, or set aside (or emptied) since: the rest of the earlier file comes first.
            at = self._read_bytes if self._inode and _inode(self._aside) == self._inode else 0
            lines += _whole_lines(self._aside, at)[0]
            self._inode, self._read_bytes = _inode(self._path), 0
        new, self._read_bytes = _whole_lines(self._path, self._read_bytes)
        return [fields for line in [*lines, *new] if (fields := _parsed(line)) is not None]


def _whole_lines(path: Path, start: int) -> tuple[list[bytes], int]:
    """The finished lines from a byte on, and the byte after them."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            text = file.read()
    except FileNotFoundError:
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    return whole.splitlines(), start + len(whole)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
