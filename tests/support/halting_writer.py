"""A writer that stops itself (SIGSTOP) in the middle of a transaction, its records sent and not committed; tests wake it up.

Ends with code 3 where it finds itself fenced, and 0 where its batch was committed.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from state.errors import FencedError
from state.kafka_store import EventStoreWriter, StoreTopics
from state.transactions import Batch, Transactions
from tests.support.event_writing import accounted_log

FENCED = 3

T = TypeVar("T")


def main(bootstrap: str, partition: str, id_prefix: str, *topics: str) -> int:
    """Append ten commands, then ten more, and stop before these are committed."""
    commands = accounted_log(20)
    with EventStoreWriter(bootstrap, int(partition), topics=StoreTopics(*topics), id_prefix=id_prefix) as store:
        store.append(commands[:10])
        _halt_in_the_next()
        try:
            store.append(commands[10:])
        except FencedError:
            return FENCED
    return 0


def _halt_in_the_next() -> None:
    whole = Transactions.run

    def halting(self: Transactions, write: Callable[[Batch], T]) -> T:
        def halted(batch: Batch) -> T:
            result = write(batch)
            batch.arrive()  # the broker has them
            print("in a transaction", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
            return result

        return whole(self, halted)

    Transactions.run = halting  # type: ignore[method-assign]


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
