"""Stage `breaches`: fleets of series with a known limit, each forecast by what became of all; warnings become predictions.

The code that `breakwater backtest warn` scores, on points as they come. A warning is told of when it begins, again at every
step of five minutes while it stands, and once when it is taken back; each is judged afterwards by what its series did. It is no
vote on an incident: the bar is set so that most breaches are foreseen, not so that a remedy could rest on it.
"""

from dataclasses import dataclass
from typing import Any

from agents.prediction.breach_watch import BreachFleet
from agents.prediction.errors import UnreadableFleetError
from agents.prediction.fleet import HORIZON, STEP_MS, Member, Stepped, dump_member, load_member, take
from agents.prediction.fleet_memory import dump_fleet, load_fleet
from agents.prediction.levels import breach_level
from agents.prediction.outcomes import FLEET, about, outcome_of
from agents.series.notices import tell_once
from agents.series.values import in_words, measurable
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis
from streams.stage import Output, Position, Received, Step
from streams.topics import METRICS, PREDICTIONS, Topic

_HORIZON_S = HORIZON * STEP_MS // 1000
_OPEN_MS = HORIZON * STEP_MS + STEP_MS // 2  # the last step of the horizon may be a little late


# Keys of members and of what they share; no text of a record makes one of the other.
_MEMBER, _FLEET = "series\x1f", "fleet\x1f"


@dataclass(slots=True, eq=False)
class FleetState:
    """What a fleet's members share; None before its first point, as only that tells the level."""

    model: BreachFleet | None = None

    def __eq__(self, other: object) -> bool:
        """Whether the other will say the same of whatever comes."""
        return isinstance(other, FleetState) and _shared_fields(self) == _shared_fields(other)

    __hash__ = None  # type: ignore[assignment]  # it changes


State = Member | FleetState


class BreachesStage:
    """METRICS -> PREDICTIONS, keyed by series; series of one tenant, environment, metric and unit share a model a partition."""

    name = "breaches"
    sources: tuple[Topic, ...] = (METRICS,)
    views: tuple[Topic, ...] = ()

    def key(self, received: Received[Any]) -> str | None:
        """The series, if the metric has a limit and the value is one."""
        point: MetricPoint = received.record
        known = breach_level(point.name, point.unit) is not None and measurable(point.value)
        return _MEMBER + point.series if known else None

    def shared_key(self, received: Received[Any]) -> str:
        """The fleet."""
        point: MetricPoint = received.record
        return f"{_FLEET}{point.tenant}/{point.environment}/{point.name}/{point.unit}"

    def initial(self, key: str) -> State:
        """A series of which nothing is known, or a fleet of none."""
        return FleetState() if key.startswith(_FLEET) else Member()

    def decide_among(self, state: State, shared: State, received: Received[Any]) -> Step[State]:
        """Take the point in; where it completes a step, judge what that decides, and warn or take back.

        Member and fleet learn in place: a state is good for one decision, as its shell has it.
        """
        point, position = received.record, received.position
        level = breach_level(point.name, point.unit)
        if level is None or not isinstance(state, Member) or not isinstance(shared, FleetState):
            raise TypeError(f"{type(state).__name__} among {type(shared).__name__}: neither is of this point")
        if shared.model is None:
            shared.model = BreachFleet(level, HORIZON)
        stepped = take(shared.model, state, point.value, point.occurred_at)
        if stepped is None:
            return Step(state)
        judged = _judged(state, stepped, point, level, position)
        return Step(state, (*judged, *_told(state, stepped, point, level, position)))

    def tick(self, key: str, state: State, now: Millis) -> Step[State] | None:  # noqa: ARG002 - no clock
        """Nothing happens by time alone."""
        return None

    def waits(self, state: State) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: State) -> dict[str, Any]:
        """All that a member or a fleet remembers."""
        return {"member": dump_member(state)} if isinstance(state, Member) else _shared_fields(state)

    def load(self, fields: dict[str, Any]) -> State:
        """The state of these figures; one that another version wrote begins anew, with a notice."""
        member = "member" in fields
        try:
            return load_member(fields["member"]) if member else _shared(fields)
        except (UnreadableFleetError, KeyError, TypeError, ValueError) as error:
            tell_once("series of fleets are learned anew" if member else "fleets are learned anew", str(error))
            return Member() if member else FleetState()


def _shared_fields(state: FleetState) -> dict[str, Any]:
    return {"level": state.model.level, "model": dump_fleet(state.model)} if state.model else {}


def _shared(fields: dict[str, Any]) -> FleetState:
    return FleetState(load_fleet(fields["model"], fields["level"], HORIZON) if fields else None)


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
        f"{point.name} of {point.service} at {in_words(stepped.value)}: {warning.probability:.0%} that it passes {level:g} "
        f"within {_HORIZON_S // 60} min, as series like it did"
    )
    return Prediction(
        prediction_id=position.derived_id("breaches"), incident_id=about(point, FLEET), tenant=point.tenant,
        environment=point.environment, service=point.service, series=point.series, metric=point.name,
        probability=warning.probability, level=level, value=stepped.value, trend_per_min=0.0, from_s=0, to_s=_HORIZON_S,
        breach_in_s=None, model=FLEET, occurred_at=point.occurred_at, evidence=[position.evidence(summary)],
        warned=warning.warned, odds={str(_HORIZON_S): warning.probability})  # fmt: skip
