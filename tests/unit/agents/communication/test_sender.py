"""The sender: each notification once, in order, whatever fails or crashes."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from agents.breaker import CircuitBreaker
from agents.communication.channels import Channel
from agents.communication.console_channel import ConsoleChannel
from agents.communication.delivery import HttpDelivery
from agents.communication.errors import ChannelError
from agents.communication.journal import Journal
from agents.communication.sender import NotificationSender
from agents.communication.webhook_channel import WebhookChannel
from schemas.records.command import Notification, NotificationState
from streams.stage import Output
from streams.topics import COMMANDS, NOTIFICATIONS
from tests.support.episode import NOW, records
from tests.support.notifications import notification, queued
from tests.support.webhook_receiver import WebhookReceiver


class FakeChannel:
    """Remembers what it was sent; raises what it is told to."""

    def __init__(self, name: str = "webhook") -> None:
        self.name = name
        self.sent: list[str] = []
        self.error: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.called = asyncio.Event()

    async def send(self, notification: Notification) -> str:
        self.called.set()
        if self.gate is not None:
            await self.gate.wait()
        self.sent.append(notification.notification_id)
        if self.error is not None:
            raise self.error
        return "taken"


class Bench:
    """A sender with its journal; `sender` makes a new one, as after a restart of the worker."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sent.jsonl"

    def sender(self, *channels: Channel) -> NotificationSender:
        return NotificationSender(channels, Journal(self._path), clock=lambda: NOW)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def states(outputs: list[Output]) -> list[tuple[str, str]]:
    return [(n.notification_id, n.state) for n in records(outputs, NOTIFICATIONS)]


async def test_what_is_queued_is_sent_and_told(bench: Bench) -> None:
    """SENT on `notifications`, NotificationSent for the event store."""
    channel = FakeChannel()
    outputs = await bench.sender(channel).handle([queued()])
    assert channel.sent == ["notification-1"]
    assert states(outputs) == [("notification-1", NotificationState.SENT)]
    assert [command.type for command in records(outputs, COMMANDS)] == ["NotificationSent"]


async def test_only_what_is_queued_for_its_channels(bench: Bench) -> None:
    """Its own outcomes come back on the topic, and other channels' notifications: passed over."""
    channel = FakeChannel()
    passed = [queued(1, state=state) for state in NotificationState if state != NotificationState.QUEUED]
    assert await bench.sender(channel).handle([*passed, queued(2, channel="pager")]) == []
    assert channel.sent == []


async def test_a_redelivery_sends_nothing_and_says_the_same(bench: Bench) -> None:
    """Answered before the crash: the successor tells of it again by the same ids, and sends nothing."""
    channel = FakeChannel()
    first = await bench.sender(channel).handle([queued()])
    again = await bench.sender(channel).handle([queued()])
    assert channel.sent == ["notification-1"]
    assert again == first


async def test_cut_off_before_the_answer_it_is_sent_again_by_the_same_id(bench: Bench) -> None:
    """The window that remains: sent, and the worker died before it noted the answer."""
    channel = FakeChannel()
    channel.error = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await bench.sender(channel).handle([queued()])
    channel.error = None
    outputs = await bench.sender(channel).handle([queued()])
    assert channel.sent == ["notification-1", "notification-1"]
    assert states(outputs) == [("notification-1", NotificationState.SENT)]


async def test_an_outdated_notice_is_dropped(bench: Bench) -> None:
    """`opened` comes after `resolved` was sent: nobody is told; other incidents and channels are not affected."""
    channel, other = FakeChannel(), FakeChannel("slack")
    sender = bench.sender(channel, other)
    await sender.handle([queued(2)])
    late = [queued(1), queued(1, channel="slack"), queued(1, incident_id="inc-other")]
    outputs = await bench.sender(channel, other).handle(late)
    told = {(n.channel, n.incident_id): n for n in records(outputs, NOTIFICATIONS)}
    assert told["webhook", "inc-checkout"].state == NotificationState.SUPPRESSED
    assert "outdated: notice 2" in told["webhook", "inc-checkout"].detail
    assert told["slack", "inc-checkout"].state == NotificationState.SENT
    assert told["webhook", "inc-other"].state == NotificationState.SENT


@pytest.mark.parametrize("error", [ChannelError("HTTP 404"), ZeroDivisionError("HTTP 404")])
async def test_a_channel_that_fails_holds_up_nobody(bench: Bench, error: Exception) -> None:
    """FAILED with the reason on one channel, SENT on the other; the next notification is tried again."""
    broken, well = FakeChannel(), FakeChannel("slack")
    broken.error = error
    outputs = await bench.sender(broken, well).handle([queued(1), queued(1, channel="slack"), queued(2)])
    by_channel = [(n.channel, n.state) for n in records(outputs, NOTIFICATIONS)]
    assert by_channel == [("webhook", "FAILED"), ("webhook", "FAILED"), ("slack", "SENT")]
    assert "HTTP 404" in records(outputs, NOTIFICATIONS)[0].detail
    assert len(records(outputs, COMMANDS)) == 1


async def test_channels_do_not_wait_for_each_other(bench: Bench) -> None:
    """One channel hangs; the other has sent meanwhile."""
    slow, quick = FakeChannel(), FakeChannel("slack")
    slow.gate = asyncio.Event()
    task = asyncio.create_task(bench.sender(slow, quick).handle([queued(1), queued(2, channel="slack")]))
    await asyncio.wait_for(quick.called.wait(), 20)
    assert not task.done()
    slow.gate.set()
    assert len(records(await task, NOTIFICATIONS)) == 2


async def test_a_channel_s_notices_come_in_order(bench: Bench) -> None:
    """As they were queued."""
    channel = FakeChannel()
    await bench.sender(channel).handle([queued(1), queued(2), queued(3)])
    assert channel.sent == ["notification-1", "notification-2", "notification-3"]


async def test_a_real_receiver_is_told_once_over_a_restart(bench: Bench) -> None:
    """Over HTTP, with a new sender and journal on the same file: one request."""
    with WebhookReceiver() as receiver:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(2):
                delivery = HttpDelivery(receiver.url, client=client, breaker=CircuitBreaker("r", lambda: 0.0))
                await bench.sender(WebhookChannel(delivery)).handle([queued()])
        assert receiver.keys == ["notification-1"]


async def test_the_console_holds_a_notification_once(tmp_path: Path) -> None:
    """Sent again by another worker that has no journal of it, or after a line torn by kill -9: one whole line each."""
    await ConsoleChannel(tmp_path).send(notification())
    path = tmp_path / "notifications.jsonl"
    with path.open("ab") as file:
        file.write(b'{"notification_id": "notification-2", "ti')
    successor = ConsoleChannel(tmp_path)
    await successor.send(notification())
    await successor.send(notification(notification_id="notification-2"))
    await ConsoleChannel(tmp_path).send(notification(notification_id="notification-2"))
    whole = [line for line in path.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["notification_id"] for line in whole] == ["notification-1", "notification-2"]


async def test_a_console_that_cannot_be_written_is_a_channel_s_failure(tmp_path: Path, bench: Bench) -> None:
    """The folder's name is taken by a file: FAILED with the reason, no exception."""
    (tmp_path / "taken").write_text("")
    outputs = await bench.sender(ConsoleChannel(tmp_path / "taken")).handle([queued(channel="console")])
    assert states(outputs) == [("notification-1", NotificationState.FAILED)]
    assert "could not be written" in records(outputs, NOTIFICATIONS)[0].detail
