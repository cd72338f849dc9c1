"""From what a server wrote before it ended to an error that says what to do."""

import re
import shutil
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ops.embedded.errors import (
    DiskFullError,
    EmbeddedServerError,
    MemoryShortError,
    PortTakenError,
    StartFailedError,
)

# Enough for a Java stack trace and what led to it; faults are looked for in this much.
_READ_BYTES = 256 * 1024
_TAIL_LINES = 15
# Cassandra refuses to write with less than 50 MiB, and Kafka's segments want more.
_SCARCE_BYTES = 64 * 1024 * 1024
# A line's start in the log formats of this package: date, time, level.
_CHATTER = re.compile(r"\d{4}-\d\d-\d\d[T ]\S+ (?:INFO|DEBUG|TRACE) ")


@dataclass(frozen=True, slots=True)
class Fault:
    """A known way to fail: where `pattern` is in the log, `error` is raised.

    `advice` may name `{title}`, `{folder}` and `{heap_mb}`.
    """

    pattern: re.Pattern[str]
    error: type[EmbeddedServerError]
    advice: str


RENEW = (
    "Restore the folder from a backup; or, if what it holds may go, stop everything and remove {folder}/data: the next "
    "start makes it anew, empty."
)
COMMON_FAULTS = (
    Fault(
        re.compile(r"No space left on device|Disk quota exceeded|Insufficient disk space"),
        DiskFullError,
        "No space is left in {folder} for {title}. Free some and start it again.",
    ),
    Fault(
        re.compile(r"Address already in use|Failed to bind port|is in use by another process"),
        PortTakenError,
        "Another program took a port of {title} while it was starting. Start it again.",
    ),
    Fault(
        re.compile(
            r"Could not reserve enough space for|insufficient memory for the Java Runtime|java\.lang\.OutOfMemoryError"
        ),
        MemoryShortError,
        "{title} got too little memory: it asks for a heap of {heap_mb} MiB and as much beside. Free memory, or "
        "ask for another heap, and start it again.",
    ),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A start that failed: of what, where, and what it left in its logs (bytes read from their `offset` on).

    `killed_by` is the signal that ended it, where one did.
    """

    title: str
    folder: Path
    heap_mb: int
    what: str
    log: Path
    text: str
    killed_by: int | None = None

    def explain(self, faults: Iterable[Fault]) -> EmbeddedServerError:
        """The error of the first of `faults` that the log shows, else a `StartFailedError` with the log's end."""
        grave = _without_chatter(self.text)
        for fault in faults:
            found = fault.pattern.search(grave)
            if found:
                advice = fault.advice.format(title=self.title, folder=self.folder, heap_mb=self.heap_mb)
                return fault.error(f"{advice} Its log says: {_line_around(grave, found)} ({self.log})")
        free_bytes = shutil.disk_usage(self.folder).free
        if free_bytes < _SCARCE_BYTES:
            # A full disk takes the log's last lines too, which would have said it.
            return DiskFullError(
                f"{self.title} {self.what}, and only {free_bytes / 1e6:.1f} MB are free in {self.folder}. Free some and "
                "start it again."
            )
        tail = "\n".join((grave or self.text).splitlines()[-_TAIL_LINES:])
        if self.killed_by is not None:
            return StartFailedError(
                _killed(self.title, self.what, self.killed_by) + (f" Its log ends:\n{tail}" if tail else "")
            )
        if not tail:
            return StartFailedError(
                f"{self.title} {self.what} and wrote nothing, neither to {self.log} nor to console.log beside it. Start it "
                "again; where it ends so each time, its Java does not run here: `java -version` says more."
            )
        return StartFailedError(
            f"{self.title} {self.what}. Its log, {self.log}, says why; correct that and start it again. Its end:\n{tail}"
        )


def read_since(file: Path, offset: int = 0) -> str:
    """What `file` got after its first `offset` bytes, the last 256 KiB of it; empty if it is absent.

    A file that is shorter than `offset` was begun anew, and is read whole.
    """
    try:
        with file.open("rb") as log:
            size = log.seek(0, 2)
            start = offset if offset <= size else 0
            log.seek(max(start, size - _READ_BYTES))
            return log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _killed(title: str, what: str, number: int) -> str:
    why = (
        "Somebody ended it by force, or the kernel did because memory was short: `dmesg` says so. Free some, and start it again."
        if number == signal.SIGKILL
        else "Somebody ended it. Start it again."
    )
    return f"{title} {what}: it was killed by signal {number} ({signal.Signals(number).name}). {why}"


def _without_chatter(text: str) -> str:
    """`text` without lines at INFO and below, in which names of faults occur innocently, as in settings."""
    return "\n".join(line for line in text.splitlines() if not _CHATTER.match(line))


def _line_around(text: str, found: re.Match[str]) -> str:
    start = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    return text[start : end if end >= 0 else None].strip()[:500]
