"""`breakwater account`: the raw topic counted anew, and compared with what sampling said of it."""

import json
from typing import Annotated, Any

import typer

from agents.sampling.columns import AlertDecoder
from ops.account.comparison import Difference, Evidence, Fates, compare, missing, totals
from ops.account.reading import AccountTopics, gather
from ops.commands.options import AsJson, tell_on_stderr
from ops.composition.edge import sampling_rules
from ops.connection import bootstrap_servers
from ops.settings import load_settings
from ops.terminal.words import counted, elided
from ops.times import iso, parse_time
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from streams.registry import CodecFactory
from streams.topics import ALERTS

# Later than any event time.
_EVER = 1 << 62
# Differences that are told; `count` in the document is of all.
_TOLD = 100
_WIDEST_ID = 60


def account(
    start: Annotated[
        str | None, typer.Option("--from", help="First window of event time; by default the first.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Windows that begin after this do not count.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count the raw topic anew and compare it with the account; exit code 1 where they differ.

    Every alert that sampling has committed must be kept, suppressed, late or a dead letter, in its incident's window, and
    every one that was kept must be on alerts.sampled; that and the dead letters' number are compared without --from and --to
    alone, for copies and letters lie in no window. Suppressed alerts are on the raw topic:
    `breakwater replay alerts --incident ID --from T --to T` shows them.

    Example: breakwater account --from 2h --json
    """
    span = _span(start, end)
    settings = load_settings()
    bootstrap = bootstrap_servers(settings)
    decoder = AlertDecoder(CodecFactory(settings.schema_registry_url, bootstrap)(ALERTS))
    found = gather(bootstrap, decoder, sampling_rules(settings, 1), AccountTopics())
    whole = start is None and end is None
    differences = compare(found.counted, found.windows, span) + missing(found, whole=whole)
    document = as_document(found, differences, totals(found.windows, span), whole=whole)
    if as_json:
        typer.echo(json.dumps(document))
    else:
        _tell(document, differences)
    if differences:
        raise typer.Exit(1)


def as_document(found: Evidence, differences: list[Difference], total: Fates, *, whole: bool) -> dict[str, Any]:
    """What is printed as JSON."""
    return {
        "received": total.received,
        "kept": total.kept,
        "suppressed": total.suppressed,
        "late": total.late,
        "dead_lettered": total.dead_lettered,
        "exact": not differences,
        "whole": whole,  # else copies and dead letters, which lie in no window, were not compared
        "differences": [difference.document() for difference in differences[:_TOLD]],
        "count": len(differences),
        "forwarded": sum(found.forwarded.values()),
        "waiting": found.counted.waiting,
        "lost": found.lost,
    }


def _span(start: str | None, end: str | None) -> range:
    now = wall_clock_ms()
    try:
        first: Millis = -_EVER if start is None else parse_time(start, now)
        last: Millis = _EVER if end is None else parse_time(end, now) + 1
    except InvalidInputError as error:
        raise typer.BadParameter(str(error)) from error
    if first >= last:
        raise typer.BadParameter(f"--from {start} lies after --to {end}.")
    return range(first, last)


def _tell(document: dict[str, Any], differences: list[Difference]) -> None:
    typer.echo(
        f"{document['received']:,} received = {document['kept']:,} kept + {document['suppressed']:,} suppressed + "
        f"{document['late']:,} late + {document['dead_lettered']:,} dead-lettered"
    )
    for difference in differences[:_TOLD]:
        place = difference.place
        name = elided(place.incident_id, _WIDEST_ID)
        where = f"{name}, partition {place.partition}, window of {iso(place.window_start)}: "
        said = f"the log holds {difference.log:,}, the account says {difference.account:,}"
        typer.echo(f"{where if place.partition >= 0 else name + ': '}{difference.what}: {said}")
    if document["waiting"]:
        tell_on_stderr(f"Waiting for sampling: {counted(document['waiting'], 'alert')}.")
    if document["lost"]:
        tell_on_stderr(f"No longer on the raw topic, for retention took them: {counted(document['lost'], 'alert')}.")
    windows = (
        ""
        if document["whole"]
        else " in these windows; sampled copies and dead letters are compared without --from and --to"
    )
    typer.echo(f"The account is exact{windows}." if not differences else f"{counted(len(differences), 'difference')}.")
