"""axe-core, the checker of accessibility: got once by npm's own client, held against a pinned hash, kept beside the jars."""

import hashlib
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

VERSION = "4.10.3"
SHA512 = (
    "5e6edba515e70d25f6604d9815f064d859c5d1ea7ab661bbc4f87c88779ef0c2"
    "1cae0abbeb636471ef39e9d62d2582e4b88a1866f19f4ecfcf6d986275e4dc12"
)
CACHE = Path(__file__).parents[2] / ".breakwater" / "axe"
_PATIENCE_S = 120
_GRAVE = ("serious", "critical")


@cache
def axe_source() -> str | None:
    """The program; None where it cannot be had."""
    archive = CACHE / f"axe-core-{VERSION}.tgz"
    if not archive.exists() and not _fetched():
        return None
    content = archive.read_bytes()
    if hashlib.sha512(content).hexdigest() != SHA512:
        raise AssertionError(f"{archive} is not axe-core {VERSION}. Remove it.")
    with tarfile.open(archive) as files:
        found = files.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


def _fetched() -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return False
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", f"axe-core@{VERSION}", "--pack-destination", str(CACHE), "--ignore-scripts"]
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=_PATIENCE_S, cwd=CACHE).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def grave_faults(page: Page, source: str) -> list[str]:
    """What is serious or critical on the page: rule, what it says, and the first places."""
    page.evaluate(source)
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in _GRAVE
    ]
