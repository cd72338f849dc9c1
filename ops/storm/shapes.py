"""The shapes of generated storms: who is loud, how the rate goes, and whether conditions come back. Pure."""

import math
from enum import StrEnum

from schemas.records.vocabulary import AlertStatus

# Of a square wave, its periods; of bursts, how many; of re-fires, the times that everything fires and resolves.
PERIODS = 10
# One alert in so many is of another incident than the noisy one.
_QUIET_SHARE = 20


class Shape(StrEnum):
    """How a storm goes; all but the first change one thing about it."""

    ZIPF = "zipf"  # steady, incidents have shares as by Zipf's law, all resolves at the end
    RAMP = "ramp"  # the rate grows from nothing to twice the mean
    SQUARE = "square"  # twice the rate, then nothing, in turns
    BURSTS = "bursts"  # all at once, ten times
    ONE_NOISY = "one-noisy"  # one incident has 95 %
    MANY_SMALL = "many-small"  # all incidents have the same share
    REFIRES = "refires"  # everything resolves and fires again, ten times
    FLAPPING = "flapping"  # every other alert of a condition resolves it


# Shapes in which conditions resolve and fire again before the end.
CHANGING = frozenset({Shape.REFIRES, Shape.FLAPPING})


def share_of(shape: Shape, incident: int, incidents: int) -> float:
    """How much of the storm is an incident's, in any unit."""
    if shape is Shape.MANY_SMALL:
        return 1.0
    if shape is Shape.ONE_NOISY:
        return float(_QUIET_SHARE - 1) * max(1, incidents - 1) if incident == 0 else 1.0
    return 1 / (1 + incident)


def due_at(shape: Shape, sent: float) -> float:
    """When a share `sent` of all alerts (0 to 1) is due, as a share of the storm's time.

    >>> due_at(Shape.ZIPF, 0.25), due_at(Shape.RAMP, 0.25), due_at(Shape.BURSTS, 0.25), due_at(Shape.SQUARE, 0.25)
    (0.25, 0.5, 0.2, 0.225)
    """
    if shape is Shape.RAMP:
        return math.sqrt(sent)
    period, within = divmod(sent * PERIODS, 1)
    if shape is Shape.BURSTS:
        return period / PERIODS
    if shape is Shape.SQUARE:
        return (period + within / 2) / PERIODS
    return sent


def status_at(shape: Shape, sent: float, times_seen: int, default: AlertStatus) -> AlertStatus:
    """Whether an alert fires: at a share `sent` of the storm, of a condition that was seen so often before."""
    if shape is Shape.FLAPPING:
        return AlertStatus.RESOLVED if times_seen % 2 else AlertStatus.FIRING
    if shape is Shape.REFIRES:
        return AlertStatus.RESOLVED if int(sent * PERIODS * 2) % 2 else AlertStatus.FIRING
    return default
