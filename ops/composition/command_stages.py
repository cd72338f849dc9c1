"""The pure stages of the command app, by settings: for its worker, and for those who make its decisions again."""

from typing import Any

from agents.communication.notices_stage import NoticesSettings, NoticesStage
from agents.consensus.consensus_stage import ConsensusRules, ConsensusStage
from agents.consensus.lagging import AskedLag, Lagging, keeps_up
from agents.resolution.asked_targets import AskedTargets
from agents.resolution.gate import PlanningLimits
from agents.resolution.planning_stage import PlanningStage
from agents.resolution.targets import Targets
from ops.settings import Settings
from streams.answers import Answers
from streams.stage import Stage

CONSOLE, SLACK, WEBHOOK = "console", "slack", "webhook"


def command_stages(
    settings: Settings,
    targets: Targets,
    answers: Answers,
    lagging: Lagging = keeps_up,
    lag_answers: Answers | None = None,
) -> list[Stage[Any]]:
    """Consensus, planning, notices; through `answers` planning asks what may be acted on, consensus who is behind.

    Args:
        lag_answers: through which consensus asks instead, where each stage has its own.
    """
    limits = PlanningLimits(
        budget=settings.action_budget,
        stale_evidence_s=settings.stale_evidence_s,
        approval_s=settings.approval_s,
    )
    notices = NoticesSettings(
        channels=channel_names(settings), dedup_s=settings.notify_dedup_s, human_mttr_s=settings.human_mttr_s
    )
    return [
        ConsensusStage(consensus_rules(settings), AskedLag(lagging, lag_answers or answers)),
        PlanningStage(AskedTargets(targets, answers), limits),
        NoticesStage(notices),
    ]


def consensus_rules(settings: Settings) -> ConsensusRules:
    """The settings of consensus as the stage takes them."""
    return ConsensusRules(
        confidence_gate=settings.confidence_gate,
        support_gate=settings.support_gate,
        least_agents=settings.least_agents,
        patience_s=settings.consensus_patience_s,
        limit_s=settings.consensus_limit_s,
        stale_evidence_s=settings.stale_evidence_s,
        lag_limit_s=settings.lag_limit_s,
    )


def channel_names(settings: Settings) -> tuple[str, ...]:
    """By which channels people are told, in order."""
    told = ((SLACK, settings.slack_webhook_url), (WEBHOOK, settings.generic_webhook_url))
    return (CONSOLE, *(name for name, url in told if url))
