"""`rerun --set`: what would have become of an incident by other settings, beside what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.composition.decision_settings import as_recorded, with_changes
from ops.reexecution.errors import NothingRecordedError
from ops.reexecution.figures import Figures
from ops.reexecution.reading_back import ReadBack
from ops.reexecution.recording import Recording
from ops.reexecution.simulation import as_recorded as recorded_figures
from ops.reexecution.simulation import simulate
from ops.settings import Settings
from streams.journal import Basis


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`recorded`: as it was. `again`: lived through again by the same settings, `changed`: by the others.

    Where `recorded` and `again` differ, chance had a part in it (who was read first, how long something took); what differs
    between `again` and `changed` is the settings' doing.
    """

    changes: dict[str, str]
    recorded: Figures
    again: Figures
    changed: Figures

    def rows(self) -> list[tuple[str, Any, Any, Any]]:
        """By figure: its name and the three values."""
        told = (self.recorded.document(), self.again.document(), self.changed.document())
        return [(name, *(one[name] for one in told)) for name in told[0]]

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "settings": self.changes, "recorded": self.recorded.document(), "again": self.again.document(),
            "changed": self.changed.document(),
        }  # fmt: skip


def what_if(recording: Recording, changes: Mapping[str, str]) -> WhatIf:
    """Live an incident through by its settings, and by those settings with some set otherwise.

    Raises:
        InvalidInputError: there is no such setting, or it cannot have that value.
        NothingRecordedError: by which settings it was decided is not on record.
    """
    log = ReadBack(recording)
    before = _settings(log)
    after = with_changes(before, changes)
    return WhatIf(dict(changes), recorded_figures(log), simulate(log, before), simulate(log, after))


def _settings(log: ReadBack) -> Settings:
    """The settings that were declared last."""
    declared = [s for s in log.steps() if not s.key and Basis(s.settings, s.code).digest == s.basis]
    if not declared:
        raise NothingRecordedError(
            f"By which settings {log.recording.incident_id} was decided is not in the decision journal, so there is nothing to "
            "set otherwise. Retention may have taken it."
        )
    return as_recorded(declared[-1].settings)
