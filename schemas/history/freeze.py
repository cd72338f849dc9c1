"""Freezing the contracts: `python -m schemas.history.freeze` writes down every contract that has changed.

A contract whose schema is not its newest version gets the next one, `Name/vN.avsc`, and golden bytes of a sample,
`Name/vN.bin`. A version is refused that could not read what an earlier one wrote. `--rewrite` starts every history anew
at v1: only before a release, for bytes that were written in between become unreadable.
"""

import json
import shutil
import sys
from pathlib import Path

from schemas.avro import schema_of
from schemas.codec import Codec
from schemas.compatibility import incompatibilities
from schemas.contracts import CONTRACTS
from schemas.errors import SchemaError
from schemas.history import FOLDER, SchemaVersion, versions
from schemas.samples import sample


def refusals(record: type, past: tuple[SchemaVersion, ...]) -> list[str]:
    """Why the contract as it is cannot follow its earlier versions, a sentence each; empty when it can."""
    return [
        f"{record.__name__} cannot read v{version.version}: {fault}"
        for version in past
        for fault in incompatibilities(schema_of(record), version.schema)
    ]


def freeze(contracts: tuple[type, ...] = CONTRACTS, folder: Path = FOLDER) -> list[str]:
    """Write the versions that are missing; return their names, such as `Alert v2`.

    Raises:
        SchemaError: a contract is not compatible with its history; nothing was written.
    """
    versions.cache_clear()  # files may have come or gone since
    histories = {record: versions(record.__name__, folder) for record in contracts}
    changed = [record for record, past in histories.items() if not past or past[-1].schema != _as_json(record)]
    faults = [fault for record in changed for fault in refusals(record, histories[record])]
    if faults:
        advice = "Give new fields a default, keep the types and names of old ones, and freeze again."
        raise SchemaError("; ".join(faults) + f". {advice}")
    written = [_write(record, len(histories[record]) + 1, folder) for record in changed]
    versions.cache_clear()
    return written


def _as_json(record: type) -> object:
    """The schema as its file holds it: what JSON makes of it."""
    return json.loads(json.dumps(schema_of(record)))


def _write(record: type, number: int, folder: Path) -> str:
    place = folder / record.__name__
    place.mkdir(parents=True, exist_ok=True)
    (place / f"v{number}.avsc").write_text(json.dumps(schema_of(record), indent=2) + "\n", encoding="utf-8")
    (place / f"v{number}.bin").write_bytes(Codec(record).encode(sample(record)))
    return f"{record.__name__} v{number}"


def main(arguments: list[str]) -> int:
    """Freeze, and say what was written; 1 where a contract is refused, 2 for wrong use."""
    if arguments not in ([], ["--rewrite"]):
        sys.stderr.write(f"usage: python -m schemas.history.freeze [--rewrite]\n\n{__doc__}")
        return 2
    if arguments:
        for record in CONTRACTS:
            shutil.rmtree(FOLDER / record.__name__, ignore_errors=True)
    try:
        written = freeze()
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{name}\n" for name in written) or "Nothing has changed.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
