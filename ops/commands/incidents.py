"""`breakwater incidents`: what happened and happens, read from the projection of the event store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding

from ops.api.views import event_view, incident_view
from ops.commands.options import AsJson
from ops.errors import IncidentNotFoundError
from ops.incident_lookup import find_incident, known_by, whole_timeline
from ops.projections import look_at_projection, told_if_damaged
from ops.settings import load_settings
from ops.terminal.incident_list import incident_table, nothing_found, story_table
from ops.terminal.incident_panels import incident_panels
from ops.terminal.postmortem import markdown, time_table
from ops.terminal.stage_times import stage_times
from ops.terminal.story import tell
from ops.times import iso, parse_time
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from state.errors import BadCursorError
from state.incident import Status, fold
from state.ports import IncidentQuery, Projection

app = typer.Typer(
    help="Incidents: lists, one of them, its story, its state at a past instant.\n\n"
    "Example: breakwater incidents list --status open",
    no_args_is_help=True,
)

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or a beginning that no other has.")]
Tenant = Annotated[str | None, typer.Option(help="Only this tenant's.")]
Service = Annotated[str | None, typer.Option(help="Only this service's.")]
Since = Annotated[str | None, typer.Option(metavar="T", help="Only what changed since: ISO 8601, epoch, or 15m.")]
At = Annotated[str, typer.Option("--time", metavar="T", help="The instant: ISO 8601, epoch, or how long ago (15m).")]
WithStatus = Annotated[Status | None, typer.Option(case_sensitive=False, help="Only those that stand so.")]


@app.command("list")
def list_incidents(
    status: WithStatus = None,
    tenant: Tenant = None,
    service: Service = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most incidents to show.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on where a list ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """Incidents, the latest change first. On a narrow terminal ids are elided; as they are shown they can be asked for.

    Example: breakwater incidents list --status open --since 1h
    """
    since_ms = None if since is None else _time(since, "--since")
    query = IncidentQuery(status, tenant, service, since_ms, limit, cursor)
    with _projection() as projection:
        try:
            page = projection.incidents(query)
        except BadCursorError as error:
            raise typer.BadParameter(str(error), param_hint="--cursor") from error
    if as_json:
        return _print_json({"incidents": [incident_view(state) for state in page.incidents], "cursor": page.cursor})
    if not page.incidents:
        return typer.echo(nothing_found(query))
    console = Console()
    console.print(incident_table(page.incidents, wall_clock_ms(), console.width))
    if page.cursor is not None:
        typer.echo(
            f"There are more: `breakwater incidents list --cursor {page.cursor}` with the same filters.", err=True
        )
    return None


@app.command()
def show(incident_id: IncidentId, as_json: AsJson = False) -> None:
    """One incident as it stands: cause, votes, actions, alerts, outcome.

    Example: breakwater incidents show inc-3f2a
    """
    with _projection() as projection:
        state = find_incident(projection, incident_id)
    if as_json:
        return _print_json(incident_view(state))
    return Console().print(incident_panels(state, wall_clock_ms()))


@app.command()
def timeline(
    incident_id: IncidentId,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a page that a postmortem can begin with.")
    ] = False,
    durations: Annotated[
        bool, typer.Option("--durations", help="With --json: an object of events and durations.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The story of an incident: when, who, what, why, and how long each stage took against its budget.

    In JSON times are epoch milliseconds, as everywhere.

    Example: breakwater incidents timeline inc-3f2a

    Example: breakwater incidents timeline inc-3f2a --markdown > postmortem.md
    """
    if as_markdown and as_json:
        raise typer.BadParameter("--markdown and --json are two forms of one thing. Choose one.")
    with _projection() as projection:
        state = find_incident(projection, incident_id)
        events = whole_timeline(projection, state.incident_id)
    times = stage_times([stored.event for stored in events])
    if as_json:
        told = [event_view(stored) for stored in events]
        return _print_json({"events": told, "durations": [one.document() for one in times]} if durations else told)
    if as_markdown:
        return typer.echo(markdown(state, tell(events), times), nl=False)
    console = Console()
    console.print(story_table(tell(events)))
    return console.print(Padding(time_table(times), (1, 0, 0, 0)))


@app.command()
def at(incident_id: IncidentId, moment: At, as_json: AsJson = False) -> None:
    """One incident as it stood at a past instant, from the events that were on record by then.

    Example: breakwater incidents at inc-3f2a --time 15m
    """
    at_ms = _time(moment, "--time")
    with _projection() as projection:
        name = find_incident(projection, incident_id).incident_id
        events = whole_timeline(projection, name)
    by_then = known_by(events, at_ms)
    if not by_then:
        first = iso(events[0].event.recorded_at)
        raise IncidentNotFoundError(f"{name} was not known at {iso(at_ms)}: it opened at {first}.")
    state = fold(name, by_then)
    if as_json:
        return _print_json(incident_view(state))
    typer.echo(f"As it stood at {iso(at_ms)}, after {len(by_then)} of {len(events)} events:")
    return Console().print(incident_panels(state, at_ms))


@contextmanager
def _projection() -> Iterator[Projection]:
    projection = look_at_projection(load_settings())
    try:
        with told_if_damaged():
            yield projection
    finally:
        projection.close()


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document))


def _time(text: str, option: str) -> Millis:
    try:
        return parse_time(text, wall_clock_ms())
    except InvalidInputError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
