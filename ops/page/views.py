"""What each view tells: its figures, and what its tag is made of (what only the clock moves is left out of that)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from fastapi import HTTPException

from ops.api.impact import steady
from ops.api.incident_pages import Wanted
from ops.api.incidents import state_at
from ops.api.lag import lag_view
from ops.incident_lookup import whole_timeline
from ops.page.deeds import read_plan
from ops.page.listing import rows
from ops.page.plots import Line, Plot
from ops.page.sources import Sources
from ops.page.timeline import told
from ops.page.words import brief, duration
from ops.projections import told_if_damaged
from schemas.errors import BreakwaterError
from state.errors import BadCursorError
from state.incident import Status
from state.ports import IncidentQuery

_PAGE = 50
_MOST_PAGES = 20
_MOST_CHARS = 200
_LETTERS = 100
_LAG_LINES = 6
_FATES = (("received", "received"), ("kept", "kept"), ("suppressed", "suppressed"), ("dead", "dead-lettered"))
_FINE = ("OK", "WARN")

# What was asked for: the query's members, and `id` of an incident.
Asked = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a template is given, and what tells whether that is new."""

    context: dict[str, Any]
    told_by: Any


@dataclass(frozen=True, slots=True)
class View:
    """One view: its title, how often it is asked for anew where nothing is heard, and what it tells."""

    title: str
    every_s: int
    draw: Callable[[Sources, Asked], Drawn]


def incidents(sources: Sources, asked: Asked) -> Drawn:
    """The list, by its filters; `pages` of it."""
    status = asked.get("status", "")
    if status and status not in set(Status):
        raise HTTPException(422, f"There is no status {status[:50]!r}.")
    query = IncidentQuery(status or None, asked.get("tenant") or None, asked.get("service") or None, limit=_PAGE)
    text, most = asked.get("q", "").strip()[:_MOST_CHARS], min(_MOST_PAGES, _whole(asked.get("pages", ""), 1))
    found, tags = list[Any](), list[str]()
    while len(tags) < most and (not tags or query.cursor is not None):
        shown = _page(sources, Wanted(query, text))
        page = orjson.loads(shown.body)
        found += page["incidents"]
        tags.append(shown.tag)
        query = replace(query, cursor=page["cursor"])
    chosen = {name: asked.get(name, "")[:_MOST_CHARS] for name in ("q", "status", "service", "tenant")}
    context = {
        "rows": rows(found), "more": query.cursor is not None and len(tags) < _MOST_PAGES, "pages": len(tags), "chosen": chosen,
        "now": sources.clock(), "statuses": [one for one in Status if one != Status.NONE],
    }  # fmt: skip
    return Drawn(context, [tags, query.cursor, chosen])


def _page(sources: Sources, wanted: Wanted) -> Any:
    try:
        with told_if_damaged():
            return sources.pages.shown(wanted)
    except BadCursorError as error:
        raise HTTPException(422, str(error)) from error


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else otherwise


def incident(sources: Sources, asked: Asked) -> Drawn:
    """One incident: now, or `at` an instant (epoch ms)."""
    incident_id, at = asked["id"], _whole(asked.get("at", ""), -1)
    with told_if_damaged():
        state = sources.projection().incident(incident_id)
        if state is None:
            raise HTTPException(404, f"There is no incident {incident_id[:200]}.")
        if at >= 0:
            state = state_at(sources.projection(), incident_id, at)
        events = whole_timeline(sources.projection(), incident_id)
    one = sources.pages.with_impact(state, at if at >= 0 else sources.clock())
    instants = sorted({stored.event.recorded_at for stored in events})
    verdict = None if at >= 0 else sources.exports.verdict(incident_id)
    context = {
        "one": one, "id": incident_id, "events": told(events), "instants": instants, "at": at if at >= 0 else None,
        "verdict": verdict, "approval": _plan(one), "now": sources.clock(),
    }  # fmt: skip
    heads = [stored.event.hash for stored in events]
    return Drawn(context, [incident_id, at, heads, one["head_hash"], steady(one["impact"]), verdict])


def _plan(one: Mapping[str, Any]) -> dict[str, Any] | None:
    """The approval with its plan as an object."""
    approval = one.get("approval")
    return {**approval, "plan": read_plan(approval.get("plan"))} if approval else None


def approvals(sources: Sources, _: Asked) -> Drawn:
    """The plans that wait for a person."""
    shown = sources.approvals.shown()
    return Drawn({"approvals": orjson.loads(shown.body)["approvals"], "now": sources.clock()}, shown.tag)


def storms(sources: Sources, _: Asked) -> Drawn:
    """Alerts a second, open storms, who is loudest."""
    found = sources.sightings.rates(sources.clock())
    plot = Plot("rates", "Alerts a second", found["at"], [Line(n, found["rates"][f]) for f, n in _FATES], brief)
    return Drawn({**found, "plot": plot, "now": {f: (found["rates"][f] or [0])[-1] for f, _ in _FATES}}, found)


def lag(sources: Sources, asked: Asked) -> Drawn:
    """Who is behind, by how much, and the incidents behind it."""
    found, every = lag_view(*sources.board.latest()), asked.get("all") == "1"
    history = sources.board.history.view()
    lines = history["lines"][:_LAG_LINES]

    def plot(name: str, title: str, field: str, say: Callable[[Any], str]) -> Plot:
        drawn = [Line(f"{short(one['group'])} {one['topic']}[{one['partition']}]", one[field]) for one in lines]
        return Plot(name, title, history["at"], drawn, say)

    rows_ = found["rows"]
    context = {
        **found, "every": every,
        "some": rows_ if every else [row for row in rows_ if row["lag"] > 0 or row["status"] != "OK"],
        "standing": sum(row["status"] not in _FINE for row in rows_),
        "waiting": len({one for row in rows_ for one in row["incidents"]}),
        "plots": [plot("lag-seconds", "Seconds behind", "lag_s", duration), plot("lag-records", "Records behind", "lag", brief)]
        if lines else [],
        "others": history["others"] + len(history["lines"]) - len(lines),
    }  # fmt: skip
    return Drawn(context, [found, every])


def short(group: str) -> str:
    """A group's name without the product's."""
    return group.removeprefix("breakwater-")


def predictions(sources: Sources, _: Asked) -> Drawn:
    """What is about to breach, and how the last ones turned out."""
    found = sources.sightings.predictions(sources.clock())
    return Drawn({**found, "now": sources.clock()}, [found["standing"], found["settled"], found["counts"]])


def letters(sources: Sources, asked: Asked) -> Drawn:
    """Dead letters, of one reason where `reason` names it."""
    reason = asked.get("reason", "")[:200]
    shown = sources.letters.shown(reason or None, _LETTERS)
    return Drawn({**orjson.loads(shown.body), "reason": reason}, [shown.tag, reason])


def health(sources: Sources, _: Asked) -> Drawn:
    """Every check; brokers, workers, the store, what was refused."""
    found = sources.condition.view()
    signals = [
        {"kind": one.kind, "worker": one.worker, "stage": one.stage, "topic": one.topic, "limit": one.limit,
         "measured": one.measured, "allowed": one.allowed, "times": one.times, "occurred_at": one.occurred_at}
        for one in sources.sightings.signals()
    ]  # fmt: skip
    try:
        dead = orjson.loads(sources.letters.shown(None, 1).body)
    except BreakwaterError as error:
        dead = {"wrong": str(error)}
    groups = found["workers"].get("groups", [])
    context = {
        "found": found, "signals": signals, "dead": dead, "groups": groups,
        "failing": [one for one in found["checks"] if not one["ok"]],
        "members": sum(len(group["members"]) for group in groups),
        "behind": found.get("keeping up", {}).get("lag_s"),
    }  # fmt: skip
    return Drawn(context, [found, signals, dead])


VIEWS: dict[str, View] = {
    "incidents": View("Incidents", 30, incidents),
    "incident": View("Incident", 30, incident),
    "approvals": View("Approvals", 10, approvals),
    "storms": View("Storms", 2, storms),
    "lag": View("Lag", 3, lag),
    "predictions": View("Predictions", 5, predictions),
    "letters": View("Dead letters", 15, letters),
    "health": View("Health", 5, health),
}
