"""Apache Kafka's own command-line tools, run from its jars: what operators compare with."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.embedded.jar_lock import parse_lock, read_lock
from ops.embedded.jars import class_path
from ops.embedded.java import JavaVersions, find_java

# The one jar of the tools that a broker does not need.
_TOOLS = parse_lock(
    "org.apache.kafka:kafka-tools:4.3.1 698668 62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c"
)
_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class ToldLag:
    """A row of `kafka-consumer-groups --describe`: offsets, and what lies between them."""

    committed: int
    end: int
    lag: int


def consumer_groups_lag(bootstrap: str, group: str, jars_dir: Path, home: Path) -> dict[tuple[str, int], ToldLag]:
    """What `kafka-consumer-groups --describe` says of a group, by topic and partition."""
    jars = class_path("Apache Kafka's tools", (*_TOOLS, *read_lock("kafka")), jars_dir, print)
    java = find_java(JavaVersions(least=17), home, print)
    done = subprocess.run(
        [str(java), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, jars)),
         "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
         "--bootstrap-server", bootstrap, "--describe", "--group", group],
        capture_output=True, text=True, timeout=_LIMIT_S, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == [group]]
    return {(row[1], int(row[2])): ToldLag(int(row[3]), int(row[4]), int(row[5])) for row in rows}
