// Predictions: what is about to breach, when, how sure; and how the last ones turned out.

import { ask } from "./api.js";
import { badge, empty, failed, h, present, table, tile } from "./dom.js";
import { live } from "./live.js";
import { clock, count, duration, figure, percent } from "./words.js";

const OUTCOMES = { hit: ["✓ came as foretold", "good"], false: ["✗ did not come", "warn"], miss: ["✗ came unforetold", "bad"] };

export async function show(place) {
  try {
    const { standing, settled, counts } = await ask("/api/v1/predictions");
    const said = counts.hit + counts.false;
    present(place, h("h2", {}, "Predictions"),
      h("div", { class: "tiles" }, tile("about to breach", count(standing.length), standing.length ? "bad" : "good"), tile("came as foretold", count(counts.hit)), tile("did not come", count(counts.false), counts.false ? "warn" : ""),
        tile("came unforetold", count(counts.miss), counts.miss ? "bad" : ""), tile("right, of those said", said ? percent(counts.hit / said) : "–")),
      h("section", { class: "card" }, h("h3", {}, "About to breach"), standing.length ? soon(standing) : empty("Nothing is foretold to pass its limit.")),
      h("section", { class: "card" }, h("h3", {}, "How the last ones turned out"),
        h("p", { class: "soft" }, "Each is judged by what its series did until its time was over, also where a remedy came between or it was taken back: it was said."), settled.length ? past(settled) : empty("None is over yet.")));
  } catch (error) {
    failed(place, error, () => show(place), h("h2", {}, "Predictions"));
  }
}

const who = (one) => [h("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.service), h("p", { class: "soft" }, `${one.metric} · ${one.tenant}`)];

function soon(some) {
  return table("The likeliest first", [["service", ""], ["limit", "number"], ["now", "number"], ["a minute", "number"], ["in about", "number"], ["how sure", ""]], some.map((one) => [who(one), figure(one.level), figure(one.value), signed(one.trend_per_min),
    one.breach_at === null ? "–" : live(h("span", { class: "figure" }), (cell) => { const left = (one.breach_at - Date.now()) / 1000; cell.textContent = left > 0 ? duration(left) : "now"; }),
    [h("meter", { min: 0, max: 1, value: one.probability, "aria-hidden": "true" }), ` ${percent(one.probability)}`]]));
}

function past(some) {
  return table("The newest first", [["judged", ""], ["service", ""], ["outcome", ""], ["how sure", "number"], ["within", "number"], ["came after", "number"], ["by", ""]], some.map((one) => {
    const [words, kind] = OUTCOMES[one.outcome];
    return [clock(one.told_at), who(one), badge(words, kind), percent(one.probability), duration(one.to_s), duration(one.breached_after_s ?? NaN), one.model];
  }));
}

const signed = (value) => `${value > 0 ? "+" : ""}${figure(value)}`;
