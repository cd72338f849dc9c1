"""What `breakwater demo` leaves behind, on the page: a service that really leaked, its storm, the decision, the restart."""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console

from ops.demo.run import Surroundings, Timing, run_demo
from ops.demo.scenarios import scenario_of
from tests.pipeline.platform import Platform

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.chaos,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]

ALERTS = 4_000
# Two cores may have much else to do.
PATIENCE_MS = 60_000
# What the storm's malformed alerts are refused for.
REFUSED = "malformed"


@dataclass(frozen=True, slots=True)
class Shown:
    """The page, which was open all the while; the target's incident, as the demonstration itself tells of it."""

    page: Page
    url: str
    incident_id: str
    told: dict[str, Any]

    def api(self, path: str) -> Any:
        """What the API says."""
        return httpx.get(f"{self.url}/api/v1{path}", timeout=60).raise_for_status().json()

    def open(self) -> None:
        """The incident's own page."""
        self.page.goto(f"{self.url}/incident/{self.incident_id}")
        expect(self.page.locator("#consensus")).to_be_visible()


@pytest.fixture(scope="module")
def shown(program: Platform) -> Iterator[Shown]:
    """The page is opened, then the scenario is played on the running program; nobody touches the page meanwhile."""
    url = program.running.http_url
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        expect(page.locator("#stream")).to_have_text("live")
        told = played(program)
        failed = scenario_of("memory-leak").target.service
        one = next(each for each in told["incidents"] if each["service"] == failed)
        yield Shown(page, url, one["incident_id"], told)
        browser.close()


def played(program: Platform) -> dict[str, Any]:
    """What the demonstration tells of itself."""
    out = io.StringIO()
    around = Surroundings(start_platform=lambda *_: nullcontext(program.running), timing=Timing(limit_s=300.0))
    with redirect_stdout(out):
        run_demo(
            program.settings,
            "memory-leak",
            ALERTS,
            as_json=True,
            console=Console(file=io.StringIO()),
            surroundings=around,
        )
    told: dict[str, Any] = json.loads(out.getvalue())
    assert told["missing"] == [], f"{told}\n{program.tails()}"
    return told


def test_the_open_page_showed_it_by_itself(shown: Shown) -> None:
    """From nothing to resolved, without a click; the services that complained because of it are folded under it or apart."""
    row = shown.page.locator(f'article[data-id="{shown.incident_id}"]')
    expect(row.locator("[aria-current]").first).to_have_text("resolved")
    expect(row).to_contain_text("checkout")
    expect(row).to_contain_text("memory leak")
    expect(row).to_contain_text("cause: ")


def test_the_vote_and_why_it_was_won(shown: Shown) -> None:
    """Every agent's word with its weight, as the API has it; the lifecycle is gone through; the action and its outcome."""
    shown.open()
    page, decision = shown.page, shown.api(f"/incidents/{shown.incident_id}")["decision"]
    done = page.locator("h2 ~ .steps > li.done")
    assert [step for step in ("open", "diagnosed", "decided") if step not in done.all_inner_texts()] == []
    votes = page.get_by_role("table", name="Votes").locator("tbody tr")
    expect(votes).to_have_count(len(decision["votes"]))
    for number, vote in enumerate(decision["votes"]):
        expect(votes.nth(number)).to_contain_text(vote["agent"])
        expect(votes.nth(number)).to_contain_text(f"{vote['confidence'] * 100:.0f} %")
    expect(page.locator("#consensus")).to_contain_text("restart checkout")
    expect(page.locator("#consensus")).to_contain_text(decision["reason"])
    action = page.get_by_label("Action 1")
    for part in ("succeeded", "✓ it could be done", "✓ healthy after", "stop checkout and start it again"):
        expect(action).to_contain_text(part)
    expect(page.get_by_label("Timeline")).to_contain_text("Resolved")


def test_what_a_vote_rests_on_is_the_very_record(shown: Shown) -> None:
    """The first record of each agent's evidence that is still there: what is shown is what lies at that place."""
    shown.open()
    page, votes = shown.page, shown.api(f"/incidents/{shown.incident_id}")["decision"]["votes"]
    seen = 0
    for vote in (one for one in votes if one["evidence"]):
        rests = page.locator(f"#vote-{vote['agent']}")
        rests.locator("summary").click()
        where = vote["evidence"][0]
        place = f"{where['topic']}/{where['partition']}/{where['offset']}"
        rests.get_by_role("button", name=f"{where['topic']}[{where['partition']}]@{where['offset']}").first.click()
        text = page.get_by_label("The record, decoded").text_content()
        assert text is not None
        assert json.loads(text) == shown.api(f"/records/{place}")["value"]
        expect(page.get_by_role("dialog")).to_contain_text(f"offset {where['offset']}")
        page.keyboard.press("Escape")
        seen += 1
    assert seen >= 2


def test_the_slider_goes_back_to_its_beginning(shown: Shown) -> None:
    """When it was open and nothing was decided; event by event forward until the decision is there; then now."""
    shown.open()
    page = shown.page
    page.get_by_label("Replay: the incident at any instant").press("Home")
    expect(page.locator("#past")).to_contain_text("after it began: open")
    expect(page.locator("#body")).to_contain_text("The agents have not decided yet.")
    for _ in range(len(shown.api(f"/incidents/{shown.incident_id}/timeline")["events"])):
        if page.locator("#consensus").count():
            break
        before = page.locator("#past").get_attribute("data-at")
        page.get_by_role("button", name="event ▶").click()
        expect(page.locator("#past")).not_to_have_attribute("data-at", str(before))
    expect(page.locator("#consensus")).to_be_visible()
    expect(page.locator("#past")).not_to_contain_text("resolved")
    page.get_by_role("button", name="Now").click()
    expect(page.locator("#past")).to_contain_text("As it is now: resolved")


def test_a_rerun_makes_the_same_decisions(shown: Shown) -> None:
    """The page's own verdict, over the real stages' records."""
    shown.open()
    shown.page.get_by_role("button", name="Rerun").click()
    expect(shown.page.locator("#rerun .badge").first).to_have_text("identical", timeout=200_000)


def test_the_storm_and_what_was_refused_in_it(shown: Shown) -> None:
    """Its plot is drawn and the loudest are told; of the malformed alerts it says why they are, and shows the bytes."""
    page = shown.page
    page.goto(f"{shown.url}/storms")
    expect(page.get_by_role("group", name="Alerts a second").locator("canvas")).to_be_visible()
    # What other tests threw at the same program within these minutes may have been louder.
    loudest = shown.api("/storms")["incidents"]
    heard = {one["incident_id"]: one["received"] for one in loudest}
    assert shown.incident_id in heard or min(heard.values()) >= ALERTS // 10
    expect(page.get_by_role("table", name="In the last ten minutes").first).to_contain_text(loudest[0]["service"])
    page.goto(f"{shown.url}/letters?reason={REFUSED}")
    row = page.locator("tbody tr").first
    row.get_by_text("its bytes").click()
    expect(row.locator("pre")).not_to_have_text("Loading…")
    page.get_by_label("Who you are").fill("ana")
    page.get_by_label("Why", exact=True).fill("To see whether it is taken now")
    row.get_by_role("button", name="Put letter").click()
    expect(page.locator("#outcome")).to_contain_text("refused again")


def test_the_machine_says_it_is_well(shown: Shown) -> None:
    """All its workers are at work after it."""
    shown.page.goto(f"{shown.url}/health")
    for role in ("edge", "analysis", "command"):
        row = shown.page.get_by_role("table", name="Members of the consumer groups").get_by_role("row")
        expect(row.filter(has_text=role).first).to_contain_text("✓ at work")
