"""The channel that needs nobody else: a file of JSON lines that a person or a log shipper follows."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from agents.communication.errors import ChannelError
from agents.json_lines import JsonLines
from schemas.convert import to_dict
from schemas.records.command import Notification

# Ids looked for in memory: far more than can be redelivered.
_REMEMBERED = 100_000


class ConsoleChannel:
    """Implements Channel. A notification is in the file once, whatever crashed in between and however often it comes."""

    name = "console"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "notifications.jsonl"
        self._lines = JsonLines(self._path)
        self._known: OrderedDict[str, None] = OrderedDict()

    async def send(self, notification: Notification) -> str:
        """Append a line, unless it is there; when this returns the disk has it.

        Raises:
            ChannelError: the disk did not take it.
        """
        return await asyncio.to_thread(self._written, notification)

    def _written(self, notification: Notification) -> str:
        try:
            with self._lines.locked():
                self._catch_up()
                if notification.notification_id in self._known:
                    return f"was in {self._path.name}"
                self._lines.append_locked(to_dict(notification))
        except OSError as error:
            raise ChannelError(
                f"The notice could not be written to {self._path}: {error.strerror}. Look at the disk and its rights."
            ) from error
        return f"written to {self._path.name}"

    def _catch_up(self) -> None:
        for fields in self._lines.unread():
            self._known[str(fields.get("notification_id"))] = None
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
