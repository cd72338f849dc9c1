"""Watching a process work through a topic, from outside: how far its output has come, and what it has used until then.

A run is timed by the output that the broker holds, from the first look that finds some to the first that finds all of it; the
alerts before the first look are taken off by their share of the output. That all of it is committed is waited for: a commit
comes within a second, on a timer, and would blur runs of a few seconds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from ops.bench.errors import BenchError
from ops.bench.group import Group
from ops.bench.process import Measured, Usage

LOOK_S = 0.04
_STILL_S = 60.0
_DONE_S = 6.0
_REQUEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment (monotonic seconds): records in each output topic, and what the process has used."""

    at_s: float
    outputs: tuple[int, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Run:
    """One way through the topic. `forwarded` counts the alerts that were kept; `rss_mb` is the most that was seen."""

    alerts_per_s: float
    alerts_per_cpu_s: float
    rss_mb: float
    forwarded: int


class Watcher:
    """Looks at one process and its output.

    Args:
        outputs: topics that it writes; the first one is where kept alerts go. partitions: of each topic.
    """

    def __init__(self, bootstrap: str, group: str, outputs: Sequence[str], partitions: int) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._group, self._outputs, self._partitions = Group(bootstrap, group), outputs, partitions

    def watch(self, process: Measured, alerts: int) -> Run:
        """Look until the group has committed all of so many alerts.

        Raises:
            BenchError: the process ended, or did nothing for a minute.
        """
        return self._watch(
            process, alerts, lambda look: any(look.outputs) and sum(self._group.committed().values()) >= alerts
        )

    def watch_until_still(self, process: Measured, alerts: int) -> Run:
        """Look until nothing more is written: for those who commit in their own way.

        Raises:
            BenchError: the process ended, or wrote nothing for a minute.
        """
        since: list[tuple[tuple[int, ...], float]] = []

        def still(look: Look) -> bool:
            if not since or since[-1][0] != look.outputs:
                since.append((look.outputs, look.at_s))
            return any(look.outputs) and look.at_s - since[-1][1] > _DONE_S

        return self._watch(process, alerts, still)

    def _watch(self, process: Measured, alerts: int, done: Callable[[Look], bool]) -> Run:
        looks: list[Look] = []
        changed_at = time.monotonic()
        while not looks or not done(looks[-1]):
            look = Look(time.monotonic(), self._ends(), process.usage())
            if not looks or look.outputs != looks[-1].outputs:
                changed_at = look.at_s
            if look.at_s - changed_at > _STILL_S:
                raise BenchError(
                    f"{self._group.name} did nothing for {_STILL_S:.0f} s: {look.outputs} in {self._outputs}."
                )
            looks.append(look)
            time.sleep(LOOK_S)
        looks.append(Look(time.monotonic(), self._ends(), process.usage()))
        return run_of(looks, alerts)

    def _ends(self) -> tuple[int, ...]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(t, p): latest for t in self._outputs for p in range(self._partitions)}
        answers = self._admin.list_offsets(asked, request_timeout=_REQUEST_S)
        found = {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
        return tuple(sum(found[t, p] for p in range(self._partitions)) for t in self._outputs)


def run_of(looks: Sequence[Look], alerts: int) -> Run:
    """What looks tell of a run over so many alerts; the last one finds everything done.

    Raises:
        BenchError: all was done between two looks: too few alerts to tell anything.
    """
    final = looks[-1].outputs
    begin = next(look for look in looks if look.outputs[0])
    end = next(look for look in looks if look.outputs == final)
    if end.at_s <= begin.at_s or end.usage.cpu_s <= begin.usage.cpu_s:
        raise BenchError(f"{alerts} alerts were worked through between two looks. Take more: `--alerts`.")
    # Kept alerts are as dense at the beginning as anywhere.
    worked = alerts * (1 - begin.outputs[0] / final[0])
    return Run(
        alerts_per_s=worked / (end.at_s - begin.at_s),
        alerts_per_cpu_s=worked / (end.usage.cpu_s - begin.usage.cpu_s),
        rss_mb=max(look.usage.rss_mb for look in looks),
        forwarded=final[0],
    )
