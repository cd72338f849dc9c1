// Events as sentences: what happened, and why.

import { brief, count, deed, duration, lower, money, percent } from "./words.js";

const MOST_EVIDENCE = 4;

const TELL = {
  IncidentOpened: (p) => [`Incident opened, ${lower(p.severity)}: ${p.title}`, [`seems a ${lower(p.classification)}, ${percent(p.confidence)} sure (${percent(p.confidence_low)} to ${percent(p.confidence_high)})`, ...evidence(p)]],
  IncidentReclassified: (p) => [`Now seems a ${lower(p.classification)}, ${lower(p.severity)}, ${percent(p.confidence)} sure`, evidence(p)],
  StormOpened: (p) => [`Alert storm began: ${brief(p.rate_per_s)} a second, else ${brief(p.baseline_per_s)}`, [`loudest: ${(p.loudest ?? []).map((one) => `${one.name} (${count(one.count)})`).join(", ")}`]],
  StormClosed: (p) => [`Alert storm is over: ${brief(p.rate_per_s)} a second`, []],
  AlertsAccounted: (p) => [`${count(p.received)} alerts so far: ${count(p.kept)} kept, ${count(p.suppressed)} suppressed, ${count(p.late)} late, ${count(p.dead_lettered)} dead-lettered`, []],
  PredictionMade: (p) => [`${p.metric} will pass ${p.level} with ${percent(p.probability)}${p.breach_in_s ? `, in about ${duration(p.breach_in_s)}` : ""}`, [`now ${p.value} (${p.model})`]],
  DiagnosisMade: (p) => [`Root cause found: ${p.root_cause}, ${lower(p.classification)}, ${percent(p.confidence)} sure`, [...(p.hypotheses ?? []).slice(0, 3).map((one) => `${one.rationale} (${percent(one.confidence)})`), ...evidence(p.hypotheses?.[0] ?? {})]],
  DecisionMade: (p) => [`Decided: ${deed(p)}, ${p.autonomous ? "autonomously" : `if ${p.escalated_to || "a human"} agrees`} (confidence ${percent(p.confidence)}, support ${percent(p.support)})`, [p.reason]],
  HumanRequested: (p) => [`Asked for a human: ${p.role}`, [p.reason, p.tried?.length ? `tried: ${p.tried.join("; ")}` : ""]],
  IncidentAcknowledged: (p) => [`Taken on by ${p.by}, by ${p.via}`, []],
  ApprovalRequested: (p) => [`Waits for ${p.role} to approve: ${deed(p)}`, [p.reason, `plan ${String(p.plan_hash).slice(0, 16)}`]],
  ApprovalGiven: (p) => [`Approved by ${p.by}`, [p.why]],
  ApprovalRefused: (p) => [`Refused by ${p.by}`, [p.why]],
  ApprovalExpired: (p) => ["Nobody approved in time", [p.why]],
  ActionIntended: (p) => [`Going to ${deed(p)} (${p.executor}), cost ${money(p.cost)}`, [p.detail]],
  ActionCompleted: (p) => [`${deed(p)}: ${lower(p.state)}${p.checks ? `, ${p.healthy ? "healthy" : "not healthy"} after ${p.checks} checks` : ""}`, [p.detail]],
  NotificationQueued: (p) => [`Will tell ${p.channel}: ${p.title}`, []],
  NotificationSent: (p) => [`${{ SENT: "Told", SUPPRESSED: "Did not tell", FAILED: "Could not tell" }[p.state] ?? "Notice to"} ${p.channel}: ${p.title}`, [p.detail]],
  IncidentResolved: (p) => [`Resolved: ${p.how}`, []],
  IncidentClosed: (p) => [`Closed: ${p.reason}`, []],
};

/** [what, [why, …]], a why being a text or a piece of evidence; total: a payload that lacks something, or is none, is told by its type. */
export function tellEvent(type, payload) {
  try {
    return TELL[type]?.(payload) ?? [type, []];
  } catch {
    return [type, []];
  }
}

function evidence(p) {
  return (p.evidence ?? []).slice(0, MOST_EVIDENCE).map((one) => ({ evidence: one }));
}
