"""Which jars make up a server, by Maven coordinates, size and SHA-256, as pinned in the `*.lock` files of this package.

A lock file makes every machine run the same bytes, and spares it the resolution (some 300 requests).
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One jar: `classifier` is empty for most; `sha256` is in hexadecimal."""

    group: str
    artifact: str
    version: str
    classifier: str
    size_bytes: int
    sha256: str

    @property
    def coordinates(self) -> str:
        """`group:artifact:version`, and `:classifier` where there is one."""
        return ":".join(part for part in (self.group, self.artifact, self.version, self.classifier) if part)

    @property
    def path(self) -> Path:
        """Where a Maven repository keeps it, relative to the repository."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        folder = Path(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}{classifier}.jar"

    def __str__(self) -> str:
        return f"{self.coordinates} {self.size_bytes} {self.sha256}"


def parse_lock(text: str) -> tuple[LockedJar, ...]:
    """The jars of a lock file, in its order, which is the order of the class path; the server's own comes first."""
    return tuple(_parse_line(line) for line in text.splitlines() if line and not line.startswith("#"))


def read_lock(server: str) -> tuple[LockedJar, ...]:
    """The jars of `server`, `kafka` or `cassandra`, as this version of Breakwater pins them."""
    return parse_lock(files("ops.embedded").joinpath(f"{server}.lock").read_text(encoding="utf-8"))


def _parse_line(line: str) -> LockedJar:
    coordinates, size, sha256 = line.split()
    group, artifact, version, *classifier = coordinates.split(":")
    return LockedJar(group, artifact, version, "".join(classifier), int(size), sha256)
