"""OTLP/HTTP logs.

Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp and opentelemetry/proto/logs/v1/logs.proto
"""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from ops.intake.arrival import Arrival
from ops.intake.errors import ItemRefusedError
from ops.intake.formats.format import Example, Format, Row
from ops.intake.formats.otlp import MEDIA, answers, attributes, parsed, problem, scopes, text_of, where_of
from ops.intake.labelled import severity_of
from ops.intake.letters import INVALID, OVERSIZED
from ops.intake.reading import Parcel, Reading, check_count
from ops.intake.values import LAST_MS, with_pairs
from schemas.errors import InvalidInputError
from schemas.records.intake import LogLine
from schemas.records.vocabulary import Severity
from streams.topics import LOGS


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The lines of every resource and scope.

    Raises:
        BodyRefusedError: it is no such request, or has too many lines.
    """
    request = parsed(parcel, ExportLogsServiceRequest)
    reading = Reading()
    for shared, scope in scopes(request.resource_logs, "scope_logs", arrival.rules.max_item_bytes):
        for record in scope.log_records:
            reading.items += 1
            check_count(reading.items)
            try:
                line = _line(record, shared, arrival)
                reading.spend(len(line.message))
                reading.take(line)
                reading.places.append(reading.items - 1)
            except InvalidInputError as error:
                reading.refuse(reading.items - 1, error)
    return reading


def _line(record: LogRecord, shared: dict[str, str], arrival: Arrival) -> LogLine:
    own = attributes(record.attributes)
    where = where_of(shared | own, arrival)
    at = (record.time_unix_nano or record.observed_time_unix_nano) // 1_000_000 or arrival.received_at
    if at > LAST_MS:
        raise ItemRefusedError(f"timeUnixNano is {at} ms; give one since 1970.", INVALID, ("timeUnixNano",))
    said = text_of(record.body)
    # A line of ours has no labels: what the record says beside its body follows it, as logfmt.
    rest = {**shared, **own, "severity_text": record.severity_text, "trace_id": record.trace_id.hex(),
            "span_id": record.span_id.hex(), "event_name": record.event_name}  # fmt: skip
    message = with_pairs(said, rest)
    if len(message) > arrival.rules.max_item_bytes:
        raise ItemRefusedError(
            f"The line has {len(message)} characters; send at most {arrival.rules.max_item_bytes}.", OVERSIZED
        )
    return LogLine(
        incident_id=shared.get("incident_id", "")[:256] or arrival.rules.incident_of(where, shared),
        tenant=where[0],
        environment=where[1],
        service=where[2],
        source=arrival.rules.source_of(shared | own) or shared.get("service.instance.id", "")[:256],
        level=_level(record),
        message=message,
        occurred_at=at,
        received_at=arrival.received_at,
    )


def _level(record: LogRecord) -> Severity:
    """SeverityNumber's ranges: 1-12 trace, debug, info; 13-16 warn; 17-20 error; 21-24 fatal; else the text."""
    number = record.severity_number
    if number >= 21:
        return Severity.CRITICAL
    if number >= 17:
        return Severity.ERROR
    if number >= 13:
        return Severity.WARNING
    return severity_of(record.severity_text) if number == 0 and record.severity_text else Severity.INFO


OTLP_LOGS_FORMAT = Format(
    name="otlp_logs",
    path="/otlp/v1/logs",
    title="OTLP/HTTP logs, in protobuf or JSON; also at /v1/logs.",
    protocol="https://opentelemetry.io/docs/specs/otlp/#otlphttp",
    topic=LOGS,
    read=read,
    rows=(
        Row("resourceLogs[].resource.attributes", "service", "`service.name`, else as any labels; else `unknown`"),
        Row("resourceLogs[].resource.attributes", "tenant, environment, source", "`tenant`, `deployment.environment`, `host`, …"),
        Row("resourceLogs[].scopeLogs[].logRecords[].body", "message", "followed by all attributes and ids as `name=value`"),
        Row("resourceLogs[].scopeLogs[].logRecords[].severityNumber", "level", "else severityText; else `INFO`"),
        Row("resourceLogs[].scopeLogs[].logRecords[].timeUnixNano", "occurred_at", "else observedTimeUnixNano; else the arrival"),
    ),
    example=Example(
        "opentelemetry-proto's examples/logs.json",
        {"resourceLogs": [{"resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "my.service"}},
            {"key": "tenant", "value": {"stringValue": "acme"}}]},
          "scopeLogs": [{"scope": {"name": "my.library", "version": "1.0.0"}, "logRecords": [
            {"timeUnixNano": "1544712660300000000", "observedTimeUnixNano": "1544712660300000000", "severityNumber": 10,
             "severityText": "Information", "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
             "body": {"stringValue": "Example log record"},
             "attributes": [{"key": "string.attribute", "value": {"stringValue": "some string"}}]}]}]}]},
        {"content-type": "application/json"},
    ),
    media=MEDIA,
    answer=answers(ExportLogsServiceResponse, "rejected_log_records"),
    problem=problem,
    whole=True,
)  # fmt: skip
