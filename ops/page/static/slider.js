// The slider over time: the incident is asked for as it was at the instant that it stands at.

const view = document.getElementById("view");
let at = null;
let timer = 0;

const instants = () => JSON.parse(document.getElementById("past")?.dataset.instants ?? "[]");
const slider = () => document.getElementById("instant");

function go(to) {
  at = to;
  place();
  clearTimeout(timer);
  timer = setTimeout(() => window.htmx.trigger(document.body, "changed"), 60);
}

function beside(way) {
  const known = instants();
  const now = at ?? Infinity;
  const found = way < 0 ? known.filter((one) => one < now).at(at === null ? -2 : -1) : known.find((one) => one > now);
  return found ?? (way < 0 ? known[0] ?? null : null);
}

/** The slider reaches from the first event to behind the last, which is now. */
function place() {
  const known = instants();
  const field = slider();
  if (!field) return;
  const [first, last] = [known[0] ?? 0, known.at(-1) ?? 1];
  field.max = last - first + 1;
  field.value = at === null ? field.max : at - first;
  field.disabled = known.length < 2;
  field.setAttribute("aria-valuetext", at === null ? "now" : new Date(at).toISOString());
}

view.addEventListener("input", (event) => {
  if (event.target.id !== "instant") return;
  const field = event.target;
  go(Number(field.value) >= Number(field.max) ? null : (instants()[0] ?? 0) + Number(field.value));
});

view.addEventListener("click", (event) => {
  const way = { earlier: () => beside(-1), later: () => beside(1), now: () => null }[event.target.id];
  if (way) go(way());
});

document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt === view && at !== null) event.detail.parameters.at = at;
});
document.body.addEventListener("htmx:afterSwap", place);
place();
