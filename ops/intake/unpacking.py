"""Unpacking a body: gzip, deflate, zstd, snappy's block format; never to more bytes than allowed, whatever it claims."""

import zlib
from collections.abc import Callable

import cramjam

from ops.intake.errors import BodyRefusedError
from ops.intake.letters import OVERSIZED, UNPACKABLE, UNSUPPORTED

ENCODINGS = ("gzip", "deflate", "zstd", "snappy")
# A body that unpacks to more is not looked into.
_MOST_TWICE = 16 << 20
# What follows a member is copied: of so many bytes at most, and so often.
_PIECE, _MOST_MEMBERS = 64 << 10, 1_000
_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """A body without its content encoding.

    Args:
        body: as it came. encoding: of the header Content-Encoding; "" and `identity` are none. most: bytes that it may have.

    Raises:
        BodyRefusedError: `unsupported` for another encoding or several, `unpackable` for bytes that are none of it or break
            off, `oversized` where more would come out.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    unpack = _UNPACKERS.get(name.removeprefix("x-"))
    if unpack is None:
        raise BodyRefusedError(
            UNSUPPORTED,
            f"The content encoding {encoding[:60]!r} is not known; send one of {', '.join(ENCODINGS)}, or none.",
        )
    return unpack(body, most)


def beginning(body: bytes, encoding: str, size: int) -> bytes:
    """The first bytes of a body without its content encoding; b"" where it cannot be unpacked."""
    name = encoding.strip().lower().removeprefix("x-")
    try:
        if name in ("gzip", "deflate"):
            return zlib.decompressobj(_GZIP if name == "gzip" else _ZLIB).decompress(body, size)
        # zstd gives no part of a frame: such a body is unpacked twice.
        return unpacked(body, encoding, _MOST_TWICE)[:size]
    except (zlib.error, BodyRefusedError):
        return b""


def _zlib(bits: int) -> Callable[[bytes, int], bytes]:
    def unpack(body: bytes, most: int) -> bytes:
        parts, left, at, members, whole = [], most, 0, 0, memoryview(body)
        machine = None
        try:
            while at < len(whole):
                if machine is None:  # gzip's members follow one another
                    members += 1
                    machine = zlib.decompressobj(bits)
                piece = whole[at : at + _PIECE]
                parts.append(machine.decompress(piece, left + 1))
                left -= len(parts[-1])
                if left < 0:
                    raise _too_large(most)
                at += len(piece) - len(machine.unused_data)
                machine = None if machine.eof else machine
                if members > _MOST_MEMBERS:
                    raise _broken(f"it has more than {_MOST_MEMBERS} members")
        except zlib.error as error:
            raise _broken(str(error)) from error
        if machine is not None:
            raise _broken("it breaks off")
        if not body:
            raise _broken("it is empty")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    return unpack


def _zstd(body: bytes, most: int) -> bytes:
    # The memory is only touched as far as it is written to; a frame that would write beyond it is an error.
    buffer = bytearray(most)
    try:
        size = cramjam.zstd.decompress_into(body, buffer)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise _too_large(most) from error
        raise _broken(str(error)) from error
    if not body:
        raise _broken("it is empty")
    return bytes(memoryview(buffer)[:size])


def _snappy(body: bytes, most: int) -> bytes:
    try:
        # The length stands before the data, and nothing beyond it is written.
        if cramjam.snappy.decompress_raw_len(body) > most:
            raise _too_large(most)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise _broken(str(error)) from error


def _too_large(most: int) -> BodyRefusedError:
    return BodyRefusedError(OVERSIZED, f"The body unpacks to more than {most} bytes. Send it in parts.")


def _broken(why: str) -> BodyRefusedError:
    return BodyRefusedError(
        UNPACKABLE, f"The body cannot be unpacked: {why}. Send it whole, in the encoding that it names."
    )


_UNPACKERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _zlib(_GZIP),
    "deflate": _zlib(_ZLIB),
    "zstd": _zstd,
    "snappy": _snappy,
}
