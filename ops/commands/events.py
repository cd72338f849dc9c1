"""`breakwater events`: the event store itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.options import AsJson, tell_on_stderr
from ops.connection import bootstrap_servers
from ops.ending import interrupt_on_sigterm
from ops.projections import open_projection, second_projection
from ops.rebuilding import check_store, rebuild_store, rebuilt_line
from ops.repairing import RepairReport, repair_store
from ops.settings import load_settings
from ops.terminal.words import counted
from ops.verifying import Verdict, trust_of, verify_store
from state.signing import load_or_create
from state.subject_keys import SubjectKeys
from state.verification import Fault

app = typer.Typer(help="The event store itself.\n\nExample: breakwater events verify", no_args_is_help=True)

PublicKeys = Annotated[
    list[str] | None, typer.Option("--public-key", help="A key whose checkpoints count, in hex; may be given again.")
]


@app.command()
def verify(
    incident: Annotated[str | None, typer.Option(help="Only the incident of this id.")] = None,
    public_key: PublicKeys = None,
    as_json: AsJson = False,
) -> None:
    """Check every event's hash, every incident's chain, and that nothing is missing that a signed checkpoint has seen.

    Exit code 1 where something is wrong.

    Example: breakwater events verify --incident inc-0a1b2c3d4e5f6071
    """
    settings = load_settings()
    verdict = verify_store(
        bootstrap_servers(settings),
        trust_of(settings, public_key or ()),
        incident_id=incident,
        progress=lambda count: tell_on_stderr(f"{count:,} events read"),
    )
    if as_json:
        typer.echo(json.dumps(document(verdict)))
    else:
        _show(verdict, incident)
    if not verdict.verified:
        raise typer.Exit(1)


@app.command()
def repair(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would be restored.")] = False,
    public_key: PublicKeys = None,
    as_json: AsJson = False,
) -> None:
    """Restore from the projection what the chain proves to be right, as new records; refuse the rest.

    Exit code 1 where faults stay. Command workers take up what was repaired within half a minute.

    Example: breakwater events repair --dry-run
    """
    settings = load_settings()
    projection = open_projection(settings)
    try:
        report = repair_store(
            bootstrap_servers(settings), projection, load_or_create(settings.store_key),
            trust_of(settings, public_key or ()), dry_run=dry_run, progress=tell_on_stderr,
        )  # fmt: skip
    finally:
        projection.close()
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **asdict(report)}))
    else:
        _show_repair(report, dry_run)
    if report.refused or (dry_run and report.faults):
        raise typer.Exit(1)


@app.command()
def rebuild(
    check: Annotated[
        bool, typer.Option("--check", help="Leave the store as it is: fill a second one, compare them, remove it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill the store of incidents anew from the log's first event on; with --check, see whether that would change it.

    The log is verified first: where it lacks something, the store is what it can be repaired from, and stays. Workers may run.
    Exit code 1 where the log has faults, or the stores differ.

    Example: breakwater events rebuild --check
    """
    interrupt_on_sigterm()  # the second store goes away with the process
    settings = load_settings()
    bootstrap, trust = bootstrap_servers(settings), trust_of(settings)
    live = open_projection(settings)
    try:
        if check:
            with second_projection(settings) as second:
                report = check_store(bootstrap, live, second, trust, tell_on_stderr)
        else:
            report = rebuild_store(bootstrap, live, trust, tell_on_stderr)
    finally:
        live.close()
    typer.echo(json.dumps(asdict(report)) if as_json else rebuilt_line(report))
    if report.different or report.missing:
        raise typer.Exit(1)


@app.command()
def erase(
    subject: Annotated[str, typer.Option(help="Whose: the name that stands in the answers, as `by`.")],
    as_json: AsJson = False,
) -> None:
    """Destroy a person's key: what was sealed with it in events can never be read again, and every chain stays whole.

    Copies of the file of keys, in backups too, must be removed by whoever made them. Exit code 1 where there is no such key.

    Example: breakwater events erase --subject alice
    """
    erased = SubjectKeys(load_settings().persons).erase(subject.strip())
    if as_json:
        typer.echo(json.dumps({"subject": subject, "erased": erased}))
    elif erased:
        typer.echo(f"The key of {subject} is destroyed: what it had sealed is erased.")
    else:
        typer.echo(
            f"There is no key of {subject} here: nothing of theirs was sealed, or it is erased already.", err=True
        )
    if not erased:
        raise typer.Exit(1)


@app.command()
def key(as_json: AsJson = False) -> None:
    """Show the public key that this store's checkpoints are signed with; the private one is made at the first call.

    Give it to whoever verifies from another machine: `breakwater events verify --public-key KEY`.

    Example: breakwater events key
    """
    path = load_settings().store_key
    public = load_or_create(path).public.hex()
    typer.echo(json.dumps({"public_key": public, "file": str(path)}) if as_json else public)


def document(verdict: Verdict) -> dict[str, object]:
    """The verdict as the interface names its keys."""
    heard = verdict.testimony
    return {
        "verified": verdict.verified,
        "incidents": verdict.incidents,
        "events": verdict.events,
        "faults": [asdict(fault) for fault in verdict.faults],
        "checkpoints": {
            "partitions": len(heard.checkpoints),
            "incidents": sum(len(checkpoint.marks) for checkpoint in heard.checkpoints.values()),
            "signed_at": max((checkpoint.signed_at for checkpoint in heard.checkpoints.values()), default=None),
            "untrusted": heard.untrusted,
        },
    }


def _show_repair(report: RepairReport, dry_run: bool) -> None:
    if not report.faults:
        typer.echo("The event store is whole: there is nothing to repair.")
        return
    if report.restored:
        table = Table("would be restored" if dry_run else "restored", "version", "partition", box=None)
        for one in report.restored:
            table.add_row(one.incident_id, str(one.version), str(one.partition))
        Console().print(table)
    if report.refused:
        typer.echo("Not proven by the chain, and so left as it is:")
        Console().print(_faults_table(report.refused))
    done = f"{counted(len(report.restored), 'event')} {'would be' if dry_run else 'were'} written once more"
    typer.echo(f"{counted(report.faults, 'fault')}: {done}, {len(report.refused):,} left as found.")
    if report.restored and not dry_run:
        typer.echo("Command workers take up the incidents that were repaired within half a minute.")


def _faults_table(faults: Sequence[Fault]) -> Table:
    table = Table("fault", "incident", "version", "partition", "offset", "what it is", box=None)
    for fault in faults:
        place = (str(fault.version), str(fault.partition), str(fault.offset))
        table.add_row(fault.kind, fault.incident_id, *place, fault.detail)
    return table


def _signed(verdict: Verdict) -> str:
    heard = verdict.testimony
    if heard.checkpoints:
        heads = sum(len(checkpoint.marks) for checkpoint in heard.checkpoints.values())
        return f"Signed checkpoints of {counted(heads, 'incident')} agree."
    if heard.untrusted:
        return "Its checkpoints are signed with a key that is not known here: name it with --public-key."
    return "There is no signed checkpoint yet, so a tail that was cut off could not be seen."


def _show(verdict: Verdict, incident: str | None) -> None:
    read = f"{counted(verdict.events, 'event')} of {counted(verdict.incidents, 'incident')}"
    if verdict.verified and verdict.events == 0:
        typer.echo(f"There are no events{f' of {incident}' if incident else ''}: nothing to verify.")
        return
    if verdict.verified:
        typer.echo(f"{read}: every hash is right and every chain is whole. {_signed(verdict)}")
        return
    Console().print(_faults_table(verdict.faults))
    count = len(verdict.faults)
    typer.echo(f"{read}: {counted(count, 'fault')}. Nothing was changed.")
    typer.echo("What can be restored: breakwater events repair --dry-run")
    typer.echo("To see a record: breakwater replay incident.events --partition PARTITION --from OFFSET --to OFFSET")
