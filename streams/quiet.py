"""What Kafka's client library has to say, said in our log: by itself it writes on standard error, many times a second."""

import logging
from typing import Any

from confluent_kafka import KafkaError

log = logging.getLogger("kafka")


def quiet(client_id: str) -> dict[str, Any]:
    """Settings of a client that keep its library's own lines off, and log its errors as warnings, with the client's name."""

    def heard(error: KafkaError) -> None:
        log.warning("%s: %s", client_id, error.str())

    return {"log_level": 0, "error_cb": heard}
