// Puts the page together: which view is shown, what the stream says is new, and the counts beside the views' names.

import { ask } from "./api.js";
import * as approvals from "./approvals.js";
import { replace, empty } from "./dom.js";
import * as incident from "./incident.js";
import * as incidents from "./incidents.js";
import * as lag from "./lag.js";
import * as letters from "./letters.js";
import { listen } from "./stream.js";
import { brief } from "./words.js";

const VIEWS = { incidents, incident, approvals, lag, letters };
const AGAIN_MS = { incidents: 30000, incident: 30000, approvals: 10000, lag: 3000, letters: 15000 };
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
  const told = (promise, then) => promise.then(then).catch(() => {});
  await Promise.all([
    told(ask("/api/v1/approvals"), ({ approvals: some }) => { const n = some.filter((one) => one.state === "PENDING").length; put("approvals-count", n, `${n} wait`); }),
    told(ask("/api/v1/lag"), ({ rows }) => { const n = rows.filter((row) => ["STOP", "STALL", "REWIND"].includes(row.status)).length; put("lag-count", n, `${n} stand still`); }),
    told(ask("/api/v1/dead-letters?limit=1"), ({ waiting }) => put("letters-count", waiting, `${waiting} not put back`)),
  ]);
}

let shownAt = 0;
setInterval(() => {
  if (document.hidden || Date.now() - shownAt < AGAIN_MS[where().name]) return;
  shownAt = Date.now();
  view();
}, 1000);
setInterval(() => document.hidden || counts(), 15000);

window.addEventListener("hashchange", () => { view({ moved: true }); main.focus({ preventScroll: true }); window.scrollTo(0, 0); });
view({ moved: true });
counts();
listen(heard, () => soon(0));
