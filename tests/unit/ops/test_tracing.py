"""One incident is one trace, from its first alert to the notices, and a collector gets it whole."""

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ops.metrics.published import MeteredWire
from ops.span_export import SpanExporter
from schemas.records.analysis import Recommendation
from schemas.records.command import Decision
from schemas.samples import sample
from streams.stage import Output, Position
from streams.topics import DECISIONS, RECOMMENDATIONS
from streams.tracing import HEADER, Span, Tracing, root_id_of, trace_id_of
from tests.support import recorded_run
from tests.support.collector import Collector
from tests.support.recorded_run import RecordedRun, random_signals
from tests.support.shells import Raw
from tests.support.signals import INCIDENT
from tests.support.waiting import eventually


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that runs for a test."""
    one = Collector()
    yield one
    one.close()


class Kept:
    """A sink that keeps."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def take(self, span: Span) -> None:
        """A span."""
        self.spans.append(span)


def test_a_collector_gets_one_incidents_trace_whole(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """All stages and the ledger live through an incident: one trace with one root, every other span below it, each span's end
    not before its start, and what was published on the way from candidate to notice is in it."""
    exporter = SpanExporter(collector.url, "breakwater-all")
    exporter.start()
    moment = [0]
    tracing = Tracing(exporter, clock_ns=lambda: moment[0] * 1_000_000)
    monkeypatch.setattr(recorded_run, "Wire", lambda: MeteredWire(CollectorRegistry(), tracing=tracing))
    chance = Random(1)
    run = RecordedRun(chance, deaths=0.0)
    signals = random_signals(chance)

    def heard(second: int) -> Any:
        moment[0] = run.now + 60_000
        return signals(second)

    run.live(70, heard)
    exporter.close()
    eventually(lambda: any(span.name == "publish notifications" for span in collector.spans))
    assert collector.services == {"breakwater-all"}
    assert {span.trace_id for span in collector.spans} == {trace_id_of(INCIDENT)}
    ids = [span.span_id for span in collector.spans]
    assert len(set(ids)) == len(ids)
    (root,) = (span for span in collector.spans if not span.parent_span_id)
    assert root.name == "incident"
    assert {span.parent_span_id for span in collector.spans} - {b""} <= set(ids)
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)
    names = {span.name for span in collector.spans}
    expected = {"incident.candidates", "recommendations", "decisions", "incident.commands", "notifications"}
    assert {f"publish {topic}" for topic in expected} <= names


def recommendation(incident_id: str = "inc-1") -> Recommendation:
    """Of an incident."""
    return replace(sample(Recommendation), incident_id=incident_id)


def test_the_context_goes_on_in_a_w3c_header() -> None:
    """What one worker publishes is the parent of what the next one makes of it."""
    first, second = Kept(), Kept()
    one = MeteredWire(CollectorRegistry(), tracing=Tracing(first))
    two = MeteredWire(CollectorRegistry(), tracing=Tracing(second))
    message = one.message(Output(RECOMMENDATIONS, "inc-1", recommendation()))
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01", message.headers[HEADER])
    two.received(RECOMMENDATIONS, 0, Raw(5, message.value, headers=list(message.headers.items())))
    two.message(Output(DECISIONS, "inc-1", replace(sample(Decision), incident_id="inc-1")))
    assert second.spans[0].parent_id == first.spans[0].span_id
    assert second.spans[0].trace_id == first.spans[0].trace_id
    assert second.spans[0].attributes["messaging.source.offset"] == 5


@pytest.mark.parametrize("spoilt", [None, b"", b"00-zz", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01", b"\xff" * 55])
def test_a_context_that_is_spoilt_or_of_another_trace_is_passed_over(spoilt: bytes | None) -> None:
    """Anyone may write headers; the incident's own root is the parent then."""
    kept = Kept()
    tracing = Tracing(kept)
    tracing.heard(recommendation(), Position("recommendations", 0, 1, 1_000), [(HEADER, spoilt)])
    tracing.told(Output(RECOMMENDATIONS, "inc-1", recommendation()))
    assert kept.spans[0].parent_id == root_id_of("inc-1")


def test_a_part_of_the_incidents_is_traced_and_every_worker_agrees_which() -> None:
    """Of none, all, or about a half; what is not sampled carries no header."""

    def traced(ratio: float) -> set[str]:
        kept = Kept()
        tracing = Tracing(kept, ratio)
        carried = {
            f"inc-{n}": tracing.told(Output(RECOMMENDATIONS, "k", recommendation(f"inc-{n}"))) for n in range(200)
        }
        assert {one for one, headers in carried.items() if headers} == {
            str(s.attributes["incident_id"]) for s in kept.spans
        }
        return {one for one, headers in carried.items() if headers}

    assert (traced(0.0), len(traced(1.0))) == (set(), 200)
    assert 60 < len(traced(0.5)) < 140
    assert traced(0.5) == traced(0.5) < traced(1.0)


def test_without_tracing_nothing_is_carried() -> None:
    """No header, no span."""
    assert MeteredWire(CollectorRegistry()).message(Output(RECOMMENDATIONS, "k", recommendation())).headers == {}


def test_a_collector_that_is_away_costs_spans_only() -> None:
    """The worker goes on and ends."""
    exporter = SpanExporter("http://127.0.0.1:1", "breakwater-edge")
    exporter.start()
    for n in range(20_000):
        exporter.take(Span(b"t" * 16, n.to_bytes(8, "big"), b"", "incident", 1, 2))
    exporter.close()
    assert 0 < exporter.lost <= 20_000
