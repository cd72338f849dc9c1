"""Entity tags: whoever has the present answer already is told so in 304 and a handful of bytes."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request, Response


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as it is sent, with its tag."""

    body: bytes
    tag: str


def shown(document: Any, told_by: Any = None) -> Shown:
    """The document as JSON.

    Args:
        told_by: what the tag is made of; by default the document. Figures that only the clock moves are left out of it.
    """
    body = orjson.dumps(document)
    by = body if told_by is None else orjson.dumps(told_by)
    return Shown(body, f'W/"{hashlib.sha256(by).hexdigest()[:32]}"')


def answered(request: Request, what: Shown) -> Response:
    """The document with its ETag, or 304."""
    headers = {"ETag": what.tag, "Cache-Control": "no-cache"}
    held = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if what.tag in held or "*" in held:
        return Response(status_code=304, headers=headers)
    return Response(what.body, media_type="application/json", headers=headers)


def tagged(request: Request, document: Any, told_by: Any = None) -> Response:
    """`answered` of `shown`."""
    return answered(request, shown(document, told_by))
