"""The consumer's own thread: aiokafka's fetch, read committed, with the position that each fetch moved from and to."""

import asyncio
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords
from faust.transport.drivers import aiokafka as driver

from streams.transport.chunks import ChunkedRecords, FetchTap
from streams.transport.tolerant import TolerantRecords, given_up

# How long the broker may hold a fetch that finds nothing. aiokafka keeps one fetch in flight a broker, so at Faust's 1,500 ms
# a drained partition holds up the busy ones.
DEFAULT_FETCH_WAIT_MS = 20

Fetched = tuple[dict[Any, list[Any]], dict[Any, tuple[int, int]]]


class FetchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Returns records by partition together with the positions before and after."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unopened: dict[Any, ChunkedRecords] = {}
        self._misspelt: set[Any] = set()  # partitions whose next fetch aiokafka cannot read
        super().__init__(*args, **kwargs)

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._client = FetchTap(consumer._client)
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
        for tp, result in fetcher._records.items():
            self._lighten(fetcher, tp, result)
        waiting, begun = dict(fetcher._records), self._positions(fetcher)
        try:
            with fetcher._subscriptions.fetch_context():
                records: dict[Any, list[Any]] = await fetcher.fetched_records(
                    active, timeout=0, max_records=max_records
                )
        except UnicodeDecodeError:
            # Nothing of this was handed out, so it is fetched again, and read in another way.
            self._misspelt |= {tp for tp, result in waiting.items() if given_up(result)}
            self._take_back(fetcher, begun)
            return {}
        for tp in records:
            part = self._unopened.get(tp)
            if part is None or not part.more:
                self._unopened.pop(tp, None)
            elif tp not in fetcher._records:
                # An iteration ended at its limit: aiokafka takes it for the end. Nothing ran in between.
                waiting[tp]._partition_records = part
                fetcher._records[tp] = waiting[tp]
        return records

    def _lighten(self, fetcher: Any, tp: Any, result: Any) -> None:
        """Have a fetch's records come out unopened, or at least without an object of aiokafka's around each."""
        part: Any = getattr(result, "_partition_records", None)
        if type(part) is not PartitionRecords:
            return
        if tp in self._misspelt:
            data = fetcher._client.take(tp, part.next_fetch_offset)
            if data is not None:
                result._partition_records = TolerantRecords(part, data)
                self._misspelt.discard(tp)
            return
        if not self._is_source(tp):
            return
        data = fetcher._client.take(tp, part.next_fetch_offset) if tp.topic in self.app.unopened else None
        if data is not None:
            part = self._unopened[tp] = ChunkedRecords(part, data, self.app.conf.broker_max_poll_records)
            result._partition_records = part
        else:
            self._unopened.pop(tp, None)
            # The C records pass on as they are; wrapping each in a ConsumerRecord costs as much as fetching it.
            part._consumer_record = lambda _tp, record: record

    def _take_back(self, fetcher: Any, begun: dict[Any, int]) -> None:
        """Have what was read of other partitions, before one of them failed, fetched again from where that began."""
        for tp, position in self._positions(fetcher).items():
            if begun.get(tp, position) != position:
                fetcher._subscriptions.subscription.assignment.state_value(tp).consumed_to(begun[tp])
                fetcher._records.pop(tp, None)
                self._unopened.pop(tp, None)

    @staticmethod
    def _positions(fetcher: Any) -> dict[Any, int]:
        subscription = fetcher._subscriptions.subscription
        if not subscription or not subscription.assignment:
            return {}
        assignment = subscription.assignment
        states = {tp: assignment.state_value(tp) for tp in assignment.tps}
        return {tp: s.position for tp, s in states.items() if s is not None and s.has_valid_position}

    def readable_end(self, tp: Any) -> int | None:
        """Where the committed part of a partition ended at the last fetch; None where it is not known."""
        consumer = self._ensure_consumer()
        end: int | None = consumer.last_stable_offset(tp) if tp in consumer.assignment() else None
        return end

    def _is_source(self, tp: Any) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))
