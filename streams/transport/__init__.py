"""A Faust transport whose events are whole batches of a partition; `broker="batch://host:port"` selects it.

Stock Faust spends four asyncio tasks a message and commits by counting messages. Here an event is what one fetch brought of
one partition, and a commit is the fetcher's own next position behind an unbroken run of acknowledged batches: so commits
pass compaction holes, transaction markers and aborted records, and an agent pays for a task once a batch. Reads are
committed only. docs/decisions/0001-batch-transport.md argues for it.

`batch` is what an agent sees, `progress` which position may be committed, `fetching` runs on the consumer's thread,
`consumer` on the agents' loop.
"""

from streams.transport.batch import Batch, BatchSchema
from streams.transport.consumer import Transport

__all__ = ["Batch", "BatchSchema", "Transport"]
