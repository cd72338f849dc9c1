"""What earlier processes, and others beside this one, took lately: the identities of alerts, read back from Kafka.

So a sender's repetition makes no second alert after a restart either, nor where it reaches another process. An alert's identity
is its tenant and its id, which is the sender's, or made of its condition, start and text (`ops.intake.identity`).
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

import structlog

from ops.intake.identity import named_identity
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis
from state.errors import StoreUnavailableError
from state.log_reader import LogReader
from streams.topics import ALERTS

log = structlog.get_logger()

_PATIENCE_S = 3.0
_AGAIN_S = 1.0
# A repetition comes seconds after the first, so others are looked at no more often than this.
_EVERY_S = 0.5
_AT_ONCE = 2_000
_FAREWELL_S = 1.0
# Topics that were made a moment ago have no leaders yet: nobody is kept from starting for long by one failure more.
_FAILURES_WAITED = 2

Spans = dict[int, tuple[int, int]]


class Learner(Protocol):
    """Who is told, on its own event loop."""

    def learn(self, identities: list[str]) -> None:
        """Kafka has these."""

    def recalled(self) -> None:
        """All that was there at the start has been told."""


class Recall:
    """Reads on a thread of its own, again and again until Kafka answers. Started and stopped once.

    Args:
        bootstrap: `host:port,…`. codec: the contract of alerts. learner: is told.
        window_s: from how long ago on. most: so many alerts at most, the latest of each partition.
        shared: go on reading, because other processes take from the same senders.
        clock: epoch ms.
    """

    def __init__(
        self,
        bootstrap: str,
        codec: Codec[Alert],
        learner: Learner,
        *,
        window_s: int,
        most: int,
        shared: bool,
        clock: Callable[[], Millis],
    ) -> None:
        self._bootstrap, self._learner, self._shared, self._clock = bootstrap, learner, shared, clock
        self._window_s, self._most = window_s, most
        self._identities = AlertIdentities(codec)
        self._over, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake-recall", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; called on the learner's event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._over.set()
        self._thread.join(_FAREWELL_S)

    def wait(self, limit_s: float) -> None:
        """Return once what was there at the start has been read, or could not be; or after so long."""
        self._tried.wait(limit_s)

    def _run(self) -> None:
        ends: dict[int, int] | None = None
        failures = 0
        while not self._over.is_set():
            try:
                with LogReader(self._bootstrap, "breakwater-intake-recall", _PATIENCE_S) as reader:
                    ends = self._read_on(reader, ends)
                    self._tell(self._learner.recalled)
                    self._tried.set()
                    while self._shared and not self._over.wait(_EVERY_S):
                        ends = self._read_on(reader, ends)
                    return
            except StoreUnavailableError as error:
                log.warning("what was taken before cannot be read; trying again", error=str(error))
                failures += 1
                if failures >= _FAILURES_WAITED:
                    self._tried.set()
                self._over.wait(_AGAIN_S)

    def _read_on(self, reader: LogReader, ends: dict[int, int] | None) -> dict[int, int]:
        """Tell of what came since `ends`, at first since the window's beginning; returns the ends now."""
        spans = self._spans(reader, ends)
        found: list[str] = []
        for identity in self._read(reader, spans):
            found.append(identity)
            if len(found) >= _AT_ONCE:
                self._tell(self._learner.learn, found)
                found = []
        if found:
            self._tell(self._learner.learn, found)
        return {partition: end for partition, (_, end) in spans.items()}

    def _spans(self, reader: LogReader, ends: dict[int, int] | None) -> Spans:
        partitions = reader.partitions(ALERTS.name)
        most_each = max(1, self._most // max(1, len(partitions)))
        since = self._clock() - self._window_s * 1000
        spans: Spans = {}
        for partition in partitions:
            low, end = reader.bounds(ALERTS.name, partition)
            begun = ends.get(partition) if ends is not None else reader.offset_at(ALERTS.name, partition, since)
            spans[partition] = (end if begun is None else max(low, begun, end - most_each), end)
        return spans

    def _read(self, reader: LogReader, spans: Spans) -> Iterator[str]:
        for record in reader.read(ALERTS.name, spans):
            if self._over.is_set():
                return
            identity = self._identities.of(record.value or b"")
            if identity is not None:
                yield identity

    def _tell(self, what: Callable[..., None], *said: list[str]) -> None:
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(what, *said)
        except RuntimeError:  # the loop is closed: the process ends
            self._over.set()


class AlertIdentities:
    """Reads identities off alerts' bytes, without an object for each.

    Args:
        codec: the contract; what another version of it wrote is decoded whole.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._codec = codec
        fields = [field["name"] for field in codec.schema["fields"]]
        self._by_hand = fields[:3] == ["alert_id", "incident_id", "tenant"]

    def of(self, value: bytes) -> str | None:
        """The identity of an alert; None for what is none."""
        header = self._codec.header
        try:
            if not self._by_hand or not value.startswith(header):
                alert = self._codec.decode(value)
                return named_identity(alert.tenant, alert.alert_id)
            alert_id, at = _text_at(value, len(header))
            _, at = _text_at(value, at)
            tenant, _ = _text_at(value, at)
        except (DecodeError, IndexError, UnicodeDecodeError):
            return None
        return named_identity(tenant, alert_id)


def _text_at(value: bytes, at: int) -> tuple[str, int]:
    """Avro's string at a place, and the place behind it; raises IndexError where the bytes end before."""
    size = shift = 0
    while True:
        byte = value[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    end = at + (size >> 1)
    if size & 1 or end > len(value):
        raise IndexError("the text ends behind the record")
    return value[at:end].decode(), end
