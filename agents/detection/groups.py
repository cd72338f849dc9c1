"""What grouping's word changes in the view of an incident: news that may open it, members that it answers for, its own parent."""

from dataclasses import replace

from agents.detection.incident_view import CandidateRules, Exhibit, IncidentView, News, Parent
from schemas.identity import stable_id
from schemas.records.grouping import GroupChange, GroupTold
from schemas.records.vocabulary import Millis
from streams.stage import Output, Position
from streams.topics import GROUPS

_NEWS = "group"


def heard_news(view: IncidentView, told: GroupTold, position: Position) -> IncidentView:
    """The view after a group opened, or spread, on its service."""
    because = told.title.removeprefix(f"{told.service}: ")
    exhibit = Exhibit(_NEWS, position.evidence(told.title[:160]), told.occurred_at)
    others = tuple(each for each in view.exhibits if each.subject != _NEWS)
    return replace(
        view, tenant=told.tenant, environment=told.environment, service=view.service or told.service,
        exhibits=(*others, exhibit), news=News(because, told.occurred_at))  # fmt: skip


def opens_by_news(view: IncidentView, rules: CandidateRules) -> str | None:
    """Why what is unusual together opens an incident; only while one of its conditions fires, and soon."""
    news = view.news
    if news is None or not view.conditions.firing or news.at <= view.echoes_until(rules):
        return None
    return news.because if abs(view.heard_at - news.at) <= rules.together_s * 1000 else None


def answered_for(view: IncidentView, told: GroupTold) -> list[Output]:
    """The word that people are told of a member by this incident: while it is under way, and no member itself.

    Whoever answers for others must be told of; and a circle of members would be told of by nobody.
    """
    if not view.active or view.parent is not None or told.member_id == view.incident_id:
        return []
    taken = replace(
        told, told_id=stable_id("group taken", told.told_id, view.episode), change=GroupChange.TAKEN
    )  # fmt: skip
    return [Output(GROUPS, told.member_id, taken)]


def heard_parent(view: IncidentView, told: GroupTold) -> IncidentView:
    """The view once another incident answers for it; of several the first does, for as long as the episode lasts."""
    if view.active and view.parent is not None:
        return view
    return replace(view, parent=Parent(told.incident_id, told.occurred_at))


def with_parent_of(view: IncidentView, at: Millis, rules: CandidateRules) -> IncidentView:
    """The view that an episode begins with: a parent that was told of long before is none of this episode."""
    if view.parent is None or abs(at - view.parent.at) <= rules.together_s * 1000:
        return view
    return replace(view, parent=None)
