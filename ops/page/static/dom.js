// Elements made from texts. Nothing here takes markup: whatever an alert says is shown as it is written.

/** An element: `h("p", {class: "soft"}, "text", child, …)`; null and false children are left out, `on…` are listeners. */
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value") made.value = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat(4)) {
    if (child === null || child === undefined || child === false) continue;
    made.append(child instanceof Node ? child : visible(child));
  }
  return made;
}

/** A text whose invisible and direction-changing characters are shown as what they are. */
export function visible(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\ufffd");
}

/** Put new content in place of the old; focus and open details whose ids are there again are kept. */
export function replace(place, ...content) {
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Set([...place.querySelectorAll("details[open][id]")].map((one) => one.id));
  place.replaceChildren(...content.flat(4).filter(Boolean));
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Say something to those who hear the page. */
export function tell(text) {
  document.getElementById("told").textContent = text;
}

export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

export function empty(text) {
  return h("p", { class: "empty" }, text);
}

/** Content that is there; `failed` leaves it when nothing answers, for then the page's notice tells that it is of the past. */
export function present(place, ...content) {
  replace(place, ...content);
  place.dataset.present = "";
}

/** What is told where an answer did not come. */
export function failed(place, error, again, ...before) {
  if (error.status || place.dataset.present === undefined) replace(place, ...before, wrong(error, again));
}

function wrong(error, again) {
  return h("div", { class: "wrong", role: "alert" }, h("p", {}, error.message),
    again && h("button", { onclick: again }, "Try again"));
}

/** A definition list of [term, description] pairs. */
export function facts(pairs) {
  return h("dl", {}, pairs.filter(Boolean).map(([term, said]) => [h("dt", {}, term), h("dd", {}, said)]));
}

/** A table: headings as [title, "number" or ""], rows of cells. */
export function table(caption, headings, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, headings.map(([title, kind]) => h("th", { scope: "col", class: kind }, title)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, at) => h("td", { class: headings[at][1] }, cell)))))));
}

/** One figure that matters, large, over what it is of. */
export function tile(words, value, kind = "") {
  return h("div", { class: `tile ${kind}` }, h("p", { class: "big" }, value), h("p", {}, words));
}
