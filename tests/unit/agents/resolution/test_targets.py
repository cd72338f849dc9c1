"""The targets file: what may be acted on, read with clear errors, and anew when it changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.resolution.errors import TargetsError
from agents.resolution.targets import TargetsFile
from schemas.records.vocabulary import Action


def target(**changes: Any) -> dict[str, Any]:
    return {
        "service": "checkout", "tenant": "acme", "environment": "prod", "executor": "process",
        "health_url": "http://127.0.0.1:9/health", **changes,
    }  # fmt: skip


def test_no_file_means_no_targets(tmp_path: Path) -> None:
    """Without a file nothing may be acted on, and that is no error."""
    targets = TargetsFile(tmp_path / "targets.json")
    assert targets.load() == []
    assert targets.find("acme", "prod", "checkout") is None


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    """A target that an operator adds counts from the next question on, one that is removed no more."""
    path = tmp_path / "targets.json"
    targets = TargetsFile(path)
    assert targets.find("acme", "prod", "checkout") is None
    path.write_text(json.dumps([target()]))
    found = targets.find("acme", "prod", "checkout")
    assert found is not None
    assert found.handle == "checkout"
    assert targets.find("other", "prod", "checkout") is None
    path.unlink()
    assert targets.find("acme", "prod", "checkout") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the file: Invalid JSON"),
        (json.dumps([target(executor="ssh")]), r"\[0\]\.executor"),
        (json.dumps([target(heath_url="x")]), r"\[0\]\.heath_url: Extra inputs"),
        (json.dumps([target(health_url="ftp://x")]), r"\[0\]\.health_url"),
        (json.dumps([target(container="c1")]), "a process target is named by `unit`"),
        (json.dumps([target(), target()]), "names acme/prod/checkout twice"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file, the entry and the field."""
    path = tmp_path / "targets.json"
    path.write_text(text)
    with pytest.raises(TargetsError, match=message) as caught:
        TargetsFile(path).load()
    assert str(path) in str(caught.value)


def test_a_slip_of_the_pen_keeps_the_last_good_targets(tmp_path: Path) -> None:
    """A file that breaks while the program runs changes nothing until it is mended."""
    path = tmp_path / "targets.json"
    path.write_text(json.dumps([target()]))
    targets = TargetsFile(path)
    targets.load()
    path.write_text("[")
    assert targets.find("acme", "prod", "checkout") is not None
    path.write_text(json.dumps([target(risk="high")]))
    found = targets.find("acme", "prod", "checkout")
    assert found is not None
    assert found.risk == "high"


def test_a_service_without_room_cannot_be_scaled(tmp_path: Path) -> None:
    """SCALE_UP needs more than one instance to be allowed; what `actions` leaves out is not allowed."""
    path = tmp_path / "targets.json"
    path.write_text(json.dumps([target(), target(service="cart", max_instances=3, actions=["SCALE_UP"])]))
    targets = TargetsFile(path)
    checkout, cart = targets.find("acme", "prod", "checkout"), targets.find("acme", "prod", "cart")
    assert checkout is not None
    assert cart is not None
    assert [checkout.allows(a) for a in (Action.RESTART, Action.SCALE_UP)] == [True, False]
    assert [cart.allows(a) for a in (Action.RESTART, Action.SCALE_UP)] == [False, True]
