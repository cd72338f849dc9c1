"""What time takes away: places of seconds gone by, fingerprints, windows, and whole incidents. Pure.

Everything goes by event time, an incident's own where one is at work, the partition's where one is silent; and everything has
a most. So memory depends on how much happens at once and not on how much ever happened.
"""

import numpy as np

from agents.sampling.incidents import Incidents, N, P
from agents.sampling.keyed_table import SHIFT, Bools, Ints
from agents.sampling.rules import SamplingRules
from schemas.records.vocabulary import Millis
from streams.topics import DAY_MS, HOUR_MS
from streams.turns import Steps

# A fingerprint that fires is remembered while it fires, up to a day: its resolution is a change of state.
FIRING_MS = DAY_MS
# An incident that is silent for so long, by the clock of arrival or by event time, begins a new account with its next alert.
FORGET_MS = 7 * DAY_MS
FORGET_EVENT_MS = HOUR_MS
# The most that a partition holds: an incident takes some 3 kB with its row, a fingerprint 500 bytes.
MAX_INCIDENTS = 25_000
MAX_PRINTS = 150_000


def closing(state: Incidents, rules: SamplingRules, now: Millis) -> Bools:
    """Which windows close: the incident's watermark, or silence, has left them behind."""
    owners = state.windows.owners()
    over: Bools = (state.windows.parts() + 1) * rules.window_ms <= state.numbers[
        owners, N.WATERMARK
    ] - rules.lateness_ms
    either: Bools = over | silent(state, owners, rules, now)
    return either


def silent(state: Incidents, slots: Ints, rules: SamplingRules, now: Millis) -> Bools:
    """Which incidents no alert came of for long: by arrival, or while others' event time moved on."""
    front = int(state.numbers[:, N.WATERMARK].max())
    behind = front - state.numbers[slots, N.WATERMARK] > rules.lateness_ms + rules.window_ms
    quiet = now - state.numbers[slots, N.ARRIVED] > rules.lateness_ms
    gone: Bools = quiet | (behind & ~state.changed[slots])
    return gone


def expire(state: Incidents, rules: SamplingRules) -> Steps[None]:
    """Forget the seconds and fingerprints that event time has left behind, and the oldest of too many; in steps, as `tell`."""
    bound = state.numbers[:, N.WATERMARK] - rules.lateness_ms
    state.seconds.keep((state.seconds.parts() + 1) * 1000 > bound[state.seconds.owners()])
    yield
    prints = state.prints
    keep_ms = np.where(prints.values[:, P.FIRING] > 0, FIRING_MS, rules.correlation_ms)
    prints.keep(prints.values[:, P.SEEN] >= state.numbers[prints.owners(), N.WATERMARK] - keep_ms)
    yield
    if len(prints) > rules.correlation_keys:
        prints.keep(_newest(prints.owners(), prints.values[:, P.SEEN], rules.correlation_keys))
        yield
    if len(prints) > MAX_PRINTS:
        prints.keep(_newest(np.zeros(len(prints), np.int64), prints.values[:, P.SEEN], MAX_PRINTS))
        yield
    state.forget_texts()
    yield


def _newest(owners: Ints, seen: Ints, most: int) -> Bools:
    """The `most` rows of each owner that were seen last."""
    order = np.lexsort((-seen, owners))
    sorted_owners = owners[order]
    begins = np.searchsorted(sorted_owners, sorted_owners)
    kept = np.empty(len(owners), bool)
    kept[order] = np.arange(len(owners)) - begins < most
    return kept


def forgotten(state: Incidents, now: Millis) -> Ints:
    """The incidents to forget: silent for long, or too many, the longest silent first. None has a window or a storm open."""
    live = state.live()
    busy = np.union1d(state.windows.keys >> SHIFT, np.asarray(sorted(state.storms), np.int64))
    idle = live[~np.isin(live, busy) & ~state.changed[live]]
    numbers = state.numbers[idle]
    old = now - numbers[:, N.ARRIVED] > FORGET_MS
    behind = int(state.numbers[:, N.WATERMARK].max()) - numbers[:, N.WATERMARK] > FORGET_EVENT_MS
    quiet = now - numbers[:, N.ARRIVED] > HOUR_MS
    gone = idle[old | (behind & quiet)]
    excess = len(live) - len(gone) - MAX_INCIDENTS
    if excess > 0:
        rest = np.setdiff1d(idle, gone)
        gone = np.concatenate((gone, rest[np.argsort(state.numbers[rest, N.WATERMARK])[:excess]]))
    return gone
