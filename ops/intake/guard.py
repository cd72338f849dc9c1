"""Who may send: sources with their secrets, replays, rate limits, and other machines where no source is named."""

import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ops.intake.arrival import DEFAULT_TENANT
from ops.intake.errors import NotAdmittedError
from ops.intake.limits import SlidingWindow
from ops.intake.signatures import Seen, SeenOfSources, check_signature
from ops.intake.sources import Source
from schemas.records.vocabulary import Millis


@dataclass(frozen=True, slots=True)
class Admitted:
    """A sender that may pass: what it is called, its tenant, whether it may name no other; `of` are the sources it may be.

    `signature` is the one that it came by, where it counts once.
    """

    key: str
    tenant: str = DEFAULT_TENANT
    bound: bool = False
    of: tuple[Source, ...] = ()
    signature: Seen | None = None


@dataclass(slots=True)
class Guard:
    """Admits requests.

    Args:
        sources: who may send where. A path without any is open to this machine, and to others where `open_to_all`.
        by_key, by_tenant: rate limits, in items.
    """

    sources: Sequence[Source] = ()
    open_to_all: bool = False
    by_key: SlidingWindow = field(default_factory=lambda: SlidingWindow(0))
    by_tenant: SlidingWindow = field(default_factory=lambda: SlidingWindow(0))
    seen: SeenOfSources = field(default_factory=SeenOfSources)

    def enter(self, path: str, client: Any, headers: Mapping[str, str]) -> Admitted:
        """Admit by what stands in the headers; signatures are checked once the body is there.

        Raises:
            NotAdmittedError: 401 for a wrong or missing token, 403 for another machine on a path that is not open.
        """
        host = client[0] if client else "local"
        candidates = tuple(source for source in self.sources if source.covers(path))
        if not candidates:
            if "origin" in headers:
                # A browser always says where a page's request is from: no page of another's may send as this machine.
                raise NotAdmittedError(
                    403, "cross_site", f"{path} takes nothing from web pages without a source's token."
                )
            if self.open_to_all or not client or is_loopback(host):
                return Admitted(host)
            raise NotAdmittedError(
                403,
                "not_local",
                f"{path} takes from this machine alone; name a source for it (BREAKWATER_INTAKE_SOURCES).",
            )
        token = headers.get("authorization", "").encode("latin-1")
        # Every token is compared, so that the time tells nothing of which one was close.
        matched = [s for s in candidates if s.bearer and hmac.compare_digest(token, b"Bearer " + s.bearer_bytes)]
        if matched:
            return _as(matched[0])
        rest = tuple(source for source in candidates if not source.bearer)
        if not rest:
            raise NotAdmittedError(401, "unauthorized", "The bearer token is missing or wrong.")
        return Admitted(host, of=rest)

    def check(self, admitted: Admitted, body: bytes, headers: Mapping[str, str], now: Millis) -> Admitted:
        """Admit by what is signed. A signature that counts once is taken from here on; `not_taken` gives it back.

        Raises:
            NotAdmittedError: 401 for a wrong, missing, outdated or repeated signature, or a wrong routing key; 503 for a
                signature of before the start.
        """
        if not admitted.of:
            return admitted
        why: NotAdmittedError | None = None
        for source in admitted.of:
            seen = self.seen.of(source.name)
            try:
                signature = check_signature(source, body, headers, now, seen)
            except NotAdmittedError as error:
                # What is known of the right source says more than that it is none of the others'.
                why = error if why is None or why.reason == "unauthorized" else why
            else:
                if signature is not None and source.hmac is not None:
                    seen.add(signature, now - source.hmac.tolerance_s * 1000)
                return replace(_as(source), signature=signature)
        raise why or NotAdmittedError(401, "unauthorized", "No source admits this request.")

    def not_taken(self, admitted: Admitted) -> None:
        """The request was not taken after all: its sender may send the very same again."""
        if admitted.signature is not None:
            self.seen.of(admitted.key).discard(admitted.signature)

    def charge(self, admitted: Admitted, items: int, now_s: float) -> None:
        """Count items against the limits.

        Raises:
            NotAdmittedError: 429, with the seconds to wait.
        """
        for window, key in ((self.by_key, admitted.key), (self.by_tenant, admitted.tenant)):
            wait_s = window.charge(key, items, now_s)
            if wait_s is not None:
                raise NotAdmittedError(
                    429, "rate_limited", f"{key} sends more than its limit. Send it again in {wait_s} s.", wait_s
                )


def _as(source: Source) -> Admitted:
    return Admitted(source.name, source.tenant or DEFAULT_TENANT, source.tenant is not None)


@lru_cache(maxsize=1_000)
def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
