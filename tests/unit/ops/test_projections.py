"""Which store is opened."""

from pathlib import Path

import pytest

from ops.projections import chosen_store, open_projection
from ops.settings import Settings
from state.errors import ProjectionUnavailableError
from tests.support.event_sequences import STORY, story


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CASSANDRA_CONTACT_POINTS", "BREAKWATER_STORE"):
        monkeypatch.delenv(name, raising=False)


def test_by_default_incidents_are_kept_under_the_home(tmp_path: Path) -> None:
    """Without a choice it is the embedded store, in the home's `store.sqlite`."""
    projection = open_projection(Settings(home=tmp_path))
    assert projection.apply(story().events) == len(STORY)
    projection.close()
    assert (tmp_path / "store.sqlite").exists()


def test_looking_leaves_no_memory_of_a_choice(tmp_path: Path) -> None:
    """Only who writes says where incidents are kept."""
    open_projection(Settings(home=tmp_path, store="embedded")).close()
    assert not (tmp_path / "store.json").exists()
    open_projection(Settings(home=tmp_path, store="embedded"), remember=True).close()
    assert chosen_store(Settings(home=tmp_path)) == "embedded"


def test_the_home_remembers_where_incidents_are_kept(tmp_path: Path) -> None:
    """Who only looks finds the store that was last written; a setting overrules that."""
    (tmp_path / "store.json").write_text('{"store": "cassandra"}')
    assert chosen_store(Settings(home=tmp_path)) == "cassandra"
    assert chosen_store(Settings(home=tmp_path, store="embedded")) == "embedded"


@pytest.mark.parametrize("content", ["", "[]", "null", '{"store": 1}', "{"])
def test_a_spoilt_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    """What cannot be read is passed over."""
    (tmp_path / "store.json").write_text(content)
    assert chosen_store(Settings(home=tmp_path)) == "embedded"


def test_a_cassandra_that_does_not_run_is_said(tmp_path: Path) -> None:
    """Without a node to ask, the error tells the three ways on."""
    with pytest.raises(ProjectionUnavailableError, match=r"cassandra up.*CASSANDRA_CONTACT_POINTS.*BREAKWATER_STORE"):
        open_projection(Settings(home=tmp_path, store="cassandra"))
