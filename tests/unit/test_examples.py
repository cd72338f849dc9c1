"""The examples in docstrings say what the program does."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "state", "streams", "agents", "ops", "bench")
FILES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py") if ">>> " in p.read_text("utf-8"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    """Each is run as it is printed."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0
