"""How unusual an incident's alert rate is, against its own last day and against the same hour of earlier weeks.

Counts by window of event time come from sampling's account, which counts every alert, suppressed ones too. The baseline
is a mean and variance that forget with a time constant of 24 h of event time (see `level`); windows without
alerts have no record and count as zeros. A count is scored before it is learned, and no count is taken for steadier than
Poisson's (its variance is at least its mean), so a handful of alerts in a calm service is no news. A count is as unusual as
the kinder of the two baselines says: what comes every week at this hour (see `weekly`) is no news either.
"""

import math
from dataclasses import dataclass, field

from agents.detection.weekly import Weekly
from agents.series.level import Level
from agents.series.outlyingness import outlyingness, trust
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import Millis

DAY_MS = 86_400_000
# Before it was ever heard from, an incident was silent: as strongly as 30 windows say it.
_SILENCE = Level(n=30.0)


@dataclass(frozen=True, slots=True)
class AlertRates:
    """The baseline (alerts a window) and the newest window, which is not yet part of it."""

    baseline: Level = field(default_factory=lambda: _SILENCE)
    window_start: Millis = -1
    window_ms: int = 0
    received: int = 0
    weekly: Weekly = field(default_factory=Weekly)

    @property
    def score(self) -> float:
        """How unusually many alerts the newest window has; 0 where it has fewer than usual."""
        deviations = self._deviations(self.baseline)
        weekly = self.weekly.usual(self.window_start)
        if weekly is not None:
            deviations = min(deviations, self._deviations(weekly))
        return outlyingness(max(0.0, deviations))

    @property
    def a_minute(self) -> float:
        """How many alerts are usual in a minute."""
        return self.baseline.mean * 60_000 / max(1, self.window_ms)

    def _deviations(self, usual: Level) -> float:
        spread = math.sqrt(max(usual.variance, usual.mean, 1.0) * (1 + 1 / usual.n))
        return (self.received - usual.mean) / spread

    def heard(self, account: AlertAccount) -> "AlertRates":
        """The rates after a word of the account; one about a window before the newest is too late to matter."""
        if account.window_start < self.window_start:
            return self
        baseline = self.baseline
        if self.window_start >= 0 and account.window_start > self.window_start:
            baseline = self._learned(account.window_start)
        same = account.window_start == self.window_start
        received = max(account.received, self.received) if same else account.received
        weekly = self.weekly.heard(account.window_start, account.received)
        return AlertRates(baseline, account.window_start, account.window_ms, received, weekly)

    def _learned(self, until: Millis) -> Level:
        width_ms = max(1, self.window_ms)
        decay = math.exp(-width_ms / DAY_MS)
        baseline = self.baseline.learned(self.received, decay, trust(self._deviations(self.baseline), power=2))
        empty = (until - self.window_start) // width_ms - 1
        if empty <= 0:
            return baseline
        # The sum of `empty` discounted weights of 1, and the discount of all before them.
        faded = decay**empty
        return baseline.learned(0.0, faded, (1 - faded) / (1 - decay))
