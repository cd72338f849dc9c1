"""Every client puts a key on the same partition."""

import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioning import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_agrees_with_kafkas_own_vectors(key: bytes, hashed: int) -> None:
    """The vectors are those of org.apache.kafka.common.utils.UtilsTest, where the hash is a signed number."""
    assert murmur2(key) == hashed % (1 << 32)


@given(st.binary(max_size=100), st.integers(min_value=1, max_value=1024))
def test_a_key_lands_where_aiokafka_puts_it(key: bytes, partitions: int) -> None:
    """Faust produces with aiokafka, the rest with librdkafka; an incident's topics must stay co-partitioned."""
    assert partition_of(key, partitions) == (murmur2_of_aiokafka(key) & 0x7FFFFFFF) % partitions
