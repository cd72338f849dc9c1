"""What became of all alerts, from the newest records of the account backwards.

An incident's records are cumulative, by partition of the raw topic: the last one of each tells all of it. So the newest piece
of the topic is read first, and the older ones only add incidents that were quiet since. What a limit of time leaves out is
never what happens now.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.sampling import AlertAccount
from state.errors import StoreUnavailableError
from state.log_reader import LogReader, RawRecord
from streams.errors import BrokerUnreachableError
from streams.topics import ACCOUNT

# No offset is beyond it.
_MOST_ALERTS = 1 << 63
# Offsets of a partition that are read at once: a second's work on a busy machine.
_PIECE = 20_000

Key = tuple[int, str]  # partition of the raw topic, incident


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
    last: dict[Key, AlertAccount] = {}
    try:
        with LogReader(bootstrap, "breakwater-account") as log:
            for piece, oldest in _pieces(log):
                told = accounts(log.read(ACCOUNT.name, piece))
                last = {(account.partition, account.incident_id): account for account in told} | last
                if clock() > deadline:
                    found.complete = oldest
                    break
    except StoreUnavailableError as error:
        raise BrokerUnreachableError(bootstrap) from error
    for account in last.values():
        found.add(account)
    return found


def accounts(records: Iterable[RawRecord]) -> Iterator[AlertAccount]:
    """Those of the records that are accounts of alerts: the sampling stage alone writes the topic, but others can."""
    codec = Codec(AlertAccount)
    for record in records:
        with suppress(DecodeError):
            account = codec.decode(record.value)
            if _possible(account):
                yield account


def _possible(account: AlertAccount) -> bool:
    """Whether its totals are those of alerts that can have been: whoever writes others is not sampling."""
    parts = (account.total_kept, account.total_suppressed, account.total_late, account.total_dead_lettered)
    return min(parts) >= 0 and account.total_received == sum(parts) <= _MOST_ALERTS


def _pieces(log: LogReader) -> Iterator[tuple[dict[int, tuple[int, int]], bool]]:
    """Ranges of all partitions, the newest first, each before the one that came; and whether it is the last."""
    bounds = {p: log.bounds(ACCOUNT.name, p) for p in log.partitions(ACCOUNT.name)}
    while bounds:
        piece = {p: (max(low, end - _PIECE), end) for p, (low, end) in bounds.items()}
        bounds = {p: (low, piece[p][0]) for p, (low, _) in bounds.items() if low < piece[p][0]}
        yield piece, not bounds
