"""Kafka stopped and started under HTTP load: what was answered with success is there, exactly once."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.embedded.kafka import EmbeddedKafka
from ops.serve import create_app
from ops.settings import Settings
from schemas.codec import Codec
from schemas.records.intake import Alert
from streams.reading import read_all
from streams.topics import create_topics
from tests.support.intake import serving
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

SENDERS = 6
ITEMS = 20


@pytest.fixture
def server(tmp_path: Path, jars_dir: Path) -> Iterator[EmbeddedKafka]:
    """A Kafka that the test may kill."""
    kafka = EmbeddedKafka(tmp_path / "kafka", jars_dir=jars_dir)
    try:
        create_topics(kafka.up().address, 4, 1)
        yield kafka
    finally:
        kafka.down()


class Sender(threading.Thread):
    """Sends bodies one after another, each until it is taken, as a real sender does."""

    def __init__(self, address: str, number: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.url = f"http://{address}/v1/alerts"
        self.number = number
        self.over = over
        self.taken: list[str] = []
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        """Until it is over, and the last body is taken."""
        with httpx.Client(timeout=30) as client:
            for body in itertools.count():
                marks = [f"{self.number}-{body}-{item}" for item in range(ITEMS)]
                # Every other sender gives neither ids nor times: its retries are known by their bytes.
                own: dict[str, Any] = {"timestamp": 1_700_000_000 + body} if self.number % 2 else {}
                alerts = [{"service": "s", "name": "n", "message": mark, **own} for mark in marks]
                while True:
                    status = client.post(self.url, json=alerts).status_code
                    self.statuses[status] += 1
                    if status == 202:
                        break
                    time.sleep(0.2)  # as Retry-After would have it, but sooner
                self.taken += marks
                if self.over.is_set():
                    return


def test_an_outage_loses_nothing_and_doubles_nothing(server: EmbeddedKafka, tmp_path: Path) -> None:
    """Some bodies are told to come again, none is answered wrongly; then each alert lies on the topic once."""
    bootstrap, over = server.status().address, threading.Event()
    assert bootstrap is not None
    app = create_app(Settings(home=tmp_path, intake_patience_s=1.0), bootstrap)
    with serving(app) as address:
        senders = [Sender(address, number, over) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        eventually(lambda: all(len(sender.taken) > 5 * ITEMS for sender in senders))
        server.kill()
        eventually(lambda: all(sender.statuses[503] > 1 for sender in senders))
        server.up()
        before = [len(sender.taken) for sender in senders]
        eventually(lambda: all(len(s.taken) > b + 5 * ITEMS for s, b in zip(senders, before, strict=True)), limit_s=60)
        over.set()
        for sender in senders:
            sender.join(60)
    sent = Counter(mark for sender in senders for mark in sender.taken)
    there = Counter(Codec(Alert).decode(record.value).message for record in read_all(bootstrap, "alerts"))
    assert set().union(*(sender.statuses for sender in senders)) == {202, 503}
    assert there == sent
