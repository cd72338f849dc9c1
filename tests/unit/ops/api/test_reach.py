"""Who may ask, as long as nobody has to say who they are."""

from typing import Any

import pytest

from ops.api.reach import names_of, refusal

LOCAL = "127.0.0.1"


def asked(
    method: str = "GET", *, client: str = LOCAL, host: str = "127.0.0.1:8080", to_all: bool = False, **headers: str
) -> str | None:
    """Why a request is refused; header names with `_` for `-`."""
    listed = [(b"host", host.encode()), *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items())]
    scope: dict[str, Any] = {"type": "http", "method": method, "client": (client, 1), "headers": listed, "path": "/"}
    return refusal(scope, open_to_all=to_all)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_this_machine_may_read(host: str) -> None:
    """By any of its own names."""
    assert asked(host=host) is None


def test_other_machines_may_not_and_are_told_why() -> None:
    """There are no keys yet."""
    assert "no keys and roles" in str(asked(client="10.0.0.7"))
    assert asked(client="10.0.0.7", host="breakwater:8080", to_all=True) is None
    assert asked(client="10.0.0.7", host="10.0.0.9:8080", to_all=True) is None


def test_another_name_for_this_machine_is_refused() -> None:
    """A page of evil.example that has its name mean 127.0.0.1 reads nothing."""
    assert "evil.example" in str(asked(host="evil.example:8080"))


def test_another_name_is_refused_where_all_may_ask_unless_the_settings_know_it() -> None:
    """Nor does it approve anything, though its page's origin is the host that it asks for."""
    posed = {"origin": "http://evil.example:8080", "content_type": "application/json"}
    assert "BREAKWATER_API_NAMES" in str(asked(host="evil.example:8080", to_all=True))
    assert asked("POST", host="evil.example:8080", to_all=True, **posed) is not None
    scope = {
        "type": "http",
        "method": "GET",
        "client": ("10.0.0.7", 1),
        "headers": [(b"host", b"Ops.example:8080")],
        "path": "/",
    }
    assert refusal(scope, open_to_all=True, names=names_of("a.example, Ops.example")) is None


@pytest.mark.parametrize("to_all", [False, True])
def test_another_site_s_page_changes_nothing(to_all: bool) -> None:
    """A browser says whose page asks; forms can send no JSON."""
    same = {"origin": "http://127.0.0.1:8080", "content_type": "application/json"}
    assert asked("POST", to_all=to_all, **same) is None
    assert asked("POST", to_all=to_all, content_type="application/json; charset=utf-8") is None
    assert asked("POST", to_all=to_all, **{**same, "origin": "http://evil.example"}) is not None
    assert asked("POST", to_all=to_all, **{**same, "origin": "null"}) is not None
    assert asked("POST", to_all=to_all, content_type="text/plain") is not None
