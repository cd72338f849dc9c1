"""The embedded Apache Kafka: one KRaft node, broker and controller at once, on this machine's loopback."""

import base64
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from ops.embedded.errors import (
    DataDamagedError,
    DiskFullError,
    MemoryShortError,
    PortTakenError,
    StartFailedError,
)
from ops.embedded.faults import Failure, Fault
from ops.embedded.jars import Progress
from ops.embedded.java import JavaVersions
from ops.embedded.probe import answers_kafka
from ops.embedded.server import EmbeddedServer, tell_nobody

_FORMAT_LIMIT_S = 60.0
_RENEW = (
    "Restore the folder from a backup; or, if what it holds may go, stop everything and remove {folder}/data: the next "
    "start makes it anew, empty."
)
_FAULTS = (
    Fault(
        re.compile(r"No space left on device|Disk quota exceeded"),
        DiskFullError,
        "No space is left in {folder} for {title}. Free some and start it again; nothing that was "
        "acknowledged is lost.",
    ),
    Fault(
        re.compile(r"Address already in use"),
        PortTakenError,
        "Another program took a port of {title} while it was starting. Start it again.",
    ),
    Fault(
        re.compile(r"Failed to acquire lock on file"),
        StartFailedError,
        "Another Kafka already uses {folder}/data, and Breakwater has no record of it. Stop that process "
        "(`ps -ef | grep kafka.Kafka` shows it) and start again.",
    ),
    Fault(
        re.compile(r"Could not reserve enough space for|insufficient memory for the Java Runtime|OutOfMemoryError"),
        MemoryShortError,
        "{title} got too little memory: it asks for a heap of {heap_mb} MiB and some 200 MiB beside. Free memory, or "
        "ask for another heap, and start it again.",
    ),
    Fault(
        re.compile(
            r"meta\.properties|CorruptRecordException|Invalid cluster\.id|Stored node id|KafkaStorageException"
            r"|CorruptSnapshotException|InconsistentClusterIdException|all log dirs in .* have failed"
        ),
        DataDamagedError,
        "The data of {title} in {folder}/data cannot be read. " + _RENEW,
    ),
)


class EmbeddedKafka(EmbeddedServer):
    """A real Kafka under `home / "kafka"`; its data outlives it."""

    name = "kafka"
    product = "Apache Kafka"
    java = JavaVersions(least=17)
    port_names = ("broker", "controller")
    faults = _FAULTS

    def __init__(
        self, home: Path, *, jars_dir: Path | None = None, heap_mb: int = 512, progress: Progress = tell_nobody
    ) -> None:
        """See `EmbeddedServer`; 512 MiB of heap carry some 100,000 small records a second."""
        super().__init__(home, jars_dir=jars_dir, heap_mb=heap_mb, progress=progress)

    def answers(self, ports: dict[str, int]) -> bool:
        """Whether the broker takes requests."""
        return answers_kafka(ports["broker"])

    def command(self, java: Path, jars: list[Path]) -> list[str]:
        """`kafka.Kafka` with its configuration."""
        return [*self._java(java, jars, self._heap_mb), "kafka.Kafka", "config/server.properties"]

    def prepare(self, java: Path, jars: list[Path], ports: dict[str, int]) -> None:
        """Write the configuration; format the data folder where it is new."""
        self.render("kafka.properties", "config/server.properties", {k: str(v) for k, v in ports.items()})
        self.render("log4j2.xml", "config/log4j2.xml", {})
        data = self.folder / "data"
        # The format writes meta.properties last, so without it there is nothing to keep, or something went missing.
        if not (data / "meta.properties").exists():
            self._refuse_to_overwrite(data)
            shutil.rmtree(data, ignore_errors=True)
            self._format(java, jars)

    def _refuse_to_overwrite(self, data: Path) -> None:
        if any(data.glob("*/*.log")):
            advice = _RENEW.format(folder=self.folder)
            raise DataDamagedError(f"{data} holds topics, but its meta.properties is missing. {advice}")

    def _format(self, java: Path, jars: list[Path]) -> None:
        tool = [*self._java(java, jars, 128), "kafka.tools.StorageTool", "format", "--standalone"]
        tool += ["--cluster-id", _cluster_id(), "--config", "config/server.properties"]
        try:
            done = subprocess.run(
                tool, cwd=self.folder, capture_output=True, text=True, timeout=_FORMAT_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise StartFailedError(
                f"{self.title} took over {_FORMAT_LIMIT_S:.0f} s to format {self.folder}/data: the machine is "
                "overloaded, or the disk hangs. Try again when it is calmer."
            ) from error
        if done.returncode != 0:
            text = done.stdout + done.stderr
            raise Failure(
                self.title, self.folder, self._heap_mb, "could not format its data folder", self.log, text
            ).explain(self.faults)

    def _java(self, java: Path, jars: list[Path], heap_mb: int) -> list[str]:
        return [
            str(java),
            f"-Xms{min(heap_mb, 128)}m",
            f"-Xmx{heap_mb}m",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:ErrorFile=logs/java-crash-%p.log",
            # Java's own habit of writing to the system's temporary folder.
            "-XX:-UsePerfData",
            "-Djava.io.tmpdir=tmp",
            "-Djava.awt.headless=true",
            "-Dlog4j2.configurationFile=config/log4j2.xml",
            "-cp",
            ":".join(map(str, jars)),
        ]


def _cluster_id() -> str:
    """A random id as Kafka writes them: 16 bytes in URL-safe base64, which must not look like an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
