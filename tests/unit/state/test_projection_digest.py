"""Two stores of one log have one digest; a row that differs is named."""

from pathlib import Path

import pytest

from ops.bench.incidents import stored_events
from state.ports import Projection
from state.projection_digest import compared, digest_of, held_by
from state.rebuild import rebuild
from state.sqlite_projection import SqliteProjection


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Projection, Projection]:
    """Two empty ones."""
    return SqliteProjection(tmp_path / "one.sqlite"), SqliteProjection(tmp_path / "other.sqlite")


def test_stores_that_were_filled_in_other_batches_are_alike(stores: tuple[Projection, Projection]) -> None:
    """However the log was cut."""
    events = stored_events(900)
    for store, batch in zip(stores, (7, 500), strict=True):
        rebuild(store, events, batch)
    one, other = map(held_by, stores)
    assert (len(one), digest_of(one)) == (100, digest_of(other))
    found = compared(one, other)
    assert (found.same, found.alike, found.moved) == (True, 100, ())


def test_a_store_that_went_on_is_not_taken_for_a_wrong_one(stores: tuple[Projection, Projection]) -> None:
    """The live one has heard more since."""
    events = stored_events(250)
    rebuild(stores[0], events[:201])
    rebuild(stores[1], events)
    found = compared(*map(held_by, stores))
    assert found.same
    assert len(found.moved) == 49


def test_a_row_that_was_changed_is_named(stores: tuple[Projection, Projection], tmp_path: Path) -> None:
    """In its events, in its state, or not there at all."""
    events = stored_events(300)
    rebuild(stores[0], events)
    rebuild(stores[1], events)
    with stores[1]._database.writing() as rows:  # type: ignore[attr-defined]
        rows.execute("UPDATE events SET agent = 'operator' WHERE incident_id = 'inc-0003' AND version = 2")
        rows.execute("UPDATE incidents SET state = replace(state, 'CRITICAL', 'LOW') WHERE incident_id = 'inc-0005'")
        rows.execute("DELETE FROM incidents WHERE incident_id = 'inc-0007'")
    found = compared(*map(held_by, stores))
    assert (found.different, found.missing) == (("inc-0003", "inc-0005"), ("inc-0007",))
    assert not found.same
