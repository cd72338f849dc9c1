"""Reading a topic once, from its beginning to its end: state.log_reader's reading, with this layer's error."""

from collections.abc import Iterator

from state.errors import StoreUnavailableError
from state.log_reader import LogReader, RawRecord
from streams.errors import BrokerUnreachableError


def read_all(bootstrap: str, topic: str, *, patience_s: float = 30.0) -> Iterator[RawRecord]:
    """Every committed record of a topic, each partition in order, up to the end that it has when the reading starts.

    A topic that is not there has no records.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`, or nothing more came for `patience_s`.
    """
    try:
        with LogReader(bootstrap, "breakwater-reading", patience_s) as reader:
            yield from reader.read(topic, {p: reader.bounds(topic, p) for p in reader.partitions(topic)})
    except StoreUnavailableError as error:
        raise BrokerUnreachableError(bootstrap) from error
