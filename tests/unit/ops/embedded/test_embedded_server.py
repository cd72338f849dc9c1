"""Up, down and status of an embedded Kafka, with a Java in its place that is quick and fails on command."""

import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.commands.kafka import app
from ops.embedded import server as server_module
from ops.embedded.errors import (
    BusyError,
    DataDamagedError,
    EmbeddedServerError,
    PortTakenError,
    StartAbandonedError,
    StartFailedError,
)
from ops.embedded.exclusive import exclusive
from ops.embedded.kafka import EmbeddedKafka
from tests.support.waiting import eventually

# Formats as StorageTool does, and answers ApiVersions as a broker does. The file `last-words` has it print its content
# and end; `silent` has it never answer.
JAVA = """#!{python}
import pathlib, re, socket, struct, sys
if "kafka.tools.StorageTool" in sys.argv:
    pathlib.Path("data/__cluster_metadata-0").mkdir(parents=True)
    pathlib.Path("data/meta.properties").write_text("version=1")
    sys.exit()
last_words = pathlib.Path("last-words")
if last_words.exists():
    print(last_words.read_text())
    last_words.unlink()
    sys.exit(1)
settings = pathlib.Path("config/server.properties").read_text()
port = int(re.search(r"^listeners=PLAINTEXT://127.0.0.1:(\\d+)", settings, re.M)[1])
listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    connection.recv(14)
    if not pathlib.Path("silent").exists():
        connection.sendall(struct.pack(">iih", 6, 7, 0))
    connection.close()
"""


class QuickKafka(EmbeddedKafka):
    """One that is given up soon."""

    start_limit_s = 20.0
    stop_patience_s = 2.0


@pytest.fixture(autouse=True)
def fake_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Java of the machine is the script above, and no jar is needed."""
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(python=sys.executable))
    java.chmod(0o755)
    (tmp_path / "java" / "release").write_text('JAVA_VERSION="17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    monkeypatch.setattr(server_module, "class_path", lambda *_: [Path("kafka.jar")])


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[QuickKafka]:
    """A server in a new home, ended after the test."""
    server = QuickKafka(tmp_path / "home")
    yield server
    server.kill()


def test_it_starts_once(kafka: QuickKafka, tmp_path: Path) -> None:
    """A second start finds the first, from this process or another."""
    first = kafka.up()

    assert first.running
    assert kafka.up() == first
    assert QuickKafka(tmp_path / "home").up() == first
    assert QuickKafka(tmp_path / "home").status() == first


def test_starts_at_once_start_one(kafka: QuickKafka, tmp_path: Path) -> None:
    """Of two that race, one starts and the other finds it."""
    other = QuickKafka(tmp_path / "home")
    found = []
    racing = threading.Thread(target=lambda: found.append(other.up()))
    racing.start()
    mine = kafka.up()
    racing.join()

    assert found == [mine]


def test_down_stops_it_and_says_whether_it_ran(kafka: QuickKafka) -> None:
    """Its address is remembered; its process is gone."""
    address = kafka.up().address

    assert kafka.down() is True
    assert kafka.down() is False
    assert not kafka.status().running
    assert kafka.up().address == address


def test_nothing_is_written_before_it_is_asked_for(tmp_path: Path) -> None:
    """Asking for the status of what never ran leaves no trace."""
    server = QuickKafka(tmp_path / "home")

    assert not server.status().running
    assert server.status().address == ""
    assert server.down() is False
    assert not (tmp_path / "home").exists()


def test_a_crash_leaves_it_startable(kafka: QuickKafka) -> None:
    """After kill -9 the next start brings it back where it was."""
    before = kafka.up()
    kafka.kill()

    after = kafka.up()

    assert after.pid != before.pid
    assert after.address == before.address


def test_an_early_end_is_told_at_once(kafka: QuickKafka) -> None:
    """The end of the log is in the error, and no process is left."""
    kafka.folder.mkdir(parents=True)
    (kafka.folder / "last-words").write_text("something unheard of")

    with pytest.raises(StartFailedError, match="something unheard of"):
        kafka.up()
    assert not kafka.status().running


def test_one_that_does_not_answer_is_given_up(kafka: QuickKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit it is stopped."""
    monkeypatch.setattr(QuickKafka, "start_limit_s", 0.5)
    kafka.folder.mkdir(parents=True)
    (kafka.folder / "silent").touch()

    with pytest.raises(StartFailedError, match="did not answer"):
        kafka.up()
    assert not kafka.status().running


def test_a_port_lost_at_the_last_moment_is_replaced(kafka: QuickKafka) -> None:
    """Another program took the port between choice and use: the start is repeated, and succeeds."""
    kafka.folder.mkdir(parents=True)
    (kafka.folder / "last-words").write_text("Socket server failed to bind: Address already in use.")

    assert kafka.up().running


def test_ports_that_are_lost_again_and_again_are_an_error(kafka: QuickKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not try forever."""
    monkeypatch.setattr(QuickKafka, "command", lambda *_: [sys.executable, "-c", "print('Address already in use')"])

    with pytest.raises(PortTakenError):
        kafka.up()


def test_a_taken_port_moves_the_server(kafka: QuickKafka) -> None:
    """Where another program holds the remembered port, the configuration names a new one."""
    port = int(kafka.up().address.split(":")[1])
    kafka.down()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()

        moved = kafka.up()

    assert moved.address != f"127.0.0.1:{port}"
    assert f"PLAINTEXT://{moved.address}" in (kafka.folder / "config" / "server.properties").read_text()


def test_one_that_is_revived_comes_up_where_it_was_or_not_at_all(kafka: QuickKafka) -> None:
    """Its clients know no other address: it is tried again until the port is free."""
    before = kafka.up()
    kafka.kill()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(before.address.split(":")[1])))
        other.listen()
        with pytest.raises(PortTakenError, match="tried again"):
            kafka.revive()

    assert kafka.revive() is True
    assert kafka.status().address == before.address
    assert kafka.revive() is False


def test_one_whose_revival_fails_is_revived_at_the_next_look(kafka: QuickKafka) -> None:
    """A full disk or a port that is lost for a moment does not leave it dead."""
    before = kafka.up()
    kafka.kill()
    (kafka.folder / "last-words").write_text("something unheard of")
    with pytest.raises(StartFailedError):
        kafka.revive()

    assert kafka.revive() is True
    assert kafka.status().address == before.address


def test_a_start_is_given_up_when_it_is_to_be_stopped(kafka: QuickKafka) -> None:
    """At once, by whichever thread; nothing is left running."""
    kafka.up()
    kafka.kill()
    (kafka.folder / "silent").touch()
    failures: list[BaseException] = []

    def revived() -> None:
        try:
            kafka.revive()
        except StartAbandonedError as error:
            failures.append(error)

    assert kafka.fallen()
    reviving = threading.Thread(target=revived)
    reviving.start()
    eventually(lambda: kafka.status().running)
    kafka.abandon()
    reviving.join(15)
    assert len(failures) == 1
    assert not kafka.status().running


def test_data_without_its_properties_is_not_formatted_over(kafka: QuickKafka) -> None:
    """What would wipe topics is refused, with the folder's name."""
    kafka.up()
    kafka.down()
    partition = kafka.folder / "data" / "alerts-0"
    partition.mkdir()
    (partition / "00000000000000000000.log").write_bytes(b"records")
    (kafka.folder / "data" / "meta.properties").unlink()

    with pytest.raises(DataDamagedError, match=re.escape(str(kafka.folder / "data"))):
        kafka.up()
    assert (partition / "00000000000000000000.log").read_bytes() == b"records"


def test_a_format_that_was_cut_off_is_done_again(kafka: QuickKafka) -> None:
    """Before meta.properties is written there is nothing to lose."""
    (kafka.folder / "data" / "__cluster_metadata-0").mkdir(parents=True)

    assert kafka.up().running


def test_the_configuration_listens_on_loopback_only(kafka: QuickKafka) -> None:
    """No address but 127.0.0.1 is named, and every placeholder is filled in."""
    kafka.up()
    settings = (kafka.folder / "config" / "server.properties").read_text()

    assert set(re.findall(r"//([^:]+):\d+", settings)) == {"127.0.0.1"}
    assert "$" not in settings
    assert "auto.create.topics.enable=false" in settings


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where a folder should be: the error names the server's folder and the setting."""
    (tmp_path / "home").write_text("a file")

    with pytest.raises(EmbeddedServerError, match="BREAKWATER_HOME"):
        QuickKafka(tmp_path / "home").up()


def test_a_lock_that_is_held_too_long_is_an_error(tmp_path: Path) -> None:
    """Waiting has an end."""
    with (
        exclusive(tmp_path / ".lock", wait_s=1.0, what="starting"),
        pytest.raises(BusyError, match="busy stopping"),
        exclusive(tmp_path / ".lock", wait_s=0.1, what="stopping"),
    ):
        pass


def test_commands_print_one_document_and_tell_by_exit_code(
    kafka: QuickKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--json` has the promised keys and nothing else on stdout; status of a stopped server exits 1."""
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path / "home"))
    runner = CliRunner()

    stopped = runner.invoke(app, ["status", "--json"])
    up = runner.invoke(app, ["up", "--json"])
    running = runner.invoke(app, ["status", "--json"])
    down = runner.invoke(app, ["down", "--quiet"])

    assert [stopped.exit_code, up.exit_code, running.exit_code, down.exit_code] == [1, 0, 0, 0]
    assert json.loads(stopped.stdout) == {"running": False, "bootstrap": None, "pid": None, "version": "4.3.1"}
    assert json.loads(up.stdout) == json.loads(running.stdout)
    assert set(json.loads(up.stdout)) == {"running", "bootstrap", "pid", "version"}
    assert "Starting Apache Kafka" in up.stderr
    assert down.stdout == ""
    assert not kafka.status().running


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_every_command_has_an_example(command: str) -> None:
    """Help shows a line to copy."""
    assert f"breakwater kafka {command}" in CliRunner().invoke(app, [command, "--help"]).stdout
