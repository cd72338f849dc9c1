"""How often something comes back, at this time of day: occasions that fade, on a wave of 24 hours.

An occasion counts fully at its own time of day and not at all twelve hours from it, as the first harmonic has it
(Bloomfield, P. (1976), Fourier Analysis of Time Series: the first term of a daily cycle); five numbers hold it, where 168 hours
of the week would need as many counters for each pair and weeks to fill them.
"""

import math

_WAVE = 2 * math.pi / 86_400_000


class Recurrence:
    """Occasions of one thing. Times are epoch ms of event time; the newest occasion must come last."""

    __slots__ = ("at", "cosine", "count", "expected", "sine")

    def __init__(self) -> None:
        self.count = 0.0  # faded occasions
        self.cosine = 0.0
        self.sine = 0.0
        self.at = -1
        self.expected = 0.0  # how many such occasions there were before the newest one, at its time of day

    def occurs(self, at: int, occasion_ms: float, fading_ms: float) -> bool:
        """Take a happening in; whether it is a new occasion, and not one more of the last."""
        if self.at >= 0 and at - self.at <= occasion_ms:
            return False
        cosine, sine = math.cos(_WAVE * at), math.sin(_WAVE * at)
        if self.at >= 0:
            faded = math.exp(-(at - self.at) / fading_ms)
            self.count *= faded
            self.cosine *= faded
            self.sine *= faded
        self.expected = max(0.0, (self.count + self.cosine * cosine + self.sine * sine) / 2)
        self.count += 1.0
        self.cosine += cosine
        self.sine += sine
        self.at = at
        return True
