"""The start of `breakwater serve`: it waits for its store, and says so when that does not come."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from ops.projections import open_projection
from ops.serve import create_app
from ops.settings import Settings
from state.errors import ProjectionTooNewError, ProjectionUnavailableError, StateError
from state.ports import Projection


@pytest.fixture(autouse=True)
def _no_waits() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


class LateStore:
    """Opens the embedded store once these errors have been raised."""

    def __init__(self, *errors: StateError) -> None:
        self.errors = list(errors)

    def __call__(self, settings: Settings) -> Projection:
        """Open it."""
        if self.errors:
            raise self.errors.pop(0)
        return open_projection(settings)


async def start(home: Path, store: LateStore) -> None:
    """Start the application on a broker that is not there, and stop it."""
    app = create_app(Settings(home=home), "127.0.0.1:1", store)
    async with app.router.lifespan_context(app):
        assert not store.errors


async def test_a_store_that_starts_at_the_same_time_is_waited_for(tmp_path: Path) -> None:
    """A Cassandra that does not answer yet does not end the intake."""
    await start(tmp_path, LateStore(ProjectionUnavailableError("not yet"), ProjectionUnavailableError("still not")))


async def test_a_store_that_does_not_come_is_told(tmp_path: Path) -> None:
    """Patience ends with the store's own words."""
    never = LateStore(*(ProjectionUnavailableError("no Cassandra here") for _ in range(9)))
    with pytest.raises(ProjectionUnavailableError, match="no Cassandra here"):
        await start(tmp_path, never)


async def test_what_waiting_does_not_mend_is_told_at_once(tmp_path: Path) -> None:
    """A store that a newer program made."""
    store = LateStore(ProjectionTooNewError("made by a newer Breakwater"), ProjectionUnavailableError("not asked"))
    with pytest.raises(ProjectionTooNewError):
        await start(tmp_path, store)
    assert len(store.errors) == 1
