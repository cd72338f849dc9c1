"""The port of channels: how a notification reaches people."""

from typing import Protocol

from schemas.records.command import Notification


class Channel(Protocol):
    """One way to people. `name` is what notifications call it."""

    @property
    def name(self) -> str:
        """The channel's name."""

    async def send(self, notification: Notification) -> str:
        """Tell people, and return how that went, as a clause. Bounded in time.

        The same notification may be sent again after a crash: the channel, or who receives it, tells by its id.

        Raises:
            ChannelError: people were not told, or it is not known whether they were.
        """
