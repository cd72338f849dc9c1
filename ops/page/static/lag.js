// Lag: who is behind, by how much, whether it closes, and which incidents wait behind it.

import { ask } from "./api.js";
import { badge, empty, failed, h, present, table, tile } from "./dom.js";
import { plot } from "./plot.js";
import { brief, count, duration, instant, kind } from "./words.js";

const SHOWN = 6;

export async function show(place) {
  try {
    const [{ rows, replays, at }, history] = await Promise.all([ask("/api/v1/lag"), ask("/api/v1/lag/history")]);
    if (place.querySelector(".plot:hover, .plot:focus")) return; // somebody reads its figures
    const open = place.querySelector("#all-lag")?.checked ?? false;
    const some = open ? rows : rows.filter((row) => row.lag > 0 || row.status !== "OK");
    const standing = rows.filter((row) => !["OK", "WARN"].includes(row.status)).length;
    present(place, h("h2", {}, "Consumer lag"), h("div", { class: "tiles" }, tile("records behind", brief(rows.reduce((sum, row) => sum + row.lag, 0))), tile("furthest behind", duration(Math.max(0, ...rows.map((row) => row.lag_s)))),
      tile("stand still or went back", count(standing), standing ? "bad" : "good"), tile("incidents waiting", count(new Set(rows.flatMap((row) => row.incidents)).size))),
      plots(place, history),
      h("section", { class: "card" }, h("div", { class: "filters" }, h("label", { class: "check" }, h("input", { id: "all-lag", type: "checkbox", checked: open, onchange: () => show(place) }), " also who is up to date"), h("span", { class: "soft" }, `as of ${instant(at)}`)),
        some.length ? lags("Groups", some) : empty(rows.length ? "Everyone is up to date." : "No group has read anything yet.")), replays.length ? h("section", { class: "card" }, lags("Replays, which hold nobody up", replays)) : null);
  } catch (error) {
    failed(place, error, () => show(place), h("h2", {}, "Consumer lag"));
  }
}

const short = (group) => group.replace(/^breakwater-/, "");

function plots(place, history) {
  const lines = history.lines.slice(0, SHOWN);
  if (!lines.length) return null;
  const others = history.others + history.lines.length - lines.length;
  const width = place.clientWidth - 60;
  const drawn = (field) => lines.map((line) => ({ name: `${short(line.group)} ${line.topic}[${line.partition}]`, values: line[field] }));
  return h("section", { class: "card" }, plot({ id: "lag-seconds", title: "Seconds behind", at: history.at, lines: drawn("lag_s"), width, say: (value) => duration(value) }),
    plot({ id: "lag-records", title: "Records behind", at: history.at, lines: drawn("lag"), width }), others ? h("p", { class: "soft" }, `${others} more were less far behind.`) : null);
}

function lags(title, rows) {
  const links = (ids) => ids.slice(0, 3).map((id) => [h("a", { href: `#/incident/${encodeURIComponent(id)}` }, id), " "]);
  return table(title, [["group", ""], ["topic", ""], ["partition", "number"], ["status", ""], ["records", "number"], ["behind", "number"], ["a second", "number"], ["closes in", "number"], ["incidents", ""]],
    rows.map((row) => [short(row.group), row.topic, row.partition, badge(row.status, kind(row.status)), count(row.lag), duration(row.lag_s), count(row.velocity), row.eta_s === null ? "–" : duration(row.eta_s), [links(row.incidents), row.incidents.length > 3 ? `+${row.incidents.length - 3}` : ""]]));
}
