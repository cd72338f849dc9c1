"""`python -m bench.store_page`: the event store at size, measured, and written into docs/benchmarks.md.

A log of a million events is verified by `breakwater events verify` in a process of its own, and a partition of 100,000 incidents
is taken over by a new sequencer, once after the old one signed off and once after it was killed.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import Producer

from bench.page import PAGE, write
from bench.report import load_now, stamp
from ops.bench.alerts import producer_settings
from ops.bench.append import collect_as_workers_do
from ops.bench.broker import Broker, running_broker
from ops.bench.errors import BenchError
from ops.bench.incidents import EPISODE, Placed, commands, stored_events
from ops.bench.stopwatch import set_aside
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.chain import GENESIS, seal_new
from state.changed import changed
from state.event_log import event_key
from state.kafka_store import EventStoreWriter
from state.signing import SigningKey, load_or_create
from streams.topics import EVENTS

MARK = "store"
PARTITION = 0
# Each of the first partition's incidents opens, and hears of its alerts: a fifth of the events lie there.
_EACH = 2
_OTHERS = (1, 2, 3)
_OTHERS_INCIDENTS = 10_000
# As many as the sequencer takes of one fetch: of those that wait for a snapshot it takes that many a transaction.
_BATCH = 1_000
_TAIL = 1_000
_FLUSH_S = 60.0
_LOOK_S = 0.02
_EVENTS = Codec(IncidentEvent)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verified:
    """One `breakwater events verify`: what it read, how long it took, and the most memory that it had (MiB)."""

    events: int
    incidents: int
    seconds: float
    cpu_s: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class TakenOver:
    """How long a new owner took from its opening until it could append; `tail` events were in no snapshot."""

    incidents: int
    events: int
    tail: int
    seconds: float
    cpu_s: float


def page(
    events: Annotated[int, typer.Option(min=10_000, help="Events in the log.")] = 1_000_000,
    incidents: Annotated[int, typer.Option(min=100, help="Incidents of the partition that is taken over.")] = 100_000,
) -> None:
    """Measure verification and taking over, and write their table into docs/benchmarks.md.

    Example: python -m bench.store_page --events 100000 --incidents 10000
    """
    interrupt_on_sigterm()
    before = load_now()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        verified, taken_over = measure(broker, events, incidents, tell_on_stderr)
    write(PAGE, f"{stamp(before, 'Kafka shares them; one run.')}\n\n{as_markdown(verified, taken_over)}", MARK)


def measure(
    broker: Broker, events: int, incidents: int, progress: Progress
) -> tuple[list[Verified], dict[str, TakenOver]]:
    """Verification of the first partition's events and of all; taking the first partition over, by what its owner left.

    Raises:
        BenchError: the log is not verified, or a command was refused.
    """
    broker.renew()
    collect_as_workers_do()
    key = load_or_create(broker.home / "keys" / "event-store.pem")
    here = incidents * _EACH
    _fill(broker, key, PARTITION, incidents, here, progress)
    verified = [_verified(broker, progress)]
    taken_over = {"signed off": _taken_over(broker, key, progress)}
    with_tail = EventStoreWriter(broker.bootstrap, PARTITION, key=key)
    with_tail.open()
    _append(with_tail, islice(_commands(PARTITION, incidents, here), _TAIL))
    with_tail.close()  # as a killed one does: nothing is signed, no snapshot is written
    taken_over["killed"] = _taken_over(broker, key, progress)
    rest = (events - here) // len(_OTHERS)
    for partition in _OTHERS:
        _pour(broker, partition, min(_OTHERS_INCIDENTS, rest), rest, progress)
    return [*verified, _verified(broker, progress)], taken_over


def as_markdown(verified: list[Verified], taken_over: dict[str, TakenOver]) -> str:
    """A table of each."""
    lines = ["| `events verify` | incidents | seconds | processor s | most memory MiB |", "|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {one.events:,} events | {one.incidents:,} | {one.seconds:.1f} | {one.cpu_s:.1f} | {one.rss_mb:,.0f} |"
        for one in verified
    ]
    lines += [
        "",
        "| a partition is taken over; its owner was | incidents | offsets | behind the snapshots | seconds | processor s |",
    ]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {name} | {one.incidents:,} | {one.events:,} | {one.tail:,} | {one.seconds:.2f} | {one.cpu_s:.2f} |"
        for name, one in taken_over.items()
    ]
    return "\n".join(lines)


def _commands(partition: int, incidents: int, first: int = 0) -> Iterator[Placed]:
    return islice(commands(incidents, f"p{partition}"), first, None)


def _fill(broker: Broker, key: SigningKey, partition: int, incidents: int, events: int, progress: Progress) -> None:
    progress(f"event store: {events:,} events of {incidents:,} incidents into partition {partition}")
    source = islice(_commands(partition, incidents), events)
    with EventStoreWriter(broker.bootstrap, partition, key=key) as writer:
        while batch := list(islice(source, _BATCH)):
            _append(writer, batch)
        writer.checkpoint()


def _pour(broker: Broker, partition: int, incidents: int, events: int, progress: Progress) -> None:
    """Sealed and chained events by a plain producer, an episode of 8 after the other: who wrote it, verification does not ask."""
    progress(
        f"event store: {events:,} events of {incidents:,} incidents into partition {partition}, by a plain producer"
    )
    episode = [stored.event for stored in stored_events(len(EPISODE), 1)]
    heads = [GENESIS] * incidents
    producer = Producer(producer_settings(broker.bootstrap, linger_ms=5))
    for number in range(events):
        turn, incident = divmod(number, incidents)
        event = changed(
            episode[turn % len(episode)], incident_id=f"p{partition}-{incident:04d}", version=turn + 1,
            episode=turn // len(episode) + 1, previous_hash=heads[incident],
        )  # fmt: skip
        seal_new(event)
        heads[incident] = event.hash
        while not _produced(producer, partition, event):
            producer.poll(0.1)
    if left := producer.flush(_FLUSH_S):
        raise BenchError(f"Kafka did not take {left} events within {_FLUSH_S:.0f} s.")


def _produced(producer: Producer, partition: int, event: IncidentEvent) -> bool:
    try:
        producer.produce(EVENTS.name, _EVENTS.encode(event), event_key(event.incident_id, event.version), partition)
    except BufferError:
        return False
    producer.poll(0)
    return True


def _append(writer: EventStoreWriter, batch: "Iterator[Placed] | list[Placed]") -> None:
    commands_of_it = list(batch)
    result = writer.append(commands_of_it)
    if len(result.events) != len(commands_of_it):
        raise BenchError(
            f"Of {len(commands_of_it)} commands {len(result.events)} were appended: {result.refusals[:1]}."
        )


def _taken_over(broker: Broker, key: SigningKey, progress: Progress) -> TakenOver:
    progress("event store: taking the partition over")
    set_aside()
    writer = EventStoreWriter(broker.bootstrap, PARTITION, key=key)
    begin, used = time.perf_counter(), time.process_time()
    writer.open()
    passed, used = time.perf_counter() - begin, time.process_time() - used
    ledger = writer.ledger
    found = TakenOver(len(ledger.heads), ledger.next_offset, ledger.next_offset - ledger.covered_below, passed, used)
    writer.close()
    return found


def _verified(broker: Broker, progress: Progress) -> Verified:
    """In a process of its own, so that the memory is its own."""
    progress("event store: verifying")
    environment = {
        **os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BREAKWATER_HOME": str(broker.home),
    }  # fmt: skip
    begin = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "events", "verify", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    peak = _Peak(child.pid)
    told = child.stdout.read() if child.stdout is not None else b""
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise BenchError(f"The log that was filled is not verified: {told.decode(errors='replace')[:500]}")
    seen = json.loads(told)
    return Verified(
        seen["events"], seen["incidents"], time.perf_counter() - begin, used.ru_utime + used.ru_stime, peak.mib(),
    )  # fmt: skip


class _Peak:
    """The most memory that a process had. What `wait4` tells begins with the memory of who started it."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._most = 0.0
        self._thread = threading.Thread(target=self._look, name="peak", daemon=True)
        self._thread.start()

    def mib(self) -> float:
        """Once the process has ended."""
        self._thread.join()
        return self._most

    def _look(self) -> None:
        # Gone, or ended and not waited for yet: then it tells of no memory.
        with suppress(FileNotFoundError, ProcessLookupError):
            while found := re.search(r"^VmHWM:\s+(\d+) kB", self._status.read_text(encoding="ascii"), re.MULTILINE):
                self._most = int(found[1]) / 1024
                time.sleep(_LOOK_S)


if __name__ == "__main__":
    typer.run(page)
