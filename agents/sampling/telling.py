"""What is said and written at a flush: windows that changed or close, storms that open or close, rows of what changed. Pure."""

from dataclasses import dataclass

import numpy as np

from agents.sampling.account_rows import rows
from agents.sampling.expiry import closing, expire, forgotten
from agents.sampling.incidents import Incidents, N, W
from agents.sampling.keyed_table import PART, SHIFT, Bools, Ints
from agents.sampling.rules import SamplingRules
from agents.sampling.storms import judge, to_be_judged, without_sources
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Millis, Tier
from streams.changelog import Rows
from streams.turns import Steps

_TIERS = list(Tier)
# Events, or rows, in one step: some milliseconds.
SLICE = 100


@dataclass(frozen=True, slots=True)
class Told:
    """Events to publish, then the incidents whose rows are to be written, by slot, and the ids of those to be removed."""

    storms: list[StormChanged]
    accounts: list[AlertAccount]
    changed: Ints
    gone: list[str]

    def rows(self, state: Incidents) -> Steps[Rows]:
        """The rows, in steps of some milliseconds; the state is as `tell` left it."""
        made: Rows = {}
        for begin in range(0, len(self.changed), SLICE):
            made |= rows(state, self.changed[begin : begin + SLICE])
            yield
        return made | {incident_id.encode(): None for incident_id in self.gone}


def tell(state: Incidents, rules: SamplingRules, partition: int, now: Millis) -> Steps[Told]:
    """What has changed since the last call, in steps of some milliseconds between which others may have the processor.

    The state is changed, and complete again with the last step: nothing may be counted in between. Windows that are told of as
    closed are in it no more.

    Args:
        now: arrival time, for incidents that fell silent.
    """
    closes = closing(state, rules, now)
    owners = state.windows.owners()
    state.changed[owners[closes]] = True
    touched = np.union1d(np.flatnonzero(state.changed), np.asarray(sorted(state.storms), np.int64))
    yield
    storms: list[StormChanged] = []
    for slot in to_be_judged(state, touched, rules).tolist():
        change = judge(state, slot, rules, partition, now)
        if change is not None:
            storms.append(change)
            state.changed[slot] = True
        yield
    without_sources(state, storms)
    say = np.flatnonzero(closes | (state.windows.values[:, W.CHANGED] > 0))
    yield
    accounts: list[AlertAccount] = []
    for begin in range(0, len(say), SLICE):
        accounts += _accounts(state, say[begin : begin + SLICE], closes, rules, partition)
        yield
    state.windows.values[say, W.CHANGED] = 0
    state.windows.keep(~closes)
    yield from expire(state, rules)
    gone = state.forget(forgotten(state, now))
    changed = np.flatnonzero(state.changed)
    state.changed[:] = False
    return Told(storms, accounts, changed, gone)


def _accounts(state: Incidents, say: Ints, closes: Bools, rules: SamplingRules, partition: int) -> list[AlertAccount]:
    keys = state.windows.keys[say]
    slots, starts = keys >> SHIFT, (keys & PART) * rules.window_ms
    told = zip(
        slots.tolist(), starts.tolist(), state.windows.values[say].tolist(), state.numbers[slots].tolist(),
        closes[say].tolist(), strict=True,
    )  # fmt: skip
    return [
        AlertAccount(
            incident_id=state.ids[slot], tenant=state.tenants[slot], service=state.services[slot],
            tier=_TIERS[numbers[N.TIER]], window_start=start, window_ms=rules.window_ms,
            received=window[N.RECEIVED], kept=window[N.KEPT], suppressed=window[N.SUPPRESSED], late=window[N.LATE],
            dead_lettered=window[N.DEAD], closed=closed, total_received=numbers[N.RECEIVED],
            total_kept=numbers[N.KEPT], total_suppressed=numbers[N.SUPPRESSED], total_late=numbers[N.LATE],
            total_dead_lettered=numbers[N.DEAD], partition=partition, first_offset=window[W.FIRST],
            upto=numbers[N.UPTO], over_quota=window[N.OVER_QUOTA], total_over_quota=numbers[N.OVER_QUOTA],
        )
        for slot, start, window, numbers, closed in told
    ]  # fmt: skip
