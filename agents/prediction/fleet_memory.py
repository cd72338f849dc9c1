"""What a fleet and its members remember, as JSON holds it and back: every number exactly.

River's models are taken apart into their running figures, as their classes keep them; a member's past is packed, as it is many
numbers. Another version's memory is not read: the fleet learns anew.
"""

import struct
from array import array
from base64 import b64decode, b64encode
from collections import deque
from math import isnan, nan
from typing import Any

from agents.prediction.breach_features import FEATURES
from agents.prediction.breach_watch import BreachFleet, Foretold, SeriesBreaches
from agents.prediction.errors import UnreadableFleetError
from agents.prediction.odds_mix import MODELS

VERSION = 2
_MISSING, _KNOWN = 0.0, 1.0
# Of a pending value: whether it is known, its probability, the warnings that started, two flags in one; then what models said.
_HEAD = 4


def dump_fleet(fleet: BreachFleet) -> dict[str, Any]:
    """The model, its calibration and its warning level."""
    return {
        "version": VERSION, "odds": fleet.odds.figures(), "table": fleet.table.figures(),
        "mix": fleet.mix.figures(), "calibration": fleet.calibration.figures(),
        "warning": fleet.warning.figures(),
    }  # fmt: skip


def load_fleet(fields: dict[str, Any], level: float, horizon: int) -> BreachFleet:
    """The fleet that `dump_fleet` wrote.

    Raises:
        UnreadableFleetError: another version wrote it, or it is damaged.
    """
    fleet = BreachFleet(level, horizon)
    try:
        if fields["version"] != VERSION:
            raise UnreadableFleetError(f"it is of version {fields['version']}, not {VERSION}")
        fleet.odds.restore(fields["odds"])
        fleet.table.restore(fields["table"])
        fleet.mix.restore(fields["mix"])
        fleet.calibration.restore(fields["calibration"])
        fleet.warning.restore(fields["warning"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UnreadableFleetError(f"it lacks or garbles {error}") from error
    return fleet


def dump_series(series: SeriesBreaches) -> str:
    """One member's past, standing warnings and values whose horizon is not over; at most 2.7 kB."""
    past, standing = series.past.figures(), series.standing
    usual = nan if series.usual is None else series.usual
    numbers = [float(series.below), usual, float(len(past)), *past, float(standing.now), float(len(standing.past))]
    numbers += [float(bits) for bits in standing.past]
    for told in series.pending:
        if told is None:
            numbers.append(_MISSING)
            continue
        flags = told.over + 2 * told.breached
        numbers += [_KNOWN, told.probability, float(told.started), float(flags), *told.said, *told.features]
    return b64encode(array("d", numbers).tobytes()).decode()


def load_series(text: str) -> SeriesBreaches:
    """The member that `dump_series` wrote.

    Raises:
        UnreadableFleetError: it is damaged.
    """
    numbers, series = array("d"), SeriesBreaches()
    try:
        numbers.frombytes(b64decode(text, validate=True))
        series.below = int(numbers[0])
        series.usual = None if isnan(numbers[1]) else numbers[1]
        at = 3 + int(numbers[2])
        series.past.restore(numbers[3:at].tolist())
        series.standing.now = int(numbers[at])
        end = at + 2 + int(numbers[at + 1])
        series.standing.past = deque(int(bits) for bits in numbers[at + 2 : end])
        series.pending = _pending(numbers, end)
    except (ValueError, TypeError, IndexError, OverflowError, struct.error) as error:
        raise UnreadableFleetError(f"a member is garbled: {error}") from error
    return series


def _pending(numbers: "array[float]", at: int) -> deque[Foretold | None]:
    found: deque[Foretold | None] = deque()
    while at < len(numbers):
        if numbers[at] == _MISSING:
            found.append(None)
            at += 1
            continue
        _, probability, started, flags = numbers[at : at + _HEAD]
        said, begin = tuple(numbers[at + _HEAD : at + _HEAD + MODELS]), at + _HEAD + MODELS
        features = numbers[begin : begin + FEATURES].tolist()
        if len(features) != FEATURES:
            raise ValueError("it is cut short")
        found.append(Foretold(features, said, probability, int(started), bool(int(flags) & 1), bool(int(flags) & 2)))
        at = begin + FEATURES
    return found
