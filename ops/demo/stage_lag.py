"""How far the workers are behind: records that their consumer groups have not acknowledged, asked for once a second."""

import threading
from collections.abc import Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its stubs leave it out

from ops.worker import ROLES, group_of
from streams.topics import BY_NAME

_EVERY_S = 1.0
_REQUEST_S = 5.0


class StageLag:
    """Asks in a thread of its own; `behind` is the last answer, by worker, without those that gave none."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        self._behind: Mapping[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stage-lag", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def behind(self) -> Mapping[str, int]:
        """Records behind by worker: edge, analysis, command."""
        return self._behind

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            found: dict[str, int] = {}
            for role in ROLES:
                try:
                    found[role] = self._of(group_of(role))
                except KafkaException:
                    continue  # it has not started, or the broker is busy: the next second tells
            self._behind = found

    def _of(self, group: str) -> int:
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=_REQUEST_S
        )
        done = asked[group].result(_REQUEST_S).topic_partitions or []
        # Changelogs are read at a start only; nothing is ever acknowledged on them.
        read = {(tp.topic, tp.partition): tp.offset for tp in done if tp.topic in BY_NAME and tp.offset >= 0}
        if not read:
            return 0
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked_ends = {TopicPartition(topic, partition): latest for topic, partition in read}
        ends = self._admin.list_offsets(asked_ends, request_timeout=_REQUEST_S)
        return sum(max(0, f.result(_REQUEST_S).offset - read[tp.topic, tp.partition]) for tp, f in ends.items())
