"""Leaving the consumer group at once when a worker stops in the middle of a rebalance.

The usual end commits what is acknowledged and leaves. In a rebalance the client waits for the broker's answer to its joining,
which comes once every other member has joined, too: a member that hangs holds it up until its session ends. Meanwhile a worker
that was told to stop neither leaves nor works, and the broker counts it among the group. Its leaving goes over another
connection, as the broker answers one request after another on each.
"""

import asyncio
from typing import Any

import structlog
from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

log = structlog.get_logger()

# Longer nothing is waited for: the session's end does the rest.
LIMIT_S = 3.0


async def leave_if_rebalancing(app: Any) -> None:
    """Leave the group where a joining is under way; else do nothing, as the app's own end leaves it. Never fails."""
    thread: Any = getattr(app.consumer, "_thread", None)
    consumer = getattr(thread, "_consumer", None)
    if consumer is None or thread.thread_loop is None or thread.thread_loop.is_closed():
        return
    leaving = asyncio.run_coroutine_threadsafe(_leave(consumer), thread.thread_loop)
    try:
        await asyncio.wait_for(asyncio.wrap_future(leaving), LIMIT_S)
    except (TimeoutError, KafkaError) as error:
        log.warning("the group was not left; its session ends by itself", group=app.conf.id, reason=repr(error))


async def _leave(consumer: Any) -> None:
    coordinator = consumer._coordinator
    if not _joining(coordinator):
        return
    # Told first, so that the client does not join anew when the answer says that it is no member any more.
    closing = asyncio.ensure_future(coordinator.close())
    await asyncio.sleep(0)
    request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
    await consumer._client.send(coordinator.coordinator_id, request, group=ConnectionGroup.DEFAULT)
    log.info("left the group in the middle of a rebalance", group=coordinator.group_id)
    await closing


def _joining(coordinator: Any) -> bool:
    under_way = getattr(coordinator, "_performed_join_prepare", False)
    return bool(under_way and coordinator.member_id and coordinator.coordinator_id is not None)
