"""The page in a real browser over a live pipeline: what people on call see and do."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from state.incident import EventType
from tests.support.axe import axe_source, grave_faults
from tests.support.live_page import LivePage

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]

HOSTILE = 'checkout: <img src=x onerror="window.hacked=1"><script>window.hacked=1</script> memory grows'
VIEWS = ("", "incident/inc-checkout", "approvals", "storms", "lag", "predictions", "letters", "health")
# The API's documentation, and an address that nobody has.
BESIDE = ("docs", "no/such/page")
# Two cores may have much else to do.
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[LivePage]:
    """The pipeline, with an incident that a person has to decide on, one that it causes, and a dead letter."""
    page = LivePage(tmp_path_factory.mktemp("page"), jars_dir)
    try:
        page.up()
        # One after the other, so that each has an instant of its own on the slider.
        page.tell_and_see("inc-checkout", EventType.INCIDENT_OPENED, title=HOSTILE)
        for kind in (EventType.ALERTS_ACCOUNTED, EventType.PREDICTION_MADE, EventType.DIAGNOSIS_MADE):
            page.tell_and_see("inc-checkout", kind)
        page.decide("inc-checkout")
        page.tell("inc-cart", EventType.INCIDENT_OPENED, service="cart", title="cart: upstream errors")
        page.tell("inc-cart", EventType.DIAGNOSIS_MADE, parent_incident_id="inc-checkout")
        page.shelve("Its bytes are no record of the contract Alert")
        yield page
    finally:
        page.down()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        # Containers run tests as root, where Chromium's own sandbox cannot be had.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, live: LivePage) -> Iterator[Page]:
    """The page, opened; whatever its console says against it fails the test."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(live.url)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def test_an_incident_is_opened_understood_and_its_plan_approved(page: Page) -> None:
    """From the list to the vote and its reason, to the exact plan, to the service restarted and verified; all live."""
    row = page.locator("article[data-id=inc-checkout]")
    expect(row).to_contain_text("waits for approval: restart checkout")
    expect(row).to_contain_text(HOSTILE)
    expect(page.locator("#approvals-count")).to_have_text("1")
    page.get_by_role("link", name=HOSTILE).first.click()
    votes = page.get_by_role("table", name="Votes")
    expect(votes.get_by_role("row").filter(has_text="diagnosis")).to_contain_text("85 %")
    expect(page.locator("#consensus")).to_contain_text("A human decides: support 0.44 is below 0.5.")
    expect(page.locator("#approval")).to_contain_text("stop checkout and start it again")
    page.get_by_label("Who you are").fill("ana")
    page.get_by_label("Why (it is kept)").fill("It is the known leak")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#approval")).to_contain_text("Approved by ana: It is the known leak")
    expect(page.locator(".steps [aria-current]")).to_have_text("resolved")
    action = page.get_by_label("Action 1")
    expect(action).to_contain_text("approved by ana")
    expect(action).to_contain_text("✓ it could be done")
    expect(action).to_contain_text(re.compile("✓ healthy after [1-5] check"))
    expect(action).to_contain_text("stop checkout and start it again")
    expect(page.get_by_label("Timeline")).to_contain_text("Resolved: restart verified healthy")
    assert page.evaluate("window.hacked") is None


def test_the_slider_shows_any_instant(page: Page) -> None:
    """Moved by keyboard to the beginning: what came later is not known yet; at the end it is now again."""
    page.goto(f"{page.url}incident/inc-checkout")
    slider = page.get_by_label("Replay: the incident at any instant")
    expect(page.locator("#consensus")).to_be_visible()
    slider.press("Home")
    expect(page.locator("#past")).to_contain_text("after it began: open")
    expect(page.locator("#body")).to_contain_text("The agents have not decided yet.")
    expect(page.locator(".story li.later").first).to_be_visible()
    page.get_by_role("button", name="event ▶").click()
    expect(page.locator("#body")).to_contain_text("suppressed")
    page.get_by_role("button", name="Now").click()
    expect(page.locator("#past")).to_contain_text("As it is now")
    expect(page.locator("#consensus")).to_be_visible()


def test_a_dead_letter_is_put_back(page: Page) -> None:
    """With who and why; afterwards it is told so, and cannot be put back twice."""
    page.get_by_role("link", name="Dead letters").click()
    row = page.get_by_role("row").filter(has_text="no record of the contract Alert")
    row.get_by_text("its bytes").click()
    expect(row).to_contain_text("<b>no alert</b>")
    page.get_by_label("Who you are").fill("ana")
    page.get_by_label("Why", exact=True).fill("The contract is mended")
    row.get_by_role("button", name="Put letter").click()
    expect(page.locator("#outcome")).to_contain_text("1 put back")
    expect(row).to_contain_text("put back")
    expect(row.get_by_role("button")).to_have_count(0)


def test_a_lost_stream_is_told_and_found_again(page: Page, live: LivePage) -> None:
    """What happened meanwhile is on the page without anybody's doing."""
    expect(page.locator("#stream")).to_have_text("live")
    live.stop_serving()
    expect(page.locator("#notice")).to_contain_text("The live stream was lost")
    expect(page.locator("article[data-id=inc-checkout]")).to_be_visible()
    live.tell("inc-search", EventType.INCIDENT_OPENED, service="search", title="search: latency above baseline")
    live.serve()
    expect(page.locator("#stream")).to_have_text("live")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("article[data-id=inc-search]")).to_be_visible()
    live.tell("inc-mail", EventType.INCIDENT_OPENED, service="mail", title="mail: queue grows")
    expect(page.locator("article[data-id=inc-mail]")).to_be_visible()


def test_children_are_folded_under_what_causes_them(page: Page) -> None:
    """They are one click away."""
    child = page.locator("article[data-id=inc-cart]")
    expect(child).to_be_hidden()
    page.get_by_text("1 more because of checkout").click()
    expect(child).to_be_visible()


def test_evidence_opens_the_very_record(page: Page) -> None:
    """Decoded, with its place; the keyboard closes it. Of one that was never there it says so."""
    page.goto(f"{page.url}incident/inc-checkout")
    first = page.locator(".story > li").first
    first.get_by_text("version 1").click()
    first.get_by_role("button", name="incident.events").click()
    record = page.get_by_role("dialog")
    expect(record).to_contain_text("incident.events · partition")
    expect(record.get_by_label("The record, decoded")).to_contain_text('"type": "IncidentOpened"')
    page.keyboard.press("Escape")
    expect(record).to_have_count(0)
    page.get_by_role("button", name="alerts.sampled").first.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("is not written yet")


def test_an_incident_is_rerun_and_taken_away(page: Page) -> None:
    """The verdict stays on the incident; postmortem and bundle are files."""
    page.goto(f"{page.url}incident/inc-cart")
    page.get_by_role("button", name="Rerun").click()
    expect(page.locator("#rerun .badge").first).to_have_text(re.compile("identical|diverged"), timeout=120_000)
    expect(page.locator("#rerun")).to_contain_text("made again")
    for name, ending in (("Postmortem", ".md"), ("Bundle", ".bundle")):
        with page.expect_download() as started:
            page.get_by_role("link", name=name).click()
        assert started.value.suggested_filename == f"inc-cart{ending}"
        assert started.value.path().stat().st_size > 100


def test_the_machines_own_health_is_shown(page: Page) -> None:
    """Each check, what is wrong and what to do; workers that are missing; dead letters lead to their reason."""
    page.get_by_role("link", name="Health").click()
    checks = page.get_by_role("table", name="Checks")
    expect(checks.get_by_role("row").filter(has_text="brokers")).to_contain_text("✓ well")
    expect(checks.get_by_role("row").filter(has_text="workers")).to_contain_text("No workers run for edge, analysis")
    page.get_by_role("link", name="look and put back").click()
    expect(page.locator("main")).to_contain_text("Only those of reason malformed")


def test_storms_and_predictions_are_shown_as_they_come(page: Page, live: LivePage) -> None:
    """A storm's alerts as a plot whose figures the keyboard reads; a breach that is foretold, and what came of another."""
    page.get_by_role("link", name="Storms").click()
    expect(page.locator("main")).to_contain_text("There is no storm.")
    live.storm("inc-checkout")
    expect(page.get_by_role("table", name="Since when")).to_contain_text("checkout")
    plot = page.get_by_role("group", name="Alerts a second")
    expect(page.get_by_role("table", name="In the last ten minutes").first).to_contain_text("2,000")
    plot.focus()
    plot.press("ArrowLeft")
    expect(page.locator(".readout")).to_contain_text("received")
    page.get_by_role("link", name="Predictions").click()
    live.foretell("inc-checkout")
    expect(page.get_by_role("table", name="The likeliest first")).to_contain_text("91 %")
    expect(page.get_by_role("table", name="The newest first")).to_contain_text("came as foretold")


def test_lag_is_drawn_over_time(page: Page, live: LivePage) -> None:
    """Of a group that reads nothing, with the incidents behind it."""
    live.fall_behind("breakwater-analysis")
    page.get_by_role("link", name="Lag").click()
    expect(page.get_by_role("group", name="Seconds behind")).to_be_visible()
    expect(
        page.get_by_role("table", name="Groups").get_by_role("row").filter(has_text="analysis").first
    ).to_contain_text("STOP")
    page.get_by_text("as figures").first.click()
    expect(page.get_by_role("table", name="Seconds behind")).to_contain_text("analysis")


def test_what_is_decided_behind_a_lag_waits_for_a_person(page: Page, live: LivePage) -> None:
    """Four agents are sure; analysis is ten minutes behind: decided, not done, and the event says who is behind by how much."""
    live.fall_behind("breakwater-analysis")
    live.tell_and_see("inc-stale", EventType.INCIDENT_OPENED, service="ledger", title="ledger: errors")
    live.recommend("inc-stale", "ledger")
    page.goto(f"{page.url}incident/inc-stale")
    consensus = page.locator("#consensus")
    expect(consensus).to_contain_text("a human decides", timeout=120_000)
    expect(consensus).to_contain_text(re.compile(r"breakwater-analysis.*incident\.candidates"))
    expect(page.get_by_label("Timeline")).to_contain_text("Asked for a human")
    expect(page.get_by_label("Timeline")).not_to_contain_text("Going to")


def test_an_incident_is_found_by_a_text(page: Page) -> None:
    """`/` goes to the search."""
    expect(page.locator("article[data-id=inc-checkout]")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("UPSTREAM err")
    page.keyboard.press("Enter")
    expect(page.locator("article[data-id=inc-cart]")).to_be_visible()
    expect(page.locator("article[data-id=inc-checkout]")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, live: LivePage, scheme: Literal["light", "dark"]) -> None:
    """On any view, on the API's documentation, on an error, and on a record that is open; in both colour schemes."""
    source = axe_source()
    if source is None:
        pytest.skip("axe-core cannot be had: npm is missing, or gets nothing")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    found = {}
    for view in (*VIEWS, *BESIDE):
        page.goto(f"{live.url}/{view}")
        expect(page.locator("main h2").first).to_be_attached()
        expect(page.locator("main .empty", has_text="Loading")).to_have_count(0)
        found[view] = grave_faults(page, source)
    page.goto(f"{live.url}/incident/inc-checkout")
    page.get_by_role("button", name="alerts.sampled").first.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    found["a record"] = grave_faults(page, source)
    context.close()
    assert {view: faults for view, faults in found.items() if faults} == {}


@pytest.mark.parametrize("view", [*VIEWS, *BESIDE])
def test_a_phone_shows_all_of_it(browser: Browser, live: LivePage, view: str) -> None:
    """Nothing is wider than the screen, and every control has a name."""
    phone = browser.new_page(viewport={"width": 360, "height": 740})
    phone.goto(f"{live.url}/{view}")
    expect(phone.locator("main h2").first).to_be_attached()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    named = "(e) => e.labels?.length || e.ariaLabel || e.textContent"
    assert phone.evaluate(f"[...document.querySelectorAll('input:not([type=hidden]),select,button')].every({named})")
    phone.close()
