"""CloudWatch alarms as Amazon SNS delivers them. That a message is SNS's own is checked before (`ops.intake.sns_trust`).

Protocol: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html and CloudWatch's alarm message.
"""

from typing import Any

import orjson

from ops.intake.answers import JSON, Answer, Outcome, Problem, native_answer, problem_answer
from ops.intake.arrival import Arrival
from ops.intake.formats.format import JSON_MEDIA, Example, Format, Row
from ops.intake.formats.notices import rest_of
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, object_of, prefixed, text_at, time_at
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.identity import stable_id
from schemas.records.vocabulary import AlertStatus
from streams.topics import ALERTS

NOTIFICATION, CONFIRMATION, FAREWELL = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
_STATES = {"ALARM": AlertStatus.FIRING, "INSUFFICIENT_DATA": AlertStatus.FIRING, "OK": AlertStatus.RESOLVED}
# Dimensions that name what an alarm is about, the nearest to a service first.
_SERVICES = ("ServiceName", "Service", "FunctionName", "DBInstanceIdentifier", "DBClusterIdentifier", "LoadBalancer",
             "TargetGroup", "QueueName", "TableName", "ClusterName", "AutoScalingGroupName", "InstanceId")  # fmt: skip
_DONE = frozenset(("NewStateValue", "NewStateReason", "AlarmName", "Trigger"))


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alarm of a notification; confirmations have none, and become no record.

    Raises:
        BodyRefusedError: it is no JSON.
    """

    def take(item: Any, reading: Reading) -> None:
        envelope = object_of(item)
        kind = text_at(envelope, "Type")
        if kind in (CONFIRMATION, FAREWELL):
            reading.passed_over[kind] += 1
        elif kind == NOTIFICATION:
            reading.take(*alert_of_labels(_told(envelope, arrival), arrival))
        else:
            raise bad_field("Type", f"is {kind[:60]!r}; SNS sends {NOTIFICATION}, {CONFIRMATION} or {FAREWELL}")

    return read_items(parcel.body, parse_json(parcel.body), "", arrival.rules.max_item_bytes, take)


def _told(envelope: dict[str, Any], arrival: Arrival) -> Labelled:
    alarm = _alarm(envelope)
    state, name = text_at(alarm, "NewStateValue"), text_at(alarm, "AlarmName")
    status = _STATES.get(state)
    if not name:
        raise bad_field("Message.AlarmName", "is missing; only CloudWatch alarms are read")
    if status is None:
        raise bad_field("Message.NewStateValue", f"is {state[:60]!r}; CloudWatch says {', '.join(_STATES)}")
    trigger = alarm.get("Trigger")
    trigger = trigger if isinstance(trigger, dict) else {}
    dimensions = _dimensions(trigger)
    at = time_at(alarm, "StateChangeTime") or time_at(envelope, "Timestamp") or arrival.received_at
    arn = text_at(alarm, "AlarmArn") or name
    service = next((dimensions[key] for key in _SERVICES if dimensions.get(key)), "")
    return Labelled(
        name=name,
        status=status,
        labels=dimensions | {"alarm_arn": arn},
        occurred_at=at,
        started_at=at,
        message="\n".join(
            text for text in (text_at(alarm, "AlarmDescription"), text_at(alarm, "NewStateReason")) if text
        ),
        kept=prefixed("cloudwatch_", rest_of(alarm, _DONE, {}) | {"state": state})
        | prefixed("cloudwatch_trigger_", rest_of(trigger, frozenset(("Dimensions",)), {}))
        | prefixed("sns_", {key: text_at(envelope, key) for key in ("TopicArn", "MessageId", "Subject")}),
        severity=_severity(state, dimensions),
        service=service or text_at(trigger, "Namespace"),
        source=text_at(alarm, "Region"),
        # An alarm is one condition, whatever its text says today.
        fingerprint=stable_id("alert", "cloudwatch", arrival.tenant, arn, digits=16),
    )


def _severity(state: str, dimensions: dict[str, str]) -> str:
    """CloudWatch has no severities and tells each change of state once: what it was told to send is meant to wake somebody."""
    if state == "INSUFFICIENT_DATA":
        return "info"
    return dimensions.get("severity", "critical")


def _alarm(envelope: dict[str, Any]) -> dict[str, Any]:
    try:
        alarm = orjson.loads(text_at(envelope, "Message"))
    except orjson.JSONDecodeError as error:
        raise bad_field("Message", f"is no JSON of a CloudWatch alarm: {error}") from error
    return object_of(alarm)


def _dimensions(trigger: dict[str, Any]) -> dict[str, str]:
    listed = trigger.get("Dimensions")
    pairs = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {text_at(one, "name"): text_at(one, "value") for one in pairs if text_at(one, "name")}


def answer(outcome: Outcome) -> Answer:
    """200: SNS takes any 2xx, and repeats the rest."""
    return Answer(200, b"{}", JSON) if outcome.status == 202 else native_answer(outcome)


def problem(told: Problem, _: Parcel) -> Answer:
    """Problem details: they end up in SNS's delivery log."""
    return problem_answer(told)


_MESSAGE = {
    "AlarmName": "checkout-errors", "AlarmDescription": "Errors over 5 %", "AWSAccountId": "123456789012",
    "AlarmConfigurationUpdatedTimestamp": "2024-05-01T11:00:00.000+0000", "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoints [7.0] was greater than the threshold (5.0).",
    "StateChangeTime": "2024-05-01T12:00:00.000+0000", "Region": "EU (Ireland)",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout-errors", "OldStateValue": "OK",
    "OKActions": [], "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:alarms"], "InsufficientDataActions": [],
    "Trigger": {"MetricName": "5XXError", "Namespace": "AWS/ApiGateway", "StatisticType": "Statistic", "Statistic": "AVERAGE",
                "Unit": None, "Dimensions": [{"value": "checkout", "name": "ServiceName"}], "Period": 60,
                "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0},
}  # fmt: skip

SNS_FORMAT = Format(
    name="sns",
    path="/v1/sns",
    title="CloudWatch alarms through Amazon SNS.",
    protocol="https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html",
    topic=ALERTS,
    read=read,
    rows=(
        Row("Message.AlarmName", "name", "needed"),
        Row("Message.NewStateValue", "status", "`OK` is `RESOLVED`; `INSUFFICIENT_DATA` fires as `INFO`"),
        Row("Message.NewStateValue", "severity", "`ALARM` and `OK` are `CRITICAL`, unless a dimension `severity` says otherwise"),
        Row("Message.AlarmDescription", "message", "with NewStateReason below it"),
        Row("Message.StateChangeTime", "occurred_at", "with the alarm and the state it makes the alert_id"),
        Row("Message.AlarmArn", "fingerprint", "else the name"),
        Row("Message.Region", "source"),
        Row("Message.Trigger.Dimensions", "service", "ServiceName, FunctionName, DBInstanceIdentifier, …; else the namespace"),
        Row("Message.Trigger.Dimensions", "labels", "each under its own name; tenant and environment are read from them"),
        Row("Message.Trigger.MetricName", "labels", "`cloudwatch_trigger_…`, and so every other member of the trigger"),
        Row("Message.AWSAccountId", "labels", "`cloudwatch_…`, and so every other member of the alarm"),
        Row("TopicArn", "labels", "`sns_…`; MessageId and Subject alike"),
    ),
    example=Example(
        "SNS's page of message formats, with the alarm of CloudWatch's documentation",
        {"Type": NOTIFICATION, "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
         "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms", "Subject": 'ALARM: "checkout-errors" in EU (Ireland)',
         "Message": orjson.dumps(_MESSAGE).decode(), "Timestamp": "2024-05-01T12:00:00.123Z", "SignatureVersion": "2",
         "Signature": "…", "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
         "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe"},
    ),
    media=JSON_MEDIA,
    answer=answer,
    problem=problem,
)  # fmt: skip
