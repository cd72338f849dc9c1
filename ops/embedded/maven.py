"""Jars from a Maven repository, by jgo: one download, checked against its lock, and the making of a lock file.

`python -m ops.embedded.maven FOLDER GROUP:ARTIFACT:VERSION...` prints the lock file of a server, resolved anew
(downloads are kept in FOLDER). Kafka is `org.apache.kafka:kafka_2.13` with
`org.apache.logging.log4j:log4j-slf4j-impl`, without which it logs nothing; Cassandra is
`org.apache.cassandra:cassandra-all`.

Importing this module costs half a second, so `jars` does it only where there is something to get.
"""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext
from jgo.parse import Coordinate

from ops.embedded.errors import JarDamagedError
from ops.embedded.jar_lock import LockedJar

# Longer than jgo's 10 s: a busy mirror may fetch the jar from its own source first.
_TIMEOUT_S = 60


def download(jar: LockedJar, folder: Path, staging: Path) -> None:
    """Put `jar` at its path under `folder`, whole and checked, or not at all.

    Args:
        jar: What to get.
        folder: A Maven repository on this disk.
        staging: A folder on the same file system, for what is not whole yet.

    Raises:
        JarDamagedError: the repository gave other bytes than the lock names.
        OSError: the network or the disk failed (requests' errors are of this kind).
        RuntimeError: no repository has it.
    """
    with tempfile.TemporaryDirectory(dir=staging) as attempt:
        context = MavenContext(repo_cache=Path(attempt), timeout=_TIMEOUT_S)
        component = context.project(jar.group, jar.artifact).at_version(jar.version)
        got = Path(component.artifact(jar.classifier).resolve())
        sha256 = _sha256(got)
        if sha256 != jar.sha256:
            raise JarDamagedError(
                f"The Maven repository gave a {jar.coordinates} with SHA-256 {sha256}, not {jar.sha256} as the lock "
                "file has it. Try again; if it stays so, ask who runs the proxy or mirror between here and Maven."
            )
        target = folder / jar.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(got, target)


def resolve_lock(folder: Path, coordinates: list[str]) -> tuple[LockedJar, ...]:
    """Resolve each `group:artifact:version` by itself, with all that it needs at run time.

    The first is the server: its own jar leads, and where two want different versions of a jar, its choice stands.
    """
    context = MavenContext(repo_cache=folder, timeout=_TIMEOUT_S)
    jars: dict[tuple[str, str, str], LockedJar] = {}
    for name in coordinates:
        own, needed = context.resolver.resolve([context.create_dependency(Coordinate.parse(name))])
        runtime = [dependency for dependency in needed if dependency.scope in ("compile", "runtime")]
        for artifact in (dependency.artifact for dependency in [*own, *runtime]):
            key = (artifact.groupId, artifact.artifactId, artifact.classifier)
            if key not in jars:
                path = Path(artifact.resolve())
                size_bytes = path.stat().st_size
                jars[key] = LockedJar(*key[:2], artifact.version, artifact.classifier, size_bytes, _sha256(path))
    server, *others = jars.values()
    return (server, *sorted(others, key=lambda jar: jar.coordinates))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    print(
        "# The jars of the embedded server, its own first: coordinates, bytes, SHA-256. Made by ops/embedded/maven.py."
    )
    print(*resolve_lock(Path(sys.argv[1]), sys.argv[2:]), sep="\n")
