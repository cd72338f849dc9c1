"""What the documents say is so."""

import re
from pathlib import Path

import pytest

from ops import reference

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("schemas", "state", "streams", "agents", "ops", "tests", "docs", "bench")


def test_the_settings_page_is_the_programs() -> None:
    """docs/settings.md is what `python -m ops.reference` writes now."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == reference.settings_page()


def test_the_commands_page_is_the_programs() -> None:
    """docs/cli.md is what `python -m ops.reference` writes now."""
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == reference.cli_page()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    """Paths in code spans that begin with one of the project's folders, and links within the repository."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", text)
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not link.startswith("http")]
    missing = [s for s in spans if not (ROOT / s).exists()] + [k for k in links if not (page.parent / k).exists()]
    assert missing == []


@pytest.mark.parametrize("command", ["demo", "up", "status", "produce", "incidents", "events", "replay", "lag", "dlq"])
def test_the_commands_that_the_readme_and_the_contract_name_exist(command: str) -> None:
    """Each is a command of the program, and says how it is used."""
    assert f"## breakwater {command}" in reference.cli_page()
