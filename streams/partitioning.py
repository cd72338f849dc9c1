"""Which partition a key belongs to, alike for librdkafka, aiokafka and Java: murmur2, as Kafka's own producer has it."""

# librdkafka's name for Java's default; its own default (CRC32) would part an incident's topics from each other.
PARTITIONER = "murmur2_random"

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Kafka's 32-bit murmur2 as an unsigned number (org.apache.kafka.common.utils.Utils.murmur2, there signed).

    >>> murmur2(b"21") - (1 << 32)
    -973932308
    """
    hashed = _SEED ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        word = (int.from_bytes(key[at : at + 4], "little") * _MULTIPLIER) & _WORD
        word = ((word ^ (word >> 24)) * _MULTIPLIER) & _WORD
        hashed = ((hashed * _MULTIPLIER) & _WORD) ^ word
    if rest := key[whole:]:
        hashed = ((hashed ^ int.from_bytes(rest, "little")) * _MULTIPLIER) & _WORD
    hashed = ((hashed ^ (hashed >> 13)) * _MULTIPLIER) & _WORD
    return hashed ^ (hashed >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, of so many, that every producer with `PARTITIONER` gives a record of this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
