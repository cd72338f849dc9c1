// Storms: what comes in, what is kept of it and what becomes of the rest; who is loudest.

import { ask } from "./api.js";
import { badge, empty, failed, h, present, table, tile } from "./dom.js";
import { plot } from "./plot.js";
import { brief, count, instant, percent } from "./words.js";

const FATES = [["received", "received"], ["kept", "kept"], ["suppressed", "suppressed"], ["dead", "dead-lettered"]];

export async function show(place) {
  try {
    const found = await ask("/api/v1/storms");
    if (place.querySelector(".plot:hover, .plot:focus")) return; // somebody reads its figures
    const now = (fate) => found.rates[fate].at(-1) ?? 0;
    present(place, h("h2", {}, "Alert storms"),
      h("div", { class: "tiles" }, tile("storms open", count(found.storms.length), found.storms.length ? "warn" : "good"), tile("alerts a second now", brief(now("received"))),
        tile("received in ten minutes", brief(found.totals.received)), tile("kept of them", found.totals.received ? percent(found.totals.kept / found.totals.received) : "–"), tile("dead-lettered", brief(found.totals.dead), found.totals.dead ? "warn" : "")),
      h("section", { class: "card" }, found.totals.received || found.totals.dead
        ? plot({ id: "rates", title: "Alerts a second", at: found.at, width: place.clientWidth - 60, lines: FATES.map(([fate, name]) => ({ name, values: found.rates[fate] })) })
        : empty("No alert came in the last ten minutes.")),
      h("section", { class: "card" }, h("h3", {}, "Open storms"), found.storms.length ? storms(found.storms) : empty("There is no storm.")),
      h("div", { class: "grid" }, loudest("Loudest incidents", "incident", found.incidents, (one) => [h("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.service || one.incident_id), h("p", { class: "soft" }, one.tenant)]),
        loudest("Loudest tenants", "tenant", found.tenants, (one) => one.tenant)));
  } catch (error) {
    failed(place, error, () => show(place), h("h2", {}, "Alert storms"));
  }
}

function storms(some) {
  return table("Since when, how loud, and what is loudest in it", [["service", ""], ["since", ""], ["a second", "number"], ["else", "number"], ["sources", "number"], ["loudest", ""]],
    some.map((one) => [[badge("storm", "warn"), " ", h("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.service)], instant(one.since), brief(one.rate_per_s), brief(one.baseline_per_s), one.distinct_sources ? `≈ ${brief(one.distinct_sources)}` : "–",
      one.loudest.map((each) => `${each.name} (${brief(each.count)})`).join(", ")]));
}

function loudest(title, what, some, name) {
  const most = Math.max(1, ...some.map((one) => one.received));
  return h("section", { class: "card" }, h("h3", {}, title), some.length ? table("In the last ten minutes", [[what, ""], ["received", "number"], ["", ""], ["suppressed", "number"]],
    some.map((one) => [name(one), count(one.received), h("meter", { min: 0, max: most, value: one.received, "aria-hidden": "true" }), one.received ? percent(one.suppressed / one.received) : "–"])) : empty("Nobody was heard."));
}
