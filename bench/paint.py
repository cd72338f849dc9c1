"""When the page is painted: visits by a real browser, each as the first one, with 10,000 incidents in the store."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import httpx
from playwright.sync_api import Browser, sync_playwright

from bench.figures import Figure, Pair, Progress
from ops.bench.api import INCIDENTS, fill
from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.process import measured_program
from ops.listening import free_port

VISITS = 9
_AIM_MS = 1_000.0
_HOST = "127.0.0.1"
_START_S = 60.0
_VIEWS = {"the list": "/", "an incident": "/incident/inc-0007"}
# Of the browser's own clock, from the moment that it is told to go there.
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass(frozen=True, slots=True)
class Visit:
    """Milliseconds until something was painted, and until what was asked for stood there."""

    painted_ms: float
    there_ms: float


def measure_paint(broker: Broker, progress: Progress) -> list[Figure]:
    """Visits by Chromium, each with an empty cache; without Chromium no figures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        progress("there is no Chromium here (apt-get install chromium): when the page is painted is not measured")
        return []
    broker.renew()
    with _served(broker) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        _visit(browser, f"{url}/")  # the server's templates are compiled, the browser's own parts loaded
        found = []
        for what, path in _VIEWS.items():
            progress(f"page, {what}: {VISITS} visits by Chromium")
            found += _figures(what, [_visit(browser, url + path) for _ in range(VISITS)])
        browser.close()
    return found


def _figures(what: str, visits: list[Visit]) -> list[Figure]:
    painted, there = [one.painted_ms for one in visits], [one.there_ms for one in visits]
    note = f"the slowest of {VISITS} took {max(painted):.0f} ms; what was asked for is seen there after {median(there):.0f} ms"
    pairs = tuple(Pair(_AIM_MS, one.painted_ms) for one in visits)
    name = f"{what}, {INCIDENTS:,} incidents: first contentful paint"
    return [Figure("page", name, "ms", "what it may take", pairs, less_is_better=True, note=note)]


def _visit(browser: Browser, url: str) -> Visit:
    context = browser.new_context()
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.locator("article.incident, #body").first.wait_for()
    there_ms = float(page.evaluate("performance.now()"))
    page.wait_for_function(f"({_PAINTED.removesuffix('.startTime')}) !== undefined")
    visit = Visit(float(page.evaluate(_PAINTED)), there_ms)
    context.close()
    return visit


@contextmanager
def _served(broker: Broker) -> Iterator[str]:
    """`serve` over a store of incidents; its address."""
    home, port = broker.home / "paint", free_port(_HOST)
    home.mkdir(parents=True, exist_ok=True)
    fill(home / "store.sqlite", 0)
    environment = {
        "BREAKWATER_HOME": str(home), "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BREAKWATER_HTTP_PORT": str(port),
    }  # fmt: skip
    with measured_program([sys.executable, "-m", "ops.cli", "serve"], home / "serve.log", environment) as process:
        url, deadline = f"http://{_HOST}:{port}", time.monotonic() + _START_S
        while not _ready(url):
            process.usage()
            if time.monotonic() > deadline:
                raise BenchError(f"`serve` was not ready within {_START_S:.0f} s. Its log is {process.log}.")
            time.sleep(0.2)
        yield url


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=6).status_code == 200
    except httpx.HTTPError:
        return False
