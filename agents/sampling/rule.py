"""Which alerts of a batch are kept, and what that does to the accounts. Pure; tests/support/sampling_specification.py says the
same one alert at a time.

The rule, by incident and in offset order. An alert that is older than the incident's watermark less the lateness is late: it
is counted and not sampled. Of the others, a change of state (a fingerprint fires that was resolved, or is resolved that fired)
is always kept; the rest compete within their second of event time for `limit_per_s` places, less those that earlier batches
took: higher severity first, then a fingerprint not seen for `correlation_ms`, then the service's tier, then who came first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.sampling.account import Fingerprint, IncidentAccount, SamplingRules, Window
from agents.sampling.columns import Columns, Ints
from schemas.identity import stable_id

Bools = NDArray[np.bool_]
NEVER = -(1 << 40)
FIRING_MS = 86_400_000
# Rows hold fingerprints and their names by the ten thousand: 10,000 of these lengths are 3.5 MB at the worst.
MAX_PRINT_CHARS = 64
MAX_NAME_CHARS = 64
RECEIVED, KEPT, SUPPRESSED, LATE, DEAD = range(5)


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the rows given to `sample`: kept are to be forwarded; late and the rest are counted only."""

    kept: Bools
    late: Bools


class Group:
    """Rows with equal keys, of arrays that are sorted by key: where each group begins, and which group a row is in."""

    def __init__(self, keys: Ints) -> None:
        changes = np.r_[True, keys[1:] != keys[:-1]]
        self.starts: Ints = np.flatnonzero(changes)
        self.of: Ints = np.cumsum(changes) - 1
        self.rank: Ints = np.arange(len(keys)) - self.starts[self.of]


def sample(
    accounts: list[IncidentAccount], incident: Ints, columns: Columns, offsets: Ints, rules: SamplingRules
) -> Fates:
    """Decide on new alerts and count them.

    Args:
        accounts: of the incidents of this batch; changed in place. incident: each row's index into `accounts`.
        columns: the alerts. offsets: their positions, ascending; all beyond their account's `upto`.
    """
    order = np.argsort(incident, kind="stable")
    who, at = incident[order], columns.occurred_at[order]
    late = _late(accounts, who, at, rules)
    change, novel, prints = _fingerprints(accounts, who, at, late, columns, order, rules)
    kept = _compete(accounts, who, at, late, change, novel, columns, order, rules)
    _count(accounts, who, at, late, kept, offsets[order], rules)
    prints.remember(accounts, rules)
    fates = Fates(np.zeros(len(order), bool), np.zeros(len(order), bool))
    fates.kept[order], fates.late[order] = kept, late
    return fates


def _late(accounts: list[IncidentAccount], who: Ints, at: Ints, rules: SamplingRules) -> Bools:
    marks = np.asarray([a.watermark for a in accounts], np.int64)
    incidents = Group(who)
    # One running maximum for all: what separates incidents is far above any time.
    lift = who * (1 << 42)
    running = np.maximum.accumulate(at + lift) - lift
    before = np.r_[NEVER, running[:-1]]
    before[incidents.starts] = NEVER
    return np.maximum(before, marks[who]) - at > rules.lateness_ms


class _Prints:
    """The fingerprints of a batch by incident: their last sight, to be remembered once the batch is decided."""

    def __init__(self) -> None:
        self.last: list[tuple[int, str, int, bool, str, int]] = []

    def remember(self, accounts: list[IncidentAccount], rules: SamplingRules) -> None:
        """Write what was seen last into the accounts; forget the oldest where there are too many."""
        for index, text, at, firing, name, count in self.last:
            known = accounts[index].fingerprints
            before = known.pop(text, None)
            known[text] = Fingerprint(at, firing, name, count + (before.count if before else 0))
        for account in accounts:
            for text in list(account.fingerprints)[: max(0, len(account.fingerprints) - rules.correlation_keys)]:
                del account.fingerprints[text]


def _fingerprints(
    accounts: list[IncidentAccount],
    who: Ints,
    at: Ints,
    late: Bools,
    columns: Columns,
    order: Ints,
    rules: SamplingRules,
) -> tuple[Bools, Bools, _Prints]:
    """Whether each row changes its fingerprint's state, and whether the fingerprint is new. Late rows do neither."""
    change, novel, prints = np.zeros(len(who), bool), np.zeros(len(who), bool), _Prints()
    here = np.flatnonzero(~late)
    if not len(here):
        return change, novel, prints
    texts, names = columns.codes("fingerprint"), columns.codes("name")
    pair = who[here] * len(texts.values) + texts.codes[order][here]
    by_pair = np.argsort(pair, kind="stable")
    rows = here[by_pair]
    groups = Group(pair[by_pair])
    seen, firing = at[rows], columns.firing[order][rows]
    before_at, before_firing = np.r_[NEVER, seen[:-1]], np.r_[False, firing[:-1]]
    ends = np.r_[groups.starts[1:], len(rows)] - 1
    owner, code = who[rows[ends]], texts.codes[order][rows[ends]]
    name = names.codes[order][rows[ends]]
    prints_known = [text if len(text) <= MAX_PRINT_CHARS else stable_id(text) for text in texts.values]
    short_names = [text[:MAX_NAME_CHARS] for text in names.values]
    for index, print_, named, start, end in zip(
        owner.tolist(), code.tolist(), name.tolist(), groups.starts.tolist(), ends.tolist(), strict=True
    ):
        text = prints_known[print_]
        known = accounts[index].fingerprints.get(text)
        before_at[start] = known.seen_at if known else NEVER
        before_firing[start] = known.firing if known else firing[start]  # a first sight is novel, not a change
        prints.last.append((index, text, int(seen[end]), bool(firing[end]), short_names[named], end - start + 1))
    change[rows] = firing != before_firing
    novel[rows] = seen - before_at > rules.correlation_ms
    return change, novel, prints


def _compete(
    accounts: list[IncidentAccount], who: Ints, at: Ints, late: Bools, change: Bools, novel: Bools, columns: Columns,
    order: Ints, rules: SamplingRules,
) -> Bools:  # fmt: skip
    """Which rows are kept: changes, and by second of event time the first of the rest until its places are taken."""
    kept = change & ~late
    here = np.flatnonzero(~late & ~change)
    if not len(here):
        return kept
    second = at[here] // 1000
    merit = (columns.severity[order][here] * 2 + novel[here]) * 4 + columns.tier[order][here]
    ranked = np.lexsort((here, -merit, second, who[here]))
    key = who[here][ranked] * (1 << 34) + second[ranked]
    groups = Group(key)
    owners, seconds = who[here][ranked][groups.starts].tolist(), second[ranked][groups.starts].tolist()
    taken = np.asarray([accounts[i].seconds.get(s, 0) for i, s in zip(owners, seconds, strict=True)], np.int64)
    wins = groups.rank < (rules.limit_per_s - taken)[groups.of]
    kept[here[ranked[wins]]] = True
    for index, s, count in zip(
        owners, seconds, np.add.reduceat(wins.astype(np.int64), groups.starts).tolist(), strict=True
    ):
        if count:
            accounts[index].seconds[s] = accounts[index].seconds.get(s, 0) + count
    return kept


def _count(
    accounts: list[IncidentAccount], who: Ints, at: Ints, late: Bools, kept: Bools, offsets: Ints, rules: SamplingRules
) -> None:
    """Add rows to windows and totals, move watermarks and `upto`."""
    incidents = Group(who)
    top = np.maximum.reduceat(at, incidents.starts).tolist()
    last = offsets[np.r_[incidents.starts[1:], len(who)] - 1].tolist()
    for index, mark, upto in zip(who[incidents.starts].tolist(), top, last, strict=True):
        account = accounts[index]
        account.watermark = max(account.watermark, mark)
        account.upto = max(account.upto, upto)
    # A late row is counted in its incident's newest window: its own is closed and told of.
    newest = np.asarray([a.watermark for a in accounts], np.int64)[who]
    when = np.where(late, newest, at)
    start = when - when % rules.window_ms
    order = np.lexsort((offsets, start, who))
    groups = Group(who[order] * (1 << 42) + start[order])
    received = np.diff(np.r_[groups.starts, len(who)])
    keeps = np.add.reduceat(kept[order].astype(np.int64), groups.starts)
    lates = np.add.reduceat(late[order].astype(np.int64), groups.starts)
    head = order[groups.starts]
    for index, begin, first, n, k, x in zip(
        who[head].tolist(), start[head].tolist(), offsets[head].tolist(), received.tolist(), keeps.tolist(), lates.tolist(),
        strict=True,
    ):  # fmt: skip
        count(accounts[index], accounts[index].window(begin, first), (n, k, n - k - x, x, 0))


def count(account: IncidentAccount, window: Window, more: tuple[int, int, int, int, int]) -> None:
    """Add to a window and to its incident's totals, in the order of COUNTS."""
    window.changed = True
    for i, n in enumerate(more):
        window.counts[i] += n
        account.totals[i] += n


def expire(account: IncidentAccount, rules: SamplingRules) -> list[int]:
    """Close what the incident's watermark has left behind; returns the starts of the windows to close, oldest first."""
    bound = account.watermark - rules.lateness_ms
    for second in [s for s in account.seconds if (s + 1) * 1000 <= bound]:
        del account.seconds[second]
    old = account.watermark - rules.correlation_ms
    # A fingerprint that fires is remembered while it fires, up to a day: its resolution is a change of state.
    oldest = account.watermark - FIRING_MS
    for text in [t for t, f in account.fingerprints.items() if f.seen_at < (oldest if f.firing else old)]:
        del account.fingerprints[text]
    return sorted(start for start in account.windows if start + rules.window_ms <= bound)
