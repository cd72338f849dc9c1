"""The libraries' logs: what is said again and again is written now and then."""

import logging

from ops.logs import Sparingly


class Said:
    """A logger whose lines are kept; `now_s` is its clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.lines: list[str] = []
        self._filter = Sparingly(every_s=10.0, clock=lambda: self.now_s)

    def say(self, text: str, *values: object, level: int = logging.ERROR) -> None:
        """One message."""
        record = logging.LogRecord("aiokafka", level, __file__, 1, text, values, None)
        if self._filter.filter(record):
            self.lines.append(record.getMessage())


def test_an_outage_is_told_every_ten_seconds() -> None:
    """With how often it was said in between, whatever the values are."""
    said = Said()
    for tenth in range(250):
        said.now_s = tenth / 10
        said.say("Unable connect to node with id %s: %s", 1, f"error {tenth}")
    assert said.lines == [
        "Unable connect to node with id 1: error 0",
        "Unable connect to node with id 1: error 100 (and 99 more)",
        "Unable connect to node with id 1: error 200 (and 99 more)",
    ]


def test_what_differs_is_told_at_once() -> None:
    """Another text, another level."""
    said = Said()
    said.say("one")
    said.say("two")
    said.say("one", level=logging.WARNING)
    said.say("one")
    assert said.lines == ["one", "two", "one"]


def test_texts_without_end_take_no_memory_without_end() -> None:
    """What was said long ago is forgotten; it may be said again a little too soon."""
    said = Said()
    for number in range(5_000):
        said.say(f"text {number}")
    assert len(said.lines) == 5_000
    assert len(said._filter._told) <= 1_000
