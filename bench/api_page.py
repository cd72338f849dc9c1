"""`python -m bench.api_page`: page and API under load, and when the page is painted: measured, into docs/benchmarks.md."""

from typing import Annotated

import typer

from bench.api import measure_api
from bench.intake_page import as_markdown
from bench.page import PAGE, write
from bench.paint import measure_paint
from bench.report import load_now, stamp
from ops.bench.broker import running_broker
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings

MARK = "api"


def page(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of load.")] = 1,
    seconds: Annotated[float, typer.Option(min=1.0, help="Of load a round.")] = 30.0,
) -> None:
    """Measure page and API, and write their table into docs/benchmarks.md.

    Example: python -m bench.api_page --rounds 3
    """
    interrupt_on_sigterm()
    before = load_now()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        figures = measure_api(broker, seconds, rounds, tell_on_stderr) + measure_paint(broker, tell_on_stderr)
    where = stamp(before, "`serve` has one of them; Kafka and who asks share the other. Of the visits, both.")
    write(PAGE, f"{where}\n\n{as_markdown(figures, 'page and API')}", MARK)


if __name__ == "__main__":
    typer.run(page)
