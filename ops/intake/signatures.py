"""Signatures of senders: HMAC-SHA-256 over the body, compared in constant time, each taken once and not for long."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from heapq import heapify, heappop, heappush

import orjson

from ops.intake.errors import NotAdmittedError
from ops.intake.sources import Source
from schemas.records.vocabulary import Millis

# As many signatures of a source as are remembered; at some 300 bytes each, 50,000 are 15 MB.
_MOST_SEEN = 50_000

Seen = tuple[bytes, Millis]


class SeenSignatures:
    """Signatures of a source's requests that were taken or are being taken: their bytes, however they were written, and when they
    were made.

    Those that are outdated are forgotten: whoever sends one again is refused for its age. Where more come within the tolerance
    than are remembered, the eldest made are forgotten, and what was signed no later than they counts as not known: so a flood,
    also of signatures dated ahead, opens no window for replays and closes none for what is signed now.

    Args:
        since: epoch ms; what was signed before may have been taken by an earlier process, and is not known here.
        most: signatures that are remembered.
    """

    def __init__(self, since: Millis = 0, most: int = _MOST_SEEN) -> None:
        self._unknown_before, self._most = since, most
        self._seen: dict[bytes, Millis] = {}
        self._by_age: list[tuple[Millis, bytes]] = []

    def add(self, signature: Seen, outdated_before: Millis = 0) -> None:
        """It is being taken; what was made before `outdated_before` would be refused for its age."""
        digest, at = signature
        self._seen[digest] = at
        heappush(self._by_age, (at, digest))
        while self._by_age[0][0] < outdated_before:
            self._seen.pop(heappop(self._by_age)[1], None)
        while len(self._seen) > self._most:
            forgotten, eldest = heappop(self._by_age)
            if self._seen.pop(eldest, None) is not None:
                self._unknown_before = max(self._unknown_before, forgotten + 1)
        if len(self._by_age) > 2 * self._most:  # of those that were given back
            self._by_age = [(made, known) for known, made in self._seen.items()]
            heapify(self._by_age)

    def discard(self, signature: Seen) -> None:
        """It was not taken after all: it may come again."""
        self._seen.pop(signature[0], None)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._seen

    def __len__(self) -> int:
        return len(self._seen)

    def knows_of(self, at: Millis) -> bool:
        """Whether one that was made then would be known."""
        return at >= self._unknown_before


class SeenOfSources:
    """What each source has signed, apart: no source's flood makes another's signatures forgotten.

    Args:
        since, most: as of `SeenSignatures`, of each.
    """

    def __init__(self, since: Millis = 0, most: int = _MOST_SEEN) -> None:
        self._since, self._most = since, most
        self._of: dict[str, SeenSignatures] = {}

    def of(self, source: str) -> SeenSignatures:
        """A source's own, by its name."""
        if source not in self._of:
            self._of[source] = SeenSignatures(self._since, self._most)
        return self._of[source]


def check_signature(
    source: Source, body: bytes, headers: Mapping[str, str], now: Millis, seen: SeenSignatures
) -> Seen | None:
    """The signature of a request, where it counts once.

    Raises:
        NotAdmittedError: 401 where the request is not signed by the source, too old, or was taken before; 503 where it was
            signed before anybody remembers, so that it may have been: whoever signs it anew is taken.
    """
    if source.routing_key is not None:
        _check_routing_key(source.routing_key, body)
        return None
    if source.hmac is None:
        raise NotAdmittedError(401, "unauthorized", "The bearer token is missing or wrong.")
    signature = _digest(headers.get(source.hmac.header.lower(), ""))
    signed, at = body, None
    if source.hmac.timestamp_header is not None:
        written = headers.get(source.hmac.timestamp_header.lower(), "")
        at = _checked_time(written, source.hmac.tolerance_s, now)
        signed = written.encode("latin-1") + source.hmac.separator.encode() + body
    expected = hmac.new(source.secret_bytes, signed, hashlib.sha256).digest()
    if not hmac.compare_digest(signature, expected):
        raise NotAdmittedError(401, "unauthorized", f"{source.hmac.header} is missing or no signature of this body.")
    if at is None:
        return None
    if signature in seen:
        raise NotAdmittedError(401, "replayed", f"{source.hmac.header} was taken before; sign every request anew.")
    if not seen.knows_of(at):
        why = "The request was signed before this process began, which may have taken it then. Sign it anew."
        raise NotAdmittedError(503, "unknown_signature", why, 1)
    return signature, at


def _checked_time(written: str, tolerance_s: int, now: Millis) -> Millis:
    if not (written.isascii() and written.isdigit() and len(written) <= 13):
        raise NotAdmittedError(401, "unauthorized", "The timestamp of the signature is missing or no epoch seconds.")
    at_ms = int(written) * (1 if len(written) == 13 else 1000)
    if abs(now - at_ms) > tolerance_s * 1000:
        raise NotAdmittedError(
            401, "replayed", f"The signature is more than {tolerance_s} s old or ahead; sign it anew, by a right clock."
        )
    return at_ms


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
