"""`breakwater predictions`: what was foretold, and what became of it."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ops.commands.options import AsJson
from ops.connection import bootstrap_servers
from ops.decoding import RecordDecoder
from ops.prediction_scores import scores_of
from ops.settings import load_settings
from ops.times import parse_time
from schemas.errors import DecodeError, InvalidInputError
from schemas.records.analysis import Prediction
from state.clock import wall_clock_ms
from state.log_reader import LogReader
from streams.topics import PREDICTIONS


def predictions(
    start: Annotated[
        str | None, typer.Option("--from", help="What happened before this does not count; by default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count the predictions of breaches by model: hits, false ones, breaches that were missed, and the Brier score.

    A prediction is a hit where its series reached the level within the horizon, and false where it did not; a breach that none
    stood for is a miss. `right` is the share of hits among those made, `foreseen` their share of the breaches.

    Example: breakwater predictions --from 24h
    """
    try:
        since = 0 if start is None else parse_time(start, wall_clock_ms())
    except InvalidInputError as error:
        raise typer.BadParameter(str(error)) from error
    found = scores_of(_read(bootstrap_servers(load_settings())), since)
    document = {model: scores.document() for model, scores in sorted(found.items())}
    if as_json:
        typer.echo(json.dumps(document))
        return
    for model, figures in document.items():
        typer.echo(sentence(model, figures))
    if not document:
        typer.echo("Nothing was foretold, and no breach was seen.")


def sentence(model: str, figures: dict[str, Any]) -> str:
    """One model's figures for a person."""
    verified = figures["hit"] + figures["false"] + figures["miss"]
    told = f"{model}: {figures['made']} told; {figures['hit']} hit, {figures['false']} false, {figures['miss']} missed"
    if not verified:
        return told + "; none verified yet"
    lead = figures["median_lead_s"]
    return f"{told}; Brier score {figures['brier']:.3f}" + (f"; median lead {lead:.0f} s" if lead is not None else "")


def _read(bootstrap: str) -> Iterator[Prediction]:
    decoder = RecordDecoder(PREDICTIONS.name)
    with LogReader(bootstrap, "breakwater-predictions") as log:
        ends = {p: log.bounds(PREDICTIONS.name, p) for p in log.partitions(PREDICTIONS.name)}
        for raw in log.read(PREDICTIONS.name, ends):
            try:
                yield decoder.record(raw.value or b"")
            except DecodeError:
                continue  # what is no record foretells nothing; `breakwater dlq` tells of those
