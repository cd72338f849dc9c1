// Figures that the clock moves: written anew every second as long as they are on the page. The first ones come from the server.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 48 s, 12 min, 3.5 h, 2.1 d */
export function duration(seconds) {
  const s = Math.abs(seconds);
  const text = s < 120 ? `${Math.round(s)} s` : s < 7200 ? `${Math.round(s / 60)} min` : s < 172800 ? `${(s / 3600).toFixed(1)} h` : `${(s / 86400).toFixed(1)} d`;
  return seconds < 0 && text !== "0 s" ? `−${text}` : text;
}

function countdown(seconds) {
  if (seconds >= 3600) return duration(seconds);
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const WRITE = {
  left(element, { left, at }) {
    const now = Number(left) - Math.max(0, Date.now() - Number(at)) / 1000;
    element.textContent = now < 0 ? `${countdown(-now)} over` : countdown(now);
    element.className = `figure ${now < 0 ? "bad" : now < 60 ? "warn" : ""}`;
  },
  money(element, { value, perMinute, at, currency }) {
    const now = Number(value) + (Number(perMinute) * Math.max(0, Date.now() - Number(at))) / 60000;
    element.textContent = `${whole.format(Math.max(0, now))} ${currency}`;
  },
  ago(element, { at }) {
    element.textContent = duration(Math.max(0, Date.now() - Number(at)) / 1000);
  },
  until(element, { until }) {
    const left = (Number(until) - Date.now()) / 1000;
    element.textContent = left > 0 ? duration(left) : "now";
  },
};

export function tick() {
  for (const element of document.querySelectorAll("[data-live]")) WRITE[element.dataset.live]?.(element, element.dataset);
}

setInterval(tick, 1000);
