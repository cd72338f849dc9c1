"""What decisions are told from outside of their records: noted as they are made, said again as they are made again."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from streams.errors import NoAnswerError


class Answers(Protocol):
    """Stands between a decision and what it asks."""

    def ask(self, answer: Callable[[], str]) -> str:
        """The answer to the decision's next question, as JSON; `answer` finds it out."""


class AnswersNoted:
    """Asks, and remembers the answers until they are taken."""

    def __init__(self) -> None:
        self._heard: list[str] = []

    def ask(self, answer: Callable[[], str]) -> str:
        """What is so now."""
        text = answer()
        self._heard.append(text)
        return text

    def take(self) -> list[str]:
        """The answers since the last call, in order."""
        heard, self._heard = self._heard, []
        return heard


class AnswersAgain:
    """Says what was answered then; nothing is found out."""

    def __init__(self) -> None:
        self._left: deque[str] = deque()

    def expect(self, answers: Iterable[str]) -> None:
        """What the next questions were answered with; earlier ones are forgotten."""
        self._left = deque(answers)

    def ask(self, answer: Callable[[], str]) -> str:  # noqa: ARG002 - sealed off
        """The recorded answer to this question.

        Raises:
            NoAnswerError: more is asked than was then.
        """
        if not self._left:
            raise NoAnswerError("A decision asks what it did not ask when it was recorded.")
        return self._left.popleft()
