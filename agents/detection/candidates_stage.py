"""Stage `candidates`: all signals of an incident, and its events, make candidates, recommendations and commands.

Promises: an episode is opened once and ended once; statements on it come at most every few seconds, and only when they
change; nothing is resolved while a remedy is under way; after a crash the same signals make records of the same ids.
"""

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from agents.detection.episodes import (
    Stepped,
    account_told,
    account_waits,
    cleared,
    followed,
    opened,
    quieted,
    retold,
    storm_told,
)  # fmt: skip
from agents.detection.groups import answered_for, heard_news, heard_parent, opens_by_news
from agents.detection.incident_view import CandidateRules, IncidentView, Phase
from agents.detection.opening import opens_belatedly, opens_by_alert, opens_by_alerts, opens_by_anomaly
from agents.detection.signals import heard_account, heard_alert, heard_anomaly, heard_storm
from agents.series.values import check_finite
from schemas.records.analysis import Anomaly
from schemas.records.grouping import GroupChange, GroupTold
from schemas.records.intake import Alert
from schemas.records.log import IncidentEvent
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Millis
from streams.stage import Output, Position, Received, Step
from streams.topics import ACCOUNT, ANOMALIES, EVENTS, GROUPS, SAMPLED, STORMS, Topic

__all__ = ["CandidateRules", "CandidatesStage"]

_STATE = TypeAdapter(IncidentView)


class CandidatesStage:
    """SAMPLED, ACCOUNT, STORMS, ANOMALIES, EVENTS, GROUPS -> CANDIDATES, COMMANDS, RECOMMENDATIONS, GROUPS; by incident.

    What it says on GROUPS is to other incidents: that this one answers for them.
    """

    name = "candidates"
    sources: tuple[Topic, ...] = (SAMPLED, ACCOUNT, STORMS, ANOMALIES, EVENTS, GROUPS)
    views: tuple[Topic, ...] = ()

    def __init__(self, rules: CandidateRules | None = None) -> None:
        self._rules = rules or CandidateRules()

    def key(self, received: Received[Any]) -> str | None:
        """The incident; that a group is over concerns none.

        Raises:
            DecodeError: an anomaly or a storm has a figure that is not finite; such a one would outlive its record in the state.
        """
        record = received.record
        if isinstance(record, Anomaly):
            check_finite("An anomaly", record.score, record.value, record.expected, record.trend_per_min)
        if isinstance(record, StormChanged):
            check_finite("A storm", record.rate_per_s, record.baseline_per_s)
        if isinstance(record, GroupTold):
            check_finite("A group", record.rarity)
            return _told_to(record)
        incident: str = record.incident_id
        return incident

    def initial(self, key: str) -> IncidentView:
        """An incident that was never heard from."""
        return IncidentView(incident_id=key)

    def decide(self, state: IncidentView, received: Received[Any]) -> Step[IncidentView]:
        """Take the record in; then open, tell anew, clear or close, as the signals say."""
        record, position = received.record, received.position
        if isinstance(record, IncidentEvent):
            return self._followed(state, record, position)
        if isinstance(record, GroupTold) and record.change is GroupChange.JOINED:
            return Step(state, tuple(answered_for(state, record)))
        view, outputs = self._quiet_before(state, record, position)
        view, because = self._heard(view, record, position)
        if because and not view.active:
            view, more = opened(view, because, position.arrived_at, self._rules)
            outputs += more
        view, more = self._judged(view, position.arrived_at)
        return Step(view, (*outputs, *more))

    def tick(self, key: str, state: IncidentView, now: Millis) -> Step[IncidentView] | None:  # noqa: ARG002
        """What time alone brings: the quiet end, an all-clear that had to wait, an account that was held back."""
        view = self._unconfirmed(state, now)
        outputs: list[Output] = []
        if view.active and now - view.arrived_at >= self._rules.quiet_s * 1000:
            view, outputs = quieted(view, view.event_time(now), now, self._rules)
        view, more = self._judged(view, now)
        outputs += more
        return None if view is state and not outputs else Step(view, tuple(outputs))

    def waits(self, state: IncidentView) -> bool:
        """While an episode is under way, or totals are to be told."""
        return state.phase is not Phase.IDLE or account_waits(state)

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: IncidentView) -> dict[str, Any]:
        """The view's fields as JSON holds them."""
        fields: dict[str, Any] = _STATE.dump_python(state, mode="json")
        return fields

    def load(self, fields: dict[str, Any]) -> IncidentView:
        """The view of these fields; what an earlier version did not know begins anew."""
        return _STATE.validate_python(fields)

    def _followed(self, before: IncidentView, event: IncidentEvent, position: Position) -> Step[IncidentView]:
        """The view after an event. An end that is learnt late may uncover signals of the next episode."""
        view = followed(before, event, position, self._rules)
        now = max(position.arrived_at, view.arrived_at)
        if before.phase is Phase.IDLE or not view.may_open(view.heard_at, now, self._rules):
            return Step(view)
        because = opens_belatedly(view, self._rules)
        if because is None:
            return Step(view)
        view, outputs = opened(view, because, now, self._rules)
        view, more = self._judged(view, now)
        return Step(view, (*outputs, *more))

    def _quiet_before(self, view: IncidentView, record: Any, position: Position) -> Stepped:
        """The end of an episode whose next signal comes too long after the one before it."""
        quiet_ms = int(self._rules.quiet_s * 1000)
        if not view.active or not view.heard_at or not isinstance(record, Alert | Anomaly):
            return view, []
        if record.occurred_at - view.heard_at <= quiet_ms:
            return view, []
        return quieted(view, view.heard_at + quiet_ms, position.arrived_at, self._rules)

    def _heard(self, view: IncidentView, record: Any, position: Position) -> tuple[IncidentView, str | None]:
        """The view after a signal, and why it opens an incident, if it may and does."""
        rules, now = self._rules, position.arrived_at
        if isinstance(record, Alert):
            may = view.may_open(record.occurred_at, now, rules)
            known = record.fingerprint in view.conditions.known
            view = heard_alert(view, record, position, echo=view.echoes(record.occurred_at, now, rules))
            return view, opens_by_alert(view, record, known, rules) if may else None
        if isinstance(record, Anomaly):
            may = view.may_open(record.occurred_at, now, rules)
            view = heard_anomaly(view, record, position, echo=view.echoes(record.occurred_at, now, rules))
            return view, opens_by_anomaly(view, record, rules) if may else None
        if isinstance(record, AlertAccount):
            view = heard_account(view, record, position)
            may = view.may_open(record.window_start, now, rules)
            return view, opens_by_alerts(view, rules) if may else None
        if isinstance(record, StormChanged):
            view = heard_storm(view, record, position)
            may = record.open and view.may_open(record.occurred_at, now, rules)
            return view, opens_by_alerts(view, rules) if may else None
        if isinstance(record, GroupTold) and record.change is GroupChange.TAKEN:
            return heard_parent(view, record), None
        if isinstance(record, GroupTold):
            view = heard_news(view, record, position)
            may = view.may_open(record.occurred_at, now, rules)
            return view, opens_by_news(view, rules) if may else None
        return view, None

    def _judged(self, view: IncidentView, now: Millis) -> Stepped:
        outputs: list[Output] = []
        if view.active:
            view, more = retold(view, now, self._rules)
            outputs += more
        view, more = storm_told(view, now)
        outputs += more
        if view.active:
            view, more = cleared(view, now, self._rules)
            outputs += more
        view, more = account_told(view, now, self._rules)
        return view, outputs + more

    def _unconfirmed(self, view: IncidentView, now: Millis) -> IncidentView:
        """The view without commands that brought no event for long: they were refused, or the log is far behind."""
        if view.phase not in (Phase.OPENING, Phase.ENDING) or now - view.phase_since < self._rules.unconfirmed_s * 1000:
            return view
        if view.phase is Phase.ENDING:
            return replace(view, phase=Phase.ACTIVE, phase_since=now)
        # The next signal may command it again: by the same id, so that it opens once.
        return replace(view, phase=Phase.IDLE, phase_since=now, episode=view.episode - 1)


def _told_to(told: GroupTold) -> str | None:
    """The incident that a change of a group is told to: the member that is taken, the group's first of all else."""
    if told.change is GroupChange.CLOSED:
        return None
    return told.member_id if told.change is GroupChange.TAKEN else told.incident_id
