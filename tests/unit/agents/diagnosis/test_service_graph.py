"""The dependency graph: a fold of edges, walked breadth first, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from agents.diagnosis.graph import MAX_DEPTH, MAX_VISITED, ServiceGraph
from streams.stage import Position, Received
from tests.support.symptoms import ENVIRONMENT, TENANT, edge

NAMES = st.sampled_from("abcdefgh")


def graph_of(*edges: tuple[str, str], graph: ServiceGraph | None = None) -> ServiceGraph:
    """The graph of these edges; an edge's offset is its number."""
    graph = graph or ServiceGraph()
    for offset, (service, needed) in enumerate(edges):
        graph.observe(Received(edge(service, needed), Position("topology", 0, offset, 0)))
    return graph


def upstream(graph: ServiceGraph, service: str, depth: int = MAX_DEPTH) -> list[tuple[str, int]]:
    """Services upstream with their depths."""
    return [(r.service, r.depth) for r in graph.upstream(TENANT, ENVIRONMENT, service, depth)]


def test_what_a_service_needs_comes_nearest_first() -> None:
    """Breadth first; of one depth by name."""
    graph = graph_of(("web", "cart"), ("web", "auth"), ("cart", "db"), ("auth", "db"), ("db", "disk"))
    assert upstream(graph, "web") == [("auth", 1), ("cart", 1), ("db", 2), ("disk", 3)]
    assert upstream(graph, "disk") == []


def test_a_way_names_its_services_and_the_records_of_its_edges() -> None:
    """So that a diagnosis can say what it rests on."""
    far = graph_of(("web", "cart"), ("cart", "db")).upstream(TENANT, ENVIRONMENT, "web")[1]
    assert far.path == ("cart", "db")
    assert [(e.topic, e.partition, e.offset) for e in far.edges] == [("topology", 0, 0), ("topology", 0, 1)]


def test_a_walk_ends_after_five_edges() -> None:
    """Whatever depth is asked for."""
    graph = graph_of(*[(f"s{n}", f"s{n + 1}") for n in range(9)])
    assert upstream(graph, "s0", depth=99)[-1] == ("s5", 5)
    assert upstream(graph, "s0", depth=2)[-1] == ("s2", 2)


@given(st.lists(st.tuples(NAMES, NAMES), max_size=40), NAMES)
def test_cycles_end_and_no_service_is_visited_twice(edges: list[tuple[str, str]], start: str) -> None:
    """Self-references included; the start is not its own upstream."""
    found = [name for name, _ in upstream(graph_of(*edges), start)]
    assert len(found) == len(set(found))
    assert start not in found


def test_a_removed_edge_is_gone() -> None:
    """And removing one that is not there does nothing."""
    graph = graph_of(("web", "cart"))
    assert upstream(graph, "web") == [("cart", 1)]
    for needed in ("cart", "cart", "other"):
        graph.observe(Received(edge("web", needed, removed=True), Position("topology", 0, 9, 0)))
    assert upstream(graph, "web") == []
    assert graph.edges == 0


def test_tenants_do_not_see_each_others_edges() -> None:
    """The same service names, another world."""
    graph = ServiceGraph()
    graph.observe(Received(edge("web", "cart", tenant="other"), Position("topology", 0, 0, 0)))
    assert upstream(graph, "web") == []


def test_edges_past_the_bounds_are_refused_and_counted() -> None:
    """One tenant cannot fill the graph for all; a known edge may still be told anew."""
    graph = ServiceGraph(max_edges=5, max_scope_edges=3)
    graph_of(("a", "b"), ("a", "c"), ("a", "d"), ("a", "e"), ("a", "b"), graph=graph)
    for needed in "xyz":
        graph.observe(Received(edge("a", needed, tenant="other"), Position("topology", 0, 0, 0)))
    assert (graph.edges, graph.refused) == (5, 2)


def test_a_dense_graph_is_not_walked_whole() -> None:
    """A decision must stay quick."""
    graph = graph_of(*[("hub", f"s{n}") for n in range(2 * MAX_VISITED)])
    assert len(upstream(graph, "hub")) == MAX_VISITED
