"""The page's files: all there, what is of others as they published it, nothing from elsewhere."""

import hashlib
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import ops.page
from ops.page.files import files_router

FOLDER = Path(ops.page.__file__).parent
STATIC = FOLDER / "static"
OURS = sorted(path for path in STATIC.iterdir() if path.is_file())
TEMPLATES = sorted((FOLDER / "templates").iterdir())
VENDORED = {path.name for path in (STATIC / "vendor").iterdir()}


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI(docs_url=None)
    app.include_router(files_router())
    return TestClient(app)


@pytest.mark.parametrize("name", [*(one.name for one in OURS), "vendor/htmx.min.js", "vendor/uPlot.min.css"])
def test_every_file_is_served_with_a_strict_policy(client: TestClient, name: str) -> None:
    """No script but ours, no sending elsewhere, no framing; a second request is answered with a tag."""
    found = client.get(f"/page/{name}")
    policy = found.headers["content-security-policy"]
    assert found.status_code == 200
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"} <= set(policy.split("; "))
    assert client.get(f"/page/{name}", headers={"If-None-Match": found.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "name", ["../files.py", "%2e%2e/files.py", "..%2ffiles.py", "none.js", "vendor/../../files.py"]
)
def test_only_the_folder_s_files_can_be_asked_for(client: TestClient, name: str) -> None:
    """A path is no file name."""
    assert b"import" not in client.get(f"/page/{name}").content


@pytest.mark.parametrize("file", [*OURS, *TEMPLATES], ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(file: Path) -> None:
    """No address of others, no script or style in the HTML, no text that becomes markup."""
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(
        r"https?://|innerHTML=|\.innerHTML|outerHTML =|document\.write|eval\(|style=|onclick=|hx-on|js:", text
    )


def test_only_the_page_s_own_content_is_not_escaped() -> None:
    """`safe` stands where a template's own output is put into the page, and nowhere else."""
    said = [
        (one.name, found) for one in TEMPLATES for found in re.findall(r"\{\{[^}]*\|\s*safe[^}]*\}\}", one.read_text())
    ]
    assert said == [("page.html", "{{ content | safe }}")]


def test_what_is_of_others_is_as_they_published_it() -> None:
    """Each file has its hash in vendor/SHA256SUMS, its version and licence in vendor/README.md."""
    folder = STATIC / "vendor"
    listed = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == VENDORED - {"SHA256SUMS", "README.md"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    readme = (folder / "README.md").read_text()
    assert all(name in readme for name in listed)


def test_what_a_page_names_is_there() -> None:
    """Styles, scripts, and what scripts import."""
    text = "".join(one.read_text(encoding="utf-8") for one in [*OURS, *TEMPLATES])
    named = re.findall(r'(?:from "\./|"/page/)([\w./-]+)"', text)
    assert named
    assert all((STATIC / name).is_file() for name in named)
