"""`breakwater dlq`: what could not be taken, why, and putting it back."""

import base64
import json
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from ops.commands.options import AsJson
from ops.connection import bootstrap_servers
from ops.dead_letters.redrive import REFUSED, Outcome, Redrive
from ops.dead_letters.remap import Remapper
from ops.dead_letters.shelf import Shelf
from ops.intake.batch import BatchReader
from ops.intake.composition import intake_rules
from ops.settings import load_settings
from ops.terminal.words import counted
from ops.times import iso
from schemas.records.log import DeadLetter
from streams.encoder import TelemetryEncoder
from streams.registry import CodecFactory

app = typer.Typer(
    help="Dead letters: what could not be taken, why, and putting it back.\n\nExample: breakwater dlq list --limit 10",
    no_args_is_help=True,
)

Reason = Annotated[str | None, typer.Option(metavar="R", help="Only letters of this reason (not_json, malformed, …).")]
# Enough for a person or a script to look at; counts are always of all.
_MOST_TOLD = 1000
_SHOWN = 12  # characters of an id, where no other begins alike


@app.command("list")
def list_letters(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most letters to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest dead letters, and how many there are by reason.

    Example: breakwater dlq list --reason not_json --limit 10
    """
    letters, overview = _shelf().newest(limit, reason)
    shown = [_summary(letter, letter.dead_letter_id in overview.redriven) for letter in letters]
    if as_json:
        document = {"total": overview.letters, "by_reason": overview.by_reason, "dead_letters": shown}
        typer.echo(json.dumps(document))
        return
    ids = [summary["dead_letter_id"] for summary in shown]
    for summary in shown:
        typer.echo(_row(summary, beginning(summary["dead_letter_id"], ids)))
    reasons = ", ".join(f"{name}: {count:,}" for name, count in sorted(overview.by_reason.items()))
    typer.echo(counted(overview.letters, "dead letter") + (f" ({reasons})" if reasons else "") + ".")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, or a beginning that no other has.")],
    as_json: AsJson = False,
) -> None:
    """One dead letter whole: where it was, why it is here, its headers and its bytes.

    Example: breakwater dlq show 3f2a --json | jq -r .value_base64 | base64 -d
    """
    letter, redriven = _shelf().find(letter_id)
    whole = _summary(letter, redriven) | _contents(letter)
    if as_json:
        typer.echo(json.dumps(whole))
        return
    for name, value in whole.items():
        typer.echo(f"{name:<15} {value}")


@app.command()
def redrive(
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go back; change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put letters back where they came from, byte for byte, each only once, with the header `redriven`.

    What the HTTP intake or `produce` refused is mapped anew instead; what is refused again stays here (exit code 1;
    with --dry-run nothing was tried, so nothing failed: 0).

    Example: breakwater dlq redrive --reason unknown_schema --dry-run
    """
    settings = load_settings()
    bootstrap = bootstrap_servers(settings)
    codecs = CodecFactory(settings.schema_registry_url, bootstrap)
    remapper = Remapper(BatchReader(TelemetryEncoder(codecs)), intake_rules(settings))
    counts: Counter[str] = Counter(redriven=0, already=0, refused=0)
    told: list[dict[str, str]] = []
    for outcome in Redrive(bootstrap, Shelf(bootstrap, codecs), remapper, dry_run=dry_run).run(reason):
        counts[outcome.outcome] += 1
        if len(told) < _MOST_TOLD:
            told.append(_line(outcome))
    if as_json:
        typer.echo(json.dumps({**counts, "dry_run": dry_run, "dead_letters": told}))
    else:
        _say(counts, told, dry_run)
    if counts[REFUSED] and not dry_run:
        raise typer.Exit(1)


def _shelf() -> Shelf:
    settings = load_settings()
    bootstrap = bootstrap_servers(settings)
    return Shelf(bootstrap, CodecFactory(settings.schema_registry_url, bootstrap))


def _summary(letter: DeadLetter, redriven: bool) -> dict[str, Any]:
    return {
        "dead_letter_id": letter.dead_letter_id,
        "occurred_at": iso(letter.occurred_at),
        "stage": letter.stage,
        "reason": letter.reason,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "tenant": letter.tenant,
        "bytes": len(letter.value or b""),
        "redriven": redriven,
        "detail": letter.detail,
    }


def _contents(letter: DeadLetter) -> dict[str, Any]:
    """Key, headers and value: as text for people (what is not UTF-8 is escaped), and the value exactly, in base64."""
    return {
        "key": None if letter.key is None else letter.key.decode("utf-8", "backslashreplace"),
        "headers": {name: value.decode("utf-8", "backslashreplace") for name, value in letter.headers.items()},
        "value_text": None if letter.value is None else letter.value.decode("utf-8", "backslashreplace"),
        "value_base64": None if letter.value is None else base64.b64encode(letter.value).decode(),
    }


def beginning(of: str, among: Iterable[str]) -> str:
    """Twelve characters of an id, or as many more as tell it from the others: those of one server begin alike.

    >>> beginning("f3e833428d6d0001", ["f3e833428d6d0001", "f3e833428d6d0002"]), beginning("f3e833428d6d0001", [])
    ('f3e833428d6d0001', 'f3e833428d6d')
    """
    others = [other for other in among if other != of]
    length = next((n for n in range(_SHOWN, len(of)) if not any(other.startswith(of[:n]) for other in others)), len(of))
    return of[:length]


def _row(x: dict[str, Any], letter_id: str) -> str:
    place = x["topic"] if x["offset"] < 0 else f"{x['topic']}[{x['partition']}]@{x['offset']}"
    done = ", redriven" if x["redriven"] else ""
    return (
        f"{letter_id}  {x['occurred_at']}  {x['stage']}  {x['reason']}  {place}  {x['bytes']:,} bytes{done}\n"
        f"              {x['detail']}"
    )


def _line(outcome: Outcome) -> dict[str, str]:
    letter = outcome.letter
    return {
        "dead_letter_id": letter.dead_letter_id,
        "topic": letter.topic,
        "outcome": outcome.outcome,
        "detail": outcome.detail,
    }


def _say(counts: Counter[str], told: list[dict[str, str]], dry_run: bool) -> None:
    would = "would go back" if dry_run else "went back"
    for line in told:
        if line["outcome"] == REFUSED:
            typer.echo(f"{line['dead_letter_id']} stays: {line['detail']}", err=True)
    typer.echo(
        f"{counted(counts['redriven'], 'letter')} {would}, {counts['already']:,} had before, {counts[REFUSED]:,} stay."
    )
