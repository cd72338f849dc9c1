"""`breakwater demo`, `up`, `worker` and `serve`: what runs until it is stopped."""

import os
import sys
import threading
from typing import Annotated, Literal

import typer

from ops.child import end_with_parent
from ops.commands.options import AsJson, tell_on_stderr
from ops.connection import bootstrap_servers
from ops.ending import SUPERVISED, interrupt_on_sigterm
from ops.settings import load_settings

Scenario = Literal["memory-leak", "database-cascade", "ddos"]
Store = Literal["embedded", "cassandra"]
RoleName = Literal["edge", "analysis", "command"]


def demo(
    scenario: Annotated[Scenario, typer.Option(help="What goes wrong.")] = "memory-leak",
    alerts: Annotated[int, typer.Option(min=100, help="Alerts in the storm.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Everything from nothing: Kafka, workers, a real failing service, a storm of alerts around it, until it is resolved.

    Example: breakwater demo --scenario memory-leak --alerts 100000
    """
    from ops.demo.run import run_demo  # noqa: PLC0415 - other commands start quicker without it

    interrupt_on_sigterm()
    os.environ[SUPERVISED] = "1"
    raise typer.Exit(run_demo(load_settings(), scenario, alerts, as_json=as_json))


def up(
    store: Annotated[Store | None, typer.Option(help="Where the projection is kept.")] = None,
    partitions: Annotated[int | None, typer.Option(min=1, max=1024, help="Partitions of new topics.")] = None,
) -> None:
    """Kafka, workers, intake, API and page in the foreground, until Ctrl-C.

    Example: breakwater up --store cassandra
    """
    from ops.logs import configure_logs  # noqa: PLC0415
    from ops.supervisor import Supervisor  # noqa: PLC0415

    chosen = {key: value for key, value in (("store", store), ("partitions", partitions)) if value is not None}
    settings = load_settings().model_copy(update=chosen)
    configure_logs(settings.log_level, "up", settings.secrets)
    interrupt_on_sigterm()
    os.environ[SUPERVISED] = "1"
    kept = False
    try:
        with Supervisor(settings, progress=tell_on_stderr) as running:
            kept = running.found_kafka
            typer.echo(f"Kafka      {running.bootstrap}")
            if running.contact_points:
                typer.echo(f"Cassandra  {running.contact_points}")
            typer.echo(f"intake     {running.http_url}/webhook, /v1/alerts")
            typer.echo(f"page       {running.http_url}/")
            typer.echo(f"API        {running.http_url}/docs")
            typer.echo(f"logs       {settings.home / 'logs'}")
            typer.echo("Ctrl-C stops everything.")
            sys.stdout.flush()
            threading.Event().wait()
    except KeyboardInterrupt:
        left = " Kafka was there before, and runs on: `breakwater kafka down` stops it." if kept else ""
        tell_on_stderr(f"Everything is stopped; the data stays.{left}")


def worker(
    role: Annotated[RoleName, typer.Argument(help="Which stages.")],
    instance: Annotated[str, typer.Option(help="Tells workers of one role on one machine apart.")] = "1",
) -> None:
    """One worker, until Ctrl-C. Start more of a role to share its partitions.

    Example: breakwater worker analysis --instance 2
    """
    from ops.worker import run_worker  # noqa: PLC0415

    if os.environ.get(SUPERVISED):
        end_with_parent()
    settings = load_settings()
    run_worker(role, settings, bootstrap_servers(settings), instance)


def serve() -> None:
    """The HTTP intake and the API, until Ctrl-C. The address is set by BREAKWATER_HTTP_HOST and _PORT.

    Example: breakwater serve
    """
    import uvicorn  # noqa: PLC0415

    from ops.intake.server import calm_collector, server_options  # noqa: PLC0415
    from ops.logs import configure_logs  # noqa: PLC0415
    from ops.serve import create_app  # noqa: PLC0415

    if os.environ.get(SUPERVISED):
        end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, "serve", settings.secrets)
    application = create_app(settings, bootstrap_servers(settings))
    config = uvicorn.Config(application, host=settings.http_host, port=settings.http_port, **server_options())
    server = uvicorn.Server(config)
    application.state.stopping = lambda: server.should_exit
    calm_collector()
    server.run()
