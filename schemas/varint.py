"""Whole numbers of variable length: as protobuf has them, and zig-zag as Avro has them (1.11, "Primitive Types")."""

_LOW, _HIGH = -(1 << 63), 1 << 63
_TWO = 14  # bits in two bytes
_MASK = (1 << _TWO) - 1
_FOUR, _SIX = 1 << 2 * _TWO, 1 << 3 * _TWO


def base_128(left: int) -> bytes:
    """A number that is not negative, seven bits a byte, the least first; all but the last have their highest bit set."""
    out = bytearray()
    while left > 0x7F:
        out.append((left & 0x7F) | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


# Two bytes at a time: as the last of a number, and before others.
_LAST = [base_128(number) for number in range(1 << _TWO)]
_MORE = [bytes((number & 0x7F | 0x80, number >> 7 | 0x80)) for number in range(1 << _TWO)]


def avro_long(number: int) -> bytes:
    """The bytes of a whole number.

    >>> avro_long(-1), avro_long(64)
    (b'\\x01', b'\\x80\\x01')

    Raises:
        OverflowError: it does not fit into 64 bits.
        TypeError: it is none.
    """
    left = (number << 1) ^ (number >> 63)
    # Epoch milliseconds of 1970 to 2039 take six bytes; offsets two to four.
    if 0 <= left <= _MASK:
        return _LAST[left]
    if 0 < left < _FOUR:
        return _MORE[left & _MASK] + _LAST[left >> _TWO]
    if 0 < left < _SIX:
        return _MORE[left & _MASK] + _MORE[left >> _TWO & _MASK] + _LAST[left >> 2 * _TWO]
    if not _LOW <= number < _HIGH:
        raise OverflowError(f"{number} does not fit into 64 bits.")
    return base_128(left)
