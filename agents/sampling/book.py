"""The accounts of one partition, as many in memory as are needed, and when each has to be looked at again.

Bounded: an account that is in the table and was not used lately is given back; one of an incident that was silent for
`FORGET_MS`, as long as `alerts.account` keeps, is removed from the table too, and a later alert begins a new one.
"""

from collections import OrderedDict
from collections.abc import Iterator

import orjson

from agents.sampling.account import IncidentAccount, SamplingRules
from agents.sampling.deadlines import Deadlines
from schemas.records.vocabulary import Millis
from streams.changelog import Rows
from streams.rows import MAX_ROW_BYTES, Table
from streams.topics import DAY_MS, HOUR_MS

# What is kept decoded a partition: accounts and their fingerprints, some 400 bytes each.
MAX_WEIGHT = 200_000
# Weighing takes a millisecond in 20,000 accounts: after so many flushes, or so many more accounts.
WEIGH_EVERY, WEIGH_AFTER = 20, 5_000
FORGET_MS = 7 * DAY_MS
# Rows looked at in one flush to find those to forget.
SWEEP_ROWS = 100


class AccountBook:
    """The accounts of a partition, from when a worker takes it over until it loses it."""

    def __init__(self, table: Table, partition: int, rules: SamplingRules, max_weight: int = MAX_WEIGHT) -> None:
        self._table, self._partition, self._rules, self._max_weight = table, partition, rules, max_weight
        self._accounts: OrderedDict[str, IncidentAccount] = OrderedDict()
        self._touched: dict[str, IncidentAccount] = {}
        self._deadlines = Deadlines()
        self._sweep: Iterator[bytes] = iter(())
        self._swept_at: Millis | None = None
        self._flushes, self._weigh_at = 0, WEIGH_AFTER
        for key in table.keys(partition, waiting=True):
            self._deadlines.set(key.decode(), 0)

    def __len__(self) -> int:
        """How many accounts are in memory."""
        return len(self._accounts)

    def find(self, incident_id: str) -> IncidentAccount:
        """The account of an incident; a new one where there is none."""
        account = self._accounts.get(incident_id)
        if account is None:
            row = self._table.get(self._partition, incident_id.encode())
            account = IncidentAccount(incident_id) if row is None else IncidentAccount.load(orjson.loads(row)["s"])
            self._accounts[incident_id] = account
        else:
            self._accounts.move_to_end(incident_id)
        return account

    def touch(self, accounts: dict[str, IncidentAccount]) -> None:
        """These have changed."""
        self._touched.update(accounts)

    def take_touched(self, now: Millis) -> list[IncidentAccount]:
        """The accounts that changed since the last call, and those whose incident fell silent. `now`: arrival time."""
        for incident_id in self._deadlines.passed(now):
            account = self.find(incident_id)
            if self._due(account) < now:
                self._touched[incident_id] = account
            else:  # taken over from another worker, whose deadlines are not known here
                self._deadlines.set(incident_id, self._due(account))
        touched, self._touched = list(self._touched.values()), {}
        return touched

    def row(self, account: IncidentAccount) -> bytes:
        """The account as a row; sets the deadline of one that waits for something."""
        waits = bool(account.windows or account.storm_id)
        if waits:
            self._deadlines.set(account.incident_id, self._due(account))
        else:
            self._deadlines.drop(account.incident_id)
        head = {"w": 1} if waits else {}
        row = orjson.dumps({**head, "s": account.dump()})
        while len(row) + len(account.incident_id.encode()) > MAX_ROW_BYTES and account.fingerprints:
            # Fingerprints in letters of many bytes: the older half is forgotten before its time.
            for text in list(account.fingerprints)[: (len(account.fingerprints) + 1) // 2]:
                del account.fingerprints[text]
            row = orjson.dumps({**head, "s": account.dump()})
        return row

    def _due(self, account: IncidentAccount) -> Millis:
        waits_ms = [self._rules.lateness_ms] if account.windows else []
        if account.storm_id:
            waits_ms.append(self._rules.close_windows * self._rules.window_ms)
        return account.arrived_at + min(waits_ms, default=0)

    def forget(self, now: Millis) -> Rows:
        """The rows of some incidents that were silent for long, to be removed; goes over all of them within hours."""
        if self._swept_at is None or now - self._swept_at > HOUR_MS:
            self._sweep, self._swept_at = iter(self._table.keys(self._partition)), now
        gone: Rows = {}
        for key, _ in zip(self._sweep, range(SWEEP_ROWS), strict=False):
            row = self._table.get(self._partition, key)
            if row is not None and now - orjson.loads(row)["s"]["a"] > FORGET_MS:
                gone[key] = None
                self._accounts.pop(key.decode(), None)
        return gone

    def evict(self) -> None:
        """Give back what is too much. Called when all rows are in the table."""
        self._flushes += 1
        if self._flushes % WEIGH_EVERY and len(self._accounts) < self._weigh_at:
            return
        excess = sum(1 + len(a.fingerprints) for a in self._accounts.values()) - self._max_weight
        while excess > 0 and len(self._accounts) > 1:
            _, account = self._accounts.popitem(last=False)
            excess -= 1 + len(account.fingerprints)
        self._weigh_at = len(self._accounts) + WEIGH_AFTER
