"""Stock Faust: an agent over a topic, a tumbling table with a changelog (faust-streaming's "Tables and Windowing")."""

import sys

import faust
from alert_avro import LIMIT_PER_S, decoded

bootstrap, group, target, folder = sys.argv[1:5]
app = faust.App(
    group,
    broker=f"kafka://{bootstrap}",
    store="memory://",
    datadir=folder,
    topic_partitions=4,
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=1.0,
    topic_disable_leader=True,
)
alerts = app.topic("alerts", key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
sampled = app.topic(target, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
kept = app.Table("kept", default=int, partitions=4).tumbling(10.0, expires=60.0)


@app.agent(alerts)
async def sample(stream):
    """Count each alert, forward the first hundred of a second."""
    async for key, value in stream.items():
        incident, second = decoded(value)
        place = f"{incident}/{second}"
        kept[place] += 1
        if kept[place].current() <= LIMIT_PER_S:
            await sampled.send(key=key, value=value)


if __name__ == "__main__":
    sys.argv = ["faust", "worker", "-l", "warn", "--without-web"]
    app.main()
