"""What a server leaves in its log becomes an error that says what to do."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ops.embedded.cassandra import EmbeddedCassandra
from ops.embedded.errors import (
    DataDamagedError,
    DiskFullError,
    EmbeddedServerError,
    MemoryShortError,
    PortTakenError,
    StartFailedError,
)
from ops.embedded.faults import Failure, read_since
from ops.embedded.kafka import EmbeddedKafka

KAFKA_LINES = [
    ("java.io.IOException: No space left on device", DiskFullError),
    ("org.apache.kafka.common.KafkaException: Socket server failed to bind: Address already in use.", PortTakenError),
    ("Terminating due to java.lang.OutOfMemoryError: Java heap space", MemoryShortError),
    ("Error occurred during initialization of VM\nCould not reserve enough space for object heap", MemoryShortError),
    ("There is insufficient memory for the Java Runtime Environment to continue.", MemoryShortError),
    ("java.lang.RuntimeException: Error: node ID not found in data", DataDamagedError),
    ("java.lang.RuntimeException: Stored node id 2 doesn't match previous node id 1", DataDamagedError),
    ("2026-11-20T13:24:22,902 ERROR Error while reading meta.properties file /x (M)", DataDamagedError),
    ("KafkaException: Failed to acquire lock on file .lock in /x. A Kafka instance", StartFailedError),
]
CASSANDRA_LINES = [
    ("FSDiskFullWriteError: java.io.IOException: Insufficient disk space to write 526 bytes", DiskFullError),
    ("java.lang.IllegalStateException: Failed to bind port 9042 on 127.0.0.1.", PortTakenError),
    ("org.apache.cassandra.io.sstable.CorruptSSTableException: Corrupted: /x", DataDamagedError),
    ("ERROR Exiting due to error while processing commit log during initialization.", DataDamagedError),
]


def failure(folder: Path, text: str) -> Failure:
    """A start in `folder` that left `text`."""
    return Failure("Apache Kafka 4.3.1", folder, 512, "ended while it was starting", folder / "server.log", text)


@pytest.mark.parametrize(("line", "error"), KAFKA_LINES)
def test_kafka_faults_are_known(tmp_path: Path, line: str, error: type[EmbeddedServerError]) -> None:
    """Each kind has its error; the folder, the log's line and the log are named."""
    explained = failure(tmp_path, f"2026-11-20T13:24:10,283 INFO  all is well (K)\n{line}\n\tat x.Y").explain(
        EmbeddedKafka.faults
    )

    assert type(explained) is error
    assert str(tmp_path) in str(explained)
    assert line.splitlines()[-1] in str(explained)


@pytest.mark.parametrize(("line", "error"), CASSANDRA_LINES)
def test_cassandra_faults_are_known(tmp_path: Path, line: str, error: type[EmbeddedServerError]) -> None:
    """The same for Cassandra."""
    assert type(failure(tmp_path, line).explain(EmbeddedCassandra.faults)) is error


def test_lines_of_information_accuse_nobody(tmp_path: Path) -> None:
    """The name of a fault in a line at INFO, as in a list of settings, is not one."""
    text = "2026-11-20 13:16:16,190 INFO  JVM Arguments: [java.lang.OutOfMemoryError] (CassandraDaemon)"

    assert type(failure(tmp_path, text).explain(EmbeddedCassandra.faults)) is StartFailedError


def test_an_unknown_fault_shows_the_end_of_the_log(tmp_path: Path) -> None:
    """The last lines are in the message, the first of many are not."""
    text = "\n".join(f"line {n}" for n in range(1, 101))

    message = str(failure(tmp_path, text).explain(EmbeddedKafka.faults))

    assert "line 100" in message
    assert "line 85\n" not in message


def test_a_silent_end_on_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk takes the log's last lines too; the free space tells."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))

    assert type(failure(tmp_path, "").explain(EmbeddedKafka.faults)) is DiskFullError


def test_only_this_start_is_read(tmp_path: Path) -> None:
    """What earlier starts wrote is passed over, unless the log was begun anew since."""
    log = tmp_path / "server.log"
    assert read_since(log) == ""
    log.write_text("old fault\nnew fault\n")
    assert read_since(log, len("old fault\n")) == "new fault\n"
    log.write_text("rolled\n")
    assert read_since(log, len("old fault\n")) == "rolled\n"


@pytest.mark.parametrize(
    ("number", "words"), [(9, r"killed by signal 9 \(SIGKILL\).*dmesg"), (15, r"killed by signal 15 \(SIGTERM\)")]
)
def test_a_start_that_was_killed_says_by_which_signal(tmp_path: Path, number: int, words: str) -> None:
    """It left no word of its own, so nobody is sent to read a log that says nothing."""
    explained = str(replace(failure(tmp_path, ""), killed_by=number).explain(EmbeddedKafka.faults))
    assert re.search(words, explained)
    assert "(nothing)" not in explained
    assert "server.log" not in explained


def test_a_start_that_left_no_word_says_so(tmp_path: Path) -> None:
    """With what can be tried."""
    explained = str(failure(tmp_path, "").explain(EmbeddedKafka.faults))
    assert "wrote nothing" in explained
    assert "java -version" in explained
