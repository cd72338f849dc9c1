"""The plain incident payload: {incident_id, container_name, alert_type, severity, logs, timestamp}."""

from ops.intake.formats.format import Example, Row
from ops.intake.formats.native import native_format
from ops.intake.models import PlainPayload
from streams.topics import ALERTS

PLAIN_FORMAT = native_format(
    "plain", "/webhook", PlainPayload, ALERTS, "alerts",
    rows=(
        Row("incident_id", "incident_id", "made of tenant, environment and container where none is given"),
        Row("container_name", "service, source", "needed"),
        Row("alert_type", "name", "needed"),
        Row("severity", "severity", "any usual word or number; `WARNING` where none is given"),
        Row("logs", "message", "a list becomes lines"),
        Row("timestamp, occurred_at or time", "occurred_at", "else the arrival"),
        Row("status", "status", "`FIRING` where none is given"),
        Row("(any other member)", "labels", "under its own name"),
    ),
    example=Example(
        "this page",
        {"incident_id": "INC-7", "container_name": "checkout", "alert_type": "HighMemory", "severity": "critical",
         "logs": "heap at 83 %", "timestamp": "2022-01-15T02:32:32Z"},
    ),
)  # fmt: skip
