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


class SilentSequencerError(StreamError):
    """The sequencer did not answer a command in time; it may take it up later."""

    retriable = True

    def __init__(self, incident_id: str, waited_s: float) -> None:
        super().__init__(
            f"No sequencer answered for {incident_id} within {waited_s:.0f} s. See that a command worker runs (`breakwater "
            "status`), and look at the incident before you ask again: the command may be taken up later."
        )


class DeliveryError(StreamError):
    """Kafka did not take a record; nothing that depends on it may be acknowledged."""

    retriable = True


class LogReplacedError(StreamError):
    """A topic is not the one that a group has read."""

    def __init__(self, topic: str, partition: int, read_up_to: int, end: int) -> None:
        super().__init__(
            f"{topic}-{partition} ends at offset {end}, but was read up to {read_up_to}: it was deleted and made anew. "
            "Stop the workers, delete their consumer groups and changelog topics, and start them again."
        )


class OutputTooLargeError(StreamError):
    """A record is larger than its topic takes."""

    def __init__(self, topic: str, size: int, most: int) -> None:
        super().__init__(f"A record for {topic} has {size} bytes; {most} are the most.")


class StalledError(StreamError):
    """A worker has work and does none."""

    retriable = True

    def __init__(self, partition: str, done: int, end: int, still_s: float) -> None:
        super().__init__(
            f"{partition} stands at offset {done} of {end} for {still_s:.0f} s: the worker stops, to be started again. "
            "If this repeats, look at the record there with `breakwater replay`."
        )


class NoAnswerError(StreamError):
    """A decision that is made again asks for what was not recorded."""
