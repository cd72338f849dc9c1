"""The page's files: all there, nothing from elsewhere, nothing that takes markup from a text."""

import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import ops.page

STATIC = Path(ops.page.__file__).parent / "static"
FILES = sorted(STATIC.iterdir())


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Asks for the page's files."""
    from ops.page.site import page_router

    app = FastAPI(docs_url=None)
    app.include_router(page_router())
    return TestClient(app)


@pytest.mark.parametrize("path", ["/", "/docs", *(f"/page/{file.name}" for file in FILES)])
def test_every_file_is_served_with_a_strict_policy(client: TestClient, path: str) -> None:
    """No script but ours, no sending elsewhere, no framing; a second request is answered with a tag."""
    found = client.get(path)
    policy = found.headers["content-security-policy"]
    assert found.status_code == 200
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert client.get(path, headers={"If-None-Match": found.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("name", ["../site.py", "%2e%2e/site.py", "..%2fsite.py", "none.js", "page.css/.."])
def test_only_the_folder_s_files_can_be_asked_for(client: TestClient, name: str) -> None:
    """A path is no file name."""
    assert b"import" not in client.get(f"/page/{name}").content


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(file: Path) -> None:
    """What a hostile alert says stays text; no style or script is inline, which the policy would forbid."""
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|style=|onclick=\"", text)


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.suffix in (".js", ".html")], ids=lambda file: file.name
)
def test_what_a_file_names_is_there(file: Path) -> None:
    """Imports, styles and scripts."""
    named = re.findall(r'(?:from "\./|"/page/)([a-z.]+)"', file.read_text(encoding="utf-8"))
    assert {STATIC / name for name in named} <= set(FILES)


def test_the_first_answers_come_with_the_page() -> None:
    """As data that cannot end its element, whatever an alert says; and the modules are named at once."""
    from ops.page.site import page_router

    hostile = '{"title": "</script><script>window.hacked=1</script>"}'
    app = FastAPI(docs_url=None)
    app.include_router(page_router(lambda: {"/api/v1/incidents?limit=50": hostile}))
    page = TestClient(app).get("/").text
    (block,) = re.findall(r'<script type="application/json" id="first">(.*?)</script>', page)
    assert json.loads(block) == {"/api/v1/incidents?limit=50": json.loads(hostile)}
    assert {file.name for file in FILES if file.suffix == ".js"} - {"docs.js"} == set(
        re.findall(r'<link rel="modulepreload" href="/page/([a-z.]+)">', page)
    )
