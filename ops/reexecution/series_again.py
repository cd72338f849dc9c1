"""The decisions by metric series made again. They take one topic and no time: its order alone says what was decided."""

from collections.abc import Callable
from typing import Any

from ops.reexecution.outcome import Decided, Missing
from ops.reexecution.reading_back import ReadBack
from schemas.records.vocabulary import Millis
from streams.stage import Received, Stage
from streams.topics import METRICS

StageAt = Callable[[Millis], Stage[Any]]


def series_again(name: str, log: ReadBack, stage_at: StageAt) -> tuple[list[Decided], list[Missing]]:
    """What a stage makes of all points of the incident's series, and what of them is gone.

    Args:
        stage_at: the stage by the settings that held at a time (epoch ms).
    """
    states: dict[str, Any] = {}
    decided: list[Decided] = []
    gone: dict[int, Missing] = {}
    for number, received in enumerate(log.all(METRICS), 1):
        begins = log.begins(METRICS.name, received.position.partition)
        if begins:
            why = f"what {name} had learnt of the series before is not known: retention took it"
            gone[received.position.partition] = Missing(METRICS.name, received.position.partition, 0, begins - 1, why)
            continue
        decided += _decide(stage_at(received.position.arrived_at), states, received, number)
    return decided, [gone[partition] for partition in sorted(gone)]


def _decide(stage: Stage[Any], states: dict[str, Any], received: Received[Any], number: int) -> list[Decided]:
    where = received.position
    try:
        key = stage.key(received)
        if key is None:
            return []
        step = stage.decide(states[key] if key in states else stage.initial(key), received)
    except Exception:  # noqa: BLE001 - as in the shell: it became a dead letter, and what was learnt in place stays
        return []
    states[key] = step.state
    cause = f"{where.topic}/{where.partition}/{where.offset}"
    return [Decided(stage.name, where.arrived_at, number, cause, one.topic, one.record) for one in step.outputs]
