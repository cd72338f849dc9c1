"""Bodies whose senders have heard no success yet. One that comes again is read as it was the first time: same time, same ids.

So what Kafka took of it meanwhile is recognised alert by alert, also of a body that gives neither ids nor times. They are kept in
a file as well: a process that starts anew knows what the one before left open, and `ops.intake.recall` what of it is in Kafka.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from schemas.records.vocabulary import Millis

log = structlog.get_logger()

# As many as are remembered; at some 300 bytes each, 50,000 are 15 MB.
_MOST = 50_000
# A file that has grown to this, and to twice what was open when it was written, is written anew with what is open still.
_MOST_BYTES = 4 << 20
# Of a larger file the end is read: this is several times what it can hold by itself.
_MOST_READ = 32 << 20
# Digits of epoch milliseconds.
_LONGEST_TIME = 15


@dataclass(frozen=True, slots=True)
class Reception:
    """How a body came in first: what its ids begin with, and when, epoch ms."""

    mark: str
    received_at: Millis


class Ids:
    """The ids of what a body holds, one after another; the same each time that the body is read. `given` counts them."""

    def __init__(self, reception: Reception) -> None:
        self._mark, self.given = reception.mark, 0

    def __call__(self) -> str:
        """The next."""
        self.given += 1
        return f"{self._mark}-{self.given - 1}"


def body_key(path: str, body: bytes) -> str:
    """Tells a body at a path from others."""
    return hashlib.blake2b(
        body, digest_size=16, key=hashlib.blake2b(path.encode(), digest_size=16).digest()
    ).hexdigest()


Receptions = Iterable[tuple[str, Reception]]


@dataclass(slots=True)
class Unsettled:
    """Remembers receptions by their bodies, for as long as Kafka is asked about them.

    Args:
        window_s: a body that comes again later is a new one. file: where they outlive the process; None is nowhere.
    """

    window_s: int = 300
    file: "OpenFile | None" = None
    most: int = _MOST
    # By mark: the body's key and its reception. Of those whose senders are to come again, the marks by key.
    _open: OrderedDict[str, tuple[str, Reception]] = field(default_factory=OrderedDict)
    _waiting: dict[str, list[str]] = field(default_factory=dict)

    def recover(self, now: Millis) -> None:
        """Know what an earlier process left open."""
        if self.file is None:
            return
        young = [one for one in self.file.read() if not self._is_past(one[1], now)]
        for key, reception in young[-self.most :]:
            self._open[reception.mark] = key, reception
            self._waiting.setdefault(key, []).append(reception.mark)
        self.file.rewrite(self._open.values())

    def resumed(self, path: str, body: bytes, now: Millis) -> Reception | None:
        """The first reception of a body that its sender was told to send again; None for another."""
        if not self._waiting:
            return None  # as nearly always: no body is hashed for it
        marks = self._waiting.get(key := body_key(path, body))
        if not marks:
            return None
        reception = self._open[marks.pop(0)][1]
        if not marks:
            del self._waiting[key]
        if not self._is_past(reception, now):
            return reception
        self.settled(reception)
        return None

    def begun(self, path: str, body: bytes, reception: Reception) -> None:
        """It is about to be handed over. Whatever happens then, it is open.

        Those whose senders never came again are forgotten: when they are past, and the eldest where there are too many.
        """
        if reception.mark in self._open:
            return
        while self._open and (len(self._open) >= self.most or self._is_past(self._eldest, reception.received_at)):
            self._forget(*self._open.popitem(last=False)[1])
        key = body_key(path, body)
        self._open[reception.mark] = key, reception
        if self.file is not None:
            self.file.add(key, reception, self._open.values())

    def failed(self, path: str, body: bytes, reception: Reception) -> None:
        """Its sender has heard no success, and comes again."""
        self.begun(path, body, reception)
        self._waiting.setdefault(self._open[reception.mark][0], []).append(reception.mark)

    def settled(self, reception: Reception) -> None:
        """Its sender hears of success, or nothing of it was sent."""
        if self._open.pop(reception.mark, None) is not None and self.file is not None:
            self.file.strike(reception)

    def close(self) -> None:
        """Give the file back; what is open stays in it."""
        if self.file is not None:
            self.file.close()

    @property
    def _eldest(self) -> Reception:
        return next(iter(self._open.values()))[1]

    def _is_past(self, reception: Reception, now: Millis) -> bool:
        return now - reception.received_at > self.window_s * 1000

    def _forget(self, key: str, reception: Reception) -> None:
        # In the file too: were it found there by the next process, a new body like it would count as its repetition.
        if self.file is not None:
            self.file.strike(reception)
        marks = self._waiting.get(key)
        if marks is None:
            return
        if reception.mark in marks:
            marks.remove(reception.mark)
        if not marks:
            del self._waiting[key]

    def __len__(self) -> int:
        return len(self._open)


class OpenFile:
    """Lines that say which receptions were opened and which closed. It outlives the process, not the machine: nothing is forced
    to the disk. Where it cannot be written that is said once, and all goes on without it.

    Args:
        path: of one process; two that run at once have two.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._descriptor, self._bytes, self._most = path, -1, 0, _MOST_BYTES

    def read(self) -> list[tuple[str, Reception]]:
        """What was opened and never closed, the eldest first. A line that breaks off is passed over, and so is what is no line of
        this file's.
        """
        found: dict[str, tuple[str, Reception]] = {}
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - _MOST_READ))
                lines = file.read(_MOST_READ).decode("utf-8", "replace").split("\n")
        except OSError:
            return []
        for line in lines:
            match line.split(" "):
                case ["+", key, mark, at] if at.isascii() and at.isdecimal() and len(at) <= _LONGEST_TIME:
                    found[mark] = key, Reception(mark, int(at))
                case ["-", mark]:
                    found.pop(mark, None)
        return [*found.values()]

    def rewrite(self, still_open: Receptions) -> None:
        """Write a new file of these, in the place of the old."""
        self.close()
        text = "".join(_line(key, reception) for key, reception in still_open).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(text)
            fresh.replace(self._path)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            log.warning(
                "bodies that are open cannot be kept; a repetition after a restart may count twice", error=str(error)
            )
        self._bytes = len(text)
        self._most = max(_MOST_BYTES, 2 * len(text))

    def add(self, key: str, reception: Reception, still_open: Receptions) -> None:
        """One more, which is among `still_open` already."""
        if self._bytes > self._most:
            self.rewrite(still_open)
        else:
            self._write(_line(key, reception))

    def strike(self, reception: Reception) -> None:
        """One less."""
        self._write(f"- {reception.mark}\n")

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, line: str) -> None:
        if self._descriptor < 0:
            return
        try:
            self._bytes += os.write(self._descriptor, line.encode())
        except OSError as error:
            log.warning("bodies that are open are kept no longer; see to the disk", error=str(error))
            self.close()


def _line(key: str, reception: Reception) -> str:
    return f"+ {key} {reception.mark} {reception.received_at}\n"
