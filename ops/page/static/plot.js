// Plots over time: lines told apart by dash and name as well as by colour; figures at the pointer, by arrow keys, and as a table.

import { h, table } from "./dom.js";
import { brief, clock } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 210;
const [TOP, BOTTOM, LEFT] = [10, 24, 52];
const TABLE_ROWS = 30;

function s(name, attributes, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** A figure: `at` are epoch ms, `lines` have a name and a value an instant; `say` writes a value with its unit. */
export function plot({ id, title, at, lines, say = brief, width }) {
  const wide = Math.max(280, width);
  const most = ceiling(Math.max(0, ...lines.flatMap((line) => line.values)));
  const x = (number) => LEFT + ((wide - LEFT - 8) * number) / Math.max(1, at.length - 1);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const rule = s("line", { class: "pointer", x1: 0, x2: 0, y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const drawing = s("svg", { viewBox: `0 0 ${wide} ${HEIGHT}`, width: wide, height: HEIGHT, role: "img", "aria-label": told(title, at, lines, say) },
    ...[0, 0.5, 1].flatMap((share) => [s("line", { class: "grid-line", x1: LEFT, x2: wide - 8, y1: y(most * share), y2: y(most * share) }),
      s("text", { class: "axis", x: LEFT - 6, y: y(most * share) + 4, "text-anchor": "end" }, say(most * share))]),
    ...ticks(at, wide).map((number) => s("text", { class: "axis", x: x(number), y: HEIGHT - 6, "text-anchor": number === 0 ? "start" : number === at.length - 1 ? "end" : "middle" }, clock(at[number]))),
    ...lines.map((line, number) => s("path", { class: `line line-${number % 6}`, d: line.values.map((value, one) => `${one ? "L" : "M"}${x(one).toFixed(1)} ${y(value).toFixed(1)}`).join("") })),
    rule);
  const readout = h("p", { class: "readout", role: "status" }, latest(at, lines, say));
  const show = (number) => {
    rule.setAttribute("visibility", "visible");
    for (const end of ["x1", "x2"]) rule.setAttribute(end, x(number));
    readout.textContent = latest(at, lines, say, number);
  };
  const rest = () => { rule.setAttribute("visibility", "hidden"); readout.textContent = latest(at, lines, say); };
  let place = at.length - 1;
  const held = h("div", { class: "plot", tabindex: "0", id, role: "group", "aria-label": `${title}: left and right arrow keys read its figures`,
    onpointermove: (event) => { const box = drawing.getBoundingClientRect(); place = nearest((event.clientX - box.left) * (wide / box.width), at.length, wide); show(place); },
    onpointerleave: rest, onblur: rest,
    onkeydown: (event) => { const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key]; if (!way) return; event.preventDefault(); place = Math.min(at.length - 1, Math.max(0, place + way)); show(place); } }, drawing);
  return h("figure", {}, h("figcaption", {}, h("strong", {}, title), legend(lines)), held, readout, figures(id, title, at, lines, say));
}

function legend(lines) {
  return h("ul", { class: "legend" }, lines.map((line, number) => h("li", {}, s("svg", { width: 30, height: 10, "aria-hidden": "true" }, s("path", { class: `line line-${number % 6}`, d: "M1 5H29" })), line.name)));
}

function figures(id, title, at, lines, say) {
  const begin = Math.max(0, at.length - TABLE_ROWS);
  const fill = (event) => {
    if (!event.target.open || event.target.querySelector("table")) return;
    event.target.append(table(`${title}, the last ${at.length - begin} values`, [["at", ""], ...lines.map((line) => [line.name, "number"])],
      at.slice(begin).map((one, number) => [clock(one), ...lines.map((line) => say(line.values[begin + number]))]).reverse()));
  };
  return h("details", { id: `${id}-figures`, ontoggle: fill }, h("summary", {}, "as figures"));
}

function latest(at, lines, say, number = at.length - 1) {
  if (!at.length) return "";
  return `${clock(at[number])} UTC: ${lines.map((line) => `${line.name} ${say(line.values[number] ?? 0)}`).join(", ")}`;
}

function told(title, at, lines, say) {
  return `${title}, ${clock(at[0])} to ${clock(at.at(-1))} UTC. ${lines.map((line) => `${line.name}: now ${say(line.values.at(-1) ?? 0)}, at most ${say(Math.max(0, ...line.values))}`).join("; ")}.`;
}

const nearest = (x, count, wide) => Math.min(count - 1, Math.max(0, Math.round(((x - LEFT) / (wide - LEFT - 8)) * (count - 1))));

function ticks(at, wide) {
  const wanted = Math.min(at.length, wide < 500 ? 3 : 6);
  return wanted < 2 ? [] : Array.from({ length: wanted }, (_, number) => Math.round((number * (at.length - 1)) / (wanted - 1)));
}

/** A round figure that nothing exceeds. */
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= value);
}
