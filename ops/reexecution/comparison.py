"""Decisions made again, held against those on record: by their bytes, so that nothing that is written may differ."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from typing import Any

from ops.reexecution.outcome import ALWAYS, DECISION, SETTINGS, Decided, Divergence, Window
from ops.reexecution.reading_back import ReadBack
from schemas.convert import to_dict
from schemas.records.command import NotificationState
from schemas.records.vocabulary import Agent, Millis
from state.incident import EventType
from streams.stage import Output, Received
from streams.topics import (
    ANOMALIES,
    CANDIDATES,
    COMMANDS,
    DECISIONS,
    DIAGNOSES,
    NOTIFICATIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
    Topic,
)  # fmt: skip
from streams.wire import Wire

# A record may be on its way while the log is read: those of the last moments that no step tells of are not judged.
IN_FLIGHT_MS = 2_000

_MADE_BY = {
    ANOMALIES.name: "metrics", PREDICTIONS.name: "forecasts", CANDIDATES.name: "candidates",
    DIAGNOSES.name: "diagnosis", DECISIONS.name: "consensus",
}  # fmt: skip
_VOTES_OF = {
    Agent.DETECTION: "candidates", Agent.PREDICTION: "warnings", Agent.DIAGNOSIS: "diagnosis",
    Agent.RESOLUTION: "planning",
}  # fmt: skip
# Commands of other kinds have other authors too: the executor, people.
_COMMANDS_OF = {
    EventType.INCIDENT_OPENED: "candidates", EventType.INCIDENT_RECLASSIFIED: "candidates",
    EventType.STORM_OPENED: "candidates", EventType.STORM_CLOSED: "candidates",
    EventType.ALERTS_ACCOUNTED: "candidates", EventType.PREDICTION_MADE: "warnings",
    EventType.DIAGNOSIS_MADE: "diagnosis", EventType.DECISION_MADE: "consensus", EventType.ACTION_INTENDED: "planning",
    EventType.NOTIFICATION_QUEUED: "notices",
}  # fmt: skip


def author_of(topic: Topic, record: Any) -> str | None:
    """The stage that alone makes such records; None where they may come from elsewhere."""
    if topic is RECOMMENDATIONS:
        return _VOTES_OF.get(record.agent)
    if topic is COMMANDS:
        return _COMMANDS_OF.get(record.type)
    if topic is NOTIFICATIONS:
        return "notices" if record.state == NotificationState.QUEUED else None
    return _MADE_BY.get(topic.name)


class Comparison:
    """Holds what was decided against what lies in the log.

    Args:
        until: epoch ms; records from then on that nothing explains may be under way.
        blind: stages that something is missing of: what they recorded cannot be judged.
        bases: by which the decisions were made again.
        window: of what is judged.
    """

    def __init__(
        self,
        log: ReadBack,
        *,
        until: Millis,
        blind: Collection[str] = (),
        bases: Collection[str] = (),
        window: Window = ALWAYS,
    ) -> None:
        self._log, self._until, self._blind, self._bases, self._window = log, until, blind, bases, window
        self._wire = Wire()
        self._found: dict[str, dict[bytes, list[Received[Any]]]] = {}
        self._matched: dict[str, set[bytes]] = defaultdict(set)
        self.divergences: list[Divergence] = []

    def hold(self, decided: Sequence[Decided]) -> None:
        """Find each decision on record; then what is on record and was not decided.

        Args:
            decided: all of the incident, whatever the window: a decision at its end may be on record after it.
        """
        unlike: dict[tuple[str, bytes], Decided] = {}  # a worker that died and began again decides twice alike
        for one in decided:
            value = self._like(one)
            if value is not None:
                self._matched[one.topic.name].add(value)
            elif self._window.holds(one.at):
                unlike.setdefault((one.topic.name, self._value(one.topic, one.record)), one)
        self.divergences += _by_settings([(one, self._unlike(one)) for one in unlike.values()])
        for topic in {one.name: one for one in (*_OUTPUTS, *(d.topic for d in decided))}.values():
            self._left_over(topic)

    def _recorded(self, topic: Topic) -> dict[bytes, list[Received[Any]]]:
        if topic.name not in self._found:
            found: dict[bytes, list[Received[Any]]] = defaultdict(list)
            for received in self._log.all(topic):
                found[self._value(topic, received.record)].append(received)
            self._found[topic.name] = dict(found)
        return self._found[topic.name]

    def _like(self, one: Decided) -> bytes | None:
        """The bytes by which a decision is on record, if it is; commands of earlier versions do not say their basis."""
        said = [one.record, replace(one.record, basis="")] if one.topic is COMMANDS else [one.record]
        values = (self._value(one.topic, record) for record in said)
        return next((value for value in values if value in self._recorded(one.topic)), None)

    def _value(self, topic: Topic, record: Any) -> bytes:
        return self._wire.message(Output(topic, "", record)).value or b""

    def _unlike(self, one: Decided) -> Divergence:
        """The divergence of a decision that is not on record as it was made now."""
        for value, found in self._recorded(one.topic).items():
            same = _identity(found[0].record) == _identity(one.record)
            if same and value not in self._matched[one.topic.name]:
                self._matched[one.topic.name].add(value)
                return _difference(one, found[0])
        gone = self._log.recording.begins
        lost = sum(begins for (topic, _), begins in gone.items() if topic == one.topic.name)
        what = "decided now, and not on record" + (f"; retention took {lost} records of the topic" if lost else "")
        return Divergence(
            stage=one.stage, at=one.at, what=what, topic=one.topic.name, cause=one.cause, decided=to_dict(one.record)
        )

    def _left_over(self, topic: Topic) -> None:
        for value, found in self._recorded(topic).items():
            if value in self._matched[topic.name]:
                continue
            first = found[0]
            author, where = author_of(topic, first.record), first.position
            if author is None or author in self._blind or where.arrived_at >= self._until - IN_FLIGHT_MS:
                continue
            if not self._window.holds(where.arrived_at):
                continue
            other = topic is COMMANDS and first.record.basis not in ("", *self._bases)
            self.divergences.append(
                Divergence(
                    stage=author,
                    at=where.arrived_at,
                    what=f"on record{' by other settings or code' if other else ''}, and not decided now",
                    kind=SETTINGS if other else DECISION,
                    topic=topic.name,
                    partition=where.partition,
                    offset=where.offset,
                    recorded=to_dict(first.record),
                )
            )


_OUTPUTS = (ANOMALIES, PREDICTIONS, CANDIDATES, DIAGNOSES, RECOMMENDATIONS, DECISIONS, NOTIFICATIONS, COMMANDS)


def _by_settings(found: Sequence[tuple[Decided, Divergence]]) -> list[Divergence]:
    """The divergences; what came of the same record or tick as a command of another basis differs by the settings, too."""
    other = {(one.stage, one.number, one.cause) for one, unlike in found if unlike.kind == SETTINGS}
    return [
        replace(unlike, kind=SETTINGS) if (one.stage, one.number, one.cause) in other else unlike
        for one, unlike in found
    ]


def _identity(record: Any) -> Any:
    return getattr(record, fields(record)[0].name)


def _difference(one: Decided, found: Received[Any]) -> Divergence:
    recorded, decided, where = to_dict(found.record), to_dict(one.record), found.position
    unlike = tuple(name for name in recorded if recorded[name] != decided[name])
    kind = SETTINGS if "basis" in unlike else DECISION
    by = "; the journal tells of other settings or code than it was decided by" if kind == SETTINGS else ""
    return Divergence(
        stage=one.stage, at=one.at, what=f"differs in {', '.join(unlike)}{by}", kind=kind, topic=where.topic,
        partition=where.partition, offset=where.offset, cause=one.cause, fields=unlike, recorded=recorded, decided=decided,
    )  # fmt: skip
