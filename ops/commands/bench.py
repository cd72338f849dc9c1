"""`breakwater bench`: what the product alone does a second on this machine, on a Kafka of its own."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from ops.bench import api as api_bench
from ops.bench import append as append_bench
from ops.bench import detect as detect_bench
from ops.bench import intake as intake_bench
from ops.bench import sampling as sampling_bench
from ops.bench.alerts import Workload
from ops.bench.broker import Broker, running_broker
from ops.commands.options import AsJson, tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings


class Subject(StrEnum):
    """What is measured."""

    SAMPLING = "sampling"
    APPEND = "append"
    INTAKE = "intake"
    DETECT = "detect"
    API = "api"


def bench(
    subject: Annotated[Subject, typer.Argument(help="What is measured.")],
    alerts: Annotated[
        int, typer.Option(min=10_000, help="Alerts: on the topic for sampling, posted to the intake.")
    ] = 1_000_000,
    incidents: Annotated[int, typer.Option(min=1, help="Incidents that sampling's alerts are of.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Measure one part of the program, without a baseline; `make bench` sets others beside it.

    Example: breakwater bench sampling --alerts 2000000 --json
    """
    interrupt_on_sigterm()
    load = os.getloadavg()[0]
    if subject is Subject.DETECT:
        found: dict[str, Any] = _rounded(asdict(detect_bench.measure(20_000, 20)))
    else:
        measures: dict[Subject, Callable[[Broker], dict[str, Any]]] = {
            Subject.SAMPLING: lambda b: sampling_bench.measure(b, Workload(alerts, incidents)).document(),
            Subject.APPEND: lambda b: _rounded(asdict(append_bench.measure(b, 40, 10))),
            Subject.INTAKE: lambda b: intake_bench.measure(b, min(alerts, 300_000), tell_on_stderr).document(),
            Subject.API: lambda b: _rounded(asdict(api_bench.measure(b, 30.0))),
        }
        with running_broker(load_settings(), tell_on_stderr) as broker:
            found = measures[subject](broker)
    found["load_average"] = round(load, 2)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for name, value in found.items():
            for line in _lines(name, value):
                typer.echo(line)


def _lines(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        return [f"{name:28}{value:>14,}"]
    return [f"{name}: " + ", ".join(f"{key} {one[key]}" for key in one) for one in value]


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 2) if value < 1_000 else round(value) for name, value in values.items()}
