// The list: what burns, how far it is, what it costs; children folded under the incident that causes them.

import { ask } from "./api.js";
import { badge, empty, failed, h, present, replace, tile } from "./dom.js";
import { live } from "./live.js";
import { brief, count, countdown, deed, duration, figures, kind, lower, money, percent } from "./words.js";

const STATUSES = ["open", "diagnosed", "decided", "remediating", "escalated", "resolved", "closed"];
const filters = { q: "", status: "", service: "", tenant: "" };
let pages = 1;
let fresh = new Set();

export async function show(place) {
  if (!place.querySelector("#list")) replace(place, h("h2", { class: "hidden" }, "Incidents"), h("div", { id: "pulse" }), bar(place), h("div", { id: "list" }, empty("Loading…")));
  const list = place.querySelector("#list");
  try {
    const { incidents, more } = await pagesOf(pages);
    present(list, incidents.length ? rows(incidents) : empty(nothing()), more && h("button", { id: "more", onclick: () => { pages += 1; show(place); } }, "More"));
  } catch (error) {
    failed(list, error, () => show(place));
  }
  fresh = new Set();
}

/** What burns, in one line of figures. */
export function pulse(overview) {
  const place = document.getElementById("pulse");
  if (!place) return;
  const { burning, critical, waiting, lag, alerts, more } = overview;
  replace(place, h("div", { class: "tiles" }, tile(critical ? `burning, ${count(critical)} critical` : "burning", `${count(burning)}${more ? "+" : ""}`, critical ? "bad" : burning ? "warn" : "good"),
    tile("wait for a person", count(waiting), waiting ? "bad" : "good"), tile("alerts a second", brief(alerts.received_per_s)), tile("of them kept", alerts.received_per_s ? percent(alerts.kept_per_s / alerts.received_per_s) : "–"),
    tile(lag.standing ? `behind; ${count(lag.standing)} stand still` : "behind", lag.known ? duration(lag.lag_s) : "–", lag.standing || !lag.known ? "bad" : lag.lag_s > 30 ? "warn" : "good")));
}

/** An event was heard: its incident stands out at the next showing. */
export function heard(event) {
  fresh.add(event.incident_id);
}

async function pagesOf(most) {
  const incidents = [];
  let cursor = "";
  for (let page = 0; page < most && cursor !== null; page += 1) {
    const query = new URLSearchParams({ limit: "50" });
    for (const [name, value] of Object.entries({ ...filters, cursor })) if (value) query.set(name, value);
    const found = await ask(`/api/v1/incidents?${query}`);
    incidents.push(...found.incidents);
    cursor = found.cursor;
  }
  return { incidents, more: cursor !== null };
}

function bar(place) {
  const again = () => { pages = 1; show(place); };
  const text = (name, title) => h("div", {}, h("label", { for: `by-${name}` }, title),
    h("input", { id: `by-${name}`, type: "search", value: filters[name], autocomplete: "off", onchange: (e) => { filters[name] = e.target.value.trim(); again(); } }));
  return h("form", { class: "filters bar", role: "search", onsubmit: (e) => e.preventDefault() },
    text("q", "Search"), h("div", {}, h("label", { for: "by-status" }, "Status"),
      h("select", { id: "by-status", onchange: (e) => { filters.status = e.target.value; again(); } },
        h("option", { value: "" }, "all"), STATUSES.map((one) => h("option", { value: one, selected: filters.status === one }, one)))),
    text("service", "Service"), text("tenant", "Tenant"));
}

function nothing() {
  return Object.values(filters).some(Boolean) ? "No incident fits the filters." : "All is quiet: there is no incident. What comes shows here by itself.";
}

function rows(incidents) {
  const known = new Set(incidents.map((one) => one.incident_id));
  const children = new Map();
  for (const one of incidents) {
    const parent = one.parent_incident_id;
    if (parent && parent !== one.incident_id && known.has(parent)) children.set(parent, [...(children.get(parent) ?? []), one]);
  }
  const folded = new Set([...children.values()].flat().map((one) => one.incident_id));
  const order = [...incidents].sort((a, b) => rank(a) - rank(b));
  return order.filter((one) => !folded.has(one.incident_id) || loops(one, children)).map((one) => [row(one), fold(one, children.get(one.incident_id))]);
}

// Two that name each other as cause are both shown.
const loops = (one, children) => (children.get(one.incident_id) ?? []).some((child) => child.incident_id === one.parent_incident_id);
const ended = (one) => one.status === "resolved" || one.status === "closed";
const rank = (one) => (ended(one) ? 9 : { CRITICAL: 0, ERROR: 1, WARNING: 2 }[one.severity] ?? 3);

function fold(parent, children) {
  if (!children) return null;
  return h("details", { id: `fold-${parent.incident_id}`, class: "card" },
    h("summary", {}, `${children.length} more because of ${parent.service}`), children.map((one) => row(one, "child")));
}

function row(one, extra = "") {
  return h("article", { class: `card incident ${extra} ${fresh.has(one.incident_id) ? "fresh" : ""}`, "data-severity": ended(one) ? "" : one.severity, "data-id": one.incident_id },
    h("div", {}, h("p", {}, badge(lower(one.severity), kind(one.severity)), " ", h("a", { id: `to-${one.incident_id}`, href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.title || one.incident_id)),
      h("p", { class: "soft" }, `${one.service} · ${one.tenant} · ${lower(one.classification)}`, one.storm && [" · ", badge("storm", "warn")]), steps(one)),
    h("div", {}, h("p", {}, said(one)), h("p", { class: "soft" }, one.root_cause ? `cause: ${one.root_cause}, ${percent(one.confidence)} sure` : "cause not known yet")),
    h("div", {}, h("p", { class: "soft" }, ended(one) ? "took" : "to target"), left(one)),
    h("div", {}, h("p", { class: "soft" }, "cost"), live(h("p", { class: "figure" }), (place) => { place.textContent = money(figures(one, Date.now())?.cost); })),
    h("div", {}, h("p", { class: "soft" }, "alerts"), h("p", { class: "figure" }, brief(one.alerts.received ?? NaN)), one.alerts.received > 0 && h("p", { class: "soft" }, `${brief(one.alerts.suppressed)} suppressed`)));
}

/** The countdown to the target, or how long it took. */
export function left(one) {
  if (ended(one)) return h("p", { class: "figure" }, duration(one.mttr_s));
  return live(h("p", { class: "figure" }), (place) => {
    const now = figures(one, Date.now())?.left;
    place.textContent = now < 0 ? `${countdown(-now)} over` : countdown(now);
    place.className = `figure ${now < 0 ? "bad" : now < 60 ? "warn" : ""}`;
  });
}

function said(one) {
  if (one.approval?.state === "PENDING" && !ended(one)) return h("a", { href: "#/approvals" }, `waits for approval: ${deed(one.approval)}`);
  if (ended(one)) return one.outcome;
  const action = one.actions.at(-1);
  if (action) return `${deed(action)}: ${lower(action.state)}`;
  if (one.decision) return `${deed(one.decision)}${one.decision.autonomous ? "" : ", if a human agrees"}`;
  return "no decision yet";
}

/** The lifecycle as steps; the present one is marked. */
export function steps(one) {
  const done = { open: one.opened_at, diagnosed: one.root_cause, decided: one.decision, remediating: one.actions.length, resolved: one.status === "resolved" };
  const names = Object.keys(done);
  if (one.status === "escalated" || one.approval || one.escalation) { names.splice(3, 0, "escalated"); done.escalated = one.escalation || one.approval; }
  if (one.status === "closed") names[names.indexOf("resolved")] = "closed";
  const words = { escalated: "human asked", remediating: "repairing" };
  return h("ol", { class: "steps", "aria-label": "Lifecycle" }, names.map((name) =>
    h("li", { class: done[name] ? "done" : "", "aria-current": name === one.status ? "step" : null }, words[name] ?? name)));
}
