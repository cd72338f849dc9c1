"""The benchmarks measure what they say, and tell it in a form that programs can rely on. No time is asserted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.__main__ import QUICK, Part, Plan, run
from bench.append import BatchSize, append_figures, steady_figures
from bench.append_page import as_markdown
from bench.figures import Figure, Pair, interleaved
from bench.report import document, machine, number, table
from bench.sampling import sampling_figures
from ops.bench.alerts import ALERT_BYTES, HOT_SHARE, Workload, workload_alerts
from ops.bench.errors import BenchError
from ops.bench.incidents import commands, stored_events
from ops.bench.paced import Waits, paced
from ops.bench.process import Usage
from ops.bench.signals import incident_signals
from ops.bench.stopwatch import Stopwatch, percentile
from ops.bench.watching import Look, Run, run_of
from ops.settings import Settings
from schemas.codec import Codec
from schemas.records.intake import Alert
from state.chain import GENESIS
from state.ledger import PartitionLedger

TINY = replace(QUICK, points=400, series=4, signals=200, events=60, batch=20)
NOW = 1_760_000_000_000
FIGURE_KEYS = {"group", "name", "unit", "against", "baseline", "product", "ratio", "less_is_better", "rounds", "note"}


def silent(_line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[Figure]:
    """What the parts that need no server measure, with tiny numbers."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    return run([Part.STAGES, Part.PROJECTION], TINY, settings, silent)


def test_the_parts_without_kafka_measure_their_stages_and_the_projection(figures: list[Figure]) -> None:
    """Every figure has both sides in every round."""
    assert [(f.group, f.name) for f in figures] == [
        ("stages", "metrics"), ("stages", "candidates"), ("projection", "batches of 20"),
        ("projection", "batches of 20")]  # fmt: skip
    assert all(pair.baseline > 0 and pair.product > 0 for f in figures for pair in f.rounds)
    assert {len(f.rounds) for f in figures} == {TINY.rounds}


def test_nothing_is_left_of_a_run(tmp_path: Path) -> None:
    """Files that a part writes are gone when it is done."""
    run([Part.PROJECTION], TINY, Settings(home=tmp_path), silent)

    assert list(tmp_path.iterdir()) == []


def test_the_json_document_has_the_machine_and_every_figure(figures: list[Figure]) -> None:
    """It survives JSON, and tells the load beside which the figures were taken."""
    told = json.loads(json.dumps(document(figures, machine(0.5), 1.0)))

    assert set(told) == {"machine", "seconds", "figures"}
    assert set(told["machine"]) == {"processors", "python", "load_before", "load_after"}
    assert all(set(figure) == FIGURE_KEYS for figure in told["figures"])
    assert all(set(pair) == {"baseline", "product"} for figure in told["figures"] for pair in figure["rounds"])


def test_the_table_shows_baseline_product_and_ratio(figures: list[Figure]) -> None:
    """A row a figure, with its unit and what it is compared with."""
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table(figures, machine(0.5)))

    text = shown.get()
    assert all(heading in text for heading in ("baseline", "product", "ratio", "against"))
    assert all(f"{f.group}: {f.name}, {f.unit}" in text and number(f.product) in text for f in figures)


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """A round that was slow for both sides does not move it."""
    figure = Figure("g", "n", "u", "a", (Pair(100, 200), Pair(10, 20), Pair(100, 500)))

    assert (figure.baseline, figure.product, figure.ratio) == (100, 200, 2.0)


def test_rounds_take_turns_in_going_first() -> None:
    """Neither side always finds things warm."""
    order: list[str] = []
    interleaved(3, lambda: order.append("baseline"), lambda: order.append("product"))

    assert order == ["product", "baseline", "baseline", "product", "product", "baseline"]


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_nearest_rank(share: float, value: float) -> None:
    """Of 1 to 100."""
    assert percentile([float(n) for n in range(100, 0, -1)], share) == value


def test_the_workload_is_what_it_says() -> None:
    """178 bytes an alert, readable, one incident with its share, every fingerprint of it, dated one after another."""
    work = Workload(alerts=4_000, incidents=50, fingerprints=20, density_per_s=1_000)
    made, codec = list(workload_alerts(work, NOW)), Codec(Alert)
    alerts = [codec.decode(value) for _, value in made]

    assert {len(value) for _, value in made} == {ALERT_BYTES}
    assert [key.decode() for key, _ in made] == [alert.incident_id for alert in alerts]
    assert len({alert.alert_id for alert in alerts}) == work.alerts
    hot = [alert for alert in alerts if alert.incident_id == "bench-0000"]
    assert len(hot) / work.alerts == pytest.approx(HOT_SHARE, abs=0.05)
    assert len({alert.fingerprint for alert in hot}) == work.fingerprints
    times = [alert.occurred_at for alert in alerts]
    assert times == sorted(times)
    assert NOW - times[0] == 4_000


def test_every_command_of_the_append_benchmark_is_taken() -> None:
    """Nothing is refused, over several episodes of an incident: what is measured are appends."""
    taken = []
    for command, offset in commands():
        if offset == 2_000:
            break
        taken.append((command, offset))

    step = PartitionLedger().decide(taken, NOW)
    assert (len(step.events), step.refusals) == (2_000, ())


def test_the_events_of_the_projection_benchmark_are_chained() -> None:
    """They are versioned from 1 on and bound to the one before."""
    first, second = (s.event for s in stored_events(120) if s.event.incident_id == "inc-0003")

    assert (first.version, first.previous_hash) == (1, GENESIS)
    assert (second.version, second.previous_hash) == (2, first.hash)


def test_the_signals_open_incidents_whose_events_come_back() -> None:
    """The candidates stage is measured at work, not on incidents that never open."""
    topics = {received.position.topic for received in incident_signals(600, incidents=5)}

    assert {"alerts.sampled", "alerts.account", "anomalies", "incident.events"} <= topics


def look(at_s: float, sampled: int, cpu_s: float, *, rss_mb: float = 100.0) -> Look:
    """One look at a process and at its output."""
    return Look(at_s, (sampled, sampled // 10), Usage(cpu_s, rss_mb))


def test_a_run_is_timed_from_the_first_output_to_the_last() -> None:
    """What came before the first look at output is taken off; waiting for the commit is not counted."""
    looks = [look(0, 0, 1.0), look(5, 100, 2.0), look(6, 300, 2.5, rss_mb=150), look(7, 500, 3.0), look(8, 500, 3.1)]

    run = run_of(looks, alerts=1_000)
    assert run == Run(alerts_per_s=400.0, alerts_per_cpu_s=800.0, rss_mb=150, forwarded=500)


def test_a_run_that_no_two_looks_saw_tells_nothing() -> None:
    """The message says what to do."""
    with pytest.raises(BenchError, match="--alerts"):
        run_of([look(0, 0, 1.0), look(1, 500, 2.0)], alerts=1_000)


def test_two_that_kept_different_numbers_are_not_compared() -> None:
    """They did not do the same work."""
    with pytest.raises(BenchError, match="different numbers"):
        sampling_figures([(Run(1.0, 1.0, 1.0, 500), Run(1.0, 1.0, 1.0, 501))], Workload(alerts=1_000))


def test_sampling_tells_speed_cost_and_memory() -> None:
    """Three figures, and how much was kept."""
    wall, cpu, memory = sampling_figures([(Run(10, 20, 100, 600), Run(30, 40, 200, 600))], Workload(alerts=1_000))

    assert (wall.ratio, cpu.ratio, memory.ratio) == (3.0, 2.0, 2.0)
    assert memory.less_is_better
    assert "60% kept" in wall.note


def test_appending_tells_rate_cost_and_latency() -> None:
    """Ten batches of five, one of them slow."""
    done = Stopwatch(laps_s=[0.1] * 9 + [0.6], cpu_s=0.25).timings(events=50)
    assert done.events_per_s == pytest.approx(50 / 1.5)
    assert done.events_per_cpu_s == pytest.approx(200)
    assert done.p99_ms == pytest.approx(600)

    rate, cost, latency = append_figures(BatchSize(5, 10), [(done, done)])
    assert (rate.ratio, cost.ratio, latency.ratio) == (1.0, 1.0, 1.0)
    assert (rate.less_is_better, latency.less_is_better) == (False, True)


def test_what_waits_is_taken_together_and_its_wait_is_from_when_it_was_due() -> None:
    """A hundred things, all due within a thousandth of a second, at most forty at once."""
    taken: list[list[int]] = []
    waits = paced(range(100), 1_000_000, 40, lambda some: taken.append(list(some)))
    assert [one for some in taken for one in some] == list(range(100))
    assert max(map(len, taken)) <= 40
    assert waits.at_once == 100 / len(taken)
    assert 0 <= waits.p50_ms <= waits.p99_ms <= waits.most_ms


def test_the_table_of_appending_has_a_row_a_figure() -> None:
    """With the ratio that the rounds had."""
    done = Waits(per_s=5000.0, p50_ms=20.0, p99_ms=60.0, most_ms=80.0, at_once=150.0)
    told = as_markdown(steady_figures([(done, replace(done, p99_ms=90.0))]))
    assert "| at 5,000 a second, p99 | ms | 60.0 | 90.0 | 1.50 (1.50 to 1.50) |" in told


def test_a_whole_run_takes_three_rounds() -> None:
    """Medians need them; `--quick` tells little."""
    assert (Plan().rounds, QUICK.rounds) == (3, 1)
