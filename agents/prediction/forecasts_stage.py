"""Stage `forecasts`: series with a known limit are forecast as they go; likely breaches become predictions, sparingly, and
each is judged afterwards by what its series did.
"""

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from pydantic import TypeAdapter

from agents.prediction.ahead import HORIZONS_S, Ahead, judged_ahead, made_ahead
from agents.prediction.forecaster import Forecast, ForecastState, breached, forecast, learn
from agents.prediction.levels import breach_level
from agents.prediction.outcomes import outcome_of
from agents.prediction.told_from import ToldFrom
from agents.prediction.verification import Verification
from agents.series.values import in_words, measurable
from schemas.convert import to_dict
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis
from state.changed import changed
from streams.stage import Output, Position, Received, Step
from streams.topics import METRICS, PREDICTIONS, Topic

MODEL = "fading line, first passage"
# A warning is taken back when the odds are clearly lower, so that it does not flap about the threshold.
_TAKEN_BACK = 0.75


@dataclass(frozen=True, slots=True)
class ForecastRules:
    """What an operator can set: the least probability that is published, how far ahead, and the least event time between two."""

    threshold: float = 0.6
    horizon_s: int = 1800
    repeat_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ForecastSeries:
    """The forecaster's memory; whether a breach is foretold, when it was told last (epoch ms of event time), and what of that
    is to be verified: by its own horizon, and by the others."""

    forecaster: ForecastState = field(default_factory=ForecastState)
    foretold: bool = False
    told_at: Millis | None = None
    verification: Verification = field(default_factory=Verification)
    ahead: Ahead = field(default_factory=dict)
    told_from: ToldFrom = field(default_factory=ToldFrom)


_STATE = TypeAdapter(ForecastSeries)


class ForecastsStage:
    """METRICS -> PREDICTIONS, keyed by series. Series without a known limit, and points that are no numbers, are passed over.

    The window of a prediction begins now: a breach in two minutes is as much worth a warning as one in twenty.
    """

    name = "forecasts"
    sources: tuple[Topic, ...] = (METRICS,)
    views: tuple[Topic, ...] = ()

    def __init__(self, rules: ForecastRules | None = None) -> None:
        self._rules = rules or ForecastRules()

    def key(self, received: Received[Any]) -> str | None:
        """The series, if its metric has a limit and the value is one: what is none is stage `metrics`' dead letter."""
        point: MetricPoint = received.record
        known = breach_level(point.name, point.unit) is not None and measurable(point.value)
        return point.series if known else None

    def initial(self, key: str) -> ForecastSeries:  # noqa: ARG002 - every series begins alike
        """A series of which nothing is known."""
        return ForecastSeries()

    def decide(self, state: ForecastSeries, received: Received[Any]) -> Step[ForecastSeries]:
        """Learn the point; judge what it decides; foretell a likely breach, or take back what was foretold."""
        point: MetricPoint = received.record
        level = breach_level(point.name, point.unit)
        learned = learn(state.forecaster, point.value, point.occurred_at)
        before, fresh = state.forecaster, learned.points != state.forecaster.points
        state = changed(state, forecaster=learned)
        if level is None or not fresh:
            return Step(state)
        at_level = breached(learned, level)
        state, judged = self._judged(state, before, point, level, at_level, received.position)
        told_just_now = (
            state.told_at is not None and 0 <= point.occurred_at - state.told_at < self._rules.repeat_s * 1000
        )
        if told_just_now:
            return Step(state, judged)
        found = forecast(learned, level, self._rules.horizon_s)
        if found is None:
            return Step(state, judged)
        verification = state.verification.foretold(found.probability)
        if not at_level:
            told_from = state.told_from.given(found.probability, point.occurred_at, self._rules.threshold)
            state = changed(state, told_from=told_from) if told_from is not state.told_from else state
        # At its level it is a fact, and what is foretold stands until the odds are clearly below the operator's threshold.
        bar = self._rules.threshold if at_level or state.foretold else state.told_from.level(self._rules.threshold)
        likely = found.probability >= bar
        over = state.foretold and found.probability < _TAKEN_BACK * self._rules.threshold
        if not likely and not over:
            return Step(changed(state, verification=verification), judged)
        # Each horizon is integrated on a grid of its own; the longer is never the less likely.
        by_horizon = accumulate((_odds(learned, level, ahead_s) for ahead_s in HORIZONS_S), max)
        odds = {str(ahead_s): odds for ahead_s, odds in zip(HORIZONS_S, by_horizon, strict=True)}
        made = self._prediction(point, level, found, received.position, odds)
        if likely and not at_level:
            horizon_ms = self._rules.horizon_s * 1000
            verification = verification.made(made.prediction_id, made.probability, point.occurred_at, horizon_ms)
            state = changed(state, ahead=made_ahead(state.ahead, made, self._rules.threshold))
        state = changed(state, foretold=likely, told_at=point.occurred_at, verification=verification)
        return Step(state, (*judged, _output(made)))

    def tick(self, key: str, state: ForecastSeries, now: Millis) -> Step[ForecastSeries] | None:  # noqa: ARG002 - no clock
        """Nothing happens by time alone."""
        return None

    def waits(self, state: ForecastSeries) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: ForecastSeries) -> dict[str, Any]:
        """The state's numbers, under their names."""
        return to_dict(state)

    def load(self, fields: dict[str, Any]) -> ForecastSeries:
        """The state of these numbers; what an earlier version did not know begins anew."""
        return _STATE.validate_python(fields)

    def _judged(
        self, state: ForecastSeries, before: ForecastState, point: MetricPoint, level: float, at_level: bool,
        position: Position,
    ) -> tuple[ForecastSeries, tuple[Output, ...]]:  # fmt: skip
        horizon_ms, at = self._rules.horizon_s * 1000, point.occurred_at
        after, verdict = state.verification.judged(at, at_level, horizon_ms)
        outputs: tuple[Output, ...] = ()
        while verdict is not None:
            told = outcome_of(
                verdict, point, position, level=level, horizon_s=self._rules.horizon_s, model=MODEL, number=len(outputs)
            )
            outputs = (*outputs, told)
            after, verdict = after.judged(at, at_level, horizon_ms)
        ahead, aside = judged_ahead(
            state.ahead, point, position, level=level, at_level=at_level, horizon_s=self._rules.horizon_s, model=MODEL,
            odds_before=lambda ahead_s: _odds(before, level, ahead_s))  # fmt: skip
        told_from = state.told_from.judged(at, at_level, horizon_ms)
        return changed(state, verification=after, ahead=ahead, told_from=told_from), (*outputs, *aside)

    def _prediction(
        self, point: MetricPoint, level: float, found: Forecast, position: Position, odds: dict[str, float]
    ) -> Prediction:
        when = f" in about {found.breach_in_s:.0f} s" if found.breach_in_s is not None else ""
        told = "" if found.model == "line" else f" by its {found.model}"
        summary = (
            f"{point.name} of {point.service} at {in_words(point.value)}, {in_words(found.trend_per_min, '+')} a minute{told}: "
            f"{found.probability:.0%} that it passes {level:g}{when}"
        )
        return Prediction(
            prediction_id=position.derived_id(self.name), incident_id=point.incident_id, tenant=point.tenant,
            environment=point.environment, service=point.service, series=point.series, metric=point.name,
            probability=found.probability, level=level, value=point.value, trend_per_min=found.trend_per_min, from_s=0,
            to_s=self._rules.horizon_s, breach_in_s=found.breach_in_s, model=MODEL, occurred_at=point.occurred_at,
            evidence=[position.evidence(summary)], odds=odds)  # fmt: skip


def _odds(learned: ForecastState, level: float, ahead_s: int) -> float:
    found = forecast(learned, level, ahead_s)
    return found.probability if found is not None else 0.0


def _output(made: Prediction) -> Output:
    return Output(PREDICTIONS, made.incident_id, made)
