// Approvals: what waits for whom, the exact plan and its hash, and the answer with who and why.

import { ask, send } from "./api.js";
import { badge, empty, facts, failed, h, present, tell } from "./dom.js";
import { live } from "./live.js";
import { recordLink } from "./record.js";
import { deed, duration, instant, kind, lower, money } from "./words.js";

export async function show(place) {
  try {
    const { approvals } = await ask("/api/v1/approvals");
    // What somebody is writing is not taken out of their hands.
    if (place.querySelector("form.answer :focus") || [...place.querySelectorAll("form.answer input[name=why]")].some((one) => one.value)) {
      const ids = new Set(approvals.map((one) => one.approval_id));
      if ([...place.querySelectorAll("[data-approval]")].every((one) => ids.has(one.dataset.approval))) return;
    }
    present(place, h("h2", {}, "Plans that wait for a person"), approvals.length ? approvals.map((one) => waiting(place, one)) : empty("Nothing waits for anybody."));
  } catch (error) {
    failed(place, error, () => show(place), h("h2", {}, "Plans that wait for a person"));
  }
}

function waiting(place, one) {
  return h("article", { class: "card", "data-approval": one.approval_id }, h("h3", {}, badge(lower(one.incident.severity), kind(one.incident.severity)), " ", h("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.incident.title || one.incident_id)),
    planFacts(one), one.state === "PENDING" ? answerForm(one, () => show(place)) : h("p", { class: "past" }, "Its time is over: it can no longer be approved."));
}

/** The exact plan, as it would be carried out. */
export function planFacts(one) {
  const plan = typeof one.plan === "string" ? parsed(one.plan) : one.plan;
  return h("div", {}, facts([["what", h("strong", {}, `${deed(one)} (${one.executor})`)], ["for", one.role], ["why asked", one.reason], ["costs", money(one.cost)],
    ["steps", h("ol", {}, (plan?.steps ?? []).map((step) => h("li", {}, step)))], ["rests on", plan?.evidence?.length ? h("details", { id: `rests-${one.approval_id}` }, h("summary", {}, `${plan.evidence.length} records`), plan.evidence.map((where) => [recordLink(place(where)), " "])) : "–"], ["hash", h("code", {}, one.plan_hash)],
    one.state === "PENDING" && ["expires", live(h("span", {}), (at) => { at.textContent = `in ${duration((one.expires_at - Date.now()) / 1000)} (${instant(one.expires_at)})`; })]]),
    h("details", { id: `plan-${one.approval_id}` }, h("summary", {}, "The plan, whole"), h("pre", { tabindex: "0" }, JSON.stringify(plan, null, 1))));
}

/** TOPIC/PARTITION/OFFSET */
function place(text) {
  const [topic, partition, offset] = String(text).split("/");
  return { topic, partition: Number(partition), offset: Number(offset) };
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

/** Who, why, and two buttons; `done()` once it is on record. */
export function answerForm(one, done) {
  const id = one.approval_id;
  const outcome = h("p", { role: "status", class: "wide" });
  const submit = async (event) => {
    event.preventDefault();
    const [by, why] = [form.elements.by.value, form.elements.why.value];
    const answer = event.submitter?.value ?? "approve";
    localStorage.setItem("by", by);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    outcome.textContent = "Putting it on record…";
    try {
      const found = await send(`/api/v1/approvals/${encodeURIComponent(id)}`, { answer, plan_hash: one.plan_hash, by, why });
      tell(found.state === "PENDING" ? "The answer is on its way." : `On record: ${lower(found.state)}.`);
      outcome.textContent = found.state === "PENDING" ? "It is on its way; the page shows when it is on record." : "On record.";
      form.reset();
      done();
    } catch (error) {
      outcome.textContent = error.message;
      outcome.className = "wrong wide";
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  };
  const form = h("form", { class: "answer", onsubmit: submit },
    h("div", {}, h("label", { for: `by-${id}` }, "Who you are"), h("input", { id: `by-${id}`, name: "by", required: true, maxlength: 200, value: localStorage.getItem("by") ?? "" })),
    h("div", {}, h("label", { for: `why-${id}` }, "Why (it is kept)"), h("input", { id: `why-${id}`, name: "why", required: true, maxlength: 2000, autocomplete: "off" })),
    h("button", { class: "main", type: "submit", value: "approve", id: `approve-${id}` }, "Approve"), h("button", { type: "submit", value: "reject", id: `reject-${id}` }, "Reject"));
  return [form, outcome];
}
