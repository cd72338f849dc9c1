"""Which position of a partition may be committed, and where its next batch has to begin. Pure."""

from collections import deque

from streams.transport.batch import Batch


class Progress:
    """The batches of one partition that were handed out, in order.

    The acknowledged run at the head moves `committable` to the position after it. Positions are the fetcher's own, so what
    lies between batches and is no record (holes, markers, aborted records) is passed without being counted.
    """

    def __init__(self, begins_at: int | None) -> None:
        self._begins_at = begins_at
        self.expected = begins_at
        self.committable: int | None = None
        self._pending: deque[Batch] = deque()

    def continues(self, start: int) -> bool:
        """Whether a batch that was fetched from `start` follows the one before: else it must be fetched again."""
        if self.expected is None:
            self.expected = start
        return start == self.expected

    def hand_out(self, batch: Batch) -> None:
        """A batch goes to its agents now."""
        self._pending.append(batch)
        self.expected = batch.next

    def advance(self) -> None:
        """Take the acknowledged run off the head."""
        while self._pending and self._pending[0].done:
            self.committable = self._pending.popleft().next

    def passed(self, position: int) -> None:
        """The fetcher moved to `position` and there was no record on the way."""
        self.expected = position
        if self._pending:
            self._pending[-1].next = max(position, self._pending[-1].next)
        else:
            self.committable = max(position, self.committable or 0)

    def void(self) -> None:
        """All that agents still hold comes again, to this worker or another."""
        for batch in self._pending:
            batch.void = True
        self._pending.clear()

    @property
    def reached(self) -> int | None:
        """Everything before this is done with; None where not even the beginning is known."""
        return self._begins_at if self.committable is None else self.committable
