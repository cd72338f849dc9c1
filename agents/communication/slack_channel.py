"""Slack, or whatever takes its incoming-webhook format: https://api.slack.com/messaging/webhooks, blocks included."""

import json
from typing import Any

from agents.communication.delivery import HttpDelivery
from agents.communication.webhook_channel import headers_of
from schemas.records.command import Notification
from schemas.records.vocabulary import Severity

# Slack's own limits of a header and of a section, in characters.
_HEADER_MAX = 150
_SECTION_MAX = 3_000
_SIGNS = {
    Severity.CRITICAL: ":red_circle:",
    Severity.ERROR: ":large_orange_circle:",
    Severity.WARNING: ":large_yellow_circle:",
    Severity.INFO: ":large_blue_circle:",
}


class SlackChannel:
    """Implements Channel on one Slack webhook; `delivery` holds to Slack's rate, one a second with a burst of five."""

    name = "slack"

    def __init__(self, delivery: HttpDelivery) -> None:
        self._delivery = delivery

    async def send(self, notification: Notification) -> str:
        """Post the notice as blocks.

        Raises:
            ChannelError: it was refused, or not taken in time.
        """
        body = json.dumps(message(notification), ensure_ascii=False).encode()
        status = await self._delivery.post(body, headers_of(notification))
        return f"taken with HTTP {status}"


def message(notification: Notification) -> dict[str, Any]:
    """The message in Slack's format. What others wrote cannot mention people or forge links: it is escaped."""
    context = f"{_SIGNS[notification.severity]} notice {notification.sequence} of {notification.incident_id}"
    return {
        "text": _escaped(notification.title),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": _cut(notification.title, _HEADER_MAX)}},
            {"type": "section", "text": {"type": "mrkdwn", "text": _cut(_escaped(notification.body), _SECTION_MAX)}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(context)}]},
        ],
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
