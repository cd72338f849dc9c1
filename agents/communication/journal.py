"""What was sent, on disk, so that a restart does not send again what was answered.

`sending` is noted before a channel is called and `sent` after it answered. A notification that is `sending` and not `sent`
was cut off in between: nobody can know whether it arrived, so it is sent again, with the same Idempotency-Key.
"""

from collections import OrderedDict
from pathlib import Path

from agents.json_lines import JsonLines
from schemas.records.command import Notification

# Far more than can be redelivered.
_REMEMBERED = 20_000


class Journal:
    """One file for all channels; threads and workers of one machine may share it. All calls block."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path)
        self._sent: OrderedDict[str, str] = OrderedDict()
        self._latest: OrderedDict[tuple[str, str], int] = OrderedDict()

    def sending(self, notification: Notification) -> None:
        """Note that a channel is about to be called."""
        self._lines.append({"state": "sending", "id": notification.notification_id})

    def sent(self, notification: Notification, detail: str) -> None:
        """Note that the channel answered, and how."""
        self._lines.append({
            "state": "sent", "id": notification.notification_id, "channel": notification.channel,
            "incident_id": notification.incident_id, "sequence": notification.sequence, "detail": detail,
        })  # fmt: skip

    def answer(self, notification: Notification) -> str | None:
        """How the channel answered, None where it was not sent or that is not known."""
        with self._lines.locked():
            self._catch_up()
            return self._sent.get(notification.notification_id)

    def latest(self, notification: Notification) -> int:
        """The greatest sequence number that its channel was told of its incident; 0 for none."""
        with self._lines.locked():
            self._catch_up()
            return self._latest.get((notification.channel, notification.incident_id), 0)

    def _catch_up(self) -> None:
        for line in self._lines.unread():
            if line.get("state") != "sent":
                continue
            self._sent[line["id"]] = line["detail"]
            key = (line["channel"], line["incident_id"])
            self._latest[key] = max(line["sequence"], self._latest.get(key, 0))
            self._latest.move_to_end(key)
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        while len(self._latest) > _REMEMBERED:
            self._latest.popitem(last=False)
