"""Every line is JSON, says who it is of, and holds no secret."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ops.logs import configure_logs
from ops.masking import MASK, Masking
from ops.settings import Settings

HOOK = "http://127.0.0.1:9/T000/B000/of-mine"


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """Filled with what was logged within, a document a line."""
    stream, found = io.StringIO(), list[dict[str, Any]]()
    with redirect_stderr(stream):
        configure_logs("INFO", "edge-1", [HOOK])
        yield found
    found += [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.contextvars.clear_contextvars()


def test_a_line_names_worker_and_incident() -> None:
    """Whatever is logged while an incident is dealt with: ours and the libraries'."""
    with logged() as lines, structlog.contextvars.bound_contextvars(incident_id="inc-1"):
        structlog.get_logger().info("restarted", took_s=1.5)
        logging.getLogger("a.library").warning("slow: %s", "checkout")
    ours, theirs = lines
    assert (ours["event"], ours["worker"], ours["incident_id"], ours["took_s"]) == ("restarted", "edge-1", "inc-1", 1.5)
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("slow: checkout", "a.library", "warning")
    assert (theirs["worker"], theirs["incident_id"]) == ("edge-1", "inc-1")


def test_an_exception_is_one_line_and_keeps_no_secret() -> None:
    """Its text often holds the address that did not answer."""
    with logged() as lines:
        try:
            raise ConnectionError(f"no answer from {HOOK}")
        except ConnectionError:
            structlog.get_logger().exception("not told")
            logging.getLogger("httpx.more").exception("again")
    assert len(lines) == 2
    for line in lines:
        assert "no answer from ***" in line["exception"]
        assert HOOK not in json.dumps(line)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer abcdef.123456", "abcdef"),
        ("GET http://me:pw-12345@db:9042/x", "pw-12345"),
        ("POST https://hooks.slack.com/services/T0/B0/xyz", "xyz"),
        ("/hook?token=sesame&x=1", "sesame"),
        ('{"api_key": "k-123456"}', "k-123456"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
    ],
)
def test_what_looks_like_a_secret_is_masked(said: str, kept: str) -> None:
    """In any text."""
    masked = Masking().text(said)
    assert kept not in masked
    assert MASK in masked


def test_fields_are_masked_by_name_however_deep() -> None:
    """And only those: a topic, an offset, a count stay."""
    line = {
        "event": "e",
        "password": "x",
        "headers": {"X-Api-Key": 7, "n": 1},
        "tokens": ["a"],
        "offset": 5,
        "key": "inc-1",
    }
    assert Masking()(None, "info", line) == {
        "event": "e", "password": MASK, "headers": {"X-Api-Key": MASK, "n": 1}, "tokens": MASK, "offset": 5, "key": "inc-1",
    }  # fmt: skip


@given(st.text(), st.text(alphabet="abcdefgh0123456789", min_size=6, max_size=30), st.text())
def test_a_secret_that_is_known_never_passes(before: str, secret: str, after: str) -> None:
    """Wherever it stands."""
    assert secret not in Masking([secret]).text(before + secret + after)


def test_the_settings_know_their_secrets() -> None:
    """Addresses that let anyone write who knows them."""
    assert Settings(slack_webhook_url=HOOK).secrets == (HOOK,)
    assert Settings().secrets == ()
