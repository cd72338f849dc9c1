"""What the embedded Kafka and the embedded Cassandra have in common: up, down, status, and every way to fail between.

All that a server keeps is under one folder: `data`, `logs`, `config`, `state.json` (its ports) and `process.json` (its
process). Whoever runs Breakwater with the same home finds the same server.
"""

import errno
import random
import threading
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import ClassVar

from ops.embedded.errors import DiskFullError, EmbeddedServerError, PortTakenError, StartAbandonedError
from ops.embedded.exclusive import exclusive
from ops.embedded.faults import Failure, Fault, read_since
from ops.embedded.jar_lock import read_lock
from ops.embedded.jars import Progress, class_path
from ops.embedded.java import JavaVersions, find_java
from ops.embedded.ports import HOST, choose_ports, kept_ports, recall_ports, remember_ports
from ops.embedded.process import ServerProcess

_POLL_S = 0.05
# A port that was free when it was chosen may be taken when the server comes to it.
_PORT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of a server now; `address` is `host:port`, the last known one while it does not run."""

    running: bool
    pid: int | None
    version: str
    address: str
    log: Path


def tell_nobody(line: str) -> None:
    """Progress that nobody reads."""


class EmbeddedServer(ABC):
    """One server under `home / name`; safe to be used by several processes at once."""

    name: ClassVar[str]
    product: ClassVar[str]
    java: ClassVar[JavaVersions]
    port_names: ClassVar[tuple[str, ...]]  # the first is the one that clients connect to
    faults: ClassVar[tuple[Fault, ...]]
    start_limit_s: ClassVar[float] = 120.0
    stop_patience_s: ClassVar[float] = 30.0

    def __init__(
        self, home: Path, *, jars_dir: Path | None = None, heap_mb: int, progress: Progress = tell_nobody
    ) -> None:
        """A server that may or may not run yet; nothing is read or written until it is asked for.

        Args:
            home: Breakwater's home; the server's own folder is in it.
            jars_dir: Folder of jars, shared by whoever names it; `home / "jars"` by default.
            heap_mb: Java heap, in MiB.
            progress: Told what takes long, a line at a time.
        """
        self._home = home.absolute()
        self._jars_dir = (jars_dir or home / "jars").absolute()
        self._heap_mb = heap_mb
        self._progress = progress
        self._process = ServerProcess(self.folder)
        self._fallen = False
        self._abandoned = threading.Event()

    @property
    def folder(self) -> Path:
        """The folder of all that this server keeps."""
        return self._home / self.name

    @property
    def log(self) -> Path:
        """The server's log; what Java prints beside it is in `console.log` of the same folder."""
        return self.folder / "logs" / "server.log"

    @property
    def version(self) -> str:
        """The version of the server that is started."""
        return read_lock(self.name)[0].version

    @property
    def title(self) -> str:
        """The server's name and version."""
        return f"{self.product} {self.version}"

    def up(self) -> ServerStatus:
        """Start the server unless it runs, and return when it answers.

        Raises:
            EmbeddedServerError: it could not be started; the message says why and what to do.
        """
        return self._up(moved=True)

    def _up(self, *, moved: bool) -> ServerStatus:
        """Start it; `moved` says whether it may come up on other ports where something else holds its own."""
        try:
            with self._lock("starting"):
                if not self._runs_already():
                    self._start(moved=moved)
                return self.status()
        except OSError as error:
            raise self._disk_error(error) from error

    def down(self) -> bool:
        """Stop the server and return when it has ended; whether it was running."""
        if not self.folder.exists():
            return False
        with self._lock("stopping"):
            was_running = self._process.stop(patience_s=self.stop_patience_s)
            self._process.forget()
        return was_running

    def abandon(self) -> None:
        """Wait for no start of it any more, whichever thread does: it is to be stopped, for good as far as this object goes."""
        self._abandoned.set()

    def fallen(self) -> bool:
        """Whether it has died and was not started again since: at once, and without starting it."""
        self._fallen = self._fallen or self._process.died()
        return self._fallen

    def revive(self) -> bool:
        """Start the server again where it has died; one that was stopped by `down` stays so. Whether it had died.

        It comes up where it was, for its clients know no other address.

        Raises:
            EmbeddedServerError: it could not be started; the message says why and what to do.
        """
        if not self.fallen():
            return False
        # A start that fails leaves no trace of the process that had died: it is tried again all the same.
        self._up(moved=False)
        self._fallen = False
        return True

    def kill(self) -> None:
        """End the server as a crash would: for tests of what comes after."""
        self._process.kill()

    def status(self) -> ServerStatus:
        """Whether the server runs, and where."""
        process = self._process.find()
        port = recall_ports(self._state_file).get(self.port_names[0], 0)
        return ServerStatus(
            running=process is not None,
            pid=process.pid if process else None,
            version=self.version,
            address=f"{HOST}:{port}" if port else "",
            log=self.log,
        )

    @abstractmethod
    def answers(self, ports: dict[str, int]) -> bool:
        """Whether the server on `ports` takes requests."""

    @abstractmethod
    def command(self, java: Path, jars: list[Path]) -> list[str]:
        """The command line that runs the server in its folder."""

    @abstractmethod
    def prepare(self, java: Path, jars: list[Path], ports: dict[str, int]) -> None:
        """Write the configuration, and make the data folder ready where it is new."""

    def java_options(self, java: Path) -> list[str]:
        """The start of every command line: `java` and what each server wants of it."""
        return [
            str(java),
            self._process.mark,
            f"-Xms{min(self._heap_mb, 128)}m",
            f"-Xmx{self._heap_mb}m",
            # On small heaps as fast as G1 (Kafka: 290,000 records a second in, 900,000 out), and sooner up.
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:ErrorFile=logs/java-crash-%p.log",
            # Java writes to the system's temporary folder unless it is told otherwise.
            "-XX:-UsePerfData",
            "-Djava.io.tmpdir=tmp",
            "-Djava.awt.headless=true",
        ]

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    def _lock(self, doing: str) -> AbstractContextManager[None]:
        limit_s = self.start_limit_s * _PORT_ATTEMPTS + self.stop_patience_s
        return exclusive(self.folder / ".lock", wait_s=limit_s, what=f"{doing} {self.title}")

    def _runs_already(self) -> bool:
        if self._process.find() is None:
            return False
        ports = recall_ports(self._state_file)
        if all(name in ports for name in self.port_names):
            # It may be of a start whose starter was killed: wait as that one would have.
            self._await_answer(ports, 0)
            return True
        self._process.stop(patience_s=self.stop_patience_s)
        return False

    def _start(self, *, moved: bool) -> None:
        java = find_java(self.java, self._home, self._progress)
        jars = class_path(self.title, read_lock(self.name), self._jars_dir, self._progress)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                return self._start_once(java, jars, moved=moved)
            except PortTakenError:
                if attempt == _PORT_ATTEMPTS or not moved:
                    raise
        return None

    def _start_once(self, java: Path, jars: list[Path], *, moved: bool) -> None:
        for folder in ("logs", "config", "tmp"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        known = recall_ports(self._state_file)
        # Not for secrecy: two homes that start at once should not choose alike.
        source = random.SystemRandom()
        ports = choose_ports(self.port_names, known, source) if moved else kept_ports(self.port_names, known)
        self.prepare(java, jars, ports)
        remember_ports(self._state_file, ports)
        self._progress(f"Starting {self.title} on {HOST}:{ports[self.port_names[0]]}")
        offset = self.log.stat().st_size if self.log.exists() else 0
        self._process.spawn(self.command(java, jars), folder=self.folder, output=self._console)
        try:
            self._await_answer(ports, offset)
        except BaseException:
            # Also on Ctrl-C: what has not come up is not left behind half started.
            self._process.stop(patience_s=self.stop_patience_s)
            self._process.forget()
            raise

    @property
    def _console(self) -> Path:
        return self.folder / "logs" / "console.log"

    def _await_answer(self, ports: dict[str, int], offset: int) -> None:
        deadline = time.monotonic() + self.start_limit_s
        while not self.answers(ports):
            if self._abandoned.is_set():
                raise StartAbandonedError(f"{self.title} was not waited for: it is to be stopped.")
            if self._process.find() is None:
                raise self._failure("ended while it was starting", offset).explain(self.faults)
            if time.monotonic() > deadline:
                what = f"did not answer within {self.start_limit_s:.0f} s"
                raise self._failure(what, offset).explain(self.faults)
            self._abandoned.wait(_POLL_S)

    def _failure(self, what: str, offset: int) -> Failure:
        text = read_since(self._console) + read_since(self.log, offset)
        return Failure(self.title, self.folder, self._heap_mb, what, self.log, text, self._process.killed_by())

    def _disk_error(self, error: OSError) -> EmbeddedServerError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError(f"No space is left in {self.folder} for {self.title}. Free some and start it again.")
        return EmbeddedServerError(
            f"{self.folder} cannot be used for {self.title}: {error}. Make it writable, or set BREAKWATER_HOME."
        )

    def render(self, template: str, target: str, values: dict[str, str]) -> None:
        """Write the package's file `template`, its `$name`s filled in, to `target` in the server's folder."""
        text = files("ops.embedded").joinpath("config", template).read_text(encoding="utf-8")
        (self.folder / target).write_text(Template(text).substitute(values), encoding="utf-8")
