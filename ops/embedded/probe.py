"""Does it answer? One request of the server's own protocol, so that an open port alone is not taken for a server."""

import socket
import struct

from ops.embedded.ports import HOST

_TIMEOUT_S = 2.0
# ApiVersions, version 0, correlation id 7, no client id: https://kafka.apache.org/protocol#The_Messages_ApiVersions
_KAFKA_CORRELATION = 7
_KAFKA_REQUEST = struct.pack(">ihhih", 10, 18, 0, _KAFKA_CORRELATION, -1)
# OPTIONS, protocol version 4: section 4.1.3 of Cassandra's native_protocol_v4.spec.
_CQL_OPTIONS = bytes([0x04, 0, 0, 0, 0x05]) + struct.pack(">i", 0)
_CQL_SUPPORTED = 0x06


def answers_kafka(port: int) -> bool:
    """Whether a Kafka broker on `port` takes requests."""
    answer = _exchange(port, _KAFKA_REQUEST, 10)
    # Length, correlation id, error code.
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (_KAFKA_CORRELATION, 0)


def answers_cql(port: int) -> bool:
    """Whether a Cassandra node on `port` takes requests."""
    answer = _exchange(port, _CQL_OPTIONS, 9)
    return len(answer) == 9 and answer[4] == _CQL_SUPPORTED


def _exchange(port: int, request: bytes, answer_bytes: int) -> bytes:
    """The first `answer_bytes` of the answer to `request`, or what came of them."""
    answer = b""
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(request)
            while len(answer) < answer_bytes:
                part = connection.recv(answer_bytes - len(answer))
                if not part:
                    break
                answer += part
    except OSError:
        return b""
    return answer
