"""docs/intake.md, from the formats themselves: paths, mapping tables, what is answered."""

import json

from ops.intake.formats import FORMATS, Format
from ops.intake.rules import Rules

_HEAD = """# Intake

{mark}

Telemetry is posted to `breakwater serve`. A success is answered only when Kafka has acknowledged every record with all in-sync
replicas; what cannot be taken lies in the dead letters byte for byte (`breakwater dlq`), and the answer names it by its place.

| path | what | media types |
|---|---|---|
{paths}

## What is promised

- **202** (or what the sender's protocol wants): in Kafka. Items that are refused come back by index with the field at fault, and
  the id of the dead letter; the others go on.
- **400, 413, 415, 422**: nothing of it was taken, and it lies in the dead letters; problem details (RFC 9457) say why. A value
  of more than 1.9 MB is told by size and SHA-256 instead.
- **503** with `Retry-After`: Kafka is slow or away, or more than `BREAKWATER_INTAKE_BUFFER_MB` waits for it. Send it again. What
  Kafka takes meanwhile is recognised.
- **A repetition makes no second alert** for `BREAKWATER_INTAKE_DEDUP_S`: the same id; without one the same condition, start,
  status and severity (and text, for native alerts); for metrics the same series, time and value. It is answered as a success
  (`duplicates`). A native alert with neither id nor time is a new one each time, but where its sender heard no success (503, or
  no answer because the process ended) and sends the same body again: it gets the ids that it had. After a restart what was taken
  within that time is read back from Kafka first, and which bodies were left open from `intake/` in the home. Several processes
  behind one address learn of alerts from each other with `BREAKWATER_INTAKE_SHARED`.
- **What may come twice all the same**, because nothing honest tells a repetition from a second event: an alert without id and
  time whose sender goes to another process after a 503, or comes again after a restart that lost the home, or after the machine
  itself broke down (the file is not forced to its disk). And whatever is no alert, where the process ended between Kafka's
  acknowledgement and the answer: metrics are recognised by the process alone that took them; log lines, edges and dead letters
  have no identity at all, and are recognised only where the same body comes again to a process that still waits for Kafka. Ids
  made of a body's bytes and the time would hide such repetitions, and with them alerts that truly came twice, so none are made.
- **401, 403, 408, 429**: not let in; nothing is kept, and metrics count it by reason.
- Bodies may be packed by gzip, deflate or zstd (remote write: snappy), and have 16 MiB, packed and unpacked; an item has
  `BREAKWATER_MAX_ALERT_BYTES`, a body 50,000 items. What items share counts in every record of theirs: a record has 1.9 MB, all
  that a body makes 128 MiB; a resource of OTLP has 1,000 attributes, a point 1,000 values.

## Who may send

Paths are open to this machine alone, unless a source is named for them, or `BREAKWATER_INTAKE_OPEN` is set. Sources are a JSON
file, `BREAKWATER_INTAKE_SOURCES`; each has a name, paths (`*` is all), and exactly one of a bearer token, an HMAC and a PagerDuty
routing key. A `tenant` binds what it sends to that tenant.

```json
{sources}
```

An HMAC is SHA-256 in hex or base64 over the body, or over timestamp, `separator` (`:`) and body where a `timestamp_header` is
named: then a request older than `tolerance_s`, or one that was taken before (however its signature is written), is refused; one
that was signed before the process began is told 503, because an earlier process may have taken it: signed anew, it is taken.
Secrets may lie in files (`secret_file`, `bearer_file`), and are compared in constant time.

SNS messages are taken from the topics in `BREAKWATER_SNS_TOPICS` only, with SNS's signature, and no older than 75 minutes (SNS
itself gives up after an hour); the certificate and a subscription's confirmation are fetched from `https://sns.<region>.amazonaws.com`
alone, within 5 s, without following redirects; whatever address that name leads to has to show the name's certificate.

## Labels

| field | labels, the first that is there | setting |
|---|---|---|
{labels}

`incident_id` is the label of that name, else made of tenant, environment, service and the labels in `BREAKWATER_INCIDENT_LABELS`.
The fingerprint is made of tenant, environment, service, name, source and the labels in `BREAKWATER_FINGERPRINT_LABELS`, `*` for
all. `affected_users`, a whole number, says how many users the alert's trouble affects: it is in what the incident costs.

## Pointing senders here

| sender | what to set |
|---|---|
| Prometheus, alerts | `alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:8080"]}}]}}]}}` |
| Prometheus, samples | `remote_write: [{{url: "http://127.0.0.1:8080/api/v1/write"}}]` |
| Alertmanager | `webhook_configs: [{{url: "http://127.0.0.1:8080/v1/alertmanager", send_resolved: true}}]` |
| Grafana | a contact point of type webhook, `http://127.0.0.1:8080/v1/grafana`; its HMAC is a source's |
| OpenTelemetry | `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8080`, `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf` |
| PagerDuty's clients | the base address in the place of `https://events.pagerduty.com` |
| CloudWatch | an SNS topic that alarms go to, subscribed by HTTPS at `/v1/sns`; the topic's ARN in `BREAKWATER_SNS_TOPICS` |
| Datadog | a webhook to `/v1/datadog` with the payload below |
| CloudEvents | any HTTP sink, at `/v1/cloudevents` |

## Formats
"""
_SOURCES = {
    "sources": [
        {"name": "alertmanager", "paths": ["/v1/alertmanager"], "bearer_file": "/run/secrets/alertmanager", "tenant": "acme"},
        {"name": "grafana", "paths": ["/v1/grafana"], "hmac": {
            "secret_file": "/run/secrets/grafana", "header": "X-Grafana-Alerting-Signature",
            "timestamp_header": "X-Grafana-Alerting-Signature-Timestamp"}},
        {"name": "pager", "paths": ["/v2/enqueue"], "routing_key": "R0UT1NGK3Y"},
    ]
}  # fmt: skip


def intake_page(mark: str) -> str:
    """The page as Markdown; `mark` says who wrote it."""
    rules = Rules()
    labels = [
        ("service", rules.service, "`BREAKWATER_SERVICE_LABELS`"),
        ("environment", rules.environment, ""),
        ("tenant", rules.tenant, ""),
        ("source", rules.source, ""),
        ("severity", rules.severity, ""),
        ("tier", rules.tier, ""),
    ]
    head = _HEAD.format(
        mark=mark,
        paths="\n".join(f"| `POST {known.path}` | {known.title} | {_media(known)} |" for known in FORMATS),
        sources=json.dumps(_SOURCES, indent=1),
        labels="\n".join(f"| {ours} | {', '.join(f'`{n}`' for n in theirs)} | {how} |" for ours, theirs, how in labels),
    )
    return head + "\n".join(_section(known) for known in FORMATS)


def _media(known: Format) -> str:
    shown = [
        media
        for media in known.media
        if media not in ("", "application/x-www-form-urlencoded", "application/octet-stream")
    ]
    return ", ".join(f"`{media}`" for media in shown)


def _section(known: Format) -> str:
    rows = "\n".join(f"| `{row.theirs}` | {row.ours} | {row.note} |" for row in known.rows)
    protocol = "" if known.protocol == FORMATS[0].protocol else f"Protocol: <{known.protocol}>. "
    lines = [
        f"\n### {known.name}: `POST {known.path}`\n",
        f"{known.title} {protocol}Topic `{known.topic.name}`.\n",
        "| theirs | ours | |\n|---|---|---|",
        rows,
    ]
    if known.example.body is not None:
        lines.append(
            f"\nExample ({known.example.source}):\n\n```json\n{json.dumps(known.example.body, ensure_ascii=False)}\n```"
        )
    return "\n".join(lines) + "\n"
