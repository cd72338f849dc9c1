"""What decisions are told from outside of their records: noted as they are made, said again as they are made again."""

from collections.abc import Callable, Sequence
from typing import Protocol

from schemas.records.journal import AnswerHeard
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
    """Says what was answered then; nothing is found out.

    Attributes:
        asked: the number of the next question; set it back to ask again.
    """

    def __init__(self) -> None:
        self._answers: Sequence[AnswerHeard] = ()
        self.asked = 0

    def expect(self, answers: Sequence[AnswerHeard]) -> None:
        """A step begins, in which these were the answers: each from its question on, until the next."""
        self._answers, self.asked = answers, 0

    def ask(self, answer: Callable[[], str]) -> str:  # noqa: ARG002 - sealed off
        """The recorded answer to the step's next question.

        Raises:
            NoAnswerError: nothing was asked then.
        """
        told = next((one.text for one in reversed(self._answers) if one.asked <= self.asked), None)
        if told is None:
            raise NoAnswerError("A decision asks what it did not ask when it was recorded.")
        self.asked += 1
        return told
