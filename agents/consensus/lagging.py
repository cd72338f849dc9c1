"""Whether the pipeline keeps up: who decides on old news must not act on it by itself.

What is answered is on record with the decision (streams.answers), so that it is decided alike when it is made again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from streams.answers import Answers
from streams.errors import NoAnswerError


@dataclass(frozen=True, slots=True)
class Behind:
    """The consumer that is furthest behind; `lag_s` is the age of its oldest unread record, None where nobody knows."""

    group: str = ""
    topic: str = ""
    lag_s: int | None = 0


# Asked whenever a vote is counted.
Lagging = Callable[[], Behind]


def keeps_up() -> Behind:
    """Nobody is behind."""
    return Behind()


class AskedLag:
    """Asks through `answers`: what is so now, noted, or what was so then."""

    def __init__(self, lagging: Lagging, answers: Answers) -> None:
        self._lagging, self._through = lagging, answers

    def __call__(self) -> Behind:
        """Who is behind; nobody in records of a time when this was not asked."""
        try:
            found = orjson.loads(self._through.ask(self._answer))
        except NoAnswerError:
            return Behind()
        return Behind(found["group"], found["topic"], found["lag_s"])

    def _answer(self) -> str:
        return orjson.dumps(self._lagging()).decode()


def lag_obstacle(behind: Behind, limit_s: float) -> str:
    """What speaks against acting without a human, as words; empty where nothing does."""
    if behind.lag_s is None:
        return "nobody knows how far analysis and command are behind"
    if behind.lag_s <= limit_s:
        return ""
    return f"{behind.group} is {behind.lag_s} s behind on {behind.topic}, more than {limit_s:g} s"
