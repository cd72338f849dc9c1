"""Which model of a series holds: each says what it will be in half an hour, and the one that was least wrong lately is asked.

The models are a line (the rise goes on), a level (it stays where it is) and, once every hour of the day was seen twice, a
season (it does what it did on other days). While nothing rises they say nearly the same, so the contest is about rises: claims
are made when the line claims one, and a claim is judged when its half hour is over. The loss is the continuous ranked
probability score of a Gaussian (Gneiting and Raftery 2007, J. Am. Stat. Assoc. 102, eq. 21), a proper score in the series'
unit; it fades, so that the last few claims decide. Nothing verified, and the line is asked: most rises towards a limit do go on.
"""

import math
from dataclasses import dataclass, field, replace

from agents.prediction.season import Season
from schemas.records.vocabulary import Millis

LINE, LEVEL, SEASON = range(3)
LOOK_MS = 600_000  # between two looks at a series, of event time
AHEAD_MS = 1_800_000  # a claim's horizon: three stand at most
_LATE_MS = 300_000  # a value that comes later than this after a claim was due is of another time
_FADE = 0.9  # the last ten claims count
_LEAST = 4.0  # so many verified before another than the line is asked
_CLEARLY = 0.9  # the loss, as a share of the line's, from which the line gives way


@dataclass(frozen=True, slots=True)
class Belief:
    """A model's Gaussian for a value to come, in the series' unit."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What the models said of one moment: (mean, deviation) each; the season's only once there is one."""

    due_at: Millis
    said: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """The models' fading losses, mean squared errors, and the claims that are not judged yet."""

    looked_at: Millis | None = None
    season: Season = field(default_factory=Season)
    claims: tuple[Claim, ...] = ()
    losses: tuple[float, ...] = ()
    squares: tuple[float, ...] = ()
    judged: float = 0.0

    @property
    def best(self) -> int:
        """The model that is asked now."""
        if self.judged < _LEAST or not self.losses:
            return LINE
        least = min(self.losses)
        return self.losses.index(least) if least < _CLEARLY * self.losses[LINE] else LINE

    def due(self, at: Millis) -> bool:
        """Whether it is time for a look."""
        return self.looked_at is None or at - self.looked_at >= LOOK_MS

    def looked(self, value: float, at: Millis) -> "Contest":
        """After a look at the series' level (not one noisy point): claims that are due are judged, the season learns."""
        contest = self
        while contest.claims and contest.claims[0].due_at <= at:
            claim, rest = contest.claims[0], contest.claims[1:]
            contest = replace(contest, claims=rest)
            if at - claim.due_at <= _LATE_MS:
                contest = contest._judge(claim, value)
        season = contest.season.learned(value, at)
        if season.known and not contest.season.known:
            # All are judged by the same claims: with a newcomer the contest begins anew.
            contest = replace(contest, claims=(), losses=(), squares=(), judged=0.0)
        return replace(contest, season=season, looked_at=at)

    def claimed(self, at: Millis, beliefs: tuple[Belief, ...]) -> "Contest":
        """After the models said what they expect half an hour after `at`."""
        said = tuple((_short(one.mean), _short(one.deviation)) for one in beliefs)
        return replace(self, claims=(*self.claims, Claim(at + AHEAD_MS, said)))

    def variance(self, model: int) -> float | None:
        """How far the model's claims were off, squared; None while none was judged."""
        return self.squares[model] if model < len(self.squares) else None

    def _judge(self, claim: Claim, value: float) -> "Contest":
        judged = self.judged * _FADE + 1.0
        before = self.losses or (0.0,) * len(claim.said)
        squares = self.squares or (0.0,) * len(claim.said)
        off = [crps(Belief(*said), value) for said in claim.said]
        return replace(
            self, judged=judged,
            losses=tuple(_short(b + (loss - b) / judged) for b, loss in zip(before, off, strict=True)),
            squares=tuple(
                _short(b + ((value - mean) ** 2 - b) / judged)
                for b, (mean, _) in zip(squares, claim.said, strict=True)
            ),
        )  # fmt: skip


def crps(belief: Belief, value: float) -> float:
    """The score of a Gaussian for what came, in the value's unit: 0 is best; of a certain belief it is the distance.

    >>> crps(Belief(1.0, 0.0), 3.0), round(crps(Belief(0.0, 1.0), 0.0), 4)
    (2.0, 0.2337)
    """
    off = abs(value - belief.mean)
    if belief.deviation <= 1e-9 * off or belief.deviation == 0:
        return off
    z = off / belief.deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return belief.deviation * (z * math.erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))


def _short(figure: float) -> float:
    return float(f"{figure:.6g}")
