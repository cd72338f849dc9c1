"""Errors as whoever asks can read them: a page for a browser, a piece of it for the page's own questions, else a problem."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Response

from ops.api.problems import answer
from ops.intake.headers import plain_headers
from ops.page.files import HEADERS, HTML
from ops.page.rendering import render


def told(scope: Mapping[str, Any], status: int, detail: str, headers: dict[str, str]) -> Response:
    """The error's answer."""
    asked = plain_headers(scope["headers"])
    if "hx-request" in asked:
        return Response(render("wrong.html", detail=detail), status, {**HEADERS, **headers}, HTML)
    if "text/html" in asked.get("accept", ""):
        page = render("astray.html", title=HTTPStatus(status).phrase, detail=detail)
        return Response(page, status, {**HEADERS, **headers}, HTML)
    return answer(status, detail, headers)
