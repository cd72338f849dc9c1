"""Where partitions begin and end: one question for all of them."""

from collections.abc import Collection

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from streams.errors import BrokerUnreachableError

REQUEST_S = 10.0

Partition = tuple[str, int]  # topic, partition
Offsets = dict[Partition, int]


def first_offsets(admin: AdminClient, bootstrap: str, places: Collection[Partition]) -> Offsets:
    """The first offset that each partition keeps; a partition that is not there is left out.

    Raises:
        BrokerUnreachableError: Kafka does not answer.
    """
    return _listed(admin, bootstrap, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def last_offsets(admin: AdminClient, bootstrap: str, places: Collection[Partition]) -> Offsets:
    """The end of each partition: the offset after all that is committed; a partition that is not there is left out.

    Raises:
        BrokerUnreachableError: Kafka does not answer.
    """
    return _listed(admin, bootstrap, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def _listed(admin: AdminClient, bootstrap: str, places: Collection[Partition], which: OffsetSpec) -> Offsets:
    if not places:
        return {}
    asked = {TopicPartition(*place): which for place in places}
    found: Offsets = {}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REQUEST_S)
    for tp, answer in answers.items():
        try:
            found[tp.topic, tp.partition] = answer.result(REQUEST_S).offset
        except KafkaException:
            continue  # deleted in the meantime
        except TimeoutError as error:
            raise BrokerUnreachableError(bootstrap) from error
    return found
