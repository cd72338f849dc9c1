"""A Confluent-compatible schema registry over HTTP (docs.confluent.io, "Schema Registry API Reference")."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import stamina

from schemas.avro import Schema
from schemas.framing import Frame
from streams.errors import StreamError

_TIMEOUT_S = 5.0
_ATTEMPTS = 4
_ACCEPT = "application/vnd.schemaregistry.v1+json"
# An id that the registry does not know is not asked for again for so long: bytes from hostile senders look like ids.
_UNKNOWN_S = 30.0
_MOST_UNKNOWN = 1000


class RegistryUnreachableError(StreamError):
    """The schema registry does not answer, or answers that it cannot work."""

    retriable = True


class RegistryRefusedError(StreamError):
    """The schema registry refuses a schema."""


class ConfluentRegistry:
    """Registers contracts, finds writers' schemas by id; a `FindSchema` for `schemas.codec.Codec`.

    Args:
        url: of the registry, with user and password in it where it wants them.
        client: an HTTP client instead of one of its own.
        clock: seconds that only grow.
    """

    def __init__(
        self, url: str, client: httpx.Client | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=_TIMEOUT_S, headers={"Accept": _ACCEPT})
        self._clock = clock
        self._ids: dict[tuple[str, str], int] = {}
        self._schemas: dict[int, Schema] = {}
        self._unknown: dict[int, float] = {}

    def register(self, topic: str, schema: Schema) -> int:
        """The id of a schema under the subject `<topic>-value`; registers it where it is new.

        Raises:
            RegistryRefusedError: it is not compatible with the subject's earlier ones, or not valid there.
            RegistryUnreachableError: the registry does not answer.
        """
        text = json.dumps(schema, separators=(",", ":"))
        if (topic, text) not in self._ids:
            answer = self._ask("POST", f"/subjects/{topic}-value/versions", {"schema": text, "schemaType": "AVRO"})
            if answer.status_code != httpx.codes.OK:
                raise RegistryRefusedError(
                    f"The schema registry refuses the schema of {topic}-value: {_message(answer)}. "
                    "Use a registry of this installation's own, or lower the subject's compatibility level."
                )
            self._ids[topic, text] = int(answer.json()["id"])
        return self._ids[topic, text]

    def __call__(self, frame: Frame) -> Schema | None:
        """The schema that a frame with a registry's id names; None where the registry knows none.

        Raises:
            RegistryUnreachableError: the registry does not answer.
        """
        wanted = frame.registry_id
        if wanted is None or self._clock() < self._unknown.get(wanted, float("-inf")):
            return None
        if wanted not in self._schemas:
            answer = self._ask("GET", f"/schemas/ids/{wanted}", None)
            if answer.status_code != httpx.codes.OK:
                self._remember_unknown(wanted)
                return None
            self._schemas[wanted] = json.loads(answer.json()["schema"])
        return self._schemas[wanted]

    def _remember_unknown(self, wanted: int) -> None:
        if len(self._unknown) >= _MOST_UNKNOWN:
            self._unknown.clear()
        self._unknown[wanted] = self._clock() + _UNKNOWN_S

    def _ask(self, method: str, path: str, content: dict[str, Any] | None) -> httpx.Response:
        try:
            return self._send(method, path, content)
        except httpx.HTTPError as error:
            raise RegistryUnreachableError(
                f"No schema registry works at {httpx.URL(self._url).host}: {error}. See that it runs, and that "
                "SCHEMA_REGISTRY_URL names it."
            ) from error

    @stamina.retry(on=httpx.HTTPError, attempts=_ATTEMPTS, timeout=20.0, wait_initial=0.1, wait_max=2.0)
    def _send(self, method: str, path: str, content: dict[str, Any] | None) -> httpx.Response:
        answer = self._client.request(method, self._url + path, json=content)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            answer.raise_for_status()
        return answer


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", answer.text))
    except (ValueError, AttributeError):
        return answer.text[:200]
