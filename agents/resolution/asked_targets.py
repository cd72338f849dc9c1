"""Targets asked through a notebook: what the operator allowed at the time is on record with the decision."""

from collections.abc import Callable

import orjson

from agents.resolution.errors import TargetsError
from agents.resolution.targets import Target, Targets
from streams.answers import Answers


class AskedTargets:
    """Answers with what `answers` lets through: what is allowed now, noted, or what was allowed then."""

    def __init__(self, targets: Targets, answers: Answers) -> None:
        self._targets, self._through = targets, answers

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        """See Targets; a fault is an answer like any other.

        Raises:
            TargetsError: it cannot be told.
        """
        found = orjson.loads(self._through.ask(_answer(lambda: self._targets.find(tenant, environment, service))))
        if "fault" in found:
            raise TargetsError(found["fault"])
        return None if found["target"] is None else Target.model_validate(found["target"])


def _answer(find: Callable[[], Target | None]) -> Callable[[], str]:
    def answer() -> str:
        try:
            target = find()
        except TargetsError as error:
            return orjson.dumps({"fault": str(error)}).decode()
        return orjson.dumps({"target": None if target is None else target.model_dump(mode="json")}).decode()

    return answer
