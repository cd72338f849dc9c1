"""What became of all alerts, from the newest records of the account backwards.

An incident's records are cumulative, and of one partition: the last one tells all of it. So the newest piece of the topic
is read first, and the older ones only add incidents that were quiet since. What a week's retention or a limit of time leaves
out is never what happens now.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.sampling import AlertAccount
from state.errors import StoreUnavailableError
from state.log_reader import LogReader
from streams.errors import BrokerUnreachableError
from streams.topics import ACCOUNT

# Offsets of a partition that are read at once: a second's work on a busy machine.
_PIECE = 20_000

Key = tuple[int, bytes]  # partition, incident


@dataclass(slots=True)
class AlertTotals:
    """What became of all alerts: received = kept + suppressed + dead_lettered. Of the suppressed, `late` came too late.

    `complete` is False where the time did not suffice for the oldest records: incidents quiet since are not counted in.
    """

    received: int = 0
    kept: int = 0
    suppressed: int = 0
    late: int = 0
    dead_lettered: int = 0
    complete: bool = True

    def add(self, account: AlertAccount) -> None:
        """Count an incident in, by the record of it that goes furthest."""
        self.received += account.total_received
        self.kept += account.total_kept
        self.suppressed += account.total_suppressed + account.total_late
        self.late += account.total_late
        self.dead_lettered += account.total_dead_lettered


def totals(
    bootstrap: str, limit_s: float = float("inf"), *, clock: Callable[[], float] = time.monotonic
) -> AlertTotals:
    """The account of all alerts; after `limit_s`, of what was read by then.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`.
    """
    deadline, found = clock() + limit_s, AlertTotals()
    last: dict[Key, bytes] = {}
    try:
        with LogReader(bootstrap, "breakwater-account") as log:
            for piece, oldest in _pieces(log):
                newer = {
                    (raw.partition, raw.key or b""): raw.value for raw in log.read(ACCOUNT.name, piece) if raw.value
                }
                last = newer | last
                if clock() > deadline:
                    found.complete = oldest
                    break
    except StoreUnavailableError as error:
        raise BrokerUnreachableError(bootstrap) from error
    codec = Codec(AlertAccount)
    for value in last.values():
        try:
            found.add(codec.decode(value))
        except DecodeError:
            continue  # `breakwater account` tells of it; here the others are counted
    return found


def _pieces(log: LogReader) -> Iterator[tuple[dict[int, tuple[int, int]], bool]]:
    """Ranges of all partitions, the newest first, each before the one that came; and whether it is the last."""
    bounds = {p: log.bounds(ACCOUNT.name, p) for p in log.partitions(ACCOUNT.name)}
    while bounds:
        piece = {p: (max(low, end - _PIECE), end) for p, (low, end) in bounds.items()}
        bounds = {p: (low, piece[p][0]) for p, (low, _) in bounds.items() if low < piece[p][0]}
        yield piece, not bounds
