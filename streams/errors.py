"""What can go wrong between a program and Kafka."""

from schemas.errors import BreakwaterError


class StreamError(BreakwaterError):
    """The root of this layer's errors."""


class BrokerUnreachableError(StreamError):
    """Nothing answers at the bootstrap address."""

    retriable = True

    def __init__(self, bootstrap: str) -> None:
        super().__init__(
            f"No Kafka answers at {bootstrap}. Start the embedded one with `breakwater kafka up`, "
            "or set KAFKA_BOOTSTRAP_SERVERS to one that runs."
        )


class TopicMismatchError(StreamError):
    """Topics that must be co-partitioned are not."""


class DeliveryError(StreamError):
    """Kafka did not take a record; nothing that depends on it may be acknowledged."""

    retriable = True
