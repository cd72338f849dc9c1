"""Logs go where standard error goes, whenever that changes."""

import io
import json
import logging
from contextlib import redirect_stderr

import structlog

from ops.logs import configure_logs


def test_a_line_goes_to_the_standard_error_of_its_moment() -> None:
    """Also when the stream of the moment of configuration has been closed since."""
    first, second = io.StringIO(), io.StringIO()
    with redirect_stderr(first):
        configure_logs("INFO", "edge")
        structlog.get_logger().info("before")
    first.close()
    with redirect_stderr(second):
        structlog.get_logger().info("after")
        logging.getLogger("a.library").warning("too")
    assert '"event": "after"' in second.getvalue()
    assert json.loads(second.getvalue().splitlines()[1])["event"] == "too"
