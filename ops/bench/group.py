"""How far a consumer group has come, also while it is not there yet."""

from collections.abc import Mapping

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from streams.topics import ALERTS

_REQUEST_S = 10.0


class Group:
    """A consumer group, seen from outside, at one topic: the raw one unless another is named.

    librdkafka 2.16 crashes, or waits for ever, when it is asked for a group whose coordinator is not there yet: the cluster's
    list is looked at first.
    """

    def __init__(self, bootstrap: str, name: str, topic: str = ALERTS.name) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self.name, self._topic = name, topic
        self._known = False

    def known(self) -> bool:
        """Whether the cluster has heard of it."""
        if not self._known:
            there = self._admin.list_consumer_groups(request_timeout=_REQUEST_S).result(_REQUEST_S).valid
            self._known = self.name in {group.group_id for group in there}
        return self._known

    def reads(self) -> bool:
        """Whether a member has been given a partition of the topic."""
        if not self.known():
            return False
        asked = self._admin.describe_consumer_groups([self.name], request_timeout=_REQUEST_S)
        given = (m.assignment.topic_partitions for m in asked[self.name].result(_REQUEST_S).members if m.assignment)
        return any(tp.topic == self._topic for some in given for tp in some)

    def committed(self) -> Mapping[int, int]:
        """The committed offset of each partition of the topic that has one."""
        if not self.known():
            return {}
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.name)])
        places = asked[self.name].result(_REQUEST_S).topic_partitions or []
        return {tp.partition: tp.offset for tp in places if tp.topic == self._topic and tp.offset >= 0}
