"""A loop that was held up says by how much."""

import asyncio
import time

from prometheus_client import CollectorRegistry

from ops.metrics.loop import LoopPauses


async def test_what_blocks_the_loop_is_the_longest_pause() -> None:
    """A worker that computes for long on the loop sends no heartbeat meanwhile."""
    registry = CollectorRegistry()
    pauses = LoopPauses(registry)
    pauses.start()
    await asyncio.sleep(0)
    time.sleep(0.12)  # noqa: ASYNC251 - this is what is measured
    while not registry.get_sample_value("breakwater_loop_pause_seconds_count"):  # noqa: ASYNC110 - nothing to wait on
        await asyncio.sleep(0)
    pauses.close()
    longest = registry.get_sample_value("breakwater_loop_longest_pause_seconds")
    assert longest is not None
    assert longest >= 0.09
