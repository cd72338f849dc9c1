// The very record that a piece of evidence names, decoded, over the page.

import { ask } from "./api.js";
import { facts, h, replace } from "./dom.js";
import { instant } from "./words.js";

/** A link that opens the record at a place of the log. */
export function recordLink({ topic, partition, offset }, words = `${topic}[${partition}]@${offset}`) {
  if (!(offset >= 0) || !(partition >= 0)) return h("span", { class: "soft" }, words);
  return h("button", { class: "link", type: "button", "aria-haspopup": "dialog", onclick: () => open(topic, partition, offset) }, words);
}

/** A piece of evidence: what it says, and the record that says it. */
export function evidence(one) {
  return h("p", { class: "soft" }, `${one.summary || "record"} `, recordLink(one));
}

async function open(topic, partition, offset) {
  const body = h("div", {}, h("p", { class: "empty" }, "Loading…"));
  const shown = h("dialog", { "aria-labelledby": "record-title", onclose: () => shown.remove(), onclick: (event) => event.target === shown && shown.close() },
    h("div", { class: "dialog-head" }, h("h2", { id: "record-title" }, `${topic} · partition ${partition} · offset ${offset}`), h("button", { type: "button", onclick: () => shown.close() }, "Close")), body);
  document.body.append(shown);
  shown.showModal();
  try {
    const found = await ask(`/api/v1/records/${encodeURIComponent(topic)}/${partition}/${offset}`);
    replace(body, facts([["written", `${instant(found.timestamp)}`], ["key", typeof found.key === "string" ? found.key : JSON.stringify(found.key)], ...Object.entries(found.headers ?? {}).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)])]),
      h("pre", { tabindex: "0", "aria-label": "The record, decoded" }, JSON.stringify(found.value, null, 1)));
  } catch (error) {
    replace(body, h("p", { class: "wrong", role: "alert" }, error.message));
  }
}
