"""The shapes that producers may send, as pydantic models, and the records that they become.

Lenient where the meaning is plain (synonyms, numbers as texts, null for a missing field), strict where it is not: then
InvalidInputError names the field, what it is and what it should be. Members of an alert that are not known here are kept
among its labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from ops.intake import values
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.identity import condition_id
from schemas.errors import InvalidInputError
from schemas.identity import series_id
from schemas.records.intake import Alert, LogLine, MetricPoint, TopologyEdge
from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier

LONGEST_NAME = 256
LONGEST_TITLE = 1024


def _by(read: Callable[[Any], Any]) -> BeforeValidator:
    """A rule of `values` as a pydantic validator."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except InvalidInputError as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(validate)


Name = Annotated[str, _by(partial(values.text, longest=LONGEST_NAME))]
Title = Annotated[str, _by(partial(values.text, longest=LONGEST_TITLE))]
Lines = Annotated[str, _by(values.lines)]
Moment = Annotated[int, _by(values.time_ms)]
Labels = Annotated[dict[str, str], _by(values.labels)]
Number = Annotated[float, _by(values.number)]
SeverityWord = Annotated[Severity, _by(values.severity)]
StatusWord = Annotated[AlertStatus, _by(values.status)]
TierWord = Annotated[Tier, _by(values.tier)]
Truth = Annotated[bool, _by(values.truth)]

_WHEN = AliasChoices("occurred_at", "timestamp", "time")


_COMMON_MEMBERS = frozenset(("tenant", "environment", "occurred_at", "timestamp", "time", "incident_id", "severity",
                             "status", "labels"))  # fmt: skip
_ALERT_MEMBERS = _COMMON_MEMBERS | frozenset(
    ("service", "name", "alert_type", "alert_id", "tier", "fingerprint", "source", "message", "description", "summary",
     "correlation_id")
)  # fmt: skip
_METRIC_MEMBERS = frozenset(("tenant", "environment", "occurred_at", "timestamp", "time", "incident_id", "labels", "service",
                             "name", "metric", "value", "unit", "series"))  # fmt: skip
_LOG_MEMBERS = frozenset(("tenant", "environment", "occurred_at", "timestamp", "time", "incident_id", "service", "message",
                          "line", "log", "level", "severity", "source"))  # fmt: skip
_SYNONYMS = (("name", "alert_type"), ("occurred_at", "timestamp", "time"), ("message", "description", "summary"))
_PLAIN_MEMBERS = _COMMON_MEMBERS | frozenset(("container_name", "alert_type", "logs"))


def _with_rest(data: Any, known: frozenset[str]) -> Any:
    """An item's members; those that are not known become labels, where no label has their name."""
    if not isinstance(data, dict):
        return data
    rest = [name for name in data if name not in known]
    for names in _SYNONYMS:
        # Of several that mean the same the first is the field; what the others say is kept too.
        rest += [name for name in names if name in known and data.get(name) not in (None, "")][1:]
    if not rest:
        return data
    given = data.get("labels")
    if given is not None and not isinstance(given, dict):
        return data  # refused for it
    kept = {name: data[name] for name in rest}
    return {name: value for name, value in data.items() if name not in kept} | {"labels": kept | (given or {})}


class Sent(BaseModel, ABC):
    """What every shape has; null and "" count as not given."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tenant: Name | None = None
    environment: Name = DEFAULT_ENVIRONMENT
    occurred_at: Moment | None = Field(None, validation_alias=_WHEN)

    @model_validator(mode="before")
    @classmethod
    def _only_given(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"The item is {values.shown(data)}; give an object")
        return {key: value for key, value in data.items() if value is not None and value != ""}

    @abstractmethod
    def record(self, arrival: Arrival) -> Any:
        """The record of the contract."""

    def tenant_of(self, arrival: Arrival) -> str:
        """The tenant that was given, else the arrival's."""
        return self.tenant or arrival.tenant

    def time_of(self, arrival: Arrival) -> Millis:
        """When it happened; where that was not given, when it arrived."""
        return arrival.received_at if self.occurred_at is None else self.occurred_at


class AlertIn(Sent):
    """An alert as native JSON: `service` and `name` are needed, everything else has a default."""

    service: Name
    name: Title = Field(validation_alias=AliasChoices("name", "alert_type"))
    alert_id: Name | None = None
    incident_id: Name | None = None
    severity: SeverityWord = Severity.WARNING
    status: StatusWord = AlertStatus.FIRING
    tier: TierWord = Tier.SUPPORTING
    fingerprint: Name | None = None
    source: Name = ""
    message: Lines = Field("", validation_alias=AliasChoices("message", "description", "summary"))
    labels: Labels = Field(default_factory=dict)
    correlation_id: Name = ""

    @model_validator(mode="before")
    @classmethod
    def _rest_among_labels(cls, data: Any) -> Any:
        return _with_rest(data, _ALERT_MEMBERS)

    def record(self, arrival: Arrival) -> Alert:
        """The alert, its ids filled in from its labels where the source gave none."""
        where = (self.tenant_of(arrival), self.environment, self.service)
        alert = Alert(
            alert_id=self.alert_id or "",
            incident_id=self.incident_id or arrival.rules.incident_of(where, self.labels),
            tenant=where[0],
            environment=self.environment,
            service=self.service,
            name=self.name,
            severity=self.severity,
            status=self.status,
            tier=self.tier,
            fingerprint=self.fingerprint
            or arrival.rules.native_fingerprint(where, self.name, self.source, self.labels),
            source=self.source,
            occurred_at=self.time_of(arrival),
            received_at=arrival.received_at,
            message=self.message,
            labels=self.labels,
            correlation_id=self.correlation_id,
        )
        if self.alert_id:
            return alert
        # The same condition at the same time with the same text is the same alert, however often it is sent.
        given_time = self.occurred_at is not None
        own = condition_id(alert, alert.occurred_at, alert.message) if given_time else arrival.new_id()
        return replace(alert, alert_id=own)


class PlainPayload(Sent):
    """The plain incident payload: incident_id, container_name, alert_type, severity, logs, timestamp."""

    incident_id: Name | None = None
    container_name: Name
    alert_type: Title
    severity: SeverityWord = Severity.WARNING
    status: StatusWord = AlertStatus.FIRING
    logs: Lines = ""
    labels: Labels = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _rest_among_labels(cls, data: Any) -> Any:
        return _with_rest(data, _PLAIN_MEMBERS)

    def record(self, arrival: Arrival) -> Alert:
        """The alert of a container, which is its service; the logs are its message."""
        same: dict[str, Any] = {"service": self.container_name, "name": self.alert_type, "source": self.container_name,
                                "message": self.logs}  # fmt: skip
        return AlertIn.model_validate(self.model_dump(exclude={"logs", "container_name", "alert_type"}) | same).record(
            arrival
        )


class MetricIn(Sent):
    """A metric value: `service`, `name` and `value` are needed."""

    service: Name
    name: Title = Field(validation_alias=AliasChoices("name", "metric"))
    value: Number
    unit: Name = ""
    series: Title | None = None
    incident_id: Name | None = None
    labels: Labels = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _rest_among_labels(cls, data: Any) -> Any:
        return _with_rest(data, _METRIC_MEMBERS)

    def record(self, arrival: Arrival) -> MetricPoint:
        """The point of its series."""
        where = (self.tenant_of(arrival), self.environment, self.service)
        return MetricPoint(
            series=self.series or series_id(*where, self.name, self.labels),
            incident_id=self.incident_id or arrival.rules.incident_of(where, self.labels),
            tenant=where[0],
            environment=self.environment,
            service=self.service,
            name=self.name,
            value=self.value,
            unit=self.unit,
            occurred_at=self.time_of(arrival),
            received_at=arrival.received_at,
            labels=self.labels,
        )


class LogIn(Sent):
    """A log line: `service` and `message` are needed."""

    service: Name
    message: Lines = Field(validation_alias=AliasChoices("message", "line", "log"))
    level: SeverityWord = Field(Severity.INFO, validation_alias=AliasChoices("level", "severity"))
    source: Name = ""
    incident_id: Name | None = None
    rest: SkipJsonSchema[Labels] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _rest_behind_the_message(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        rest = {name: value for name, value in data.items() if name not in _LOG_MEMBERS}
        return {name: value for name, value in data.items() if name not in rest} | {"rest": rest} if rest else data

    def record(self, arrival: Arrival) -> LogLine:
        """The line, filed under its service's incident."""
        where = (self.tenant_of(arrival), self.environment, self.service)
        return LogLine(
            incident_id=self.incident_id or arrival.rules.incident_of(where, {}),
            tenant=where[0],
            environment=self.environment,
            service=self.service,
            source=self.source,
            level=self.level,
            message=values.with_pairs(self.message, self.rest) if self.rest else self.message,
            occurred_at=self.time_of(arrival),
            received_at=arrival.received_at,
        )


class EdgeIn(Sent):
    """An edge of the service graph: `service` needs `depends_on`; `removed` takes it back."""

    service: Name
    depends_on: Name
    kind: Name = "calls"
    tier: TierWord = Tier.SUPPORTING
    removed: Truth = False

    @model_validator(mode="after")
    def _two_ends(self) -> "EdgeIn":
        if self.service == self.depends_on:
            raise ValueError("depends_on is the service itself; give another service")
        return self

    def record(self, arrival: Arrival) -> TopologyEdge:
        """The edge as it is from its time on."""
        return TopologyEdge(
            tenant=self.tenant_of(arrival),
            environment=self.environment,
            service=self.service,
            depends_on=self.depends_on,
            kind=self.kind,
            tier=self.tier,
            removed=self.removed,
            occurred_at=self.time_of(arrival),
        )
