"""A bundle: what goes in comes out, anywhere; and nothing that was changed is read."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.reexecution.bundle import MANIFEST, SEAL, read_bundle, write_bundle
from ops.reexecution.errors import BundleError
from ops.reexecution.recording import Recording
from ops.reexecution.rerun import rerun
from schemas.codec import Codec
from schemas.records.command import Decision
from streams.topics import DECISIONS
from tests.support.recorded_run import lived

SEED = 16


@pytest.fixture(scope="module")
def recording() -> Recording:
    """An incident from its first alert to its end."""
    return lived(SEED).recording()


@pytest.fixture(scope="module")
def written(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Its bundle."""
    path = tmp_path_factory.mktemp("bundles") / "incident.bundle"
    assert write_bundle(recording, path, code="abc", settings=[]) == path.stat().st_size
    return path.read_bytes()


@pytest.fixture
def file(written: bytes, tmp_path: Path) -> Path:
    """A copy of the bundle, to be spoilt."""
    path = tmp_path / "incident.bundle"
    path.write_bytes(written)
    return path


def rewritten(file: Path, member: str, content: bytes | None) -> Path:
    """The file with one member otherwise, or without it."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members.pop(member, None)
    if content is not None:
        members[member] = content
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def test_a_recording_comes_out_as_it_went_in(recording: Recording, file: Path) -> None:
    """Every record, byte for byte, with its place and time, and where the log began."""
    found = read_bundle(file)
    assert found.incident_id == recording.incident_id
    assert found.begins == recording.begins
    assert {name: tuple(raws) for name, raws in found.records.items()} == {
        name: tuple(raws) for name, raws in recording.records.items() if raws
    }


def test_the_same_recording_gives_the_same_bytes(recording: Recording, file: Path, tmp_path: Path) -> None:
    """So that two who hold a bundle can compare it by its hash."""
    again = tmp_path / "again.bundle"
    write_bundle(recording, again, code="abc", settings=[])
    assert again.read_bytes() == file.read_bytes()


def test_the_manifest_tells_what_is_in_it(file: Path) -> None:
    """Incident, code, and of every partition where the log began and what lies in the file."""
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        assert archive.namelist()[:2] == [MANIFEST, SEAL]
        assert "schemas/decisions.avsc" in archive.namelist()
    told = manifest["topics"]["decisions"]["2"]
    assert (manifest["format"], manifest["version"], manifest["code"]) == ("breakwater-bundle", 1, "abc")
    assert (told["log_begins"], told["first"]) == (0, 0)


def test_a_bundle_reruns_without_kafka(file: Path) -> None:
    """The command needs the file alone."""
    result = CliRunner().invoke(app, ["rerun", str(file), "--json"], env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    verdict = json.loads(result.stdout)
    assert (result.exit_code, verdict["result"], verdict["missing"]) == (0, "identical", [])
    assert verdict["first_divergence"] is None


def test_a_window_is_given_as_times(file: Path) -> None:
    """An empty one has nothing to judge; one that ends before it begins, and what is no time, are wrong use."""
    found = CliRunner().invoke(app, ["rerun", str(file), "--json", "--from", "2001-01-01", "--to", "1000000000"])
    verdict = json.loads(found.stdout)
    assert (found.exit_code, verdict["decisions"]) == (0, 0)
    assert verdict["window"] == {"first": 978_307_200_000, "last": 1_000_000_000_000}
    for wrong in (["--from", "2001-01-02", "--to", "2001-01-01"], ["--from", "soon"]):
        assert CliRunner().invoke(app, ["rerun", str(file), *wrong]).exit_code == 2


def test_a_divergence_is_shown_with_both_sides(recording: Recording, tmp_path: Path) -> None:
    """A person reads which decision, where it lies, and what it says and would say. Exit code 1."""
    raws = list(recording.records[DECISIONS.name])
    codec: Codec[Decision] = Codec(Decision)
    raws[0] = replace(raws[0], value=codec.encode(replace(codec.decode(raws[0].value), target="payments")))
    forged = replace(recording, records={**recording.records, DECISIONS.name: raws})
    assert rerun(forged).result == "diverged"
    write_bundle(forged, tmp_path / "forged.bundle", code="", settings=[])
    result = CliRunner().invoke(app, ["rerun", str(tmp_path / "forged.bundle")])
    assert result.exit_code == 1
    assert "decisions-2 offset 0" in result.stdout
    assert '"payments"' in result.stdout
    assert '"checkout"' in result.stdout


@pytest.mark.parametrize("member", ["records/decisions.jsonl", "schemas/decisions.avsc", MANIFEST])
def test_a_changed_member_is_refused(file: Path, member: str) -> None:
    """By the hash that the manifest holds of it, or that is held of the manifest; the error names it."""
    with zipfile.ZipFile(file) as archive:
        content = archive.read(member)
    with pytest.raises(BundleError, match=f"changed after it was written: {member}"):
        read_bundle(rewritten(file, member, content.replace(b"a", b"b", 1)))


@pytest.mark.parametrize(
    ("member", "content"), [("records/decisions.jsonl", None), ("records/alerts.jsonl", b""), (MANIFEST, None)]
)
def test_a_member_too_many_or_too_few_is_refused(file: Path, member: str, content: bytes | None) -> None:
    """Nothing is left out or slipped in."""
    with pytest.raises(BundleError):
        read_bundle(rewritten(file, member, content))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half of one"])
def test_what_is_no_bundle_is_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    """Also for a file that was cut off."""
    path = tmp_path / "some.bundle"
    path.write_bytes(content)
    with pytest.raises(BundleError):
        read_bundle(path)
    result = CliRunner().invoke(app, ["rerun", str(path)])
    assert isinstance(result.exception, BundleError)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(BundleError, match=r"nowhere\.bundle cannot be read"):
        read_bundle(tmp_path / "nowhere.bundle")


def test_a_bundle_that_cannot_be_written_leaves_nothing(recording: Recording, tmp_path: Path) -> None:
    """A folder that is not there is told; no half file stays."""
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(recording, tmp_path / "nowhere" / "x.bundle", code="", settings=[])
    assert list(tmp_path.iterdir()) == []
