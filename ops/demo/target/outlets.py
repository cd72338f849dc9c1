"""Where the target's telemetry goes: the HTTP intake, or straight to Kafka."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.demo.errors import OutletError
from ops.demo.target.words import Line
from schemas.identity import incident_id, series_id
from schemas.records.intake import LogLine, MetricPoint
from schemas.records.vocabulary import Millis
from streams.errors import StreamError
from streams.telemetry import TelemetryProducer

# Shorter than the second between two reports, so that an intake that hangs delays none but the next.
_TIMEOUT_S = 0.9


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks."""

    tenant: str
    environment: str
    service: str
    source: str


@dataclass(frozen=True, slots=True)
class Report:
    """One second's telemetry; measures are value and unit by name."""

    at: Millis
    measures: Mapping[str, tuple[float, str]]
    lines: Sequence[Line]

    @property
    def size(self) -> int:
        """Records in it."""
        return len(self.measures) + len(self.lines)


class Outlet(Protocol):
    """Takes reports."""

    def send(self, report: Report) -> None:
        """Hand a report over.

        Raises:
            OutletError: it was not taken.
        """

    def close(self) -> None:
        """Give connections back."""


class IntakeOutlet:
    """POSTs to `breakwater serve`."""

    def __init__(self, url: str, who: Identity) -> None:
        self._url = url.rstrip("/")
        self._common = {"tenant": who.tenant, "environment": who.environment, "service": who.service}
        self._source = who.source

    def send(self, report: Report) -> None:
        """Metrics, then log lines."""
        self._post("/v1/metrics", {"metrics": [
            {**self._common, "name": name, "value": value, "unit": unit, "timestamp": report.at}
            for name, (value, unit) in report.measures.items()
        ]})  # fmt: skip
        if report.lines:
            self._post("/v1/logs", {"logs": [
                {**self._common, "source": self._source, "level": line.level, "message": line.message,
                 "timestamp": report.at} for line in report.lines
            ]})  # fmt: skip

    def close(self) -> None:
        """There is nothing to give back."""

    def _post(self, path: str, document: dict[str, object]) -> None:
        request = urllib.request.Request(  # noqa: S310 - the operator gave the URL
            self._url + path, json.dumps(document).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                answer.read()
        except urllib.error.HTTPError as error:
            raise OutletError(f"The intake answers {path} with {error.code}: {error.read(300)!r}.") from error
        except OSError as error:
            raise OutletError(f"The intake at {self._url} does not answer: {error}.") from error


class KafkaOutlet:
    """Uses the producer library, as a service with a Kafka client of its own does."""

    def __init__(self, bootstrap: str, who: Identity) -> None:
        self._who = who
        self._incident_id = incident_id(who.tenant, who.environment, who.service)
        # Telemetry that waited for two seconds is better dropped than late.
        self._producer = TelemetryProducer(
            bootstrap,
            client_id=who.source,
            delivery_timeout_s=2.0,
            backpressure_timeout_s=_TIMEOUT_S,
        )

    def send(self, report: Report) -> None:
        """Queue the records and wait for Kafka's word on them."""
        try:
            for name, (value, unit) in report.measures.items():
                self._producer.send_metric(self._point(report.at, name, value, unit))
            for line in report.lines:
                self._producer.send_log(self._line(report.at, line))
            self._producer.flush(2.5)
        except StreamError as error:
            raise OutletError(str(error)) from error

    def close(self) -> None:
        """Stop the producer."""
        self._producer.close()

    def _point(self, at: Millis, name: str, value: float, unit: str) -> MetricPoint:
        who = self._who
        return MetricPoint(
            series=series_id(who.tenant, who.environment, who.service, name, {}), incident_id=self._incident_id,
            tenant=who.tenant, environment=who.environment, service=who.service, name=name, value=value, unit=unit,
            occurred_at=at, received_at=at)  # fmt: skip

    def _line(self, at: Millis, line: Line) -> LogLine:
        who = self._who
        return LogLine(
            incident_id=self._incident_id, tenant=who.tenant, environment=who.environment, service=who.service,
            source=who.source, level=line.level, message=line.message, occurred_at=at, received_at=at)  # fmt: skip
