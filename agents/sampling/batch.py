"""One batch through the rule: from raw records to what is forwarded, what is dead, and which accounts changed. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.sampling.account import IncidentAccount, SamplingRules
from agents.sampling.columns import AlertDecoder, Columns, Ints, Rejects
from agents.sampling.rule import count, sample
from schemas.errors import DecodeError
from schemas.records.vocabulary import Tier
from streams.transport.batch import RawRecord

Find = Callable[[str], IncidentAccount]
# Where dead letters are counted whose key names no incident.
UNREADABLE = "unreadable"
MAX_ID_CHARS = 256
# Of the tenant and service that an account names.
MAX_TEXT = 256


@dataclass(slots=True)
class Outcome:
    """By place in the batch: which records are forwarded, which are dead and why; and whose accounts changed.

    `keys` holds the incident of each that is kept: what it is forwarded by, however its producer keyed it.
    """

    kept: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    dead: Rejects = field(default_factory=dict)
    touched: dict[str, IncidentAccount] = field(default_factory=dict)


def work_through(records: Sequence[RawRecord], decoder: AlertDecoder, find: Find, rules: SamplingRules) -> Outcome:
    """Sample a batch. Records at or below their account's `upto` were counted and forwarded before, and are passed over.

    Args:
        records: of one partition, in offset order. find: the account of an incident id.
    """
    outcome = Outcome()
    messages = [None if _too_large(r, rules) else r.value for r in records]
    columns, rejects = decoder.decode(messages)
    for place in [i for i, m in enumerate(messages) if m is None and records[i].value is not None]:
        size = len(records[place].value or b"")
        rejects[place] = DecodeError("oversized", f"The alert has {size} bytes; {rules.max_alert_bytes} are the most.")
    alive = None if columns is None else _believable(columns, records, rejects, rules)
    dead = {place: find(_incident_of(records[place])) for place in rejects}
    fresh_dead = {place: a for place, a in dead.items() if records[place].offset > a.upto}
    if columns is not None and alive is not None and len(alive):
        _sample(records, columns, alive, find, rules, outcome)
    for place, account in fresh_dead.items():
        _bury(account, records[place], rules)
        outcome.dead[place] = rejects[place]
        outcome.touched[account.incident_id] = account
    return outcome


def _too_large(record: RawRecord, rules: SamplingRules) -> bool:
    return record.value is not None and len(record.value) > rules.max_alert_bytes


def _believable(columns: Columns, records: Sequence[RawRecord], rejects: Rejects, rules: SamplingRules) -> Ints:
    """The rows whose time and incident can be true; the others join the rejects."""
    arrived = np.fromiter((records[i].timestamp for i in columns.rows.tolist()), np.int64, len(columns))
    ids = columns.codes("incident_id")
    named = np.asarray([0 < len(v) <= MAX_ID_CHARS for v in ids.values], bool)[ids.codes]
    ahead, before = columns.occurred_at > arrived + rules.future_ms, columns.occurred_at < 0
    for row in np.flatnonzero(ahead | before | ~named).tolist():
        at = int(columns.occurred_at[row])
        if not named[row]:
            fault = DecodeError("no_incident_id", f"The incident_id must have 1 to {MAX_ID_CHARS} characters.")
        elif ahead[row]:
            fault = DecodeError("future_dated", f"occurred_at is {at - int(arrived[row])} ms after the alert arrived.")
        else:
            fault = DecodeError("impossible_time", f"occurred_at is {at} ms: before 1970.")
        rejects[int(columns.rows[row])] = fault
    return np.flatnonzero(~(ahead | before) & named)


def _incident_of(record: RawRecord) -> str:
    try:
        text = bytes(record.key or b"").decode()
    except UnicodeDecodeError:
        return UNREADABLE
    return text if 0 < len(text) <= MAX_ID_CHARS else UNREADABLE


def _sample(
    records: Sequence[RawRecord], columns: Columns, alive: Ints, find: Find, rules: SamplingRules, outcome: Outcome
) -> None:
    ids = columns.codes("incident_id")
    here, incident = np.unique(ids.codes[alive], return_inverse=True)
    accounts = [find(ids.values[code]) for code in here.tolist()]
    offsets = np.fromiter((records[i].offset for i in columns.rows[alive].tolist()), np.int64, len(alive))
    upto = np.asarray([a.upto for a in accounts], np.int64)
    new = np.flatnonzero(offsets > upto[incident])
    if not len(new):
        return
    rows, incident, offsets = alive[new], incident[new], offsets[new]
    some = columns if len(rows) == len(columns) else columns.take(rows)
    fates = sample(accounts, incident, some, offsets, rules)
    outcome.kept += some.rows[fates.kept].tolist()
    outcome.keys += [accounts[i].incident_id for i in incident[fates.kept].tolist()]
    _describe(accounts, incident, some, records, outcome)


def _describe(
    accounts: list[IncidentAccount], incident: Ints, columns: Columns, records: Sequence[RawRecord], outcome: Outcome
) -> None:
    last = dict(zip(incident.tolist(), range(len(incident)), strict=True))
    for index, row in last.items():
        account = accounts[index]
        account.tenant, account.service = (
            columns.text("tenant", row)[:MAX_TEXT],
            columns.text("service", row)[:MAX_TEXT],
        )
        account.tier = Tier(columns.text("tier", row))
        account.arrived_at = max(account.arrived_at, records[int(columns.rows[row])].timestamp)
        outcome.touched[account.incident_id] = account


def _bury(account: IncidentAccount, record: RawRecord, rules: SamplingRules) -> None:
    if account.watermark < 0:
        account.watermark = record.timestamp
    start = account.watermark - account.watermark % rules.window_ms
    count(account, account.window(start, record.offset), (1, 0, 0, 0, 1))
    account.upto = max(account.upto, record.offset)
    account.arrived_at = max(account.arrived_at, record.timestamp)
