"""Storms of an incident, with hysteresis: one opens within a window that is loud enough and closes after calm windows. Pure."""

from base64 import b64encode
from collections.abc import Iterable
from heapq import nsmallest

import numpy as np

from agents.sampling.incidents import Incidents, N, P, key_of
from agents.sampling.keyed_table import Ints
from agents.sampling.rules import SamplingRules
from agents.sampling.sources import estimate, sketch
from schemas.identity import stable_id
from schemas.records.sampling import FingerprintCount, StormChanged
from schemas.records.vocabulary import Millis

LOUDEST = 5
# A window's weight in the baseline: its half-life is about 7 windows.
ALPHA = 0.1
# Of a long silence the last windows tell all.
_PAST = 50


def to_be_judged(state: Incidents, slots: Ints, rules: SamplingRules) -> Ints:
    """Those of the incidents for which `judge` may have something to do: most are neither loud nor in a new window."""
    numbers = state.numbers[slots]
    current = numbers[:, N.WATERMARK] // rules.window_ms
    at, there = state.windows.find(key_of(slots, current))
    received = np.where(there, state.windows.values[at, N.RECEIVED], 0) if len(state.windows) else np.zeros(len(slots))
    loud = received * 1000 >= rules.open_per_s * rules.window_ms
    in_storm = np.isin(slots, list(state.storms))
    wanted: Ints = slots[loud | in_storm | (numbers[:, N.JUDGED] != current)]
    return wanted


def judge(state: Incidents, slot: int, rules: SamplingRules, partition: int, now: Millis) -> StormChanged | None:
    """The change that an incident's windows bring about, if any; `now` is arrival time, for incidents that fell silent.

    The sources of a storm that closes are to be taken away with `without_sources`, of all of them at once.
    """
    (begin,), (end,) = state.windows.bounds(np.asarray([slot]))
    counts = state.windows.values[begin:end, N.RECEIVED].tolist()
    received = dict(zip(state.windows.parts(begin, end).tolist(), counts, strict=True))
    rates = {window: n * 1000 / rules.window_ms for window, n in received.items()}
    numbers = state.numbers[slot]
    current = int(numbers[N.WATERMARK]) // rules.window_ms
    _judge_past(state, slot, rules, current, rates)
    rate = rates.get(current, 0.0)
    if slot not in state.storms and rate >= rules.open_per_s:
        return _opened(state, slot, rate, partition, current * rules.window_ms)
    silent = now - int(numbers[N.ARRIVED]) > rules.close_windows * rules.window_ms
    if slot in state.storms and (numbers[N.CALM] >= rules.close_windows or silent):
        return _closed(state, slot, 0.0 if silent else rate, partition, now if silent else int(numbers[N.WATERMARK]))
    return None


def without_sources(state: Incidents, changes: Iterable[StormChanged]) -> None:
    """Forget the sources of those storms that closed: the next one counts its own."""
    closed = [state.slot_of(change.incident_id) for change in changes if not change.open]
    if closed:
        state.sources.keep(~np.isin(state.sources.owners(), closed))


def _judge_past(state: Incidents, slot: int, rules: SamplingRules, current: int, rates: dict[int, float]) -> None:
    numbers = state.numbers[slot]
    since = int(numbers[N.JUDGED])
    if since >= 0:
        for window in range(max(since, current - _PAST), current):  # windows that hold no alert are calm
            rate = rates.get(window, 0.0)
            numbers[N.CALM] = numbers[N.CALM] + 1 if rate < rules.close_per_s else 0
            if slot not in state.storms:
                state.baselines[slot] += ALPHA * (rate - state.baselines[slot])
    numbers[N.JUDGED] = max(since, current)


def _opened(state: Incidents, slot: int, rate: float, partition: int, window: Millis) -> StormChanged:
    state.storms[slot] = stable_id("storm", state.ids[slot], partition, window)
    numbers = state.numbers[slot]
    numbers[N.STORM_AT], numbers[N.CALM] = numbers[N.WATERMARK], 0
    return _change(state, slot, True, rate, partition, int(numbers[N.WATERMARK]))


def _closed(state: Incidents, slot: int, rate: float, partition: int, at: Millis) -> StormChanged:
    change = _change(state, slot, False, rate, partition, at)
    del state.storms[slot]
    state.numbers[slot, N.CALM] = 0
    (begin,), (end,) = state.prints.bounds(np.asarray([slot]))
    state.prints.values[begin:end, P.COUNT] = 0
    return change


def _change(state: Incidents, slot: int, opened: bool, rate: float, partition: int, at: Millis) -> StormChanged:
    sources = sketch(state, slot)
    return StormChanged(
        storm_id=state.storms[slot],
        incident_id=state.ids[slot],
        tenant=state.tenants[slot],
        service=state.services[slot],
        open=opened,
        rate_per_s=rate,
        baseline_per_s=float(state.baselines[slot]),
        loudest=_loudest(state, slot),
        occurred_at=at,
        partition=partition,
        upto=int(state.numbers[slot, N.UPTO]),
        distinct_sources=estimate(sources),
        sources=b64encode(sources).decode(),
    )


def _loudest(state: Incidents, slot: int) -> list[FingerprintCount]:
    (begin,), (end,) = state.prints.bounds(np.asarray([slot]))
    codes = state.prints.parts(begin, end).tolist()
    texts, values = state.texts.texts, state.prints.values[begin:end].tolist()
    loud = nsmallest(
        LOUDEST,
        ((-value[P.COUNT], texts[code], texts[value[P.NAME]]) for code, value in zip(codes, values, strict=True)),
    )
    return [FingerprintCount(fingerprint=print_, name=name, count=-n) for n, print_, name in loud]
