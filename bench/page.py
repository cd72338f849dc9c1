"""`python -m bench.page`: sampling beside its peers and its latency, measured, and written into docs/benchmarks.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.peers_sampling import as_markdown, build, measure_peers
from bench.report import load_now, stamp
from ops.bench.alerts import Workload
from ops.bench.broker import Broker, running_broker
from ops.bench.latency import Latency, Load, measure
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PLOT = PAGE.with_suffix(".svg")
# Below what the worker takes on two cores that it shares with Kafka and the senders.
FULL_PER_S = 80_000
_BAR, _LEFT, _WIDE = 26, 330, 520


def page(
    alerts: Annotated[int, typer.Option(min=100_000, help="Alerts on the topic.")] = 2_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, in turns.")] = 3,
) -> None:
    """Measure sampling beside its peers, and write the tables and the plot of docs/benchmarks.md.

    Example: python -m bench.page --alerts 1000000 --rounds 1
    """
    interrupt_on_sigterm()
    before = load_now()
    build(tell_on_stderr)
    with running_broker(load_settings(), tell_on_stderr) as broker:
        limit, rows = measure_peers(broker, Workload(alerts), rounds, tell_on_stderr)
        waits = _latencies(broker)
    where = stamp(before, f"{alerts:,} alerts, {rounds} rounds in turns, medians.")
    picture = "![alerts a processor second](benchmarks.svg)"
    write(PAGE, "\n\n".join((where, as_markdown(limit, rows), picture, latency_table(waits))))
    PLOT.write_text(plot([(row.name, row.values()[1]) for row in rows if row.runs]))


def _latencies(broker: Broker) -> list[tuple[str, Latency]]:
    tell_on_stderr("latency at 50,000 alerts a second")
    calm = measure(broker, [Load("a", 1_500_000, 50_000, 200)], "calm")
    tell_on_stderr(f"latency of a tenant beside another with {FULL_PER_S:,} alerts a second")
    beside = measure(broker, [Load("a", FULL_PER_S * 15, FULL_PER_S, 500), Load("b", 1_500, 100, 10)], "beside")
    names = ("50,000/s", f"{FULL_PER_S:,}/s, the loud tenant", "100/s of another tenant beside it")
    return list(zip(names, (*calm, *beside), strict=True))


def latency_table(waits: Sequence[tuple[str, Latency]]) -> str:
    """From arrival in Kafka to the sampled copy, as a table."""
    lines = ["| arrival to sampled copy | kept | p50 ms | p99 ms | most ms |", "|---|---:|---:|---:|---:|"]
    lines += [f"| {name} | {w.kept:,} | {w.p50_ms:,.0f} | {w.p99_ms:,.0f} | {w.most_ms:,.0f} |" for name, w in waits]
    return "\n".join(lines)


def write(file: Path, measured: str, mark: str = "measured") -> None:
    """Put what was measured between the page's marks of that name; the rest of it is written by hand."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, _, rest = file.read_text().partition(begin)
    _, _, after = rest.partition(end)
    file.write_text(f"{before}{begin}\n\n{measured}\n\n{end}{after}")


def plot(bars: Sequence[tuple[str, float]]) -> str:
    """A bar a program, as SVG.

    >>> plot([("a", 2.0), ("b", 1.0)]).count("<rect")
    2
    """
    most = max((value for _, value in bars), default=1.0)
    parts = []
    for number, (name, value) in enumerate(bars):
        y, width = number * _BAR, value / most * _WIDE
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 17}" text-anchor="end">{name}</text>'
            f'<rect x="{_LEFT}" y="{y + 4}" width="{width:.0f}" height="{_BAR - 8}" fill="#3b6ea5"/>'
            f'<text x="{_LEFT + width + 6:.0f}" y="{y + 17}">{value:,.0f}</text>'
        )
    size = f'width="{_LEFT + _WIDE + 90}" height="{len(bars) * _BAR + 6}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    typer.run(page)
