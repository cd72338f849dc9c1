"""Records that no pipeline should stumble over: what broken, foreign or hostile producers put on `alerts`."""

from collections.abc import Iterator
from dataclasses import replace

from schemas.codec import Codec
from schemas.records.intake import Alert

_DAY_MS = 86_400_000


def malformed(example: Alert, count: int, max_alert_bytes: int) -> Iterator[bytes]:
    """`count` values that are no acceptable alert, each kind in turn; `example` is one that would be."""
    codec = Codec(Alert)
    good = codec.encode(example)
    kinds = (
        b"",
        b"\x00\xff\xfe\x80 not avro at all",
        b'{"service": "checkout", "name": "JSON where Avro is due"}',
        good[: len(good) // 2],
        good + b"\x00trailing",
        good[:2] + bytes(8) + good[10:],  # a schema that nobody knows
        codec.encode(replace(example, occurred_at=example.occurred_at + _DAY_MS)),
        codec.encode(replace(example, message="x" * (max_alert_bytes + 1))),
    )
    for n in range(count):
        yield kinds[n % len(kinds)]
