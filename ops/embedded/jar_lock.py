"""Which jars make up a server, by Maven coordinates, size and SHA-256, as pinned in the `*.lock` files of this package.

`python -m ops.embedded.jar_lock GROUP:ARTIFACT:VERSION FOLDER` resolves a server's jars anew with jgo (downloads kept in
FOLDER) and prints the lock file. A lock file makes every machine run the same bytes, and spares it the resolution.
"""

import hashlib
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jgo.maven import MavenContext
from jgo.parse import Coordinate


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
        """`group:artifact:version` and `:classifier` where there is one."""
        return ":".join(part for part in (self.group, self.artifact, self.version, self.classifier) if part)

    def __str__(self) -> str:
        return f"{self.coordinates} {self.size_bytes} {self.sha256}"


def parse_lock(text: str) -> tuple[LockedJar, ...]:
    """The jars of a lock file, in its order, which is the order of the class path."""
    return tuple(_parse_line(line) for line in text.splitlines() if line and not line.startswith("#"))


def read_lock(server: str) -> tuple[LockedJar, ...]:
    """The jars of `server`, `kafka` or `cassandra`, as this version of Breakwater pins them."""
    return parse_lock(files("ops.embedded").joinpath(f"{server}.lock").read_text(encoding="utf-8"))


def _parse_line(line: str) -> LockedJar:
    coordinates, size, sha256 = line.split()
    group, artifact, version, *classifier = coordinates.split(":")
    return LockedJar(group, artifact, version, "".join(classifier), int(size), sha256)


def resolve_lock(coordinates: str, folder: Path) -> tuple[LockedJar, ...]:
    """Resolve `group:artifact:version` and all that it needs at run time; the server's own jar comes first."""
    context = MavenContext(repo_cache=folder)
    own, needed = context.resolver.resolve([context.create_dependency(Coordinate.parse(coordinates))])
    jars = []
    for dependency in [*own, *(d for d in needed if d.scope in ("compile", "runtime"))]:
        artifact = dependency.artifact
        content = Path(artifact.resolve()).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        jars.append(
            LockedJar(
                artifact.groupId, artifact.artifactId, artifact.version, artifact.classifier, len(content), sha256
            )
        )
    return (jars[0], *sorted(jars[1:], key=lambda jar: jar.coordinates))


if __name__ == "__main__":
    print(*resolve_lock(sys.argv[1], Path(sys.argv[2])), sep="\n")
