// The live stream: hears what is recorded, shows whether it is heard, and resumes where it stopped.

const SILENCE_MS = 25000; // the server gives a sign of life every ten seconds
let source = null;
let last = "";
let lostAt = 0;
let timer = 0;
let watchdog = 0;

/** Listen; `heard(event)` gets each event, `anew()` is called where something may have been missed. */
export function listen(heard, anew) {
  window.addEventListener("online", () => connect(heard, anew));
  connect(heard, anew);
}

function connect(heard, anew) {
  source?.close();
  clearTimeout(timer);
  source = new EventSource(last ? `/api/v1/stream?last_event_id=${encodeURIComponent(last)}` : "/api/v1/stream");
  const mine = source;
  const lost = () => {
    lostAt ||= Date.now();
    show("lost", "reconnecting…", "The live stream was lost: what is shown may be out of date. Reconnecting…");
    // A browser gives up by itself after some answers, such as those of a proxy.
    mine.close();
    clearTimeout(watchdog);
    clearTimeout(timer);
    timer = setTimeout(() => mine === source && connect(heard, anew), 1500);
  };
  const note = (event) => {
    if (event.lastEventId) last = event.lastEventId;
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, SILENCE_MS);
    if (event.type !== "hello" && event.type !== "alive") return;
    if (JSON.parse(event.data).following) show("live", "live", "");
    else show("deaf", "no log", "Breakwater cannot follow its log now (is Kafka away?): what is shown may be out of date.");
  };
  source.addEventListener("alive", note);
  source.addEventListener("hello", (event) => {
    note(event);
    lostAt = 0;
    // The first time: what was recorded after the server rendered the page, and before it was heard, is told by no event.
    // Later: what is not told by events, such as lag, may have changed as well.
    anew();
  });
  source.addEventListener("reset", (event) => { note(event); anew(); });
  source.addEventListener("incident", (event) => { note(event); heard(JSON.parse(event.data)); });
  source.onerror = lost;
}

function show(state, words, warning) {
  const place = document.getElementById("stream");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  document.getElementById("stream-words").textContent = words;
  const notice = document.getElementById("notice");
  notice.hidden = !warning;
  notice.textContent = warning;
}
