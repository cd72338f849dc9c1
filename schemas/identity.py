"""Ids that need no coordination: the same input gives the same id, wherever and however often it is made."""

import hashlib
from collections.abc import Iterable

_BETWEEN = "\x1f"  # ASCII unit separator: cannot be confused with any character of a label


def stable_id(*parts: object, digits: int = 32) -> str:
    """The first `digits` hex digits of SHA-256 over the parts' texts.

    >>> stable_id("eu", "checkout") == stable_id("eu", "checkout") != stable_id("euc", "heckout")
    True
    """
    text = _BETWEEN.join(map(str, parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def stable_ids(texts: Iterable[str], digits: int = 32) -> list[str]:
    """The ids of many, each of which gives its parts joined already, as `stable_id` joins them.

    >>> stable_ids(["eu\\x1fcheckout"]) == [stable_id("eu", "checkout")]
    True
    """
    return [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits] for text in texts]


def incident_id(tenant: str, environment: str, service: str) -> str:
    """The incident that alerts, metrics and logs of a service belong to, where the source names none."""
    return "inc-" + stable_id("incident", tenant, environment, service, digits=16)


def alert_fingerprint(tenant: str, environment: str, service: str, name: str, source: str) -> str:
    """Tells alerts of one condition apart from all others; 16 hex digits."""
    return stable_id("alert", tenant, environment, service, name, source, digits=16)


def series_id(tenant: str, environment: str, service: str, name: str, labels: dict[str, str]) -> str:
    """The key of a metric series, readable: tenant/environment/service/name{label=value,…}."""
    inner = ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
    return f"{tenant}/{environment}/{service}/{name}" + (f"{{{inner}}}" if inner else "")


def derived_id(stage: str, topic: str, partition: int, offset: int, ordinal: int = 0) -> str:
    """The id of a record that a stage derives from a source position: a redelivery derives the same one."""
    return stable_id("derived", stage, topic, partition, offset, ordinal)
