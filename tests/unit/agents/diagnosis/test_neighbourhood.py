"""The view of other incidents: who upstream is unusual now."""

from typing import Any

from agents.diagnosis.neighbourhood import Neighbourhood, Suspect
from schemas.records.analysis import Anomaly
from streams.stage import Position, Received
from tests.support.symptoms import ENVIRONMENT, NOW, TENANT, anomaly, edge, incident_of, leak


def view_of(*records: Any, now: int = NOW, view: Neighbourhood | None = None) -> Neighbourhood:
    """A view that has seen these records, all arrived at `now`."""
    view = view or Neighbourhood()
    for offset, record in enumerate(records):
        topic = "anomalies" if isinstance(record, Anomaly) else "topology"
        view.observe(Received(record, Position(topic, 2, offset, now)))
    return view


def suspects(view: Neighbourhood, service: str, now: int = NOW, around: int = NOW) -> list[Suspect]:
    """Who is suspected of a service's trouble."""
    return view.suspects((TENANT, ENVIRONMENT, service), now, around)


def test_an_unusual_service_upstream_is_suspected() -> None:
    """With its incident, its anomalies and the edges to it."""
    (found,) = suspects(view_of(edge("web", "checkout"), leak("checkout")), "web")
    assert (found.service, found.incident_id, found.depth) == ("checkout", incident_of("checkout"), 1)
    assert [(e.topic, e.offset) for e in found.edges] == [("topology", 0)]
    assert found.anomalies[0].evidence.offset == 1


def test_services_downstream_are_not_suspected() -> None:
    """They suffer."""
    assert suspects(view_of(edge("web", "checkout"), leak("web")), "checkout") == []


def test_of_an_unbroken_chain_only_the_deepest_is_suspected() -> None:
    """What lies between suffers from it."""
    view = view_of(
        edge("a", "b"), edge("b", "c"), edge("c", "d"), anomaly(service="b"), anomaly(service="c"), leak("d")
    )
    assert [s.service for s in suspects(view, "a")] == ["d"]


def test_a_gap_in_the_chain_leaves_two_suspects() -> None:
    """The far one with its silent hop; it may be another trouble."""
    view = view_of(edge("a", "b"), edge("b", "c"), edge("c", "d"), leak("b", score=0.995), leak("d"))
    assert [(s.service, s.silent_hops) for s in suspects(view, "a")] == [("d", 1), ("b", 0)]


def test_services_that_need_each_other_are_told() -> None:
    """The graph alone does not say who is to blame."""
    (found,) = suspects(view_of(edge("a", "b"), edge("b", "a"), leak("b")), "a")
    assert found.mutual


def test_anomalies_age_in_arrival_and_in_event_time() -> None:
    """Of an old trouble nobody is suspected, nor of one that was only told late."""
    view = view_of(edge("web", "db"), leak("db"))
    assert suspects(view, "web", now=NOW + 300_000)
    assert not suspects(view, "web", now=NOW + 300_001)
    assert not suspects(view, "web", around=NOW - 300_001)


def test_the_view_is_bounded() -> None:
    """In services, in series of one, and in age."""
    view = Neighbourhood(max_services=10, max_series=3)
    view_of(*[leak(f"s{n}") for n in range(50)], view=view)
    view_of(*[anomaly(f"metric_{n}", service="s49") for n in range(50)], view=view)
    assert view.services == 10
    assert len(view.recent((TENANT, ENVIRONMENT, "s49"), NOW, NOW)) == 3
    view_of(leak("late"), now=NOW + 400_000, view=view)
    assert view.services == 1


def test_figures_that_are_not_finite_are_passed_over() -> None:
    """JSON and sums would not survive them."""
    view = view_of(edge("a", "b"), anomaly(service="b", value=float("nan")), anomaly(service="b", score=float("inf")))
    assert suspects(view, "a") == []


def test_other_records_say_nothing() -> None:
    """A view may be handed anything."""
    assert view_of("not a record").services == 0
