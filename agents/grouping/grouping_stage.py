"""Stage `grouping`: one watch over all alerts of a tenant's environment, and what it finds to belong together.

The code that `breakwater backtest alerts` scores, on alerts as they come: those of several services in the order of their times,
which a wait of two seconds brings about. What an open group takes in is told to the group's first incident, which answers for
its members (agents.detection).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from agents.grouping import memory as memories
from agents.grouping import waiting_room
from agents.grouping.group import Group
from agents.grouping.memory import Memory
from agents.grouping.neighbours import Neighbours
from agents.grouping.rules import GroupingRules
from agents.grouping.titles import title_of
from agents.grouping.waiting_room import WaitingRoom
from agents.grouping.watch import AlertWatch, Heard, Judged
from schemas.identity import stable_id
from schemas.records.grouping import AlertHeard, GroupChange, GroupTold
from schemas.records.intake import TopologyEdge
from schemas.records.vocabulary import Evidence, Millis
from streams.stage import Output, Received, Step
from streams.topics import GROUPS, HEARD, SAMPLED, TOPOLOGY, Topic

log = structlog.get_logger()

_MOST_WORDS = 50  # names and services that a record tells


@dataclass(frozen=True, slots=True)
class HearingRules:
    """How long alerts wait for those that happened before them, in arrival time, and how many wait at most."""

    wait_s: float = 2.0
    most_waiting: int = 1_000
    grouping: GroupingRules = field(default_factory=GroupingRules)


@dataclass(slots=True)
class Tenant:
    """What is remembered of one tenant's environment; `upto` are the newest offsets heard, by partition of the sampled alerts."""

    memory: Memory = field(default_factory=Memory)
    room: WaitingRoom = field(default_factory=WaitingRoom)
    upto: dict[str, int] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tenant) and _dumped(self) == _dumped(other)

    __hash__ = None  # type: ignore[assignment]


class GroupingStage:
    """HEARD -> GROUPS, keyed by tenant and environment; what it says is keyed by the group's first incident."""

    name = "grouping"
    sources: tuple[Topic, ...] = (HEARD,)
    views: tuple[Topic, ...] = (TOPOLOGY,)

    def __init__(self, rules: HearingRules | None = None) -> None:
        self._rules = rules or HearingRules()
        self._neighbours = Neighbours()

    def key(self, received: Received[Any]) -> str | None:
        """The tenant and its environment."""
        alert: AlertHeard = received.record
        return f"{alert.tenant}/{alert.environment}"

    def initial(self, key: str) -> Tenant:  # noqa: ARG002 - all begin alike
        """Nothing was heard."""
        return Tenant()

    def decide(self, state: Tenant, received: Received[Any]) -> Step[Tenant]:
        """Let the alert wait for its turn, unless it was heard before, and hear those whose turn it is.

        The memory learns in place: a state is good for one decision, as its shell has it.
        """
        alert, now = received.record, received.position.arrived_at
        source = str(alert.partition)
        if alert.offset > state.upto.get(source, -1):
            state.upto[source] = alert.offset
            state.room.enter(alert, now)
        return Step(state, self._heard(f"{alert.tenant}/{alert.environment}", state, now))

    def tick(self, key: str, state: Tenant, now: Millis) -> Step[Tenant] | None:
        """Hear those that have waited."""
        before = len(state.room.heap)
        outputs = self._heard(key, state, now, thorough=True)
        return None if len(state.room.heap) == before else Step(state, outputs)

    def waits(self, state: Tenant) -> bool:
        """While an alert waits for its turn."""
        return bool(state.room.heap)

    def observe(self, received: Received[Any]) -> None:
        """Take an edge of the service graph."""
        if isinstance(received.record, TopologyEdge):
            self._neighbours.observe(received.record)

    def dump(self, state: Tenant) -> dict[str, Any]:
        """As JSON holds it."""
        return _dumped(state)

    def load(self, fields: dict[str, Any]) -> Tenant:
        """What `dump` wrote; what another version wrote begins anew, with a notice."""
        try:
            room = waiting_room.load(fields["room"])
            return Tenant(memories.load(fields["memory"]), room, dict(fields["upto"]))
        except (KeyError, TypeError, ValueError) as error:
            log.warning("a tenant's usual alerts are learnt anew", reason=str(error))
            return Tenant()

    def _heard(self, key: str, state: Tenant, now: Millis, *, thorough: bool = False) -> tuple[Output, ...]:
        rules, neighbours = self._rules, partial(self._neighbours.of, key)
        watch = AlertWatch(key, rules.grouping, neighbours, state.memory)
        outputs: list[Output] = []
        for alert in state.room.leave(now, int(rules.wait_s * 1000), rules.most_waiting, thorough=thorough):
            heard = Heard(
                alert.service, alert.name, alert.occurred_at, alert.severity, alert.count, alert.incident_id
            )  # fmt: skip
            outputs += (Output(GROUPS, told.incident_id, told) for told in _told(watch.hear(heard), alert))
        return tuple(outputs)


def _dumped(state: Tenant) -> dict[str, Any]:
    return {"memory": memories.dump(state.memory), "room": state.room.dump(), "upto": state.upto}


def _told(judged: Judged, alert: AlertHeard) -> Iterable[GroupTold]:
    """What is to be said of a judgement, the ends of old groups first."""
    for group in judged.over:
        yield _change(GroupChange.CLOSED, group, alert, 0.0)
    if judged.opened is not None:
        before = len(judged.opened.services) > 1
        yield _change(GroupChange.SPREAD if before else GroupChange.OPENED, judged.opened, alert, judged.news)
    elif judged.took is not None:
        yield _change(GroupChange.JOINED, judged.took, alert, judged.news)


def _change(change: GroupChange, group: Group, alert: AlertHeard, rarity: float) -> GroupTold:
    closed = change is GroupChange.CLOSED
    summary = f"{alert.severity} {alert.name} of {alert.service}, {alert.count} in its minute"[:160]
    place = Evidence(topic=SAMPLED.name, partition=alert.partition, offset=alert.offset, summary=summary)
    return GroupTold(
        told_id=stable_id("group told", group.group_id, change, alert.partition, alert.offset), group_id=group.group_id,
        change=change, tenant=alert.tenant, environment=alert.environment, incident_id=group.incident_id,
        member_id=group.incident_id if closed else alert.incident_id, service=group.service if closed else alert.service,
        title=title_of(group), severity=group.severity if closed else alert.severity,
        names=list(group.because[-_MOST_WORDS:]), services=sorted(group.services)[:_MOST_WORDS], rarity=rarity,
        occurred_at=alert.occurred_at, evidence=[place],
    )  # fmt: skip
