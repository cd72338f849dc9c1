"""Freezing writes what has changed, and refuses what earlier readers' data would not survive."""

from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import SchemaError
from schemas.history import versions
from schemas.history.freeze import freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A contract of this test's own."""

    host: str
    count: int


def changed(*fields: Any) -> type:
    """The same contract with other fields."""
    return make_dataclass("Ping", fields, frozen=True, kw_only=True)


def test_a_new_contract_gets_its_first_version(tmp_path: Path) -> None:
    """With its schema and golden bytes."""
    assert freeze((Ping,), tmp_path) == ["Ping v1"]
    assert sorted(file.name for file in (tmp_path / "Ping").iterdir()) == ["v1.avsc", "v1.bin"]


def test_freezing_again_changes_nothing(tmp_path: Path) -> None:
    """A version is a change."""
    freeze((Ping,), tmp_path)
    assert freeze((Ping,), tmp_path) == []


def test_a_compatible_change_is_the_next_version(tmp_path: Path) -> None:
    """A field with a default: what was written without it can be read."""
    freeze((Ping,), tmp_path)
    assert freeze((changed(("host", str), ("count", int), ("port", int, 0)),), tmp_path) == ["Ping v2"]
    assert [version.version for version in versions("Ping", tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            (("host", str), ("count", int), ("port", int)),
            r"Ping cannot read v1: \(top\).port: is new and has no default",
        ),
        ((("host", str), ("count", str)), r"count: long cannot be read as string"),
    ],
)
def test_an_incompatible_change_is_refused_with_the_reason(tmp_path: Path, fields: tuple[Any, ...], why: str) -> None:
    """And nothing is written."""
    freeze((Ping,), tmp_path)
    with pytest.raises(SchemaError, match=why):
        freeze((changed(*fields),), tmp_path)
    assert len(versions("Ping", tmp_path)) == 1


def test_every_earlier_version_counts_not_only_the_last(tmp_path: Path) -> None:
    """A default that came and went would leave the first version's records unreadable."""
    freeze((Ping,), tmp_path)
    freeze((changed(("host", str), ("count", int), ("port", int, 0)),), tmp_path)
    with pytest.raises(SchemaError, match="cannot read v1"):
        freeze((changed(("host", str), ("count", int), ("port", int)),), tmp_path)
