"""Everything that was ever written can be read, and changing a contract cannot be forgotten."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.avro import schema_of
from schemas.codec import Codec
from schemas.compatibility import incompatibilities
from schemas.contracts import CONTRACTS
from schemas.history import FOLDER, SchemaVersion, versions
from schemas.samples import sample

VERSIONS = [(record, version) for record in CONTRACTS for version in versions(record.__name__)]
EACH = pytest.mark.parametrize(("record", "version"), VERSIONS, ids=[f"{r.__name__}-v{v.version}" for r, v in VERSIONS])


@pytest.mark.parametrize("record", CONTRACTS, ids=lambda record: record.__name__)
def test_the_contract_is_its_newest_version(record: type[Any]) -> None:
    """Where this fails: `python -m schemas.history.freeze`."""
    assert versions(record.__name__)[-1].schema == json.loads(json.dumps(schema_of(record)))


@pytest.mark.parametrize("record", CONTRACTS, ids=lambda record: record.__name__)
def test_versions_are_numbered_without_a_gap(record: type[Any]) -> None:
    """From 1 on."""
    numbers = [version.version for version in versions(record.__name__)]
    assert numbers == list(range(1, len(numbers) + 1))


@EACH
def test_golden_bytes_are_read_by_todays_program(record: type[Any], version: SchemaVersion) -> None:
    """Those of the newest version are also what it writes."""
    golden = (FOLDER / record.__name__ / f"v{version.version}.bin").read_bytes()
    decoded = Codec(record).decode(golden)
    if version == versions(record.__name__)[-1]:
        assert decoded == sample(record)
        assert Codec(record).encode(decoded) == golden


@EACH
def test_todays_program_reads_every_version(record: type[Any], version: SchemaVersion) -> None:
    """By Avro's rules of schema resolution."""
    assert incompatibilities(schema_of(record), version.schema) == []


def test_nothing_lies_in_the_history_that_is_no_contract() -> None:
    """A contract that is taken out leaves records behind that nobody can read: keep it."""
    assert {place.name for place in Path(FOLDER).iterdir() if place.is_dir()} - {"__pycache__"} == {
        record.__name__ for record in CONTRACTS
    }
