"""The page in a real browser over a live pipeline: what people on call see and do."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from state.incident import EventType
from tests.support.live_page import LivePage

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]

HOSTILE = 'checkout: <img src=x onerror="window.hacked=1"><script>window.hacked=1</script> memory grows'
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
    expect(page.get_by_label("Actions")).to_contain_text("approved by ana")
    expect(page.get_by_label("Timeline")).to_contain_text("Resolved: restart verified healthy")
    assert page.evaluate("window.hacked") is None


def test_the_slider_shows_any_instant(page: Page) -> None:
    """Moved by keyboard to the beginning: what came later is not known yet; at the end it is now again."""
    page.goto(f"{page.url.split('#')[0]}#/incident/inc-checkout")
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


@pytest.mark.parametrize("view", ["", "incident/inc-checkout", "approvals", "lag", "letters"])
def test_a_phone_shows_all_of_it(browser: Browser, live: LivePage, view: str) -> None:
    """Nothing is wider than the screen, and every control has a name."""
    phone = browser.new_page(viewport={"width": 360, "height": 740})
    phone.goto(f"{live.url}/#/{view}")
    expect(phone.locator("main h2").first).to_be_attached()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    named = "(e) => e.labels?.length || e.ariaLabel || e.innerText"
    assert phone.evaluate(f"[...document.querySelectorAll('input,select,button')].every({named})")
    phone.close()
