// Figures that the clock moves: written anew every second as long as they are on the page.

const moved = new WeakMap();

/** The element, written by `write(element)` now and every second. */
export function live(element, write) {
  element.dataset.live = "";
  moved.set(element, write);
  write(element);
  return element;
}

setInterval(() => {
  for (const element of document.querySelectorAll("[data-live]")) moved.get(element)?.(element);
}, 1000);
