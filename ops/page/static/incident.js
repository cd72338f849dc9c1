// One incident: what it is, why the agents agreed on what, what it costs, what was done; and as it was at any instant.

import { answerForm, planFacts } from "./approvals.js";
import { ask, send } from "./api.js";
import { badge, facts, failed, h, replace, table, tell } from "./dom.js";
import { left, steps } from "./incidents.js";
import { live } from "./live.js";
import { evidence, recordLink } from "./record.js";
import { tellEvent } from "./story.js";
import { clock, count, deed, duration, figures, instant, kind, lower, money, percent } from "./words.js";

let shown = { id: "", at: null };
let turn = 0;

export async function show(place, id) {
  if (shown.id !== id) shown = { id, at: null };
  const mine = ++turn;
  const url = `/api/v1/incidents/${encodeURIComponent(id)}`;
  try {
    const at = shown.at;
    const [incident, timeline, verdict] = await Promise.all([ask(at === null ? url : `${url}?at=${at}`), ask(`${url}/timeline`), ask(`${url}/rerun`)]);
    if (mine !== turn) return; // the slider moved on meanwhile
    place.dataset.present = "";
    draw(place, { ...incident, past: at !== null }, timeline.events, verdict);
  } catch (error) {
    if (mine === turn) failed(place, error, () => show(place, id), h("p", {}, h("a", { href: "#/" }, "← Incidents")), h("h2", {}, id));
  }
}

function draw(place, incident, events, verdict) {
  // The slider stays the same element while it is moved: a new one would lose the pointer.
  if (place.querySelector("#body")?.dataset.id !== incident.incident_id) {
    replace(place, h("p", {}, h("a", { href: "#/" }, "← Incidents")), h("div", { id: "head" }), h("section", { class: "card", "aria-label": "Replay" }, slider(place, incident.incident_id), h("p", { id: "past", role: "status" })), h("div", { id: "body", "data-id": incident.incident_id }));
  }
  stretch(events, incident);
  replace(place.querySelector("#head"), head(incident));
  replace(place.querySelector("#body"), h("div", { class: "grid" }, approval(place, incident), consensus(incident), money_(incident), sampling(incident), cause(incident), prediction(incident), actions(incident), rerun(place, incident, verdict), taken(incident)), story(events));
}

function head(one) {
  return [h("h2", {}, badge(lower(one.severity) || "not begun", kind(one.severity)), " ", one.title || one.incident_id),
    h("p", { class: "soft" }, `${one.service || "–"} · ${one.environment || "–"} · tenant ${one.tenant || "–"} · ${lower(one.tier)} tier · episode ${one.episode} · version ${one.version}`), steps(one),
    one.outcome && h("p", {}, one.outcome),
    one.escalation && one.status === "escalated" && h("p", { class: "past" }, `Waits for ${one.escalation.role}: ${one.escalation.reason}`)];
}

function slider(place, id) {
  let timer = 0;
  const go = (at) => { shown.at = at; clearTimeout(timer); timer = setTimeout(() => show(place, id), 60); };
  return [h("label", { for: "instant" }, "Replay: the incident at any instant"),
    h("input", { id: "instant", type: "range", min: 0, max: 1, value: 1, oninput: (e) => { const end = Number(e.target.value) >= Number(e.target.max); go(end ? null : Number(e.target.dataset.first) + Number(e.target.value)); } }),
    h("div", { class: "filters" }, h("button", { id: "earlier", onclick: () => go(beside(-1)) }, "◀ event"), h("button", { id: "later", onclick: () => go(beside(1)) }, "event ▶"), h("button", { id: "now", onclick: () => go(null) }, "Now"))];
}

let instants = [];

function beside(way) {
  const now = shown.at ?? Infinity;
  const found = way < 0 ? instants.filter((at) => at < now).at(shown.at === null ? -2 : -1) : instants.find((at) => at > now);
  return found ?? (way < 0 ? instants[0] : null);
}

function stretch(events, incident) {
  instants = [...new Set(events.map((event) => event.recorded_at))].sort((a, b) => a - b);
  const place = document.getElementById("instant");
  const [first, last] = [instants[0] ?? 0, instants.at(-1) ?? 1];
  place.dataset.first = first;
  place.max = last - first + 1;
  place.step = 1;
  place.value = shown.at === null ? place.max : shown.at - first;
  place.disabled = instants.length < 2;
  place.setAttribute("aria-valuetext", shown.at === null ? "now" : instant(shown.at));
  const past = document.getElementById("past");
  past.className = shown.at === null ? "soft" : "past";
  past.textContent = shown.at === null ? `As it is now: ${incident.status}.` : `As it was at ${instant(shown.at)}, ${duration((shown.at - first) / 1000)} after it began: ${incident.status === "none" ? "nothing was known" : incident.status}. What came later is dimmed.`;
}

const card = (title, ...content) => h("section", { class: "card" }, h("h3", {}, title), content);

function approval(place, one) {
  const plan = one.approval;
  if (!plan) return null;
  const waits = plan.state === "PENDING" && !one.past;
  // What somebody is writing is not taken out of their hands.
  const before = place.querySelector("#approval");
  if (waits && before?.dataset.waits === plan.approval_id) return before;
  return h("section", { class: "card wide", id: "approval", "data-waits": waits ? plan.approval_id : null }, h("h3", {}, waits ? "Waits for a person" : "Approval", " ", badge(lower(plan.state), plan.state === "PENDING" ? "warn" : "")),
    planFacts(plan), plan.by && h("p", {}, `${plan.state === "GIVEN" ? "Approved" : plan.state === "REFUSED" ? "Refused" : "Ended"} by ${plan.by}: ${plan.why}`), waits && answerForm(plan, () => show(place, one.incident_id)));
}

function consensus(one) {
  const decision = one.decision;
  if (!decision) return card("Consensus", h("p", { class: "soft" }, "The agents have not decided yet."));
  const votes = (decision.votes ?? []).map((vote) => [vote.agent, deed(vote), [h("meter", { min: 0, max: 1, value: vote.confidence, "aria-hidden": "true" }), ` ${percent(vote.confidence)}`], vote.weight, (vote.weight * vote.confidence).toFixed(2), [vote.rationale, restsOn(vote.evidence)]]);
  return h("section", { class: "card wide", id: "consensus" }, h("h3", {}, `Consensus: ${deed(decision)}`, " ", badge(decision.autonomous ? "autonomous" : "a human decides", decision.autonomous ? "good" : "warn")),
    facts([["confidence", `${percent(decision.confidence)} (weighted mean of its supporters)`], ["support", `${percent(decision.support)} of the participants' weight`], ["score", (decision.score ?? 0).toFixed(2)], ["why", decision.reason]]),
    table("Votes", [["agent", ""], ["for", ""], ["confidence", ""], ["weight", "number"], ["counts", "number"], ["because", ""]], votes));
}

/** The records that a statement rests on, each a click away. */
function restsOn(some = []) {
  return some.length ? h("details", {}, h("summary", {}, `rests on ${some.length} ${some.length === 1 ? "record" : "records"}`), some.map(evidence)) : null;
}

function rerun(place, one, verdict) {
  if (one.past) return null;
  const outcome = h("p", { role: "status" });
  const again = async (event) => {
    event.target.disabled = true;
    outcome.textContent = "Making every decision again, sealed off from the world…";
    try {
      const found = await send(`/api/v1/incidents/${encodeURIComponent(one.incident_id)}/rerun`, {});
      tell(`Rerun: ${found.result}`);
      await show(place, one.incident_id);
    } catch (error) {
      outcome.textContent = error.message;
      outcome.className = "wrong";
      event.target.disabled = false;
    }
  };
  return h("section", { class: "card", id: "rerun" }, h("h3", {}, "Rerun ", verdict.result && badge(verdict.result, verdict.result === "identical" ? "good" : "bad"), verdict.partial && badge("partial", "warn")),
    verdict.result ? verdictFacts(verdict) : h("p", { class: "soft" }, "The same agents decide again on the recorded facts; each decision is held against the record."), outcome,
    h("button", { id: "rerun-now", onclick: again }, verdict.result ? "Rerun again" : "Rerun"));
}

function verdictFacts(verdict) {
  const first = verdict.first_divergence;
  return facts([["decisions", `${count(verdict.decisions)} made again: ${Object.entries(verdict.by_stage ?? {}).map(([name, number]) => `${name} ${count(number)}`).join(", ")}`],
    first && ["first that differs", [`${first.stage}, ${first.what} `, recordLink(first)]], verdict.missing?.length && ["missing", verdict.missing.map((gone) => h("p", {}, `${gone.topic}[${gone.partition}]: ${gone.why}`))],
    verdict.stale && ["but", "the incident has moved since"], verdict.same_code === false && ["but", "another version of the program decided then"]]);
}

function taken(one) {
  const url = `/api/v1/incidents/${encodeURIComponent(one.incident_id)}`;
  return h("section", { class: "card" }, h("h3", {}, "Take away"), h("p", {}, h("a", { href: `${url}/postmortem`, download: "" }, "Postmortem"), h("span", { class: "soft" }, " the story as Markdown, to be gone on with")),
    h("p", {}, h("a", { href: `${url}/bundle`, download: "" }, "Bundle"), h("span", { class: "soft" }, " all its records in one file; rerun it anywhere")));
}

function money_(one) {
  if (!one.impact) return card("Business impact", h("p", { class: "soft" }, "Not known: no tier."));
  const cell = (name) => live(h("span", {}), (place) => { const now = figures(one, Date.now()); place.textContent = money(now[name], now.currency); });
  return card("Business impact", facts([[one.ended_at ? "took" : "to the target", left(one)], ["target", duration(one.impact.mttr_target_s)], ["cost so far", cell("cost")],
    ["a minute", money(one.impact.per_minute, one.impact.currency)], [one.ended_at ? "saved" : "saved if over now", cell("saved")], ["against a human's", duration(one.impact.human_mttr_s)]]));
}

function sampling(one) {
  const a = one.alerts;
  if (!("received" in a)) return card("Sampling", h("p", { class: "soft" }, "No alerts are accounted for yet."));
  const share = (name) => `${count(a[name])} (${a.received ? percent(a[name] / a.received) : "–"})`;
  return card(["Sampling ", one.storm && badge("storm", "warn")], facts([["received", count(a.received)], ["kept", share("kept")], ["suppressed", share("suppressed")], ["late", count(a.late)], ["dead-lettered", count(a.dead_lettered)]]));
}

function cause(one) {
  return card("Cause", facts([["root cause", one.root_cause || "not known yet"], ["kind", lower(one.classification)], ["confidence", percent(one.confidence)],
    one.parent_incident_id && ["part of", h("a", { href: `#/incident/${encodeURIComponent(one.parent_incident_id)}` }, one.parent_incident_id)]]));
}

function prediction(one) {
  const p = one.prediction;
  if (!p) return null;
  return card("Prediction", facts([["will pass", `${p.metric} ${p.level}`], ["probability", percent(p.probability)], ["in about", duration(p.breach_in_s)], ["now", String(p.value)]]));
}

function actions(one) {
  if (!one.actions.length) return null;
  return h("section", { class: "card wide" }, table("Actions", [["what", ""], ["state", ""], ["by", ""], ["plan", ""], ["detail", ""]],
    one.actions.map((a) => [deed(a), badge(lower(a.state), { SUCCEEDED: "good", FAILED: "bad" }[a.state] ?? "warn"), a.parameters?.approved_by ? `${a.executor}, approved by ${a.parameters.approved_by}` : a.executor, h("code", {}, a.plan_hash.slice(0, 16)), a.detail])));
}

function story(events) {
  const first = events[0]?.recorded_at ?? 0;
  return h("section", { class: "card", "aria-label": "Timeline" }, h("h3", {}, `Timeline: ${events.length} events`), h("ol", { class: "story" }, events.map((event) => {
    const [what, why] = tellEvent(event.type, event.payload);
    return h("li", { class: shown.at !== null && event.recorded_at > shown.at ? "later" : "" }, h("p", {}, h("span", { class: "soft" }, `${clock(event.recorded_at)} +${duration((event.recorded_at - first) / 1000)} ${event.agent} `), what),
      why.filter(Boolean).map((one) => (one.evidence ? evidence(one.evidence) : h("p", { class: "soft" }, one))),
      h("details", { id: `event-${event.version}` }, h("summary", {}, `version ${event.version}`), h("p", {}, recordLink(event)), h("pre", { tabindex: "0" }, `hash ${event.hash}\n${JSON.stringify(event.payload, null, 1)}`)));
  })));
}
