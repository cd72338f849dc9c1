"""The Faust app of a worker: one consumer group, settings that survive what Faust's defaults do not."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
from mode import CrashingSupervisor

# Records of one partition in one event, which is acknowledged as one. Of alerts that are sampled unopened, at 200 bytes: 3 MB and
# 60 ms. Of what stages decide on one by one: 0.2 s, and that times the stages that share a worker's core.
SAMPLED_AT_ONCE = 16_000
DECIDED_AT_ONCE = 2_000

# The topics whose progress waits for something outside of the worker: an effect under way, a store that is away.
Holds = Callable[[], Collection[str]]


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What an app needs to know of its surroundings.

    Attributes:
        name: the consumer group. bootstrap: `host:port,…`. datadir: the worker's own. partitions: of every topic.
        at_once: most records in one event.
        session_timeout_s: after this a worker that died is replaced. fetch_wait_ms: longest wait of an empty fetch.
        replication: replicas of the changelogs.
    """

    name: str
    bootstrap: str
    datadir: Path
    partitions: int
    at_once: int
    session_timeout_s: float = 10.0
    fetch_wait_ms: int = 20
    replication: int = 1


def make_app(settings: AppSettings) -> Any:
    """An app on the batch transport. An exception in an agent crashes the worker: what was not acknowledged comes again."""
    settings.datadir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        settings.name,
        broker=[f"batch://{address}" for address in settings.bootstrap.split(",")],
        datadir=str(settings.datadir),
        store="memory://",
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication,
        # A worker that takes over reads the changelog: compacted, and in bulk, that is quicker than it is to keep a copy.
        table_standby_replicas=0,
        topic_disable_leader=True,
        web_enabled=False,
        agent_supervisor=CrashingSupervisor,
        consumer_auto_offset_reset="earliest",
        # Of a partition, compressed: some 30,000 alerts. What is fetched ahead is in memory four times over.
        consumer_max_fetch_size=1 << 20,
        broker_max_poll_records=settings.at_once,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 5,
        broker_rebalance_timeout=30.0,
        # A rebalance does not wait for batches under way: they come again, and rows tell what was done.
        stream_wait_empty=False,
        stream_buffer_maxsize=4,
        stream_recovery_delay=0.0,
    )
    app.bootstrap = settings.bootstrap
    app.fetch_wait_ms = settings.fetch_wait_ms
    holds: list[Holds] = []
    app.holds = holds
    # Topics whose batches are streams.transport.chunks.Chunk: for a stage that decodes them itself.
    unopened: set[str] = set()
    app.unopened = unopened
    # How many agents each topic has: what several read is decoded once.
    readers: Counter[str] = Counter()
    app.readers = readers
    return app
