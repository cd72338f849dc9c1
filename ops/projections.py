"""Which projection to open: by the settings, else the one that was last written under this home."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from ops.embedded.cassandra import EmbeddedCassandra
from ops.errors import HomeUnusableError
from ops.settings import Settings
from state.errors import ProjectionDamagedError, ProjectionUnavailableError
from state.incident import UNFIT
from state.personal import OpenedProjection
from state.ports import Projection
from state.sqlite_projection import SqliteProjection
from state.subject_keys import SubjectKeys

Store = Literal["embedded", "cassandra"]
_FILE = "store.sqlite"


def open_projection(settings: Settings, *, remember: bool = False) -> Projection:
    """The store of incidents: `store.sqlite` under the home, or Cassandra.

    Args:
        settings: where `store` was not set by anybody, the choice that the home remembers holds.
        remember: have the home remember the choice, so that whoever only looks finds what this process writes.

    Raises:
        StateError: the store cannot be had; the message says why and what to do.
    """
    store = chosen_store(settings)
    if store == "cassandra":
        from state.cassandra_projection import CassandraProjection  # noqa: PLC0415 - its driver takes 0.3 s to import

        # A cluster's keyspace gets as many copies as its topics; the embedded node is one.
        replication = settings.replication if settings.cassandra_contact_points else 1
        projection: Projection = CassandraProjection(_contact_points(settings), replication=replication)
    else:
        projection = SqliteProjection(settings.home / _FILE)
    if remember:
        _remember(settings.home, store)
    return projection


@contextmanager
def second_projection(settings: Settings) -> Iterator[Projection]:
    """An empty store of the same kind beside the one of the settings, gone after the block.

    Raises:
        StateError: it cannot be had; the message says why and what to do.
    """
    if chosen_store(settings) == "cassandra":
        from state.cassandra_projection import CassandraProjection  # noqa: PLC0415 - its driver takes 0.3 s to import

        second = CassandraProjection(_contact_points(settings), keyspace=f"breakwater_second_{os.getpid()}")
        try:
            yield second
        finally:
            second.drop()
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="second-", dir=settings.home) as folder:
        beside = SqliteProjection(Path(folder) / _FILE)
        try:
            yield beside
        finally:
            beside.close()


def look_at_projection(settings: Settings) -> Projection:
    """The store for those who only read: where none was made yet, an empty one that leaves nothing on the disk.

    Raises:
        HomeUnusableError: the home cannot be looked into.
        StateError: as `open_projection`.
    """
    if chosen_store(settings) == "cassandra" or _made(settings.home):
        return show_projection(settings)
    return SqliteProjection(Path(":memory:"))


def show_projection(settings: Settings) -> Projection:
    """The store for those who show incidents to people: with personal texts opened, as far as their keys are here.

    Raises:
        HomeUnusableError, StateError: as `open_projection`.
    """
    return OpenedProjection(open_projection(settings), SubjectKeys(settings.persons))


@contextmanager
def told_if_damaged() -> Iterator[None]:
    """Reading a projection within says in words where a row of it is no state or event of ours.

    Raises:
        ProjectionDamagedError: such a row was read.
    """
    try:
        yield
    except UNFIT as error:
        raise ProjectionDamagedError(
            f"A row of the store of incidents cannot be read ({type(error).__name__}: {error}). Nothing is lost: the log has "
            "every event. Stop what uses the store, move store.sqlite* away (or drop Cassandra's keyspace), and start "
            "again; it is rebuilt from the log."
        ) from error


def chosen_store(settings: Settings) -> Store:
    """Which of the stores is meant."""
    if "store" in settings.model_fields_set:
        return settings.store
    try:
        remembered = json.loads(_memory(settings.home).read_text(encoding="utf-8"))["store"]
    except (OSError, ValueError, KeyError, TypeError):
        return settings.store
    return "cassandra" if remembered == "cassandra" else "embedded"


def _made(home: Path) -> bool:
    try:
        return any(file.name == _FILE for file in home.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise HomeUnusableError(home, error) from error


def _contact_points(settings: Settings) -> str:
    if settings.cassandra_contact_points:
        return settings.cassandra_contact_points
    status = EmbeddedCassandra(settings.home, jars_dir=settings.jars).status()
    if not status.running:
        raise ProjectionUnavailableError(
            f"Incidents are kept in Cassandra, but none runs under {settings.home}. Start it with `breakwater cassandra "
            "up`, name yours in CASSANDRA_CONTACT_POINTS, or set BREAKWATER_STORE=embedded."
        )
    return status.address


def _remember(home: Path, store: Store) -> None:
    # Renamed into place: who reads at this moment finds the old choice or the new one.
    fresh = _memory(home).with_suffix(f".{os.getpid()}")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps({"store": store}), encoding="utf-8")
    fresh.replace(_memory(home))


def _memory(home: Path) -> Path:
    return home / "store.json"
