"""The embedded Apache Kafka: one KRaft node, broker and controller at once, on this machine's loopback."""

import base64
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from ops.embedded.errors import DataDamagedError, StartFailedError
from ops.embedded.faults import COMMON_FAULTS, RENEW, Failure, Fault
from ops.embedded.jars import Progress
from ops.embedded.java import JavaVersions
from ops.embedded.probe import answers_kafka
from ops.embedded.server import EmbeddedServer, tell_nobody

_FORMAT_LIMIT_S = 60.0
_DAMAGED = re.compile(
    r"meta\.properties|node ID not found in|CorruptRecordException|Invalid cluster\.id|Stored node id|KafkaStorageException"
    r"|CorruptSnapshotException|InconsistentClusterIdException|all log dirs in .* have failed"
)
_LOCKED = re.compile(r"Failed to acquire lock on file")


class EmbeddedKafka(EmbeddedServer):
    """A real Kafka under `home / "kafka"`; its data outlives it."""

    name = "kafka"
    product = "Apache Kafka"
    java = JavaVersions(least=17)
    port_names = ("broker", "controller")
    faults = (
        *COMMON_FAULTS,
        Fault(
            _LOCKED,
            StartFailedError,
            "Another Kafka already uses {folder}/data, and Breakwater did not start it. Stop that process "
            "(`ps -ef | grep kafka.Kafka` shows it) and start again.",
        ),
        Fault(_DAMAGED, DataDamagedError, "The data of {title} in {folder}/data cannot be read. " + RENEW),
    )

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
        return [*self._options(java, jars), "kafka.Kafka", "config/server.properties"]

    def prepare(self, java: Path, jars: list[Path], ports: dict[str, int]) -> None:
        """Write the configuration; format the data folder where it is new."""
        self.render("kafka.properties", "config/server.properties", {k: str(v) for k, v in ports.items()})
        self.render("log4j2.xml", "config/log4j2.xml", {})
        self._format_if_new(java, jars)

    def _format_if_new(self, java: Path, jars: list[Path]) -> None:
        data = self.folder / "data"
        # The format writes meta.properties last: without it nothing was ever kept here, or it went missing.
        has_properties = (data / "meta.properties").exists()
        if not has_properties and not any(data.glob("*/*.log")):
            shutil.rmtree(data, ignore_errors=True)
            self._format(java, jars)
        elif not has_properties or not (data / "__cluster_metadata-0").exists():
            missing = "__cluster_metadata-0" if has_properties else "meta.properties"
            advice = RENEW.format(folder=self.folder)
            raise DataDamagedError(f"{data} holds data of {self.title}, but its {missing} is missing. {advice}")

    def _format(self, java: Path, jars: list[Path]) -> None:
        tool = [*self._options(java, jars), "kafka.tools.StorageTool", "format", "--standalone"]
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

    def _options(self, java: Path, jars: list[Path]) -> list[str]:
        logging = "-Dlog4j2.configurationFile=config/log4j2.xml"
        return [*self.java_options(java), logging, "-cp", ":".join(map(str, jars))]


def _cluster_id() -> str:
    """A random id as Kafka writes them: 16 bytes in URL-safe base64, which must not look like an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
