"""The lag as it develops: a probe's samples in a window, looked at once, again and again, or in the background."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from ops.lag.history import LagHistory
from ops.lag.judgement import WINDOW, LagRow, LagStatus, Sample, lag_rows
from ops.lag.probe import EVERY, LagProbe
from streams.errors import BrokerUnreachableError

log = structlog.get_logger()

# Kafka's own clients commit every five seconds by default: ten samples of it span a commit.
_BETWEEN_S = 0.6
# Sooner no rate is told.
_LEAST_S = 1.0
# A look at a broker that is away may take longer than anybody waits for an end.
_PARTING_S = 2.0
# Who asks first waits for the first look.
_FIRST_LOOK_S = 12.0
_STANDING = frozenset({LagStatus.STALL, LagStatus.STOP})

Ask = Callable[[], Sample]


class LagWatch:
    """Keeps the last ten samples. `ask` takes one."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._window: deque[Sample] = deque(maxlen=WINDOW)

    def look(self) -> list[LagRow]:
        """The lag now, judged by the window.

        Raises:
            BrokerUnreachableError: Kafka does not answer; what was seen before is kept.
        """
        self._window.append(self._ask())
        return lag_rows(*self._window)

    def judge(self, sleep: Callable[[float], None] = time.sleep) -> list[LagRow]:
        """The lag after a second; after a whole window where a group seems to stand, as it may commit but now and then.

        Raises:
            BrokerUnreachableError: Kafka does not answer.
        """
        rows = self.look()
        for _ in range(1, WINDOW):
            sleep(_BETWEEN_S)
            rows = self.look()
            spans_s = self._window[-1].at - self._window[0].at
            if spans_s >= _LEAST_S and not any(row.status in _STANDING for row in rows):
                break
        return rows


class LagBoard:
    """The lag of a cluster's groups, looked at in the background every few seconds; any thread may read it.

    Args:
        bootstrap: `host:port,…`. every_s: between two looks. limit_s: how long a look at unread records may take a group.
        groups: beginnings of their names; by default all. incidents: also tell which incidents wait.
    """

    def __init__(
        self, bootstrap: str, *, every_s: float = 5.0, limit_s: float = 1.0, groups: Sequence[str] = EVERY,
        incidents: bool = True,
    ) -> None:  # fmt: skip
        self._bootstrap, self._every_s, self._limit_s = bootstrap, every_s, limit_s
        self._groups, self._incidents = tuple(groups), incidents
        self._rows: tuple[LagRow, ...] = ()
        self._at: float | None = None
        self._away = False
        self._probe: LagProbe | None = None
        self.history = LagHistory()
        self._starting, self._stopping, self._looked = threading.Lock(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag-board", daemon=True)

    def start(self) -> None:
        """Begin to look; a second call changes nothing."""
        with self._starting:
            if not self._thread.is_alive() and not self._stopping.is_set():
                self._thread.start()

    def close(self) -> None:
        """End; the connections are given back once a look that is under way is over."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_PARTING_S)

    def rows(self) -> tuple[LagRow, ...]:
        """What the last look saw; empty before the first."""
        return self._rows

    def wanted_rows(self) -> tuple[LagRow, ...]:
        """The same, for whoever asks again and again: the first call begins the looking; none while Kafka is away."""
        self.start()
        return () if self._away else self._rows

    def latest(self, patience_s: float = _FIRST_LOOK_S) -> tuple[tuple[LagRow, ...], float]:
        """The rows of the last look and when they were true, epoch seconds; the first who asks waits for the first look.

        Raises:
            BrokerUnreachableError: Kafka did not answer the last look: what was seen before is of the past.
        """
        self.start()
        if not self._looked.wait(patience_s) or self._away or self._at is None:
            raise BrokerUnreachableError(self._bootstrap)
        return self._rows, self._at

    def age_s(self, now_s: float) -> float | None:
        """Seconds from the last look to epoch time `now_s`; None before the first."""
        return None if self._at is None else max(now_s - self._at, 0.0)

    def _run(self) -> None:
        watch = LagWatch(self._sample)
        while not self._stopping.is_set():
            try:
                rows = tuple(watch.look())
            except BrokerUnreachableError as error:
                self._away = True
                # A client that lost its broker in the middle of a request may wait for that answer for ever.
                self._give_back()
                log.warning("lag is not known", error=str(error))
            else:
                self._rows, self._at, self._away = rows, time.time(), False
                self.history.add(self._at, rows)
            self._looked.set()
            self._stopping.wait(self._every_s)
        self._give_back()

    def _sample(self) -> Sample:
        if self._probe is None:
            self._probe = LagProbe(self._bootstrap)
        return self._probe.sample(self._groups, limit_s=self._limit_s, incidents=self._incidents)

    def _give_back(self) -> None:
        if self._probe is not None:
            self._probe.close()
            self._probe = None
