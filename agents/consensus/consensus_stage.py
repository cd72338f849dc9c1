"""The consensus stage: one decision an episode and round, as soon as it is due.

Due is a vote when all agents with a vote spoke (an abstention is a word); else `patience_s` after diagnosis's first word; else,
while diagnosis is silent, in a clarification round every `clarify_every_s` in which the supporters of one option hold
`clarify_threshold` of *all* agents' weight, so that the absent would be a minority; else at `limit_s`, when the strongest
single voice is taken to a human.
A count that misses a gate is not the last word at once: for `clarify_rounds` rounds every new word is counted again, and only
then a human is asked. Where later words pass the gates after all, as when the first were of a faint sign and the fault came
after it, they are decided on, once. An action that did not help is excluded and the rest counted at once. All waiting is in
arrival time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import fsum
from typing import Any

from agents.consensus.arithmetic import DIGITS, WEIGHTS, Option, Tally, check_weights, strongest_single, tally
from agents.consensus.ballot_box import ENDS, BallotBox, with_failure, with_recommendation
from agents.consensus.conclusion import Conclusion, evidence_at, outputs_of, question, tier_of
from agents.consensus.gates import Gates, obstacles
from agents.consensus.lagging import Lagging, keeps_up, lag_obstacle
from schemas.convert import from_dict, to_dict
from schemas.records.analysis import Recommendation
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Agent, Millis
from state.incident import EventType
from streams.stage import Received, Step
from streams.topics import EVENTS, RECOMMENDATIONS, Topic

_READ = frozenset({EventType.ACTION_COMPLETED, *ENDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusRules:
    """The stage's numbers; times in seconds of arrival time.

    Args:
        confidence_gate, support_gate, least_agents, risky_confidence: see Gates.
        stale_evidence_s: age of the newest counted recommendation that forbids a decision without a human.
        lag_limit_s: how far analysis and command may be behind for a decision without a human.
        human_role: who is asked.
    """

    weights: Mapping[Agent, float] = field(default_factory=lambda: WEIGHTS)
    confidence_gate: float = 0.7
    support_gate: float = 0.5
    least_agents: int = 3
    risky_confidence: float = 0.85
    patience_s: float = 10.0
    limit_s: float = 120.0
    clarify_every_s: float = 10.0
    clarify_threshold: float = 0.6
    clarify_rounds: int = 3
    stale_evidence_s: float = 120.0
    lag_limit_s: float = 120.0
    human_role: str = "senior_sre"

    @property
    def gates(self) -> Gates:
        """What an autonomous decision has to pass."""
        return Gates(
            confidence=self.confidence_gate,
            support=self.support_gate,
            least_agents=self.least_agents,
            risky_confidence=self.risky_confidence,
        )


class ConsensusStage:
    """Implements Stage[BallotBox], by incident."""

    name = "consensus"
    sources: tuple[Topic, ...] = (RECOMMENDATIONS, EVENTS)
    views: tuple[Topic, ...] = ()

    def __init__(self, rules: ConsensusRules | None = None, lagging: Lagging = keeps_up) -> None:
        """Raises WeightsError where no vote can be counted by the weights. `lagging`: who is behind, asked at each count."""
        self._lagging = lagging
        self._rules = rules or ConsensusRules()
        self._weights = check_weights(self._rules.weights)

    def key(self, received: Received[Any]) -> str | None:
        """The incident; events that neither end an episode nor an action are passed over."""
        record = received.record
        if isinstance(record, IncidentEvent) and record.type not in _READ:
            return None
        found: str = record.incident_id
        return found

    def initial(self, key: str) -> BallotBox:  # noqa: ARG002 - the protocol's shape
        """Nobody spoke."""
        return BallotBox()

    def decide(self, state: BallotBox, received: Received[Any]) -> Step[BallotBox]:
        """Take a voice in, follow the episode, and conclude the vote when it is due."""
        record, now = received.record, received.position.arrived_at
        if isinstance(record, Recommendation):
            box = with_recommendation(state, received, self._weights)
            return self._reconsider(box, now) if box.handed_over and box is not state else self._look(box, now)
        if record.type in ENDS:
            return Step(BallotBox(ended=record.episode) if record.episode >= max(state.episode, state.ended) else state)
        reopened = with_failure(state, record)
        if reopened is None:
            return Step(state)
        return self._retry(reopened, now) if state.settled else self._look(reopened, now)

    def tick(self, key: str, state: BallotBox, now: Millis) -> Step[BallotBox] | None:  # noqa: ARG002
        """Conclude the vote when time has made it due."""
        step = self._look(state, now)
        return None if step.state is state else step

    def waits(self, state: BallotBox) -> bool:
        """While a vote is under way."""
        return state.open

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: BallotBox) -> dict[str, Any]:
        """As JSON holds it."""
        return to_dict(state)

    def load(self, fields: dict[str, Any]) -> BallotBox:
        """What `dump` wrote."""
        return from_dict(BallotBox, fields)

    def _look(self, box: BallotBox, now: Millis) -> Step[BallotBox]:
        if not box.open:
            return Step(box)
        rules, counted = self._rules, tally(box.countable(), self._weights)
        if box.spoken() >= self._weights.keys():
            return self._conclude_or_clarify(box, counted, "as all agents spoke", now)
        waited_s = (now - box.diagnosed_at) / 1000 if box.diagnosed_at is not None else 0.0
        if box.diagnosed_at is not None and waited_s >= rules.patience_s and counted.winner:
            return self._conclude_or_clarify(box, counted, f"{rules.patience_s:g} s after diagnosis spoke", now)
        if now - box.first_at >= rules.limit_s * 1000:
            return self._conclude_at_limit(box, counted, now)
        rounds = int((now - box.first_at) // (rules.clarify_every_s * 1000))
        if rounds <= box.clarified:
            return Step(box)
        box = replace(box, clarified=rounds)
        if box.diagnosed_at is None and counted.winner and self._holds_all(counted.winner):
            return self._conclude(box, counted, f"in clarification round {rounds}", now)
        return Step(box)

    def _retry(self, box: BallotBox, now: Millis) -> Step[BallotBox]:
        """After an action that did not help, what remains is counted at once; where nothing remains, a human is asked."""
        if not box.heard:
            return Step(box)
        counted = tally(box.countable(), self._weights)
        occasion = f"anew, as {box.excluded[-1].action} {box.excluded[-1].target} did not help"
        if counted.winner is not None:
            return self._conclude(box, counted, occasion, now)
        against = ["all that was recommended was tried and did not help"]
        conclusion = self._conclusion(box, counted, None, occasion, against, now)
        return Step(_settled(box), (question(conclusion),))

    def _reconsider(self, box: BallotBox, now: Millis) -> Step[BallotBox]:
        """After a human was asked: decide where an action passes the gates now. Waiting takes nothing off anybody's hands."""
        counted = tally(box.countable(), self._weights)
        if counted.winner is None or counted.winner.action == Action.NOOP or self._against(box, counted, now):
            return Step(box)
        return self._conclude(box, counted, "anew, as more became known after a human was asked", now)

    def _conclude_or_clarify(self, box: BallotBox, counted: Tally, occasion: str, now: Millis) -> Step[BallotBox]:
        """Conclude what passes the gates; give what does not a few rounds in which agents may see more."""
        rounds = int((now - box.first_at) // (self._rules.clarify_every_s * 1000))
        if rounds < self._rules.clarify_rounds and self._against(box, counted, now):
            return Step(box if rounds <= box.clarified else replace(box, clarified=rounds))
        return self._conclude(replace(box, clarified=max(box.clarified, rounds)), counted, occasion, now)

    def _against(self, box: BallotBox, counted: Tally, now: Millis) -> list[str]:
        """What speaks against carrying the winner out without a human."""
        if counted.winner is None:
            return ["there is nothing to decide on"]
        age_s = (now - evidence_at(counted, now)) / 1000
        late = lag_obstacle(self._lagging(), self._rules.lag_limit_s)
        against = obstacles(
            counted.winner,
            participants=len(counted.participants),
            tier=tier_of(box),
            stale_s=age_s if age_s > self._rules.stale_evidence_s else None,
            gates=self._rules.gates,
        )
        return [*against, late] if late else against

    def _conclude(self, box: BallotBox, counted: Tally, occasion: str, now: Millis) -> Step[BallotBox]:
        taken, against = counted.winner, self._against(box, counted, now)
        conclusion = self._conclusion(box, counted, taken, occasion, against, now)
        return Step(_settled(box, handed_over=bool(against)), outputs_of(conclusion, self._weights))

    def _conclude_at_limit(self, box: BallotBox, counted: Tally, now: Millis) -> Step[BallotBox]:
        single = strongest_single(counted, self._weights)
        occasion = f"at the limit of {self._rules.limit_s:g} s, by the strongest single voice"
        against = ["the agents did not come to a decision in time"]
        if single is None:
            return Step(
                _settled(box, handed_over=True),
                outputs_of(self._conclusion(box, counted, None, occasion, against, now), self._weights),
            )
        alone = tally([single], self._weights).options[0]
        share = self._weights[single.agent] / fsum(self._weights[voice.agent] for voice in counted.participants)
        taken = replace(alone, support=round(share, DIGITS))
        conclusion = self._conclusion(box, counted, taken, occasion, against, now)
        return Step(_settled(box, handed_over=True), outputs_of(conclusion, self._weights))

    def _conclusion(
        self, box: BallotBox, counted: Tally, taken: Option | None, occasion: str, against: list[str], now: Millis
    ) -> Conclusion:
        return Conclusion(
            box=box,
            counted=counted,
            taken=taken,
            occasion=occasion,
            against=against,
            role=self._rules.human_role,
            now=now,
        )

    def _holds_all(self, option: Option) -> bool:
        """Whether an option passes the threshold of a clarification round, with the weight of the absent counted against it."""
        held = fsum(self._weights[voice.agent] for voice in option.supporters) / fsum(self._weights.values())
        threshold = self._rules.clarify_threshold
        return option.confidence >= threshold and round(held, DIGITS) >= threshold


def _settled(box: BallotBox, *, handed_over: bool = False) -> BallotBox:
    return replace(box, settled=True, handed_over=handed_over, round=box.round + 1)
