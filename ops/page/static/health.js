// Health: every check, brokers, workers, the store, and what was refused.

import { ask } from "./api.js";
import { badge, empty, facts, failed, h, present, table, tile } from "./dom.js";
import { clock, count, duration, instant, percent } from "./words.js";

export async function show(place) {
  try {
    const [found, { signals }, letters] = await Promise.all([ask("/api/v1/health"), ask("/api/v1/signals"), ask("/api/v1/dead-letters?limit=1").catch((error) => ({ error }))]);
    const wrong = found.checks.filter((one) => !one.ok);
    const members = (found.workers.groups ?? []).reduce((sum, one) => sum + one.members.length, 0);
    present(place, h("h2", {}, "Health ", found.well ? badge("all is well", "good") : badge(`${wrong.length} of ${found.checks.length} checks fail`, "bad")),
      h("div", { class: "tiles" }, tile("brokers", count(found.brokers.nodes?.length ?? NaN), found.brokers.nodes?.length ? "" : "bad"), tile("workers", count(members), members ? "" : "bad"),
        tile("behind", duration(found["keeping up"].lag_s ?? NaN)), tile("events stored", count(found.store.events ?? NaN)), tile("dead letters waiting", letters.error ? "–" : count(letters.waiting), letters.waiting ? "warn" : "")),
      h("section", { class: "card" }, table(`Checks, as of ${instant(found.at)}`, [["check", ""], ["state", ""], ["what is wrong, and what to do", ""], ["took", "number"]],
        found.checks.map((one) => [one.name, one.ok ? badge("✓ well", "good") : badge("✗ fails", "bad"), one.detail || "–", `${count(one.took_s * 1000)} ms`]))),
      h("div", { class: "grid" }, brokers(found.brokers), store(found.store), dead(letters)), workers(found.workers.groups), said(signals));
  } catch (error) {
    failed(place, error, () => show(place), h("h2", {}, "Health"));
  }
}

function brokers({ nodes = [], cluster_id: id }) {
  return h("section", { class: "card" }, h("h3", {}, "Brokers"), nodes.length ? table(`Cluster ${id}`, [["id", "number"], ["address", ""], ["", ""]], nodes.map((one) => [one.id, one.address, one.controller && badge("controller")])) : empty("No broker answers."));
}

function store({ kind, events }) {
  return h("section", { class: "card" }, h("h3", {}, "Store of incidents"), facts([["kind", kind ?? "does not answer"], ["events", count(events ?? NaN)]]));
}

function dead(letters) {
  const reasons = Object.entries(letters.by_reason ?? {});
  return h("section", { class: "card" }, h("h3", {}, "Dead letters by reason"), letters.error ? empty(letters.error.message) : reasons.length
    ? [table(`${count(letters.waiting)} of ${count(letters.total)} not put back`, [["reason", ""], ["letters", "number"], ["", ""]], reasons.map(([name, number]) => [badge(name, "warn"), count(number), h("a", { href: `#/letters/${encodeURIComponent(name)}` }, "look and put back")]))]
    : empty("Nothing was refused."));
}

function workers(groups = []) {
  const rows = groups.flatMap((one) => (one.members.length ? one.members : [null]).map((member) => [one.role, badge(member ? "✓ at work" : "✗ none", member ? "good" : "bad"), member?.client ?? "–", member?.host ?? "–", member ? count(member.partitions) : "–"]));
  return h("section", { class: "card" }, h("h3", {}, "Workers"), rows.length ? table("Members of the consumer groups", [["role", ""], ["state", ""], ["client", ""], ["host", ""], ["partitions", "number"]], rows) : empty("Kafka does not tell of them now."));
}

/** What workers said of themselves: a stage over its budget, or that another worker is due. */
function said(signals) {
  const words = (one) => one.kind === "scale_out" ? `${percent(one.measured)} of its core used, ${percent(one.allowed)} should do: start another ${one.worker.replace(/-\d+$/, "")} worker`
    : `${one.stage} took ${duration(one.measured)} for ${one.topic}, ${one.limit === "most" ? "at most" : "the target is"} ${duration(one.allowed)}${one.times > 1 ? `; ${count(one.times)} batches since the last word` : ""}`;
  return h("section", { class: "card" }, h("h3", {}, "Budgets and scaling, the last hour"), signals.length
    ? table("Signals of the workers, the newest first", [["when", ""], ["worker", ""], ["what", ""], ["", ""]], signals.map((one) => [clock(one.occurred_at), one.worker, badge(one.kind === "scale_out" ? "scale out" : `over ${one.limit}`, one.limit === "most" ? "bad" : "warn"), words(one)])) : empty("Every stage kept its budget, no worker was too busy."));
}
