"""The consumer's own thread: aiokafka's fetch, read committed, with the position that each fetch moved from and to."""

import asyncio
from typing import Any

from faust.transport.drivers import aiokafka as driver

# How long the broker may hold a fetch that finds nothing. aiokafka keeps one fetch in flight a broker, so at Faust's 1,500 ms
# a drained partition holds up the busy ones.
DEFAULT_FETCH_WAIT_MS = 20

Fetched = tuple[dict[Any, list[Any]], dict[Any, tuple[int, int]]]


class FetchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Returns records by partition together with the positions before and after, of source partitions."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = getattr(self.app, "fetch_wait_ms", DEFAULT_FETCH_WAIT_MS)
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[Any] | None,
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Fetched:
        if not self.consumer.flow_active:
            return {}, {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise driver.ConsumerStoppedError()
        before = self._positions(fetcher)
        records = await self._buffered(fetcher, active_partitions, max_records)
        if not records and before == self._positions(fetcher):
            waiter = fetcher._create_fetch_waiter()
            await asyncio.wait([waiter], timeout=timeout)
            waiter.cancel()
            before = self._positions(fetcher)
            records = await self._buffered(fetcher, active_partitions, max_records)
        # Nothing above awaits between `before` and here but for an assignment under way: the two belong together.
        after = self._positions(fetcher)
        return records, {tp: (before[tp], after[tp]) for tp in after if tp in before}

    async def _buffered(self, fetcher: Any, active: set[Any] | None, max_records: int | None) -> dict[Any, list[Any]]:
        self._skip_record_objects(fetcher)
        with fetcher._subscriptions.fetch_context():
            records: dict[Any, list[Any]] = await fetcher.fetched_records(active, timeout=0, max_records=max_records)
        return records

    def _skip_record_objects(self, fetcher: Any) -> None:
        # aiokafka's C records pass on as they are; wrapping each in a ConsumerRecord costs as much as fetching it.
        for tp, result in fetcher._records.items():
            part = getattr(result, "_partition_records", None)
            if part is not None and self._is_source(tp):
                part._consumer_record = lambda _tp, record: record

    def _positions(self, fetcher: Any) -> dict[Any, int]:
        subscription = fetcher._subscriptions.subscription
        if not subscription or not subscription.assignment:
            return {}
        assignment = subscription.assignment
        states = {tp: assignment.state_value(tp) for tp in assignment.tps if self._is_source(tp)}
        return {tp: s.position for tp, s in states.items() if s is not None and s.has_valid_position}

    def readable_end(self, tp: Any) -> int | None:
        """Where the committed part of a partition ended at the last fetch; None where it is not known."""
        consumer = self._ensure_consumer()
        end: int | None = consumer.last_stable_offset(tp) if tp in consumer.assignment() else None
        return end

    def _is_source(self, tp: Any) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))
