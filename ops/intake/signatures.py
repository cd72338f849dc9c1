"""Signatures of senders: HMAC-SHA-256 over the body, compared in constant time, each taken once and not for long."""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping

import orjson

from ops.intake.errors import NotAdmittedError
from ops.intake.sources import Source
from schemas.records.vocabulary import Millis

# As many signatures as are remembered; at some 200 bytes each, 100,000 are 20 MB.
_MOST_SEEN = 100_000


class SeenSignatures:
    """Signatures of requests that were taken."""

    def __init__(self, most: int = _MOST_SEEN) -> None:
        self._most = most
        self._seen: OrderedDict[str, None] = OrderedDict()

    def add(self, signature: str) -> None:
        """It was taken."""
        self._seen[signature] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def __contains__(self, signature: str) -> bool:
        return signature in self._seen


def check_signature(source: Source, body: bytes, headers: Mapping[str, str], now: Millis, seen: SeenSignatures) -> None:
    """Raises NotAdmittedError (401) where a request is not signed by the source, too old, or was taken before."""
    if source.routing_key is not None:
        _check_routing_key(source.routing_key, body)
        return
    if source.hmac is None:
        raise NotAdmittedError(401, "unauthorized", "The bearer token is missing or wrong.")
    signature = headers.get(source.hmac.header.lower(), "")
    signed = body
    if source.hmac.timestamp_header is not None:
        written = headers.get(source.hmac.timestamp_header.lower(), "")
        _check_age(written, source.hmac.tolerance_s, now)
        signed = written.encode("latin-1") + source.hmac.separator.encode() + body
    expected = hmac.new(source.secret_bytes, signed, hashlib.sha256).digest()
    if not hmac.compare_digest(_digest(signature), expected):
        raise NotAdmittedError(401, "unauthorized", f"{source.hmac.header} is missing or no signature of this body.")
    if source.hmac.timestamp_header is not None and signature in seen:
        raise NotAdmittedError(401, "replayed", f"{source.hmac.header} was taken before; sign every request anew.")


def _check_age(written: str, tolerance_s: int, now: Millis) -> None:
    if not (written.isascii() and written.isdigit() and len(written) <= 13):
        raise NotAdmittedError(401, "unauthorized", "The timestamp of the signature is missing or no epoch seconds.")
    at_ms = int(written) * (1 if len(written) == 13 else 1000)
    if abs(now - at_ms) > tolerance_s * 1000:
        raise NotAdmittedError(
            401, "replayed", f"The signature is more than {tolerance_s} s old or ahead; sign it anew, by a right clock."
        )


def _check_routing_key(wanted: str, body: bytes) -> None:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    given = parsed.get("routing_key") if isinstance(parsed, dict) else None
    if not hmac.compare_digest(str(given).encode("utf-8", "replace"), wanted.encode()):
        raise NotAdmittedError(401, "unauthorized", "The routing_key is missing or wrong.")


def _digest(signature: str) -> bytes:
    """The bytes of a signature in hex or base64, with or without `sha256=` before it; b"" where it is neither."""
    text = signature.strip().removeprefix("sha256=").removeprefix("v1=")
    try:
        return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
