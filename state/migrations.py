"""The stores' schemas as numbered files, each applied once and in order: `0001_what_it_does.sql`."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a store's schema; `version` counts from 1."""

    version: int
    name: str
    statements: list[str]


def read_migrations(folder: str) -> list[Migration]:
    """The steps in `state/<folder>`, in order.

    A statement ends with a semicolon at a line's end; lines that begin with `--` are for the reader.
    """
    found = [entry for entry in files("state").joinpath(folder).iterdir() if entry.name[:4].isdigit()]
    steps = [_migration(entry.name, entry.read_text(encoding="utf-8")) for entry in found]
    return sorted(steps, key=lambda step: step.version)


def _migration(file_name: str, text: str) -> Migration:
    number, _, rest = file_name.partition("_")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    statements = [part.strip() for part in "\n".join([*lines, ""]).split(";\n")]
    return Migration(int(number), rest.rpartition(".")[0], [s for s in statements if s])
