"""Jars are whole and the right ones, or they are not there."""

import errno
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from jgo.maven import MavenContext

from ops.embedded import maven
from ops.embedded.errors import DiskFullError, JarDamagedError, JarsUnavailableError
from ops.embedded.jar_lock import LockedJar, parse_lock, read_lock
from ops.embedded.jars import class_path


def locked(artifact: str, content: bytes, classifier: str = "") -> LockedJar:
    """The lock of a jar that holds `content`."""
    return LockedJar("org.example", artifact, "1.0", classifier, len(content), hashlib.sha256(content).hexdigest())


class Repository:
    """A Maven repository on loopback, in a folder, which counts what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def put(self, jar: LockedJar, content: bytes) -> None:
        """Offer `content` as `jar`."""
        path = self.folder / jar.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository that jgo uses instead of Maven's."""
    offered = Repository(tmp_path / "remote")
    offered.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            if not self.path.endswith(".sha1"):
                offered.asked.append(Path(self.path).name)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(offered.folder)))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    remote = {"test": f"http://127.0.0.1:{server.server_port}"}
    monkeypatch.setattr(maven, "MavenContext", partial(MavenContext, remote_repos=remote))
    yield offered
    server.shutdown()
    serving.join()
    server.server_close()


Get = Callable[..., list[Path]]


@pytest.fixture
def get(tmp_path: Path) -> Get:
    """Get jars into the folder `jars`."""

    def get_jars(*jars: LockedJar) -> list[Path]:
        return class_path("Example 1.0", jars, tmp_path / "jars", lambda _line: None)

    return get_jars


@pytest.mark.parametrize(("server", "own"), [("kafka", "kafka_2.13"), ("cassandra", "cassandra-all")])
def test_the_lock_files_are_sound(server: str, own: str) -> None:
    """The server leads, every jar is pinned by SHA-256, none is there twice, and the text reads back as it is."""
    jars = read_lock(server)

    assert jars[0].artifact == own
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size_bytes > 0 for jar in jars)
    assert len({(jar.group, jar.artifact, jar.classifier) for jar in jars}) == len(jars)
    assert parse_lock("\n".join(map(str, jars))) == jars


def test_kafka_comes_with_a_logger() -> None:
    """Without the binding it would log nothing, and no fault could be told from another."""
    assert "log4j-slf4j-impl" in {jar.artifact for jar in read_lock("kafka")}


def test_only_what_is_missing_is_downloaded(repository: Repository, get: Get) -> None:
    """A download that was cut off goes on where it stopped, and a truncated jar is got again."""
    a, b, c = locked("a", b"first"), locked("b", b"second", "natives"), locked("c", b"third")
    for jar, content in ((a, b"first"), (b, b"second"), (c, b"third")):
        repository.put(jar, content)

    paths = get(a, b)
    paths[1].write_bytes(b"sec")
    paths = get(a, b, c)

    assert [path.read_bytes() for path in paths] == [b"first", b"second", b"third"]
    assert sorted(repository.asked) == ["a-1.0.jar", "b-1.0-natives.jar", "b-1.0-natives.jar", "c-1.0.jar"]


def test_what_is_there_needs_no_network(repository: Repository, get: Get) -> None:
    """A second start asks nobody."""
    jar = locked("a", b"first")
    repository.put(jar, b"first")
    get(jar)
    repository.asked.clear()

    get(jar)

    assert repository.asked == []


def test_other_bytes_are_refused(repository: Repository, get: Get, tmp_path: Path) -> None:
    """A jar of the right size and the wrong hash never gets its name."""
    jar = locked("a", b"first")
    repository.put(jar, b"fjrst")

    with pytest.raises(JarDamagedError, match=r"org\.example:a:1\.0"):
        get(jar)
    assert not list((tmp_path / "jars").rglob("*.jar"))


@pytest.mark.usefixtures("repository")
def test_no_network_is_told_with_the_way_out(get: Get) -> None:
    """The jar, the folder and what to do are named."""
    with pytest.raises(JarsUnavailableError, match=r"org\.example:a:1\.0[\s\S]*Connect to the network"):
        get(locked("a", b"first"))


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, get: Get) -> None:
    """No further attempt is made where there is no space."""
    attempts = []

    def fail(jar: LockedJar, _folder: Path, _staging: Path) -> None:
        attempts.append(jar)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(maven, "download", fail)

    with pytest.raises(DiskFullError, match="BREAKWATER_JARS_DIR"):
        get(locked("a", b"first"))
    assert len(attempts) == 1


def test_a_flaw_of_the_network_is_tried_again(monkeypatch: pytest.MonkeyPatch, get: Get, tmp_path: Path) -> None:
    """One failed attempt does not end the start."""
    attempts = []

    def fail_once(jar: LockedJar, folder: Path, _staging: Path) -> None:
        attempts.append(jar)
        if len(attempts) == 1:
            raise ConnectionResetError("reset by peer")
        path = folder / jar.path
        path.parent.mkdir(parents=True)
        path.write_bytes(b"first")

    monkeypatch.setattr(maven, "download", fail_once)

    assert get(locked("a", b"first"))[0].is_relative_to(tmp_path)
    assert len(attempts) == 2
