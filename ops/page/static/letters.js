// Dead letters: what could not be taken, why, and putting it back.

import { ask, send } from "./api.js";
import { badge, empty, failed, h, present, replace, table, tell } from "./dom.js";
import { count, instant } from "./words.js";

let outcome = "";

export async function show(place, reason = "") {
  try {
    const found = await ask(`/api/v1/dead-letters?limit=100${reason ? `&reason=${encodeURIComponent(reason)}` : ""}`);
    if (place.querySelector("#redrive :focus, #redrive input[name=why]:not(:placeholder-shown)")) return;
    const reasons = Object.entries(found.by_reason);
    present(place, h("h2", {}, "Dead letters"), h("p", { class: "soft" }, `${count(found.total)} in all, ${count(found.waiting)} not put back. ${reasons.map(([name, n]) => `${name}: ${count(n)}`).join(", ")}`),
      h("p", { id: "outcome", role: "status" }, outcome), reason && h("p", {}, `Only those of reason ${reason}. `, h("a", { href: "#/letters" }, "Show all")), found.total ? [form(place, reasons, reason), h("div", { class: "card" }, list(place, found.dead_letters))] : empty("Nothing was refused."));
  } catch (error) {
    failed(place, error, () => show(place, reason), h("h2", {}, "Dead letters"));
  }
}

function form(place, reasons, chosen) {
  const submit = (event) => { event.preventDefault(); putBack(place, event.target.elements.reason.value ? { reason: event.target.elements.reason.value } : {}); };
  return h("form", { id: "redrive", class: "filters card", onsubmit: submit },
    h("div", {}, h("label", { for: "by" }, "Who you are"), h("input", { id: "by", name: "by", required: true, maxlength: 200, value: localStorage.getItem("by") ?? "", placeholder: " " })),
    h("div", {}, h("label", { for: "why" }, "Why"), h("input", { id: "why", name: "why", required: true, maxlength: 2000, autocomplete: "off", placeholder: " " })),
    h("div", {}, h("label", { for: "reason" }, "Which"), h("select", { id: "reason", name: "reason" }, h("option", { value: "" }, "all"), reasons.map(([name]) => h("option", { value: name, selected: name === chosen }, name)))),
    h("button", { id: "redrive-some" }, "Put these back"));
}

const chosenReason = () => decodeURIComponent(location.hash.split("/")[2] ?? "");

async function putBack(place, which) {
  const fields = place.querySelector("#redrive");
  if (!fields.reportValidity()) return;
  const [by, why] = [fields.elements.by.value, fields.elements.why.value];
  localStorage.setItem("by", by);
  place.querySelector("#outcome").textContent = "Putting back…";
  try {
    const done = await send("/api/v1/dead-letters/redrive", { ...which, by, why });
    const refused = done.letters.find((one) => one.outcome === "refused");
    outcome = `${count(done.redriven)} put back, ${count(done.already)} had been before, ${count(done.refused)} refused again${refused ? `: ${refused.detail}` : ""}.`;
    fields.elements.why.value = "";
    document.activeElement?.blur();
    tell(outcome);
    await show(place, chosenReason());
  } catch (error) {
    place.querySelector("#outcome").textContent = error.message;
  }
}

function list(place, letters) {
  return table("The newest", [["when", ""], ["reason", ""], ["what is wrong", ""], ["where", ""], ["bytes", "number"], ["", ""]], letters.map((one) => [
    instant(one.occurred_at), badge(one.reason, "warn"), [one.detail, bytes(one)], one.offset < 0 ? `${one.stage} for ${one.topic}` : `${one.topic}[${one.partition}]@${one.offset}`, count(one.bytes),
    one.redriven ? badge("put back", "good") : h("button", { id: `redrive-${one.dead_letter_id}`, "aria-label": `Put letter ${one.dead_letter_id.slice(0, 12)} back`, onclick: () => putBack(place, { dead_letter_id: one.dead_letter_id }) }, "Put back")]));
}

function bytes(one) {
  const place = h("pre", { tabindex: "0" }, "Loading…");
  const load = async (event) => {
    if (!event.target.open) return;
    try {
      const found = await ask(`/api/v1/dead-letters/${encodeURIComponent(one.dead_letter_id)}`);
      replace(place, h("span", {}, found.value_text + (found.cut ? " …" : "")));
    } catch (error) {
      place.textContent = error.message;
    }
  };
  return h("details", { id: `bytes-${one.dead_letter_id}`, ontoggle: load }, h("summary", {}, "its bytes"), place);
}
