"""What a producer of telemetry puts on which topic, by which key."""

import struct
from collections.abc import Callable
from typing import Any

from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert, LogLine, MetricPoint, TopologyEdge
from schemas.records.log import DeadLetter
from streams.outbox import Message
from streams.topics import ALERTS, DEAD_LETTERS, LOGS, METRICS, TOPOLOGY, Topic

# Makes the codec of a topic's contract; which framing it writes is the maker's affair (streams.registry).
CodecFor = Callable[[Topic], Codec[Any]]


def edge_key(edge: TopologyEdge) -> str:
    """An edge's key: tenant/environment/service/depends_on, so that compaction keeps the last word on each edge."""
    return f"{edge.tenant}/{edge.environment}/{edge.service}/{edge.depends_on}"


_ROUTES: dict[type, tuple[Topic, Callable[[Any], str]]] = {
    Alert: (ALERTS, lambda alert: alert.incident_id),
    MetricPoint: (METRICS, lambda point: point.series),
    LogLine: (LOGS, lambda line: line.incident_id),
    TopologyEdge: (TOPOLOGY, edge_key),
    DeadLetter: (DEAD_LETTERS, lambda letter: letter.dead_letter_id),
}


def single_object_codec(topic: Topic) -> Codec[Any]:
    """A codec that writes Avro single-object encoding: needs no registry."""
    return Codec(topic.record)


class TelemetryEncoder:
    """Turns records into messages; keeps a codec a contract."""

    def __init__(self, codec_for: CodecFor = single_object_codec) -> None:
        self._codec_for = codec_for
        self._codecs: dict[str, Codec[Any]] = {}

    def codec(self, topic: Topic) -> Codec[Any]:
        """The codec that this encoder writes a topic's records with."""
        if topic.name not in self._codecs:
            self._codecs[topic.name] = self._codec_for(topic)
        return self._codecs[topic.name]

    def message(self, record: Any) -> Message:
        """The topic, key and framed bytes of an alert, metric point, log line, edge or dead letter.

        Raises:
            InvalidInputError: the record is of another kind, or a field holds no value of its type.
        """
        if type(record) not in _ROUTES:
            raise InvalidInputError(f"{type(record).__name__} is no telemetry; send {', '.join(map(_name, _ROUTES))}.")
        topic, key = _ROUTES[type(record)]
        try:
            return Message(topic.name, key(record).encode(), self.codec(topic).encode(record))
        except (ValueError, TypeError, AttributeError, OverflowError, struct.error) as error:
            kind = type(record).__name__
            raise InvalidInputError(
                f"{kind} cannot be written: {error}. Give its fields values of their types."
            ) from error


def _name(kind: type) -> str:
    return kind.__name__
