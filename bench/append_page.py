"""`python -m bench.append_page`: the event store beside a plain producer, measured, and written into docs/benchmarks.md."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bench.append import SIZES, measure_append
from bench.figures import ROUNDS, Figure
from bench.page import PAGE, write
from bench.report import load_now, number, stamp
from ops.bench.broker import running_broker
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings

MARK = "append"


def page(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, in turns.")] = ROUNDS,
    seconds: Annotated[int, typer.Option(min=1, help="Of each round at a steady rate.")] = 6,
) -> None:
    """Measure appending, and write its table into docs/benchmarks.md.

    Example: python -m bench.append_page --rounds 1
    """
    interrupt_on_sigterm()
    before = load_now()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        figures = measure_append(broker, SIZES, rounds, seconds, tell_on_stderr)
    where = stamp(before, f"Kafka shares them; {rounds} rounds in turns, medians.")
    write(PAGE, f"{where}\n\n{as_markdown(figures)}", MARK)


def as_markdown(figures: Sequence[Figure]) -> str:
    """A row a figure; the ratio is product over baseline, the median of the rounds' ratios, with the least and the greatest."""
    lines = ["| event store | | plain producer | Breakwater | ratio |", "|---|---|---:|---:|---:|"]
    for one in figures:
        ratio = f"{one.ratio:.2f} ({min(one.ratios):.2f} to {max(one.ratios):.2f})"
        lines.append(f"| {one.name} | {one.unit} | {number(one.baseline)} | {number(one.product)} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(page)
