"""`python -m bench.intake_page`: the intake measured, and written into docs/benchmarks.md."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bench.figures import ROUNDS, Figure
from bench.intake import measure_intake
from bench.page import PAGE, write
from bench.report import load_now, number, stamp
from ops.bench.broker import running_broker
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings

MARK = "intake"


def page(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the producers, in turns.")] = ROUNDS,
    alerts: Annotated[int, typer.Option(min=10_000, help="By each producer, a round.")] = 300_000,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each kind of body.")] = 4.0,
) -> None:
    """Measure the intake, and write its table into docs/benchmarks.md.

    Example: python -m bench.intake_page --rounds 1
    """
    interrupt_on_sigterm()
    before = load_now()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        figures = measure_intake(broker, alerts, seconds, rounds, tell_on_stderr)
    where = stamp(before, "Kafka and the sender share them.")
    write(PAGE, f"{where}\n\n{as_markdown(figures)}", MARK)


def as_markdown(figures: Sequence[Figure], what: str = "intake") -> str:
    """A row a figure; the ratio is product over baseline, the median of the rounds'."""
    lines = [f"| {what} | | aim or bare | Breakwater | ratio | |", "|---|---|---:|---:|---:|---|"]
    for one in figures:
        measured = f"{number(one.baseline)} | {number(one.product)} | {one.ratio:.2f}"
        lines.append(f"| {one.name} | {one.unit} | {measured} | {one.note or one.against} |")
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(page)
