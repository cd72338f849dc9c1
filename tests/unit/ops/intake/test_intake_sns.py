"""SNS: topic, signature and hosts are proved before anything is believed or fetched. Messages are signed by a test's own key."""

from typing import Any

import httpx
import orjson
import pytest

from ops.intake.formats import BY_PATH
from ops.intake.sns_trust import SnsTrust
from ops.intake.values import time_ms
from tests.support.intake import FakeDelivery, app_of, intake_over
from tests.support.sns import CERTIFICATE, Web, signed

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
SUBSCRIBE = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
EXAMPLE = BY_PATH["/v1/sns"].example.body
CONFIRM = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Token": "abc", "TopicArn": TOPIC, "Message": "Visit…",
           "SubscribeURL": SUBSCRIBE, "Timestamp": "2024-05-01T12:00:00Z"}  # fmt: skip


async def post(
    message: Any,
    web: Web,
    delivery: FakeDelivery | None = None,
    topics: tuple[str, ...] = (TOPIC,),
    now: str = "2024-05-01T12:00:01Z",
) -> httpx.Response:
    """The answer to a message."""
    trust = SnsTrust(topics, web.fetch, lambda: time_ms(now))
    app = app_of(intake_over(delivery or FakeDelivery(), verifiers={"sns": trust.check}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        body = message if isinstance(message, bytes) else orjson.dumps(message)
        return await client.post("/v1/sns", content=body, headers={"content-type": "text/plain; charset=UTF-8"})


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_signed_alarm_of_a_wanted_topic_is_an_alert(version: str) -> None:
    """The certificate is fetched from SNS's host, and nothing else."""
    web, delivery = Web(), FakeDelivery()
    answer = await post(signed(without(EXAMPLE), version), web, delivery)
    assert (answer.status_code, [alert.name for alert in delivery.alerts()]) == (200, ["checkout-errors"])
    assert web.fetched == [CERTIFICATE]


async def test_a_wanted_subscription_is_confirmed_once_its_signature_is_proved() -> None:
    """By the URL that SNS itself gave, on SNS's host."""
    web = Web()
    assert (await post(signed(CONFIRM), web)).status_code == 200
    assert web.fetched == [CERTIFICATE, SUBSCRIBE]


@pytest.mark.parametrize(
    "late",
    [
        {"Message": "{}"},
        {"Subject": "another"},
        {"TopicArn": TOPIC + "2"},
        {"Signature": "AAAA"},
        {"Signature": "no base64!"},
        {"SignatureVersion": "3"},
        {"Type": "Notifications"},
        {"Message": 7},
        {"Timestamp": None},
    ],
)
async def test_what_is_not_signed_so_is_forbidden_and_kept_nowhere(late: dict[str, Any]) -> None:
    """403; a forged message must not come in by a redrive later."""
    delivery = FakeDelivery()
    answer = await post(signed(without(EXAMPLE), **late), Web(), delivery)
    assert (answer.status_code, delivery.taken) == (403, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://evil.example#@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:99999/SimpleNotificationService-1.pem",
        "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://mysns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-1.pem",
        "https://169.254.169.254/SimpleNotificationService-1.pem",
        "https://[::1]/SimpleNotificationService-1.pem",
        "https://[::1/SimpleNotificationService-1.pem",
        "https://[::ffff:169.254.169.254]/SimpleNotificationService-1.pem",
        "https://2130706433/SimpleNotificationService-1.pem",
        "https://0x7f.1/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:22/SimpleNotificationService-1.pem",
        "https://user:pass@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com%2eevil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com\r\nHost: evil.example/SimpleNotificationService-1.pem",
        "gopher://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "//sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "file:///etc/passwd",
        "https://sns.eu-west-1.amazonaws.com./SimpleNotificationService-1.pem",
        "https://\u0455ns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
    ],
)
async def test_no_other_host_is_ever_asked(url: str) -> None:
    """Neither for a certificate nor to confirm: 403, and nothing was fetched from there."""
    web = Web()
    assert (await post(signed(without(EXAMPLE), SigningCertURL=url), web)).status_code == 403
    assert web.fetched == []
    confirm = signed(
        CONFIRM | {"SubscribeURL": url.replace("SimpleNotificationService-1.pem", "?Action=ConfirmSubscription")}
    )
    assert (await post(confirm, web)).status_code == 403
    assert web.fetched == [CERTIFICATE]


@pytest.mark.parametrize("query", ["Action=Unsubscribe", "Action=ConfirmSubscription&TopicArn=arn:other", ""])
async def test_a_url_that_does_something_else_is_not_fetched(query: str) -> None:
    """Even on the right host, even signed."""
    web = Web()
    confirm = signed(CONFIRM | {"SubscribeURL": f"https://sns.eu-west-1.amazonaws.com/?{query}"})
    assert (await post(confirm, web)).status_code == 403
    assert web.fetched == [CERTIFICATE]


async def test_a_certificate_is_asked_for_without_more_words() -> None:
    """A query would make as many fetches as somebody writes different ones."""
    web = Web()
    assert (await post(signed(without(EXAMPLE), SigningCertURL=CERTIFICATE + "?a=1"), web)).status_code == 403
    assert web.fetched == []


@pytest.mark.parametrize(
    ("now", "status"), [("2024-05-01T13:10:00Z", 200), ("2024-05-01T13:20:00Z", 403), ("2024-05-01T10:40:00Z", 403)]
)
async def test_a_message_that_somebody_kept_is_not_taken_much_later(now: str, status: int) -> None:
    """SNS repeats for an hour; a replay of what it signed is no alarm."""
    delivery = FakeDelivery()
    assert (await post(signed(without(EXAMPLE)), Web(), delivery, now=now)).status_code == status
    assert len(delivery.taken) == (status == 200)


async def test_without_a_topic_in_the_settings_nothing_is_taken() -> None:
    """The default."""
    assert (await post(signed(without(EXAMPLE)), Web(), topics=())).status_code == 403


async def test_sns_repeats_what_could_not_be_proved_now() -> None:
    """503 while the certificate cannot be had."""
    web = Web()
    web.away = True
    answer = await post(signed(without(EXAMPLE)), web)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "20")


@pytest.mark.parametrize("body", [b"no json", b"[]", b"\xff", b"{}"])
async def test_what_is_no_message_is_forbidden(body: bytes) -> None:
    """Nobody proved that it is SNS's."""
    assert (await post(body, Web())).status_code == 403


def without(message: dict[str, Any]) -> dict[str, Any]:
    """The example without its signature."""
    return {name: value for name, value in message.items() if not name.startswith("Sign") and name != "UnsubscribeURL"}
