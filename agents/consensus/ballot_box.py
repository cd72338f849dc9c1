"""What consensus remembers of one incident: who said what in the present episode, and what was tried and did not help."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.consensus.arithmetic import fault_of
from schemas.records.analysis import Recommendation
from schemas.records.command import ActionState
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Agent, Evidence, Millis
from state.incident import EventType
from streams.stage import Received

# What is kept of one recommendation, so that four of them stay below 20 KB.
MAX_EVIDENCE = 12
MAX_RATIONALE = 1_000
# Recommendation ids remembered an episode: a producer that starts anew may say the last few again.
MAX_SEEN = 32

ENDS = frozenset({EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED})
_DID_NOT_HELP = frozenset({ActionState.FAILED, ActionState.ROLLED_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An agent's latest word, and where it lies. With a `fault` it is not counted, and its confidence is kept as 0."""

    recommendation: Recommendation
    place: Evidence
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """What was tried in this episode and did not help."""

    action: Action
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotBox:
    """One incident. Once episode `ended` is over nothing but its number is kept: late words on it find no vote.

    `round` counts the votes that were concluded in the episode; `settled` says that none is open; `handed_over`, that the
    last one missed a gate, so that a human was asked, and nothing was done by a machine since. `first_at` and
    `diagnosed_at` are the arrivals of the episode's first word and of diagnosis's first. `clarified` counts clarification
    rounds, `tried` tells people what was done, `failed` holds action ids.
    """

    episode: int = 0
    ended: int = 0
    round: int = 0
    settled: bool = False
    handed_over: bool = False
    heard: list[Heard] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    first_at: Millis = 0
    diagnosed_at: Millis | None = None
    clarified: int = 0
    excluded: list[Excluded] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether a vote is under way."""
        return bool(self.heard) and not self.settled

    def spoken(self) -> frozenset[Agent]:
        """The agents that were heard, abstentions and faults included."""
        return frozenset(each.recommendation.agent for each in self.heard)

    def countable(self) -> list[Recommendation]:
        """The recommendations that can be counted in this round: no faults, nothing that was tried in vain."""
        tried = {(each.action, each.target) for each in self.excluded}
        voices = [each.recommendation for each in self.heard if not each.fault]
        return [voice for voice in voices if voice.abstains or (voice.action, voice.target) not in tried]


def with_recommendation(
    box: BallotBox, received: Received[Recommendation], weights: Mapping[Agent, float]
) -> BallotBox:
    """The box after a recommendation; the same one where it says nothing new, or is of an episode that is over."""
    told, now = received.record, received.position.arrived_at
    if told.episode <= box.ended or told.episode < box.episode:
        return box
    box = in_episode(box, told.episode)
    if told.recommendation_id in box.seen:
        return box
    others = [each for each in box.heard if each.recommendation.agent != told.agent]
    diagnosed = box.diagnosed_at is None and told.agent == Agent.DIAGNOSIS
    return replace(
        box,
        heard=[*others, _heard(received, weights)],
        seen=[*box.seen, told.recommendation_id][-MAX_SEEN:],
        first_at=box.first_at if box.heard else now,
        diagnosed_at=now if diagnosed else box.diagnosed_at,
    )


def with_failure(box: BallotBox, event: IncidentEvent) -> BallotBox | None:
    """The box after an action that did not help, its vote open again; None where the event tells of no such action."""
    done: dict[str, Any] = json.loads(event.payload)
    if done["state"] not in _DID_NOT_HELP or event.episode <= box.ended or event.episode < box.episode:
        return None
    box = in_episode(box, event.episode)
    if done["action_id"] in box.failed:
        return None
    told = f"{done['action']} on {done['target']}: {done['state'].lower().replace('_', ' ')}. {done['detail']}"
    return replace(
        box,
        settled=False,
        handed_over=False,
        excluded=[*box.excluded, Excluded(action=Action(done["action"]), target=done["target"])],
        tried=[*box.tried, told.strip()[:MAX_RATIONALE]],
        failed=[*box.failed, done["action_id"]],
    )


def in_episode(box: BallotBox, episode: int) -> BallotBox:
    """The box in `episode`; empty where that is a later one than known."""
    return box if episode == box.episode else BallotBox(episode=episode, ended=box.ended)


def _heard(received: Received[Recommendation], weights: Mapping[Agent, float]) -> Heard:
    told = received.record
    said = "abstains" if told.abstains else f"{told.action} {told.target} at {told.confidence:.4g}"
    kept = replace(
        told,
        # JSON holds neither NaN nor infinity.
        confidence=told.confidence if math.isfinite(told.confidence) else 0.0,
        rationale=told.rationale[:MAX_RATIONALE],
        evidence=told.evidence[:MAX_EVIDENCE],
    )
    return Heard(
        recommendation=kept,
        place=received.position.evidence(f"{told.agent}: {said}"),
        fault=fault_of(told, weights) or "",
    )
