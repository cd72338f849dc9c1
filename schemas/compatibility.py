"""Whether data written by an older schema can be read by a newer one (Avro 1.11, "Schema Resolution")."""

from typing import Any

from schemas.avro import Schema

_PROMOTIONS = {("int", "long"), ("int", "float"), ("int", "double"), ("long", "float"), ("long", "double"),
               ("float", "double"), ("string", "bytes"), ("bytes", "string")}  # fmt: skip


def incompatibilities(reader: Schema, writer: Schema) -> list[str]:
    """What stops `reader` from reading what `writer` wrote, a sentence each; empty when it can.

    >>> incompatibilities("double", "long")
    []
    >>> incompatibilities("long", "double")
    ['(top): double cannot be read as long']
    """
    return list(_compare(_Names().load(reader), _Names().load(writer), "(top)", set()))


class _Names:
    """Replaces names of types that were written out before by the types themselves."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def load(self, schema: Schema) -> Schema:
        if isinstance(schema, str):
            return self.known.get(schema, schema)
        if isinstance(schema, list):
            return [self.load(branch) for branch in schema]
        copy = dict(schema)
        if "name" in copy:
            self.known[f"{copy.get('namespace', 'breakwater')}.{copy['name']}"] = copy
        for part in ("items", "values"):
            if part in copy:
                copy[part] = self.load(copy[part])
        copy["fields"] = [{**f, "type": self.load(f["type"])} for f in copy.get("fields", [])]
        return copy


def _compare(reader: Schema, writer: Schema, path: str, seen: set[tuple[int, int]]) -> list[str]:
    if isinstance(writer, list):
        return [fault for branch in writer for fault in _compare(reader, branch, path, seen)]
    if isinstance(reader, list):
        ways = [_compare(branch, writer, path, seen) for branch in reader]
        return [] if any(not faults for faults in ways) else [f"{path}: no branch of the union reads {_kind(writer)}"]
    kinds = _kind(reader), _kind(writer)
    if kinds[0] != kinds[1]:
        return [] if (kinds[1], kinds[0]) in _PROMOTIONS else [f"{path}: {kinds[1]} cannot be read as {kinds[0]}"]
    if kinds[0] in ("array", "map"):
        part = "items" if kinds[0] == "array" else "values"
        return _compare(reader[part], writer[part], f"{path}[]", seen)
    if kinds[0] == "enum":
        return _enums(reader, writer, path)
    if kinds[0] == "record" and (id(reader), id(writer)) not in seen:
        return _records(reader, writer, path, seen | {(id(reader), id(writer))})
    return []


def _enums(reader: Schema, writer: Schema, path: str) -> list[str]:
    gone = [s for s in writer["symbols"] if s not in reader["symbols"]]
    return [f"{path}: symbols {gone} are gone and there is no default"] if gone and "default" not in reader else []


def _records(reader: Schema, writer: Schema, path: str, seen: set[tuple[int, int]]) -> list[str]:
    written = {f["name"]: f for f in writer["fields"]}
    faults = []
    for field in reader["fields"]:
        where = f"{path}.{field['name']}"
        if field["name"] in written:
            faults += _compare(field["type"], written[field["name"]]["type"], where, seen)
        elif "default" not in field:
            faults.append(f"{where}: is new and has no default")
    return faults


def _kind(schema: Schema) -> str:
    return str(schema["type"]) if isinstance(schema, dict) else str(schema)
