"""`breakwater bundle`: an incident in one file."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.options import AsJson, tell_on_stderr
from ops.composition.decision_settings import code_digest
from ops.connection import bootstrap_servers
from ops.reexecution.bundle import write_bundle
from ops.reexecution.errors import NothingRecordedError
from ops.reexecution.lookup import recording_of
from ops.reexecution.reading_back import ReadBack
from ops.reexecution.recording import ALL, Recording
from ops.settings import load_settings
from ops.terminal.words import counted


def bundle(
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or a beginning of it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write an incident to one file: its records of every topic, schemas, offsets, settings, hashes (docs/replay.md).

    `breakwater rerun FILE` makes its decisions again anywhere, without Kafka.

    Example: breakwater bundle inc-0a1b2c3d4e5f6071 -o checkout.bundle
    """
    settings = load_settings()
    tell_on_stderr("reading the log …")
    recording = recording_of(bootstrap_servers(settings), settings, incident_id, topics=ALL)
    counts = {name: len(raws) for name, raws in recording.records.items() if raws}
    if not counts:
        raise NothingRecordedError(f"The log holds nothing of {recording.incident_id}; no file was written.")
    size = write_bundle(recording, output, code=code_digest(), settings=_declared(recording))
    document = {
        "incident_id": recording.incident_id, "file": str(output), "bytes": size, "records": sum(counts.values()),
        "topics": counts,
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(document))
        return
    typer.echo(
        f"{output}: {counted(sum(counts.values()), 'record')} of {counted(len(counts), 'topic')}, {size:,} bytes."
    )
    typer.echo(f"To make its decisions again: breakwater rerun {output}")


def _declared(recording: Recording) -> list[dict[str, Any]]:
    """What was decided by, each basis once."""
    found = {step.basis: step for step in ReadBack(recording).steps() if not step.key}
    return [{"basis": basis, "code": step.code, "settings": json.loads(step.settings)} for basis, step in found.items()]
