"""Remembers what each action came to, so that an outcome, once told, is told again and never thought over."""

import json
from collections import OrderedDict
from pathlib import Path

from agents.json_lines import JsonLines
from schemas.convert import from_dict, to_dict
from schemas.records.command import ActionRecord

# Outcomes held in memory: far more than can be redelivered.
_REMEMBERED = 1_000


class OutcomeLog:
    """Outcomes in a file of JSON lines, by action."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path)
        self._outcomes: OrderedDict[str, str] = OrderedDict()

    def find(self, action_id: str) -> ActionRecord | None:
        """The outcome of an action; None where it has none yet."""
        with self._lines.locked():
            self._catch_up()
            found = self._outcomes.get(action_id)
        return None if found is None else from_dict(ActionRecord, json.loads(found))

    def add(self, outcome: ActionRecord) -> None:
        """Note an outcome; it is on disk when this returns."""
        self._lines.append(to_dict(outcome))

    def _catch_up(self) -> None:
        for fields in self._lines.unread():
            self._outcomes[str(fields.get("action_id"))] = json.dumps(fields)
            if len(self._outcomes) > _REMEMBERED:
                self._outcomes.popitem(last=False)
