"""The embedded Apache Cassandra: one node, on this machine's loopback."""

import re
from pathlib import Path

from ops.embedded.errors import DataDamagedError
from ops.embedded.faults import COMMON_FAULTS, RENEW, Fault
from ops.embedded.jars import Progress
from ops.embedded.java import JavaVersions
from ops.embedded.probe import answers_cql
from ops.embedded.server import EmbeddedServer, tell_nobody

_DAMAGED = re.compile(
    r"CorruptSSTableException|CommitLogReadException|CommitLogReplayException|FSReadError|Could not read commit log"
    r"|error while processing commit log|Unable to read (?:sstable|commit)|MarshalException|UnknownTableException"
)


class EmbeddedCassandra(EmbeddedServer):
    """A real Cassandra under `home / "cassandra"`; its data outlives it."""

    name = "cassandra"
    product = "Apache Cassandra"
    java = JavaVersions(least=17, most=17)
    port_names = ("native", "storage")
    faults = (
        *COMMON_FAULTS,
        Fault(_DAMAGED, DataDamagedError, "The data of {title} in {folder}/data cannot be read. " + RENEW),
    )
    # Twenty times what a quiet machine takes.
    start_limit_s = 180.0

    def __init__(
        self, home: Path, *, jars_dir: Path | None = None, heap_mb: int = 512, progress: Progress = tell_nobody
    ) -> None:
        """See `EmbeddedServer`; the process takes some 400 MiB beside its heap."""
        super().__init__(home, jars_dir=jars_dir, heap_mb=heap_mb, progress=progress)

    def answers(self, ports: dict[str, int]) -> bool:
        """Whether the node takes requests of drivers."""
        return answers_cql(ports["native"])

    def prepare(self, java: Path, jars: list[Path], ports: dict[str, int]) -> None:  # noqa: ARG002  Kafka formats by them
        """Write the configuration."""
        # Cassandra warns at each schema change where there is no folder for its plug-ins.
        (self.folder / "config" / "triggers").mkdir(exist_ok=True)
        self.render("cassandra.yaml", "config/cassandra.yaml", {name: str(port) for name, port in ports.items()})
        self.render("cassandra-logback.xml", "config/logback.xml", {})
        self.render("cassandra-java.options", "config/java.options", {})

    def command(self, java: Path, jars: list[Path]) -> list[str]:
        """Cassandra's daemon with its configuration, which it finds on its class path."""
        agent = next(jar for jar in jars if jar.name.startswith("jamm-"))
        return [
            *self.java_options(java),
            "@config/java.options",
            "-Xss256k",
            f"-javaagent:{agent}",
            "-Djna.tmpdir=tmp",
            "-Djava.net.preferIPv4Stack=true",
            "-Djdk.attach.allowAttachSelf=true",
            "-Dio.netty.tryReflectionSetAccessible=true",
            "-Dcassandra.storagedir=data",
            "-Dcassandra.logdir=logs",
            "-Dcassandra.triggers_dir=config/triggers",
            "-Dcassandra-foreground=yes",
            # Alone in its ring, it has nobody to hear from, nor to tell that it goes.
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra.ring_delay_ms=0",
            "-Dcassandra.shutdown_announce_in_ms=0",
            "-cp",
            ":".join(["config", *map(str, jars)]),
            "org.apache.cassandra.service.CassandraDaemon",
        ]
