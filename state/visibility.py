"""Seeing to it that what was committed can be read, also after the broker died at the wrong moment.

A broker answers a commit before it has written the commit's markers into the partitions. Killed in between, a single Kafka
4.3 node may skip the markers when it comes back ("Couldn't find leader endpoint … likely deleted already"): the records then
hang in a transaction without an end, and nobody who reads committed records gets past them, ever. Worse, the marker of the
same producer's next transaction would bring them back, beside what was written in their place.

So an append is done only when its records are to be seen; and a new owner looks for records that hang, and ends them by
aborting a transaction of its own in the same partition, which is the same producer's to Kafka. Nobody was told that they
were written, so their commands come again.
"""

import time

from state.errors import StoreUnavailableError
from state.log_reader import LogReader
from state.transactions import Batch, Transactions

# Markers are written within milliseconds of the commit; on a broker that is overloaded, seconds.
_SETTLE_S = 3.0
_VISIBLE_S = 5.0
# Markers are written within a few milliseconds, and every command of a batch waits for them.
_PAUSE_S = 0.0005
_PAUSE_GROWTH = 1.5
_LONGEST_PAUSE_S = 0.1


class Visibility:
    """Looks at one partition as readers of committed records do, and as it is."""

    def __init__(self, bootstrap: str, partition: int, client_id: str) -> None:
        self._partition = partition
        self._committed = LogReader(bootstrap, f"{client_id}-visible")
        self._bootstrap, self._client_id = bootstrap, client_id

    def close(self) -> None:
        """Give the connection back."""
        self._committed.close()

    def wait_for(self, topic: str, offset: int, patience_s: float) -> None:
        """Return once the record at `offset` is to be seen by readers of committed records.

        Raises:
            StoreUnavailableError: it is not, although Kafka answers, or Kafka does not answer for `patience_s`.
        """
        deadline = time.monotonic() + patience_s
        pause_s, answered_at = _PAUSE_S, None
        while True:
            try:
                if self._committed.bounds(topic, self._partition)[1] > offset:
                    return
            except StoreUnavailableError:
                if time.monotonic() > deadline:
                    raise
                answered_at = None
            else:
                answered_at = answered_at or time.monotonic()
                if time.monotonic() - answered_at > _VISIBLE_S:
                    raise self._hanging(topic)
            time.sleep(pause_s)
            pause_s = min(pause_s * _PAUSE_GROWTH, _LONGEST_PAUSE_S)

    def settle(self, transactions: Transactions, topics: tuple[str, ...]) -> None:
        """End what hangs in these topics; to be called by the new owner, before it reads them.

        Raises:
            StoreUnavailableError: a topic is missing, or something still hangs: another program writes there.
            FencedError: yet another owner came.
        """
        for topic in topics:
            if self._partition not in self._committed.partitions(topic):
                raise StoreUnavailableError(
                    f"There is no partition {self._partition} of {topic}. `breakwater up` makes it."
                )
        hanging = self._hanging_topics(topics, _SETTLE_S)
        if not hanging:
            return

        def into_each(batch: Batch) -> None:
            for topic in hanging:
                batch.send(topic, b"", b"")

        transactions.run_aborted(into_each)
        for topic in self._hanging_topics(hanging, _VISIBLE_S):
            raise self._hanging(topic)

    def _hanging_topics(self, topics: tuple[str, ...], patience_s: float) -> tuple[str, ...]:
        deadline = time.monotonic() + patience_s
        with LogReader(self._bootstrap, f"{self._client_id}-settling", committed=False) as everything:
            while True:
                ends = {topic: everything.bounds(topic, self._partition)[1] for topic in topics}
                hanging = tuple(t for t, end in ends.items() if self._committed.bounds(t, self._partition)[1] < end)
                if not hanging or time.monotonic() > deadline:
                    return hanging
                time.sleep(_LONGEST_PAUSE_S)

    def _hanging(self, topic: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{topic} partition {self._partition} holds records of a transaction without an end, so that nobody sees what "
            "follows. Opening the writer anew ends it, unless another program writes there: stop that."
        )
