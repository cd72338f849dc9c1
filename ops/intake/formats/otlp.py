"""What OTLP's metrics and logs share: protobuf or JSON, resources and attributes, and the answers.

Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import orjson
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from ops.intake.answers import JSON, Answer, Outcome, Problem
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.errors import BodyRefusedError
from ops.intake.formats.format import PROTOBUF
from ops.intake.letters import INVALID, OVERSIZED, UNREADABLE
from ops.intake.reading import Parcel, check_count, parse_json
from ops.intake.rules import UNKNOWN_SERVICE
from schemas.varint import base_128

M = TypeVar("M", bound=Message)
MEDIA = (PROTOBUF, "", "application/json")
_HEX = re.compile(r"^[0-9a-fA-F]*$")
_IDS = frozenset(("traceId", "spanId", "trace_id", "span_id"))
# More than protobuf itself reads, and less than orjson writes.
_DEEPEST = 200
# Of a resource; SDKs stop at 128 by themselves.
_MOST_ATTRIBUTES = 1_000


def parsed(parcel: Parcel, kind: type[M]) -> M:
    """The request of a body: protobuf by its media type, else JSON.

    Raises:
        BodyRefusedError: it is neither.
    """
    if parcel.media == PROTOBUF:
        try:
            return kind.FromString(parcel.body)
        except DecodeError as error:
            raise BodyRefusedError(UNREADABLE, f"The body is no {kind.__name__} of OTLP: {error}.") from error
    document = parse_json(parcel.body)
    try:
        return ParseDict(_with_ids(document), kind(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BodyRefusedError(INVALID, f"The body is no {kind.__name__} of OTLP: {str(error)[:300]}.") from error


def attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    """Attributes as labels."""
    return {pair.key: text_of(pair.value) for pair in pairs if pair.key}


def text_of(value: AnyValue) -> str:
    """A value as a text; arrays and maps as JSON, bytes as base64."""
    plain = _plain(value, _DEEPEST)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else orjson.dumps(plain).decode()


def where_of(labels: dict[str, str], arrival: Arrival) -> tuple[str, str, str]:
    """Tenant, environment and service of a resource's attributes."""
    rules = arrival.rules
    service = labels.get("service.name", "").strip()[:256] or rules.service_of(labels) or UNKNOWN_SERVICE
    return (rules.tenant_of(labels) or arrival.tenant, rules.environment_of(labels) or DEFAULT_ENVIRONMENT, service)


def scopes(resources: Any, member: str, most_bytes: int) -> Iterator[tuple[dict[str, str], Any]]:
    """Every scope of every resource (`member` names them), with the attributes that all it holds has in common.

    Raises:
        BodyRefusedError: there are too many resources or scopes, or a resource has too much in common for all that it holds.
    """
    check_count(len(resources))
    count = 0
    for resource in resources:
        named = resource.resource.attributes
        size = resource.resource.ByteSize()
        if size > most_bytes or len(named) > _MOST_ATTRIBUTES:
            raise BodyRefusedError(
                OVERSIZED,
                f"A resource has {len(named)} attributes of {size} bytes, which each of its items would repeat; give at most "
                f"{_MOST_ATTRIBUTES} of {most_bytes} bytes.",
            )
        shared = attributes(named)
        count += len(getattr(resource, member))
        check_count(count)
        for scope in getattr(resource, member):
            yield (shared | {"otel_scope_name": scope.scope.name} if scope.scope.name else shared), scope


def answers(response: type[Any], rejected: str) -> Callable[[Outcome], Answer]:
    """200 with how many were rejected (`rejected` is the member's name) and why, in the encoding of the request."""

    def answer(outcome: Outcome) -> Answer:
        refusals, said = outcome.reading.refusals, response()
        if refusals:
            setattr(said.partial_success, rejected, len(refusals))
            said.partial_success.error_message = refusals[0].detail
        if _media(outcome.asked.get("content-type", "")) == PROTOBUF:
            return Answer(200, said.SerializeToString(), PROTOBUF)
        return Answer(200, orjson.dumps(MessageToDict(said)))

    return answer


def problem(told: Problem, parcel: Parcel) -> Answer:
    """`google.rpc.Status` in the encoding of the request; its field 2 is the sentence."""
    status = 400 if told.status in (413, 415, 422) and told.reason != "oversized" else told.status
    if parcel.media == PROTOBUF:
        text = told.detail.encode()
        return Answer(status, b"\x12" + base_128(len(text)) + text, PROTOBUF, told.all_headers())
    return Answer(status, orjson.dumps({"message": told.detail}), JSON, told.all_headers())


def _plain(value: AnyValue, deepest: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or deepest == 0:
        return None
    if kind == "array_value":
        return [_plain(item, deepest - 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value, deepest - 1) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def _with_ids(node: Any) -> Any:
    """OTLP's JSON writes trace and span ids in hex; protobuf's own JSON reads base64."""
    if isinstance(node, list):
        return [_with_ids(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _based(item) if key in _IDS else _with_ids(item) for key, item in node.items()}


def _based(text: Any) -> Any:
    if isinstance(text, str) and len(text) % 2 == 0 and _HEX.match(text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    return text


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
