"""The generic webhook: the notification as JSON, with its id as the Idempotency-Key that receivers deduplicate by."""

import json

from agents.communication.delivery import HttpDelivery
from schemas.convert import to_dict
from schemas.records.command import Notification


class WebhookChannel:
    """Implements Channel on any HTTP receiver."""

    name = "webhook"

    def __init__(self, delivery: HttpDelivery) -> None:
        self._delivery = delivery

    async def send(self, notification: Notification) -> str:
        """Post the notification's fields.

        Raises:
            ChannelError: it was refused, or not taken in time.
        """
        body = json.dumps(to_dict(notification), ensure_ascii=False).encode()
        status = await self._delivery.post(body, headers_of(notification))
        return f"taken with HTTP {status}"


def headers_of(notification: Notification) -> dict[str, str]:
    """The headers of a notification's requests: the same for each attempt at it, before and after a crash."""
    return {"Content-Type": "application/json", "Idempotency-Key": notification.notification_id}
