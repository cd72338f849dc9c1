// Figures and words as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (value) => (Number.isFinite(value) ? whole.format(value) : "–");
export const brief = (value) => (Number.isFinite(value) ? short.format(value) : "–");
export const figure = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "–");
export const percent = (value) => (Number.isFinite(value) ? `${Math.round(value * 100)} %` : "–");
export const lower = (text) => String(text ?? "").toLowerCase().replaceAll("_", " ");
export const money = (value, currency = "USD") => (Number.isFinite(value) ? `${count(value)} ${currency}` : "–");

/** 48 s, 12 min, 3.5 h, 2.1 d */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.abs(seconds);
  const text = s < 120 ? `${Math.round(s)} s` : s < 7200 ? `${Math.round(s / 60)} min` : s < 172800 ? `${(s / 3600).toFixed(1)} h` : `${(s / 86400).toFixed(1)} d`;
  return seconds < 0 && text !== "0 s" ? `−${text}` : text;
}

/** 2:31, 12:05; from an hour on as a duration */
export function countdown(seconds) {
  if (!Number.isFinite(seconds) || seconds >= 3600) return duration(seconds);
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export const clock = (ms) => (ms ? new Date(ms).toISOString().slice(11, 19) : "–");
export const instant = (ms) => (ms ? new Date(ms).toISOString().replace("T", " ").slice(0, 19) + " UTC" : "–");

const KINDS = { CRITICAL: "bad", ERROR: "warn", WARNING: "warn", STOP: "bad", STALL: "bad", REWIND: "bad", WARN: "warn", OK: "good",
  escalated: "bad", resolved: "good", closed: "", remediating: "warn" };
export const kind = (word) => KINDS[word] ?? "";

/** What is done, as a person would say it: restart checkout. */
export const deed = (p) => (p?.action === "NOOP" ? "wait until it clears" : `${lower(p?.action ?? "?")} ${p?.target ?? ""}`.trim());

/** What an incident has cost by now, and would have saved: extended from what the API said at `as_of`. */
export function figures(incident, now) {
  const impact = incident.impact;
  if (!impact) return null;
  const passed = incident.ended_at || incident.past ? 0 : Math.max(0, now - impact.as_of);
  const more = (impact.per_minute * passed) / 60000;
  return { cost: impact.cost + more, saved: Math.max(0, impact.saved - more), left: impact.left_s - passed / 1000, currency: impact.currency };
}
