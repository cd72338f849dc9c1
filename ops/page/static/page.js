// What htmx does not do: tells it what the stream says is new, keeps what people hold open, shows records, and hears keys.

import { tick } from "./live.js";
import { listen } from "./stream.js";

const view = document.getElementById("view");
const record = document.getElementById("record");
const AT_MOST_MS = 1000;
const heardOf = new Set();
const last = new Map();
let open = new Set();
let due = 0;
let asked = 0;

// Links to the page as they were before its views had addresses of their own.
if (location.hash.startsWith("#/")) location.replace(location.hash.slice(1));

/** Have what is shown asked for anew, soon and at most once a second: events come by the hundred. */
function soon(patience = 250) {
  if (due) return;
  due = setTimeout(() => {
    due = 0;
    asked = Date.now();
    window.htmx.trigger(document.body, "changed");
  }, Math.max(patience, AT_MOST_MS - (Date.now() - asked)));
}

function heard(event) {
  heardOf.add(event.incident_id);
  const { view: name, id } = view?.dataset ?? {};
  if (name === "incident" && id !== event.incident_id && !event.type.startsWith("Approval")) return;
  soon();
  // The store may be a moment behind the log, on a busy machine longer.
  for (const later of [1500, 6000]) setTimeout(() => soon(), later);
}

document.body.addEventListener("htmx:beforeRequest", (event) => {
  // Nobody looks: the timer rests.
  if (document.hidden && !event.detail.requestConfig.triggeringEvent && event.detail.elt === view && last.size) event.preventDefault();
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr, serverResponse } = event.detail;
  if (target !== view) return;
  // The same answer again, or one that is shown already, leaves the page as it is.
  if (last.get(target) === serverResponse && xhr.status < 400) event.detail.shouldSwap = false;
  last.set(target, serverResponse);
  open = new Set([...view.querySelectorAll("details[open][id]")].map((one) => one.id));
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === view) {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const id of heardOf) view.querySelector(`[data-id="${CSS.escape(id)}"]`)?.classList.add("fresh");
    heardOf.clear();
  }
  begin();
});

document.body.addEventListener("click", (event) => {
  const link = event.target.closest("[data-record]");
  if (link) {
    document.getElementById("record-title").textContent = link.dataset.record;
    document.getElementById("record-body").textContent = "Loading…";
    record.showModal();
  }
  if (event.target === record || event.target.closest("#record-close")) record.close();
});

// Who answers once is known the next time, in this browser alone.
document.body.addEventListener("htmx:configRequest", (event) => {
  const { by } = event.detail.parameters;
  if (event.detail.verb === "post" && by) localStorage.setItem("by", by);
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.requestConfig.verb === "post") for (const field of document.querySelectorAll("input[name=why]")) field.value = "";
});

function begin() {
  for (const field of document.querySelectorAll("input[name=by]")) field.value ||= localStorage.getItem("by") ?? "";
  tick();
}

window.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const field = document.getElementById("by-q");
  if (field) { event.preventDefault(); field.focus(); } else location.assign("/");
});

begin();
// The first answer may be a moment old, and what happened in that moment is told by no event.
listen(heard, () => { soon(0); setTimeout(() => soon(), 1500); });
