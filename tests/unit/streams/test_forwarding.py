"""Record batches put together from pieces: what aiokafka reads of them is what was put in."""

import pyarrow as pa
import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sampling.batch import Kept
from schemas.template import avro_long
from streams.forwarding import BATCH_BYTES, BATCH_RECORDS, ReadyBatch, joined
from tests.support.alerts import framed
from tests.support.sampling import Edge, Record, chunks

AT = 1_700_000_000_000


def piece(key: bytes, value: bytes) -> bytes:
    return avro_long(len(key)) + key + avro_long(len(value)) + value


def read(
    records: list[tuple[bytes, bytes]], headers: bytes = b"\0"
) -> list[list[tuple[int, bytes | None, bytes | None]]]:
    """Offset, key and value of each record, by batch, as a consumer would read them."""
    pieces = pa.array([piece(key, value) for key, value in records], pa.binary())
    found = []
    for data, count in joined(pieces, pa.array([headers] * len(records), pa.binary())):
        ready = ReadyBatch(data, count, AT)
        ready._set_producer_state(7, 0, 3)
        batch = DefaultRecordBatch(bytes(ready._build()))
        assert batch.validate_crc()
        assert (batch.producer_id, batch.base_sequence, ready.record_count()) == (7, 3, count)
        found.append([(record.offset, record.key, record.value) for record in batch])
    return found


@given(st.lists(st.tuples(st.binary(max_size=80), st.binary(max_size=5_000)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_records_come_back_as_they_were(records: list[tuple[bytes, bytes]]) -> None:
    """Sizes over every varint boundary, keys and values empty or not."""
    (batch,) = read(records)
    assert batch == [(number, key, value) for number, (key, value) in enumerate(records)]


@pytest.mark.parametrize(("count", "size"), [(BATCH_RECORDS * 2 + 1, 10), (20, BATCH_BYTES // 5), (3, BATCH_BYTES * 2)])
def test_batches_are_not_larger_than_they_may_be(count: int, size: int) -> None:
    """By number and by bytes; a record that is larger than a batch has one of its own."""
    batches = read([(b"k", bytes(size))] * count)
    assert sum(map(len, batches)) == count
    assert all(
        len(batch) == 1 or (len(batch) <= BATCH_RECORDS and len(batch) * size <= BATCH_BYTES) for batch in batches
    )


def test_what_is_kept_goes_on_byte_for_byte_and_tells_where_it_came_from() -> None:
    """From a fetched batch to the one that is sent: key, value, and the offset in a header, over a change of digits."""
    alerts = [Record(95 + n, framed(alert_id=f"a{n}", fingerprint=f"f{n}"), b"inc-0") for n in range(10)]
    outcome = Edge().batch(chunks(alerts, 4))
    (kept,) = outcome.kept
    assert isinstance(kept, Kept)
    pieces = kept.log.pieces(kept.places)
    assert pieces is not None
    assert pieces.keyed.all()
    ((data, count),) = joined(*pieces.records(kept.codes * 0 + range(10)))
    sent = list(DefaultRecordBatch(bytes(ReadyBatch(data, count, AT)._build())))
    assert [(r.key, r.value) for r in sent] == [(r.key, r.value) for r in alerts]
    assert [r.headers for r in sent] == [[("source-offset", b"%d" % r.offset)] for r in alerts]
