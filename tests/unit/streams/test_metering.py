"""A batch's acknowledgement, told to a meter."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.metering import attended
from streams.transport.batch import Batch
from streams.watchdog import Watchdog
from tests.support.shells import FakeEvent, Raw, offline_app


class Heard:
    """A meter that remembers."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, str, int, float, float]] = []
        self.stands: list[float] = []

    def worked(self, stage: str, topic: str, records: int, took_s: float, age_s: float) -> None:
        """A batch."""
        self.batches.append((stage, topic, records, took_s, age_s))

    def stood(self, still_s: float) -> None:
        """A look."""
        self.stands.append(still_s)


def event(*ages_s: float) -> FakeEvent:
    """A batch of records that came so long ago."""
    now_ms = int(time.time() * 1000)
    records = [Raw(n, b"v", timestamp=now_ms - int(age * 1000)) for n, age in enumerate(ages_s)]
    return FakeEvent("alerts", Batch(records, len(records) - 1, len(records)))


def test_an_acknowledged_batch_is_told_with_the_age_of_its_oldest_record() -> None:
    """Also where the stage gave its records back meanwhile; before the acknowledgement nothing is told."""
    heard, given = Heard(), event(40, 3, 1)
    seen = attended(SimpleNamespace(meter=heard), "sampling", given)
    seen.value.records = ()
    assert (seen.message.topic, heard.batches) == ("alerts", [])
    seen.ack()
    ((stage, topic, records, _, age_s),) = heard.batches
    assert (stage, topic, records, given.acknowledged) == ("sampling", "alerts", 3, True)
    assert age_s >= 40


def test_a_batch_without_records_has_no_age() -> None:
    """What was deleted or aborted was not late."""
    heard = Heard()
    attended(SimpleNamespace(meter=heard), "sampling", event()).ack()
    assert heard.batches[0][2::2] == (0, 0.0)


def test_a_date_that_cannot_be_is_no_age() -> None:
    """1970, as a producer may have it, is not 56 years over the budget."""
    heard = Heard()
    attended(SimpleNamespace(meter=heard), "sampling", event(time.time())).ack()
    assert heard.batches[0][2::2] == (1, 0.0)


def test_without_a_meter_an_event_is_left_as_it_is() -> None:
    """Nothing is wrapped, so nothing costs."""
    given = event(1)
    assert attended(SimpleNamespace(), "sampling", given) is given


async def test_the_watchdog_tells_how_long_the_slowest_partition_has_stood(tmp_path: Path) -> None:
    """0 where all that is behind moves."""
    app: Any = offline_app(tmp_path)
    app.meter = heard = Heard()
    where = TP("alerts", 0)
    steps = iter([{where: (5, 9)}, {where: (5, 9)}, {where: (6, 9)}])
    app.consumer = SimpleNamespace(progress=lambda: next(steps))
    watchdog = Watchdog(app, limit_s=1e9)
    for _ in range(3):
        await watchdog.look()
    assert heard.stands[0] == heard.stands[2] == 0.0
    assert heard.stands[1] > 0
