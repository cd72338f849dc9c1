"""The bundle: a recording in one file that can be read anywhere, years later, without Kafka. docs/replay.md describes it.

A ZIP archive. `manifest.json` comes first and names the SHA-256 of every other member; its own is in `manifest.sha256`. A file
whose members are not what it says is refused.
"""

import base64
import hashlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from ops.reexecution.errors import BundleError
from ops.reexecution.recording import Recording
from schemas.avro import schema_of
from schemas.records.vocabulary import Millis
from state.log_reader import RawRecord
from streams.topics import BY_NAME

FORMAT = "breakwater-bundle"
VERSION = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
_SCHEMAS = "schemas/written-by.json"
# What a file may unfold to, so that one that was made to fill a memory is refused.
MAX_BYTES = 4 << 30
# A date that says nothing: the same recording gives the same bytes.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def write_bundle(recording: Recording, path: Path, *, code: str, settings: list[dict[str, Any]]) -> int:
    """Write a recording to a file, whole or not at all; returns its size in bytes.

    Args:
        code: the digest of the program that writes. settings: those that were decided by, for people to read.

    Raises:
        BundleError: the file cannot be written.
    """
    members = _members(recording)
    manifest = _manifest(recording, members, code, settings)
    half = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            _put(archive, MANIFEST, manifest)
            _put(archive, SEAL, hashlib.sha256(manifest).hexdigest().encode() + b"\n")
            for name, content in members.items():
                _put(archive, name, content)
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise BundleError(f"{path} cannot be written: {error.strerror}. Name a file in a folder of yours.") from error
    return path.stat().st_size


def read_bundle(path: Path) -> Recording:
    """The recording in a file.

    Raises:
        BundleError: it is no bundle, or was changed after it was written; says which member.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _recording(_checked(archive, path), path)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BundleError(f"{path} is no bundle, or was damaged: {error}. Get it again, or write it anew.") from error


def _members(recording: Recording) -> dict[str, bytes]:
    members = {
        f"records/{name}.jsonl": b"".join(_line(raw) for raw in _ordered(raws))
        for name, raws in sorted(recording.records.items())
        if raws
    }
    for name in sorted(recording.records):
        members[f"schemas/{name}.avsc"] = _json(schema_of(BY_NAME[name].record))
    members[_SCHEMAS] = _json(dict(recording.schemas))
    return members


def _manifest(recording: Recording, members: dict[str, bytes], code: str, settings: list[dict[str, Any]]) -> bytes:
    return _json({
        "format": FORMAT, "version": VERSION, "incident_id": recording.incident_id, "read_at": recording.read_at,
        "code": code, "settings": settings, "topics": _offsets(recording),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    })  # fmt: skip


def _offsets(recording: Recording) -> dict[str, Any]:
    """By topic and partition: where the log began when it was read, and the first and last offset in the bundle."""
    told: dict[str, dict[str, Any]] = defaultdict(dict)
    for (topic, partition), begin in sorted(recording.begins.items()):
        here = [raw.offset for raw in recording.records.get(topic, ()) if raw.partition == partition]
        ends = {"first": min(here), "last": max(here)} if here else {}
        told[topic][str(partition)] = {"log_begins": begin, "records": len(here), **ends}
    return dict(told)


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _NO_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def _checked(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    names = archive.namelist()
    if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
        raise BundleError(
            f"{path} unfolds to more than {MAX_BYTES >> 30} GiB; no incident is as large. It is not read."
        )
    if MANIFEST not in names or SEAL not in names or len(set(names)) < len(names):
        raise BundleError(f"{path} is no bundle: it holds no manifest, or a member twice.")
    manifest = archive.read(MANIFEST)
    if archive.read(SEAL).strip() != hashlib.sha256(manifest).hexdigest().encode():
        raise _changed(path, MANIFEST)
    sums = _read_manifest(manifest, path)["sha256"]
    found = {name: archive.read(name) for name in names if name not in (MANIFEST, SEAL)}
    for name in sorted(set(sums) ^ set(found)):
        raise _changed(path, name)
    for name, content in found.items():
        if hashlib.sha256(content).hexdigest() != sums[name]:
            raise _changed(path, name)
    return {MANIFEST: manifest, **found}


def _read_manifest(content: bytes, path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        known = manifest["format"] == FORMAT and manifest["version"] == VERSION and isinstance(manifest["sha256"], dict)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is no bundle: its manifest cannot be read.") from error
    if not known:
        raise BundleError(
            f"{path} is a bundle of another format or version than {VERSION}. Use the program that wrote it."
        )
    return dict(manifest)


def _recording(members: dict[str, bytes], path: Path) -> Recording:
    manifest = _read_manifest(members[MANIFEST], path)
    try:
        records = {
            name.removeprefix("records/").removesuffix(".jsonl"): [_raw(line) for line in content.splitlines()]
            for name, content in members.items()
            if name.startswith("records/")
        }
        begins = {
            (topic, int(partition)): int(told["log_begins"])
            for topic, partitions in manifest["topics"].items()
            for partition, told in partitions.items()
        }
        unknown = sorted(set(records) - set(BY_NAME))
        if unknown:
            raise BundleError(f"{path} holds records of {', '.join(unknown)}, which this version does not know.")
        schemas = json.loads(members[_SCHEMAS])
        return Recording(str(manifest["incident_id"]), records, begins, Millis(manifest["read_at"]), schemas)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} holds what its format does not: {error!r}. Write it anew.") from error


def _ordered(raws: Iterable[RawRecord]) -> list[RawRecord]:
    return sorted(raws, key=lambda raw: (raw.partition, raw.offset))


def _line(raw: RawRecord) -> bytes:
    return orjson.dumps({
        "topic": raw.topic, "partition": raw.partition, "offset": raw.offset, "timestamp": raw.timestamp,
        "key": _text(raw.key), "value": _text(raw.value), "headers": [[name, _text(v)] for name, v in raw.headers],
    }) + b"\n"  # fmt: skip


def _raw(line: bytes) -> RawRecord:
    told = orjson.loads(line)
    headers = [(str(name), _bytes(value)) for name, value in told["headers"]]
    return RawRecord(
        str(told["topic"]), int(told["partition"]), int(told["offset"]), int(told["timestamp"]), _bytes(told["key"]),
        _bytes(told["value"]), headers,
    )  # fmt: skip


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def _json(document: Any) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _changed(path: Path, name: str) -> BundleError:
    return BundleError(f"{path} was changed after it was written: {name} is not what it was. Get the file again.")
