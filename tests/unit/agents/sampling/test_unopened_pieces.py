"""Kept alerts go on as the pieces of the record batch that they came in."""

from dataclasses import replace
from typing import Any

import numpy as np

from tests.support.alerts import ALERT
from tests.support.sampling import Edge, chunks, records


def bytes_of(some: Any) -> bytes:
    """Bytes, which Arrow may hold."""
    found: bytes = some if isinstance(some, bytes) else some.as_py()
    return found


def test_a_piece_is_the_record_and_its_header_says_where_it_was() -> None:
    """Whatever the number of digits of its offset."""
    edge = Edge()
    outcome = edge.batch(
        chunks(records([replace(ALERT, fingerprint=f"f{n}", incident_id="inc-1") for n in range(12)]), 12)
    )
    (kept,) = outcome.kept
    pieces = kept.log.pieces(kept.places)
    assert pieces is not None
    found, headers = (list(map(bytes_of, some)) for some in pieces.records(np.arange(len(kept.places))))
    offsets = [kept.log.record(place).offset for place in kept.places.tolist()]
    assert [int(header.rsplit(b"source-offset", 1)[1][1:]) for header in headers] == offsets
    assert all(
        (kept.log.record(place).value or b"?") in piece
        for place, piece in zip(kept.places.tolist(), found, strict=True)
    )
