"""What people and programs are shown: the screen, the plain lines, the summary, the JSON document."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from ops.demo.fleet import FleetProgress, Phase
from ops.demo.shortfalls import shortfalls, store_shortfalls
from ops.demo.show import Show
from ops.demo.sightings import Sighting
from ops.demo.snapshot import AlertCounts, DemoSnapshot, Observed
from ops.demo.store_check import StoreCheck
from ops.demo.summary import DemoSummary, document, money, panel
from ops.demo.view import plain, screen, sparkline
from schemas.records.vocabulary import Action, Classification
from state.incident import IncidentState, Status

RESOLVED = IncidentState(
    incident_id="inc-1", version=9, episode=1, status=Status.RESOLVED, service="checkout", environment="demo-x",
    tier="CRITICAL", severity="CRITICAL", title="checkout leaks", classification="MEMORY_LEAK", confidence=0.86,
    root_cause="checkout: memory leak", opened_at=1_000, ended_at=19_400, mttr_s=18.4, outcome="restart verified healthy",
    decision={
        "action": "RESTART", "target": "checkout", "confidence": 0.82, "support": 0.7, "autonomous": True,
        "escalated_to": "", "votes": [
            {"agent": "detection", "action": "RESTART", "weight": 0.2, "confidence": 0.8},
            {"agent": "diagnosis", "action": "RESTART", "weight": 0.4, "confidence": 0.86},
        ],
    },
    actions=[{
        "action_id": "a", "action": "RESTART", "target": "checkout", "state": "SUCCEEDED", "healthy": True, "checks": 2,
        "detail": "started checkout as process 7",
    }],
)  # fmt: skip

NOON = 12 * 3_600_000  # of 1 January 1970, a Thursday, in epoch ms


def snapshot(**changes: Any) -> DemoSnapshot:
    """The end of a good demonstration."""
    good = DemoSnapshot(
        scenario="memory-leak", title="checkout leaks", environment="demo-x", target_service="checkout",
        target_url="http://127.0.0.1:1", step="fault in checkout: leak", started_at=0, at=45_000,
        fleet=FleetProgress(phase=Phase.DONE, planned=1_000, noise=10, malformed=10, firing=880, resolved=100),
        target=Sighting(
            at=1, reachable=True, healthy=True, memory_mb=36, limit_mb=162, peak_mb=190, pids=(5, 7),
            trail_mb=(30.0, 90.0, 162.0, 36.0), latency_ms=5.0,
        ),
        observed=Observed(
            alerts=AlertCounts(received=1_000, kept=90, suppressed=900, dead_lettered=10), incidents=(RESOLVED,),
            told={"decisions": 1, "incident.events": 41}, dead_letters=10, storms=3, loudest_storm_per_s=1234.0,
        ),
        lag={"edge": 0, "analysis": 12},
    )  # fmt: skip
    return replace(good, **changes)


VERIFIED = StoreCheck(77, True)


def summary(last: DemoSnapshot, store: StoreCheck | None = VERIFIED) -> DemoSummary:
    """What it comes to."""
    missing = (*shortfalls(last, "inc-1", 1_000), *store_shortfalls(store))
    return DemoSummary(
        last=last, target_incident=last.observed.incident("inc-1"), alerts=1_000, human_mttr_s=1_800.0, store=store,
        missing=missing, duration_s=51.26,
        truth=Classification.MEMORY_LEAK, remedy=Action.RESTART,
    )  # fmt: skip


def rendered(what: Any) -> str:
    """As a terminal of 120 columns shows it, without colours."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(what)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_screen_shows_pipeline_target_and_incidents() -> None:
    """Counts, memory, votes and action."""
    text = rendered(screen(snapshot()))
    for said in ("1,000", "900", "memory 36/162 MB, peak 190", "checkout: memory leak", "RESTART succeeded", "healthy", "18 s",
                 "detection RESTART 0.2 x 0.80", "1,234"):  # fmt: skip
        assert said in text


def test_the_screen_fits_the_terminal() -> None:
    """On 24 rows the incidents that do not fit are counted; nothing is wider than the terminal."""
    many = tuple(replace(RESOLVED, incident_id=f"inc-{n}", decision=None) for n in range(30))
    text = rendered(screen(snapshot(observed=Observed(incidents=many)), 24))
    assert len(text.splitlines()) <= 24
    assert "and 23 more" in text


def test_the_screen_can_be_drawn_before_anything_is_known() -> None:
    """From the first moment on."""
    bare = DemoSnapshot(
        scenario="ddos", title="", environment="e", target_service="edge", step="starting", started_at=0, at=0
    )
    assert "none yet" in rendered(screen(bare))
    assert "not started" in plain(bare)


def test_a_plain_line_has_no_control_codes() -> None:
    """One line a snapshot."""
    cart = replace(RESOLVED, incident_id="inc-2", service="cart", status=Status.OPEN)
    line = plain(snapshot(observed=Observed(incidents=(RESOLVED, cart))))
    assert line.isprintable()
    assert "others: 1 open" in line
    assert "checkout resolved (checkout: memory leak, RESTART succeeded)" in line


def test_a_show_writes_plain_lines_where_nobody_looks_on() -> None:
    """A new step is told at once, the rest now and then."""
    out = io.StringIO()
    show = Show(Console(file=out))
    with show.live():
        for step in ("one", "one", "two"):
            show.update(snapshot(step=step))
    assert "\x1b" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == 2


def test_a_show_draws_on_a_terminal_and_gives_the_cursor_back() -> None:
    """Also when the block is left by an error."""
    out = io.StringIO()
    show = Show(Console(file=out, force_terminal=True, width=100, height=60))

    def fail() -> None:
        with show.live():
            show.update(snapshot())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "the agents" in out.getvalue()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_the_document_has_the_agreed_keys() -> None:
    """docs: `breakwater demo --json`."""
    found = document(summary(snapshot()))
    assert found["scenario"] == "memory-leak"
    assert {k: found["alerts"][k] for k in ("received", "kept", "suppressed", "dead_lettered")} == {
        "received": 1000, "kept": 90, "suppressed": 900, "dead_lettered": 10,
    }  # fmt: skip
    (incident,) = found["incidents"]
    wanted = {"incident_id": "inc-1", "status": "resolved", "classification": "MEMORY_LEAK",
              "root_cause": "checkout: memory leak", "action": "RESTART", "mttr_s": 18.4}  # fmt: skip
    assert wanted.items() <= incident.items()
    assert found["store"] == {"events": 41, "verified": True, "events_of_all_runs": 77}
    assert found["duration_s"] == 51.3
    assert found["expected"] == {"classification": "MEMORY_LEAK", "action": "RESTART"}
    assert found["missing"] == []


def test_the_summary_tells_a_person_what_happened() -> None:
    """Cause, votes, action, verification, money, memory, where to look on."""
    text = rendered(panel(summary(snapshot())))
    for said in ("memory-leak: resolved", "checkout: memory leak (86% sure)",
                 "memory leak, mended by RESTART: judged rightly", "diagnosis RESTART 0.4 x 0.86",
                 "RESTART checkout: succeeded", "healthy after 2 health checks", "18.4 s", "3,067 USD of outage",
                 "296,933 USD saved", "190 MB at its worst, 36 MB now, of 162 MB", "41 events of this run",
                 "all 77 events in the store verified",
                 "breakwater incidents timeline inc-1"):  # fmt: skip
        assert said in text


def test_the_screen_and_the_summary_count_the_same_events() -> None:
    """Those of this run."""
    assert "41" in rendered(screen(snapshot())).partition("event store")[2].splitlines()[0]
    assert "41 events of this run" in rendered(panel(summary(snapshot())))


def test_memory_above_the_limit_is_explained() -> None:
    """And is not where there is none."""
    seen = snapshot().target
    assert "beyond them it was out of memory" in rendered(panel(summary(snapshot())))
    low = rendered(panel(summary(snapshot(target=replace(seen, peak_mb=100)))))
    assert "beyond them" not in low


def test_a_remedy_is_told_of_though_the_incident_came_back() -> None:
    """With its seconds; and that it came back, which is a shortfall."""
    again = IncidentState(
        incident_id="inc-1", version=12, episode=2, status=Status.OPEN, service="checkout", tier="CRITICAL",
        title="checkout is slow", classification="UNKNOWN", opened_at=30_000,
    )  # fmt: skip
    seen = replace(snapshot().observed, incidents=(again,), resolved={"inc-1": RESOLVED})
    found = summary(snapshot(observed=seen))
    text = rendered(panel(found))
    for said in ("RESTART checkout: succeeded", "18.4 s", "episode 2 began and is open: checkout is slow",
                 "was resolved in episode 1 and came back"):  # fmt: skip
        assert said in text
    (incident,) = document(found)["incidents"]
    assert (incident["action"], incident["mttr_s"], incident["status"], incident["episode"]) == (
        "RESTART",
        18.4,
        "open",
        2,
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fleet": FleetProgress(phase=Phase.STORM, planned=1_000, firing=700)}, "700 of 1,000 alerts were sent"),
        ({"fleet": FleetProgress(phase=Phase.FAILED, failure="no broker")}, "could not send its alerts: no broker"),
        ({"observed": Observed(alerts=AlertCounts(received=999, kept=999), incidents=(RESOLVED,))}, "999 of 1,000"),
        ({"observed": Observed(alerts=AlertCounts(received=1_000), incidents=(RESOLVED,))}, "does not add up"),
        ({"observed": Observed(alerts=AlertCounts(received=1_000, kept=1_000))}, "No incident was opened for checkout"),
        ({"target": Sighting(why="out of memory")}, "checkout is not healthy: out of memory"),
        (
            {"observed": Observed(
                alerts=AlertCounts(received=1_000, kept=1_000),
                incidents=(RESOLVED, replace(RESOLVED, incident_id="inc-2", service="cart", status=Status.OPEN)),
            )},
            "Incidents of cart are still active",
        ),
    ],
)  # fmt: skip
def test_what_was_not_reached_is_said(changes: dict[str, Any], said: str) -> None:
    """In the summary and in the document."""
    found = summary(snapshot(**changes))
    assert not found.good
    assert any(said in sentence for sentence in found.missing)
    assert "not resolved" in rendered(panel(found))


@pytest.mark.parametrize(
    ("late", "lag", "said"),
    [
        (True, {"analysis": 0, "command": 1_204}, "command is 1,204 records behind. Try again"),
        (True, {"analysis": 0, "command": 0}, "no worker was behind"),
        (False, {"command": 3}, "what now: The workers' logs"),
    ],
)
def test_what_to_do_now_is_said(late: bool, lag: dict[str, int], said: str) -> None:
    """Whether it was late, or stands; nothing where all was reached."""
    found = summary(snapshot(late=late, lag=lag, target=Sighting(why="out of memory")))
    assert said in " ".join(rendered(panel(found)).replace("│", " ").split())
    assert "what now" not in rendered(panel(summary(snapshot(late=late, lag=lag))))


def test_the_time_from_the_fault_to_the_opening_is_told() -> None:
    """To people and programs; where nothing was broken there is none."""
    opened_at = RESOLVED.opened_at or 0
    found = summary(snapshot(broken_at=opened_at - 5_250))
    assert "5.2 s after the fault" in rendered(panel(found))
    assert document(found)["opened_after_s"] == 5.25
    assert document(summary(snapshot()))["opened_after_s"] is None


def test_who_was_asked_before_the_agents_decided_alone_is_not_asked_any_more() -> None:
    """What the first look could not decide, a later one did."""
    asked = {"role": "senior_sre", "reason": "The evidence was thin."}
    decided = {
        "action": "RESTART",
        "target": "checkout",
        "confidence": 0.9,
        "support": 1.0,
        "escalated_to": "senior_sre",
    }
    for autonomous, name in ((True, "asked at first"), (False, "human asked")):
        state = replace(RESOLVED, escalation=asked, decision={**decided, "autonomous": autonomous})
        seen = replace(snapshot().observed, incidents=(state,))
        assert name in rendered(panel(summary(snapshot(observed=seen))))


def test_a_store_that_does_not_verify_is_a_failure() -> None:
    """So is one that was not looked at."""
    assert not summary(snapshot(), StoreCheck(5, False, ("gap in inc-1",))).good
    assert not summary(snapshot(), None).good
    assert summary(snapshot()).good


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "15,000 USD of outage; 285,000 USD saved"),
        ({"tier": "SUPPORTING"}, "150 USD of outage; 2,850 USD saved"),
        ({"opened_at": NOON, "ended_at": NOON + 90_000}, "30,000 USD of outage; 570,000 USD saved"),
        ({"tier": ""}, "not known"),
    ],
)
def test_money_is_by_tier_and_hour_as_notices_have_it(changes: dict[str, Any], said: str) -> None:
    """90 s of an outage, against a human's half hour; doubled in business hours."""
    assert money(replace(RESOLVED, **{"opened_at": 0, "ended_at": 90_000, **changes}), 1_800.0).startswith(said)


def test_a_sparkline_stays_within_its_width() -> None:
    """And takes values beyond its top, and a top of zero."""
    assert sparkline([float(v) for v in range(200)], 100.0, 10) == "█" * 10
    assert sparkline([1.0], 0.0) == ""
