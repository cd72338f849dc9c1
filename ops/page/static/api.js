// Asking the API. What was answered before is not sent again (ETag); errors say what the problem details say.

const held = new Map();
const MOST_HELD = 50;
const PATIENCE_MS = 20000;

/** What came with the page itself is the first answer to its path. */
export function given(path, document) {
  first.set(path, document);
}

const first = new Map();

/** The JSON of a path. */
export async function ask(path) {
  if (first.has(path)) {
    const document = first.get(path);
    first.delete(path);
    return document;
  }
  const before = held.get(path);
  const answer = await reach(path, { headers: before ? { "If-None-Match": before.tag } : {} });
  if (answer.status === 304) return before.document;
  const document = await read(answer);
  const tag = answer.headers.get("etag");
  if (tag) {
    held.delete(path);
    held.set(path, { tag, document });
    if (held.size > MOST_HELD) held.delete(held.keys().next().value);
  }
  return document;
}

/** Send JSON to a path; its answer. */
export async function send(path, body) {
  const answer = await reach(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return read(answer);
}

async function reach(path, options) {
  try {
    return await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  } catch (error) {
    if (error.name === "TimeoutError") throw new Error(`No answer came within ${PATIENCE_MS / 1000} s: is Kafka away? This page tries again by itself.`);
    throw new Error("Breakwater does not answer. See that `breakwater serve` runs; this page tries again by itself.");
  }
}

async function read(answer) {
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new Error(document.detail || `The answer was ${answer.status}.`);
    error.status = answer.status;
    throw error;
  }
  return document;
}
