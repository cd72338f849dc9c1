// Puts the page together: which view is shown, what the stream says is new, and the counts beside the views' names.

import { ask, given } from "./api.js";
import * as approvals from "./approvals.js";
import { replace, empty } from "./dom.js";
import * as health from "./health.js";
import * as incident from "./incident.js";
import * as incidents from "./incidents.js";
import * as lag from "./lag.js";
import * as letters from "./letters.js";
import * as predictions from "./predictions.js";
import * as storms from "./storms.js";
import { listen } from "./stream.js";
import { brief } from "./words.js";

const VIEWS = { incidents, incident, approvals, storms, lag, predictions, letters, health };
const AGAIN_MS = { incidents: 30000, incident: 30000, approvals: 10000, storms: 2000, lag: 3000, predictions: 5000, letters: 15000, health: 5000 };
const main = document.getElementById("main");

function where() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  return { name: VIEWS[name] ? name : "incidents", id: safely(rest.join("/")) };
}

function safely(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

async function view({ moved = false } = {}) {
  const { name, id } = where();
  if (moved) {
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === (name === "incident" ? "incidents" : name)) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    delete main.dataset.present;
    replace(main, empty("Loading…"));
  }
  await VIEWS[name].show(main, id);
  if (moved) document.title = `${main.querySelector("h2")?.textContent ?? "Breakwater"} · Breakwater`;
}

// Events come by the hundred; the page is asked for anew at most so often.
let due = 0;
let asked = 0;
function soon(patience = 250) {
  if (due) return;
  due = setTimeout(async () => {
    due = 0;
    asked = Date.now();
    await Promise.all([view(), counts()]);
  }, Math.max(patience, 1000 - (Date.now() - asked)));
}

function heard(event) {
  incidents.heard(event);
  const { name, id } = where();
  if (name === "incident" && id !== event.incident_id && !event.type.startsWith("Approval")) return;
  soon();
  // The store may be a moment behind the log.
  setTimeout(() => soon(), 1500);
}

async function counts() {
  const put = (id, number, words) => {
    const place = document.getElementById(id);
    place.hidden = !number;
    place.textContent = brief(number);
    place.setAttribute("aria-label", words);
  };
  const found = await ask("/api/v1/overview").catch(() => null);
  if (!found) return;
  put("approvals-count", found.waiting, `${found.waiting} wait`);
  put("storms-count", found.storms, `${found.storms} open`);
  put("lag-count", found.lag.standing, `${found.lag.standing} stand still`);
  put("predictions-count", found.predictions, `${found.predictions} foretold`);
  put("letters-count", found.letters, `${found.letters} not put back`);
  put("health-count", found.well ? 0 : 1, "something is wrong");
  incidents.pulse(found);
}

// The first list comes with the page, so that it is there with the first paint.
function first() {
  try {
    for (const [path, document_] of Object.entries(JSON.parse(document.getElementById("first").textContent))) given(path, document_);
  } catch {
    // Then it is asked for.
  }
}

let shownAt = 0;
setInterval(() => {
  if (document.hidden || Date.now() - shownAt < AGAIN_MS[where().name]) return;
  shownAt = Date.now();
  view();
}, 1000);
setInterval(() => document.hidden || counts(), 5000);

window.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const field = document.getElementById("by-q");
  if (field) { event.preventDefault(); field.focus(); } else location.hash = "#/";
});
window.addEventListener("hashchange", () => { view({ moved: true }); main.focus({ preventScroll: true }); window.scrollTo(0, 0); });
first();
view({ moved: true }).then(counts);
listen(heard, () => soon(0));
