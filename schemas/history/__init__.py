"""Every version of every contract that was ever written: `Name/vN.avsc`, and golden bytes `Name/vN.bin` of a sample.

Versions are only ever added (`python -m schemas.history.freeze`); a reader takes all of them.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from schemas.avro import Schema, fingerprint

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of one contract."""

    name: str
    version: int
    schema: Schema
    fingerprint: bytes


@cache
def versions(name: str, folder: Path = FOLDER) -> tuple[SchemaVersion, ...]:
    """All versions of a contract, oldest first; empty for a name that has none."""
    files = sorted((folder / name).glob("v*.avsc"), key=lambda f: int(f.stem[1:]))
    return tuple(_read(name, file) for file in files)


def _read(name: str, file: Path) -> SchemaVersion:
    schema = json.loads(file.read_text())
    return SchemaVersion(name, int(file.stem[1:]), schema, fingerprint(schema))
