"""A changed copy is what `dataclasses.replace` makes."""

from dataclasses import replace

import pytest

from state.changed import changed
from state.incident import IncidentState


def test_it_changes_what_it_is_told_and_nothing_else() -> None:
    """The first one stays as it was."""
    before = IncidentState(incident_id="inc-1", tenant="acme", version=3)
    after = changed(before, version=4, storm=True)
    assert after == replace(before, version=4, storm=True)
    assert before.version == 3
    assert not before.storm


def test_a_field_that_is_not_there_is_refused() -> None:
    """As `replace` refuses it."""
    with pytest.raises(AttributeError, match="vesion"):
        changed(IncidentState(incident_id="inc-1"), vesion=4)
