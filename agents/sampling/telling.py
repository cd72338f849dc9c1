"""What is said and written at a flush: windows that changed or close, storms that open or close, rows of what changed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agents.sampling.account_rows import rows
from agents.sampling.expiry import closing, expire, forgotten
from agents.sampling.incidents import Incidents, N, W
from agents.sampling.keyed_table import Ints
from agents.sampling.rules import SamplingRules
from agents.sampling.storms import judge, to_be_judged
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Millis, Tier
from streams.changelog import Rows

_TIERS = list(Tier)
# Rows and events made before other tasks of the loop get a turn: some milliseconds.
SLICE = 100


@dataclass(frozen=True, slots=True)
class Told:
    """Events to publish, then the incidents whose rows are to be written, by slot, and the ids of those to be removed."""

    storms: list[StormChanged]
    accounts: list[AlertAccount]
    changed: Ints
    gone: list[str]

    def rows(self, state: Incidents) -> Iterator[Rows]:
        """The rows, in slices of some milliseconds; the state is as `tell` left it."""
        for begin in range(0, len(self.changed), SLICE):
            yield dict(rows(state, self.changed[begin : begin + SLICE]))
        yield {incident_id.encode(): None for incident_id in self.gone}


def tell(state: Incidents, rules: SamplingRules, partition: int, now: Millis) -> Told:
    """What has changed since the last call. The state is changed: windows that are told of as closed are in it no more.

    Args:
        now: arrival time, for incidents that fell silent.
    """
    return tidied(state, rules, now, *said(state, rules, partition, now))


def said(
    state: Incidents, rules: SamplingRules, partition: int, now: Millis
) -> tuple[list[StormChanged], list[AlertAccount]]:
    """The first half of `tell`: what is said of storms and windows. Nothing may be counted between the two."""
    closes = closing(state, rules, now)
    owners = state.windows.owners()
    state.changed[owners[closes]] = True
    touched = np.union1d(np.flatnonzero(state.changed), np.asarray(sorted(state.storms), np.int64))
    changes = [judge(state, slot, rules, partition, now) for slot in to_be_judged(state, touched, rules).tolist()]
    storms = [change for change in changes if change is not None]
    ended = [state.slot_of(change.incident_id) for change in storms]
    state.changed[ended] = True
    say = np.flatnonzero(closes | (state.windows.values[:, W.CHANGED] > 0))
    accounts = _accounts(state, say, closes, rules, partition)
    state.windows.values[say, W.CHANGED] = 0
    state.windows.keep(~closes)
    return storms, accounts


def tidied(
    state: Incidents, rules: SamplingRules, now: Millis, storms: list[StormChanged], accounts: list[AlertAccount]
) -> Told:
    """The second half of `tell`: what is over is forgotten, and what has changed is listed."""
    expire(state, rules)
    gone = state.forget(forgotten(state, now))
    changed = np.flatnonzero(state.changed)
    state.changed[:] = False
    return Told(storms, accounts, changed, gone)


def _accounts(
    state: Incidents, say: Ints, closes: "np.typing.NDArray[np.bool_]", rules: SamplingRules, partition: int
) -> list[AlertAccount]:
    slots, starts = state.windows.owners()[say], state.windows.parts()[say] * rules.window_ms
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
