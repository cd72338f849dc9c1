// Plots: uPlot draws the figures that the server wrote beside them; lines differ by dash as well as by colour.

import { duration } from "./live.js";

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const SAY = { brief: (value) => short.format(value ?? 0), duration: (value) => duration(value ?? 0) };
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 4]];
const HEIGHT = 210;
const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

function options(held, data, say, readout) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: Math.max(240, held.clientWidth), height: HEIGHT, legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
    tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: { range: (_, least, most) => [0, most > 0 ? most * 1.05 : 1] } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map(clock), space: 90 }, { ...axis, values: (_, ticks) => ticks.map(say), size: 62 }],
    series: [{}, ...data.lines.map((line, number) => ({ label: line.name, stroke: colour(`--l${number % 6}`), width: 2, dash: DASHES[number % 6], points: { show: false } }))],
    hooks: { setCursor: [(plot) => readout(plot.cursor.idx)] },
  };
}

function draw(figure) {
  const held = figure.querySelector(".plot");
  const data = JSON.parse(figure.dataset.series);
  const say = SAY[data.unit];
  const values = [data.at.map((ms) => ms / 1000), ...data.lines.map((line) => line.values)];
  const names = data.lines.map((line) => line.name).join();
  const before = drawn.get(held);
  const state = { names, at: values[0], figure };
  const words = figure.querySelector(".readout");
  const readout = (number) => {
    const now = drawn.get(held);
    const shown = now?.data;
    if (!shown?.at.length) return;
    const one = number ?? shown.at.length - 1;
    document.getElementById(`${held.id}-readout`).textContent = `${clock(shown.at[one] / 1000)} UTC: ${shown.lines.map((line) => `${line.name} ${say(line.values[one])}`).join(", ")}`;
  };
  if (before?.names === names && held.firstChild) {
    before.data = data;
    before.plot.setData(values);
    readout(before.plot.cursor.idx);
    return;
  }
  before?.plot.destroy();
  drawn.set(held, { ...state, data, plot: null });
  drawn.get(held).plot = new window.uPlot(options(held, data, say, readout), values, held);
  words.textContent ||= "";
  if (!held.dataset.heard) listen(held);
}

function listen(held) {
  held.dataset.heard = "";
  held.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const { plot } = drawn.get(held);
    const end = plot.data[0].length - 1;
    const number = Math.min(end, Math.max(0, (plot.cursor.idx ?? end) + way));
    plot.setCursor({ left: plot.valToPos(plot.data[0][number], "x"), top: 0 });
  });
  held.addEventListener("blur", () => drawn.get(held).plot.setCursor({ left: -10, top: -10 }));
}

function all() {
  for (const figure of document.querySelectorAll("[data-series]")) draw(figure);
}

function anew() {
  for (const [held, { plot }] of drawn) { plot.destroy(); drawn.delete(held); }
  all();
}

document.body.addEventListener("htmx:afterSwap", all);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
let resized = 0;
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(anew, 200); });
all();
