"""Which alerts of a batch are kept, and what that does to the accounts. Pure; tests/support/sampling_specification.py says the
same one alert at a time.

The rule, by incident and in offset order. An alert that is older than the incident's watermark less the lateness is late: it
is counted and not sampled. Of the others, a change of state (a fingerprint fires that was resolved, or is resolved that fired)
is always kept, and so is the first sight of a fingerprint, unless `FLOOD` times the limit were kept in that second: names
that never repeat tell nothing. The rest compete within their second of event time for the places that are left of the
limit: higher severity first, then a fingerprint not seen for `correlation_ms`, then the service's tier, then who came first.
What is left may yet be cut by the tenant's quota (agents.sampling.rations).

Fast because nothing is done an alert at a time. A batch is put in order by one number an alert, most significant part
first, which numpy sorts in 10 ns each; then what belongs together lies together, and a group is a difference of neighbours.
"""

from dataclasses import dataclass

import numpy as np

from agents.sampling.columns import Codes, Columns
from agents.sampling.incidents import COUNTS, MAX_NAME_CHARS, MAX_PRINT_CHARS, Incidents, N, P, W, key_of
from agents.sampling.keyed_table import Bools, Ints
from agents.sampling.rations import Rations
from agents.sampling.rules import SamplingRules
from agents.sampling.sources import note_sources
from schemas.identity import stable_id
from schemas.records.vocabulary import Tier

NEVER = -(1 << 40)
# First sights beyond this multiple of the limit compete like all others.
FLOOD = 10
_TIERS = [str(tier) for tier in Tier]


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the rows given to `sample`: kept are forwarded; over quota, late and the rest are counted only."""

    kept: Bools
    late: Bools
    over_quota: Bools


@dataclass(frozen=True, slots=True)
class _Rows:
    """Alerts in incident order: `who` their slot, `at` their time, `source` their row of the columns, `late` their verdict.

    `mark`: their incident's watermark before them.
    """

    who: Ints
    at: Ints
    source: Ints
    mark: Ints
    late: Bools


def in_order(keys: Ints) -> Ints:
    """The permutation that sorts by key, equal keys by place. Keys are from 0 to 2^40: places fit into the bits below."""
    bits = max(1, int(len(keys) - 1).bit_length())
    ordered: Ints = np.sort((keys << bits) | np.arange(len(keys))) & ((1 << bits) - 1)
    return ordered


def dense(numbers: Ints) -> Ints:
    """Numbers of any size as small ones of the same order."""
    least = int(numbers.min())
    if int(numbers.max()) - least < 1 << 20:
        return numbers - least
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


class Group:
    """Rows with equal keys, of an array that is sorted: where each group begins, which group a row is in, and its rank there."""

    def __init__(self, keys: Ints) -> None:
        changes = np.empty(len(keys), bool)
        changes[0], changes[1:] = True, keys[1:] != keys[:-1]
        self.starts: Ints = np.flatnonzero(changes)
        self.of: Ints = np.cumsum(changes) - 1
        self.rank: Ints = np.arange(len(keys)) - self.starts[self.of]
        self.ends: Ints = np.append(self.starts[1:], len(keys)) - 1

    def sums(self, values: Bools) -> Ints:
        """How many of each group are true."""
        return np.add.reduceat(values.astype(np.int64), self.starts)


def sample(state: Incidents, slots: Ints, columns: Columns, rules: SamplingRules, rations: Rations) -> Fates:
    """Decide on new alerts and count them.

    Args:
        slots: each row's incident in `state`, which is changed in place. columns: the alerts, in offset order, at least one,
            all beyond what their incident has counted. rations: of the partition's tenants.
    """
    order = in_order(dense(slots))
    who, at = slots[order], columns.occurred_at[order]
    mark = _marks(state, who, at)
    rows = _Rows(who, at, order, mark, mark - at > rules.lateness_ms)
    change, first, novel = _fingerprints(state, rows, columns, rules)
    merit = (columns.severity[order] * 2 + novel) * 4 + columns.tier[order]
    kept = _compete(state, rows, change, first, merit, columns, rules)
    over = np.zeros(len(order), bool)
    if rules.rationed:
        tenants = columns.codes("tenant")
        over = rations.cut(Codes(tenants.values, tenants.codes[order]), at, kept, change, merit)
        kept &= ~over
        _give_back(state, who[over], at[over])
    _count(state, rows, kept, over, columns, rules)
    note_sources(state, who, order, columns)
    fates = Fates(*(np.zeros(len(order), bool) for _ in range(3)))
    fates.kept[order], fates.late[order], fates.over_quota[order] = kept, rows.late, over
    return fates


def _marks(state: Incidents, who: Ints, at: Ints) -> Ints:
    # One running maximum for all: what separates incidents is far above any time.
    lift = dense(who) << 42
    running = np.maximum.accumulate(at + lift) - lift
    before = np.empty(len(at), np.int64)
    before[0], before[1:] = NEVER, running[:-1]
    before[np.flatnonzero(who[1:] != who[:-1]) + 1] = NEVER
    marks: Ints = np.maximum(before, state.numbers[who, N.WATERMARK])
    return marks


def _fingerprints(state: Incidents, rows: _Rows, columns: Columns, rules: SamplingRules) -> tuple[Bools, Bools, Bools]:
    """Whether each row changes its fingerprint's state, is its first sight, and is novel. Late rows are none of these."""
    change, first, novel = (np.zeros(len(rows.who), bool) for _ in range(3))
    here = np.flatnonzero(~rows.late)
    if not len(here):
        return change, first, novel
    texts = columns.codes("fingerprint")
    code = texts.codes[rows.source[here]]
    place = here[in_order(dense(rows.who[here]) * len(texts.values) + code)]
    code, who = texts.codes[rows.source[place]], rows.who[place]
    groups = Group(who * len(texts.values) + code)
    seen, firing = rows.at[place], columns.firing[rows.source[place]]
    before_at, before_firing = np.roll(seen, 1), np.roll(firing, 1)

    short = [t if len(t) <= MAX_PRINT_CHARS else stable_id(t) for t in texts.values]
    keys = key_of(who[groups.starts], state.texts.codes(short)[code[groups.starts]])
    found, there = state.prints.find(keys)
    known = state.prints.values[found[there]]
    before_at[groups.starts] = NEVER
    before_firing[groups.starts] = firing[groups.starts]  # a first sight is no change
    before_at[groups.starts[there]], before_firing[groups.starts[there]] = known[:, P.SEEN], known[:, P.FIRING] > 0
    change[place] = firing != before_firing
    novel[place] = seen - before_at > rules.correlation_ms
    first[place[groups.starts[~there]]] = True
    _remember(state, keys, there, groups, seen, firing, columns, rows.source[place])
    return change, first, novel


def _remember(
    state: Incidents, keys: Ints, there: Bools, groups: Group, seen: Ints, firing: Bools, columns: Columns, source: Ints
) -> None:
    names: Ints = np.zeros(len(keys), np.int64)
    if not there.all():
        new = columns.texts("name", source[groups.ends[~there]])
        names[~there] = state.texts.codes([name[:MAX_NAME_CHARS] for name in new])
    last = np.zeros((len(keys), 4), np.int64)
    last[:, P.SEEN], last[:, P.FIRING], last[:, P.NAME] = seen[groups.ends], firing[groups.ends], names
    at = state.prints.ensure(keys, last)
    state.prints.values[at, P.SEEN], state.prints.values[at, P.FIRING] = last[:, P.SEEN], last[:, P.FIRING]
    state.prints.values[at, P.COUNT] += groups.ends - groups.starts + 1


def _compete(
    state: Incidents, rows: _Rows, change: Bools, first: Bools, merit: Ints, columns: Columns, rules: SamplingRules
) -> Bools:
    """Which rows are kept: changes, first sights, and by second of event time the best of the rest for the places left."""
    kept = np.zeros(len(rows.who), bool)
    here = np.flatnonzero(~rows.late)
    if not len(here):
        return kept
    who, second = rows.who[here], rows.at[here] // 1000
    always = np.where(change[here], 2, first[here])
    group = dense(who) * (int(dense(second).max()) + 1) + dense(second)
    if int(group.max()) >= 1 << 34:
        group = dense(group)
    ranked = in_order((group << 7) | (127 - 32 * always - merit[here]))
    groups = Group(group[ranked])
    keys = key_of(who[ranked[groups.starts]], second[ranked[groups.starts]])
    at = state.seconds.ensure(keys, np.zeros((len(keys), 1), np.int64))
    limit = _limits(rows, here[ranked], groups, columns, rules)
    place = state.seconds.values[at, 0][groups.of] + groups.rank
    always = always[ranked]
    wins = (place < limit[groups.of]) | (always == 2) | ((always == 1) & (place < FLOOD * limit[groups.of]))
    kept[here[ranked[wins]]] = True
    state.seconds.values[at, 0] += groups.sums(wins)
    return kept


def _limits(rows: _Rows, ranked: Ints, groups: Group, columns: Columns, rules: SamplingRules) -> Ints:
    """The limit of each group: that of its first row's tenant and tier."""
    if not rules.limits:
        return np.full(len(groups.starts), rules.limit_per_s)
    earliest = np.minimum.reduceat(rows.source[ranked], groups.starts)
    tiers = columns.tier[earliest].tolist()
    tenants = columns.texts("tenant", earliest)
    return np.asarray(
        [rules.limit(tenant, _TIERS[tier]) for tenant, tier in zip(tenants, tiers, strict=True)], np.int64
    )


def _give_back(state: Incidents, who: Ints, at: Ints) -> None:
    """The places of alerts that their tenant had no quota for."""
    keys, counts = np.unique(key_of(who, at // 1000), return_counts=True)
    places, _ = state.seconds.find(keys)
    state.seconds.values[places, 0] -= counts


def _count(state: Incidents, rows: _Rows, kept: Bools, over: Bools, columns: Columns, rules: SamplingRules) -> None:
    """Add rows to windows and totals, move watermarks and `upto`."""
    incidents = Group(rows.who)
    slots = rows.who[incidents.starts]
    numbers, offsets = state.numbers, columns.offsets[rows.source]
    numbers[slots, N.WATERMARK] = np.maximum(
        numbers[slots, N.WATERMARK], np.maximum.reduceat(rows.at, incidents.starts)
    )
    last = rows.source[incidents.ends]  # incidents in order, and within one in order of offset
    numbers[slots, N.UPTO] = offsets[incidents.ends]
    numbers[slots, N.ARRIVED] = np.maximum(numbers[slots, N.ARRIVED], columns.arrived_at[last])
    numbers[slots, N.TIER] = columns.tier[last]
    state.changed[slots] = True
    # A late row is counted in what was its incident's newest window then: its own is closed and told of.
    when = np.where(rows.late, rows.mark, rows.at) // rules.window_ms
    group = dense(rows.who) * (int(dense(when).max()) + 1) + dense(when)
    order = in_order(group if int(group.max()) < 1 << 40 else dense(group))
    windows = Group(group[order])
    head = order[windows.starts]
    counts = np.zeros((len(head), COUNTS + 2), np.int64)
    counts[:, N.RECEIVED] = windows.ends - windows.starts + 1
    counts[:, N.KEPT], counts[:, N.LATE] = windows.sums(kept[order]), windows.sums(rows.late[order])
    counts[:, N.OVER_QUOTA] = windows.sums(over[order])
    counts[:, N.SUPPRESSED] = counts[:, N.RECEIVED] - counts[:, N.KEPT] - counts[:, N.LATE]
    add(state, key_of(rows.who[head], when[head]), counts, offsets[head])


def add(state: Incidents, keys: Ints, counts: Ints, first: Ints) -> None:
    """Add counts to windows and to their incidents' totals.

    Args:
        keys: of windows, each once. counts: a row a window. first: the offset that a window begins at, if it is new.
    """
    new = np.zeros_like(counts)
    new[:, W.FIRST] = first
    at = state.windows.ensure(keys, new)
    state.windows.values[at, :COUNTS] += counts[:, :COUNTS]
    state.windows.values[at, W.CHANGED] = 1
    np.add.at(state.numbers[:, :COUNTS], keys >> 34, counts[:, :COUNTS])
