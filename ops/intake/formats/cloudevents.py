"""CloudEvents 1.0 over HTTP: binary, structured and batched.

Protocol: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import base64
import binascii
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import orjson

from ops.intake import values
from ops.intake.arrival import Arrival
from ops.intake.errors import BodyRefusedError
from ops.intake.formats.format import JSON_MEDIA, Example, Format, Row
from ops.intake.formats.notices import rest_of
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, labels_at, object_of, prefixed, text_at, time_at
from ops.intake.letters import INVALID
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.errors import InvalidInputError
from schemas.identity import stable_id
from schemas.records.vocabulary import AlertStatus
from streams.topics import ALERTS

_STRUCTURED, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_NEEDED = ("id", "source", "type")
_CORE = (*_NEEDED, "specversion", "time", "subject", "datacontenttype", "dataschema", "data", "data_base64")
_ENDINGS = ("resolved", "recovered", "cleared", "closed", "ok")
_DATA_DONE = frozenset(("service", "name", "alert_type", "severity", "status", "message", "description", "summary", "labels",
                        "source", "tenant", "environment"))  # fmt: skip


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alerts of one event or of a batch.

    Raises:
        BodyRefusedError: the body is no JSON, or the media type says neither binary nor structured.
    """

    def take(item: Any, reading: Reading) -> None:
        event = object_of(item)
        for name in _NEEDED:
            if not text_at(event, name):
                raise bad_field(name, "is missing; every CloudEvent has it")
        if text_at(event, "specversion") != "1.0":
            raise bad_field("specversion", f"is {text_at(event, 'specversion')[:20]!r}; send 1.0")
        reading.take(*_alert(event, arrival))

    rules = arrival.rules
    if parcel.media in (_STRUCTURED, _BATCH) or "ce-specversion" not in parcel.headers:
        return read_items(parcel.body, parse_json(parcel.body), "", rules.max_item_bytes, take)
    event = _binary(parcel)
    reading = read_items(orjson.dumps(event), event, "", rules.max_item_bytes, take)
    # The event's bytes are its body and its headers, which its dead letter has.
    reading.refusals = [type(r)(r.index, r.reason, r.detail, r.fields, parcel.body) for r in reading.refusals]
    return reading


def _binary(parcel: Parcel) -> dict[str, Any]:
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value) for name, value in parcel.headers.items() if name.startswith("ce-")
    }
    if not parcel.body:
        return event
    media = parcel.media
    if media in ("", "application/json", "text/json") or media.endswith("+json"):
        return event | {"data": parse_json(parcel.body)}
    if not media.startswith("text/"):
        raise BodyRefusedError(INVALID, f"The event's data is {media[:60]!r}; send JSON or text.")
    return event | {"data": parcel.body.decode("utf-8", "replace")}


def _alert(event: dict[str, Any], arrival: Arrival) -> Any:
    data = _data(event)
    extensions = {name: text_at(event, name) for name in event if name not in _CORE}
    kept = prefixed("ce_", {name: text_at(event, name) for name in (*_NEEDED, "subject", "dataschema")} | extensions)
    fields = data if isinstance(data, dict) else {}
    rest = rest_of(fields, _DATA_DONE, {})
    at = time_at(event, "time") or arrival.received_at
    labels = labels_at(fields, "labels") | {
        name: text_at(fields, name) for name in ("tenant", "environment") if fields.get(name)
    }
    kind = text_at(event, "type")
    alert, _ = alert_of_labels(
        Labelled(
            name=text_at(fields, "name") or text_at(fields, "alert_type") or kind,
            status=_status(fields, kind),
            labels=labels | ({"incident_id": text_at(fields, "incident_id")} if fields.get("incident_id") else {}),
            occurred_at=at,
            started_at=at,
            message=_message(fields, data),
            kept=kept | rest,
            severity=text_at(fields, "severity") or extensions.get("severity", ""),
            service=text_at(fields, "service") or text_at(event, "subject") or text_at(event, "source"),
            source=text_at(fields, "source") or text_at(event, "source"),
        ),
        arrival,
    )
    # Source and id together are unique (the specification's "id"): a retry has the same.
    identity = stable_id("cloudevents", alert.tenant, text_at(event, "source"), text_at(event, "id"))
    return replace(alert, alert_id=identity), f"{alert.tenant}\x1f{identity}"


def _data(event: dict[str, Any]) -> Any:
    if "data_base64" not in event:
        return event.get("data")
    try:
        raw = base64.b64decode(text_at(event, "data_base64"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_field("data_base64", f"is no base64: {error}") from error
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def _status(fields: dict[str, Any], kind: str) -> AlertStatus:
    if fields.get("status") is None:
        return AlertStatus.RESOLVED if kind.lower().endswith(_ENDINGS) else AlertStatus.FIRING
    try:
        return values.status(fields["status"])
    except InvalidInputError as error:
        raise bad_field("data.status", str(error)) from error


def _message(fields: dict[str, Any], data: Any) -> str:
    for name in ("message", "description", "summary"):
        if fields.get(name):
            return values.lines(fields[name])
    return data if isinstance(data, str) else ""


CLOUDEVENTS_FORMAT = Format(
    name="cloudevents",
    path="/v1/cloudevents",
    title="CloudEvents 1.0: binary, structured, batched.",
    protocol="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md",
    topic=ALERTS,
    read=read,
    rows=(
        Row("id", "alert_id", "with the source: the same event twice makes one alert"),
        Row("source", "source, service", "where the data name none; as service the subject comes first"),
        Row("subject", "service", "where the data name none"),
        Row("type", "name, status", "name where the data have none; one that ends in `resolved`, `closed`, … is `RESOLVED`"),
        Row("time", "occurred_at", "else the arrival"),
        Row("data.name", "name"),
        Row("data.service", "service"),
        Row("data.severity", "severity"),
        Row("data.status", "status"),
        Row("data.message", "message", "or description, summary; data that are a text are the message"),
        Row("data.labels", "labels", "as any labels: tenant, environment, tier, incident_id are read from them"),
        Row("data.region", "labels", "and every other member, under its own name"),
        Row("dataschema", "labels", "`ce_dataschema`; id, source, type, subject and extensions alike"),
    ),
    example=Example(
        "the specification's structured form",
        {"specversion": "1.0", "id": "A234-1234-1234", "source": "https://example.com/monitors",
         "type": "com.example.alert.fired",
         "subject": "checkout", "time": "2018-04-05T17:31:00Z", "datacontenttype": "application/json",
         "dataschema": "https://example.com/schema", "comexampleextension1": "value",
         "data": {"name": "HighErrorRate", "service": "checkout", "severity": "critical", "status": "firing",
                  "message": "Errors over 5 %", "labels": {"zone": "a"}, "region": "eu"}},
        {"content-type": _STRUCTURED},
    ),
    media=(*JSON_MEDIA, _STRUCTURED, _BATCH, "text/html", "text/xml", "text/markdown"),
)  # fmt: skip
