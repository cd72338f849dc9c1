"""Quix Streams: a stateful filter on RocksDB with a changelog (Quix Streams' "Stateful Processing")."""

import sys

from alert_avro import LIMIT_PER_S, decoded
from quixstreams import Application

bootstrap, group, target, folder = sys.argv[1:5]
app = Application(
    broker_address=bootstrap,
    consumer_group=group,
    auto_offset_reset="earliest",
    commit_interval=1.0,
    state_dir=folder,
    loglevel="WARNING",
    consumer_extra_config={"fetch.queue.backoff.ms": 10},
)
alerts = app.topic("alerts", key_deserializer="bytes", value_deserializer="bytes")
sampled = app.topic(target, key_serializer="bytes", value_serializer="bytes")


def keep(value, state):
    """Whether an alert is among the first hundred of its second; state is by key, which is the incident."""
    _, second = decoded(value)
    at, count = state.get("second", (-1, 0))
    count = count + 1 if at == second else 1
    state.set("second", (second, count))
    return count <= LIMIT_PER_S


app.dataframe(alerts).filter(keep, stateful=True).to_topic(sampled)

if __name__ == "__main__":
    app.run()
