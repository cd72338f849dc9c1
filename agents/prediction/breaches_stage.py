"""Stage `breaches`: fleets of series with a known limit, each forecast by what became of all; warnings become predictions.

The code that `breakwater backtest warn` scores, on points as they come. A warning is told of when it begins, again at every
step of five minutes while it stands, and once when it is taken back; each is judged afterwards by what its series did. It is no
vote on an incident: the bar is set so that most breaches are foreseen, not so that a remedy could rest on it.
"""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import structlog

from agents.prediction.breach_watch import BreachFleet
from agents.prediction.errors import UnreadableFleetError
from agents.prediction.fleet import HORIZON, STEP_MS, Fleet, Member, Stepped, dump, load
from agents.prediction.levels import breach_level
from agents.prediction.outcomes import FLEET, about, outcome_of
from agents.series.values import measurable
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis
from streams.stage import Output, Position, Received, Step
from streams.topics import METRICS, PREDICTIONS, Topic

log = structlog.get_logger()

_HORIZON_S = HORIZON * STEP_MS // 1000
_OPEN_MS = HORIZON * STEP_MS + STEP_MS // 2  # the last step of the horizon may be a little late


@dataclass(frozen=True, slots=True)
class FleetRules:
    """Into how many fleets the series of one metric are divided, a partition: more learn less each, and are stored quicker."""

    fleets: int = 1


@dataclass(slots=True)
class FleetState:
    """A fleet; None before its first point, as only that tells the level."""

    fleet: Fleet | None = None


class BreachesStage:
    """METRICS -> PREDICTIONS, keyed by fleet: tenant, environment, metric, unit, and a share of the series."""

    name = "breaches"
    sources: tuple[Topic, ...] = (METRICS,)
    views: tuple[Topic, ...] = ()

    def __init__(self, rules: FleetRules | None = None) -> None:
        self._rules = rules or FleetRules()

    def key(self, received: Received[Any]) -> str | None:
        """The fleet, if the metric has a limit and the value is one."""
        point: MetricPoint = received.record
        if breach_level(point.name, point.unit) is None or not measurable(point.value):
            return None
        share = crc32(point.series.encode()) % self._rules.fleets
        return f"{point.tenant}/{point.environment}/{point.name}/{point.unit}/{share}"

    def initial(self, key: str) -> FleetState:  # noqa: ARG002 - every fleet begins alike
        """A fleet of no series."""
        return FleetState()

    def decide(self, state: FleetState, received: Received[Any]) -> Step[FleetState]:
        """Take the point in; where it completes a step, judge what that decides, and warn or take back.

        The fleet learns in place: a state is good for one decision, as its shell has it.
        """
        point, position = received.record, received.position
        level = breach_level(point.name, point.unit)
        if level is None:
            return Step(state)
        fleet = state.fleet or Fleet(BreachFleet(level, HORIZON))
        member = fleet.member(point.series, point.occurred_at)
        stepped = fleet.take(member, point.value, point.occurred_at) if member is not None else None
        state.fleet = fleet
        if member is None or stepped is None:
            return Step(state)
        judged = _judged(member, stepped, point, level, position)
        return Step(state, (*judged, *_told(member, stepped, point, level, position)))

    def tick(self, key: str, state: FleetState, now: Millis) -> Step[FleetState] | None:  # noqa: ARG002 - no clock
        """Nothing happens by time alone."""
        return None

    def waits(self, state: FleetState) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: FleetState) -> dict[str, Any]:
        """The level, and all that the fleet remembers."""
        return {"level": state.fleet.model.level, **dump(state.fleet)} if state.fleet else {}

    def load(self, fields: dict[str, Any]) -> FleetState:
        """The fleet of these figures; one that another version wrote begins anew, with a notice."""
        if not fields:
            return FleetState()
        try:
            return FleetState(load(fields, fields["level"]))
        except (UnreadableFleetError, KeyError, TypeError, ValueError) as error:
            log.warning("a fleet is learned anew", reason=str(error))
            return FleetState()


def _judged(
    member: Member, stepped: Stepped, point: MetricPoint, level: float, position: Position
) -> tuple[Output, ...]:
    told: list[Output] = []
    at, over = point.occurred_at, stepped.value >= level
    after, verdict = member.verification.judged(at, over, _OPEN_MS)
    while verdict is not None:
        told.append(
            outcome_of(
                verdict, point, position, level=level, horizon_s=_HORIZON_S, model=FLEET, number=len(told)
            )
        )  # fmt: skip
        after, verdict = after.judged(at, over, _OPEN_MS)
    member.verification = after
    return tuple(told)


def _told(member: Member, stepped: Stepped, point: MetricPoint, level: float, position: Position) -> tuple[Output, ...]:
    warning, before = stepped.warning, member.warned
    member.warned = warning.warned
    member.verification = member.verification.foretold(warning.probability)
    if not warning.warned and not before:
        return ()
    made = _prediction(stepped, point, level, position)
    if warning.warned:
        member.verification = member.verification.made(
            made.prediction_id, made.probability, point.occurred_at, _OPEN_MS
        )
    return (Output(PREDICTIONS, made.incident_id, made),)


def _prediction(stepped: Stepped, point: MetricPoint, level: float, position: Position) -> Prediction:
    warning = stepped.warning
    summary = (
        f"{point.name} of {point.service} at {stepped.value:.4g}: {warning.probability:.0%} that it passes {level:g} within "
        f"{_HORIZON_S // 60} min, as series like it did"
    )
    return Prediction(
        prediction_id=position.derived_id("breaches"), incident_id=about(point, FLEET), tenant=point.tenant,
        environment=point.environment, service=point.service, series=point.series, metric=point.name,
        probability=warning.probability, level=level, value=stepped.value, trend_per_min=0.0, from_s=0, to_s=_HORIZON_S,
        breach_in_s=None, model=FLEET, occurred_at=point.occurred_at, evidence=[position.evidence(summary)],
        warned=warning.warned, odds={str(_HORIZON_S): warning.probability})  # fmt: skip
