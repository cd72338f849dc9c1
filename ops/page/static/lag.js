// Lag: who is behind, by how much, whether it closes, and which incidents wait behind it.

import { ask } from "./api.js";
import { badge, empty, failed, h, present, table } from "./dom.js";
import { count, duration, instant, kind } from "./words.js";

export async function show(place) {
  try {
    const { rows, replays, at } = await ask("/api/v1/lag");
    const open = place.querySelector("#all-lag")?.checked ?? false;
    const some = open ? rows : rows.filter((row) => row.lag > 0 || row.status !== "OK");
    const behind = rows.reduce((sum, row) => sum + row.lag, 0);
    present(place, h("h2", {}, "Consumer lag"), h("p", { class: "soft" }, `${count(behind)} records behind in all, oldest ${duration(Math.max(0, ...rows.map((row) => row.lag_s)))}; as of ${instant(at)}.`),
      h("div", { class: "filters" }, h("label", {}, h("input", { id: "all-lag", type: "checkbox", checked: open, onchange: () => show(place) }), " also what is up to date")),
      h("div", { class: "card" }, some.length ? lags("Groups", some) : empty(rows.length ? "Everyone is up to date." : "No group has read anything yet.")), replays.length ? h("div", { class: "card" }, lags("Replays, which hold nobody up", replays)) : null);
  } catch (error) {
    failed(place, error, () => show(place), h("h2", {}, "Consumer lag"));
  }
}

function lags(title, rows) {
  const links = (ids) => ids.slice(0, 3).map((id) => [h("a", { href: `#/incident/${encodeURIComponent(id)}` }, id), " "]);
  return table(title, [["group", ""], ["topic", ""], ["partition", "number"], ["status", ""], ["records", "number"], ["behind", "number"], ["a second", "number"], ["closes in", "number"], ["incidents", ""]],
    rows.map((row) => [row.group.replace(/^breakwater-/, ""), row.topic, row.partition, badge(row.status, kind(row.status)), count(row.lag), duration(row.lag_s), count(row.velocity), row.eta_s === null ? "–" : duration(row.eta_s), [links(row.incidents), row.incidents.length > 3 ? `+${row.incidents.length - 3}` : ""]]));
}
