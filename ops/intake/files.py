"""Files of alerts: JSON lines or CSV, plain or compressed, read as a stream in bounded memory."""

import csv
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from ops.intake.errors import BrokenInputError, UnusableInputError
from schemas.errors import InvalidInputError

Kind = Literal["csv", "jsonl"]
Stream = io.BufferedReader | lzma.LZMAFile | gzip.GzipFile
STDIN = "-"

_KINDS: dict[str, Kind] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_BOM = b"\xef\xbb\xbf"
# A line that is longer is no alert; reading on to its end costs no more memory than this.
_LONGEST_LINE = 4 << 20


@dataclass(frozen=True, slots=True)
class InputFile:
    """An open file: its lines' bytes, its format, and how far in the (compressed) file it is."""

    name: str
    kind: Kind
    stream: Stream
    raw: io.BufferedReader

    def position(self) -> int:
        """Bytes read so far of what lies on the disk; 0 where that cannot be told."""
        return self.raw.tell() if self.raw.seekable() else 0


@contextmanager
def open_input(name: str) -> Iterator[InputFile]:
    """Open a file, or standard input for `-`; `.xz` and `.gz` are unpacked.

    Raises:
        UnusableInputError: there is no such file, it cannot be read, or is one JSON array.
        BrokenInputError: its compression breaks off.
    """
    try:
        with _raw(name) as raw:
            stream = _unpacked(name, raw)
            yield InputFile(name, _kind(name, stream), stream, raw)
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
        raise BrokenInputError(
            f"{name} breaks off or is damaged: {error}. The rows before were sent; get the file anew for the rest."
        ) from error
    except OSError as error:
        raise UnusableInputError(f"{name} cannot be read: {error.strerror}. Name a file that can.") from error


def csv_rows(file: InputFile) -> Iterator[tuple[bytes, list[str] | InvalidInputError]]:
    """Each row's exact bytes, and its cells or why it has none. Bytes that are not UTF-8 become surrogates in the cells."""
    raw: list[bytes] = []

    def lines() -> Iterator[str]:
        for line in _lines(file.stream):
            raw.append(line)
            yield line.decode("utf-8", "surrogateescape")

    reader = csv.reader(lines())
    while True:
        raw.clear()
        try:
            cells: list[str] | InvalidInputError = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = InvalidInputError(f"The row is no CSV: {error}.")
        if cells:  # blank lines between rows are nothing
            yield raw[0] if len(raw) == 1 else b"".join(raw), cells


def json_lines(file: InputFile) -> Iterator[bytes]:
    """Each line that is not blank, without its end."""
    for line in _lines(file.stream):
        if stripped := line.strip():
            yield stripped


def _raw(name: str) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer)) if name == STDIN else Path(name).open("rb")


def _unpacked(name: str, raw: io.BufferedReader) -> Stream:
    if name.endswith(".xz"):
        return lzma.open(raw)
    if name.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)
    return raw


def _lines(stream: Stream) -> Iterator[bytes]:
    while line := stream.readline(_LONGEST_LINE):
        yield line


def _kind(name: str, stream: Stream) -> Kind:
    beginning = stream.peek(64).removeprefix(_BOM)
    if stream.peek(3).startswith(_BOM):
        stream.read(len(_BOM))
    suffix = Path(name.removesuffix(".xz").removesuffix(".gz")).suffix
    kind = _KINDS.get(suffix) or ("jsonl" if beginning.lstrip()[:1] in (b"{", b"[") else "csv")
    if kind == "jsonl" and beginning.lstrip()[:1] == b"[":
        raise UnusableInputError(f"{name} is one JSON array; give an object a line (`jq -c '.[]' {name}` makes it so).")
    return kind


def cells_of(raw: bytes) -> list[str]:
    """The cells of one CSV row from its exact bytes.

    Raises:
        InvalidInputError: they are no CSV.
    """
    try:
        return next(csv.reader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline="")), [])
    except csv.Error as error:
        raise InvalidInputError(f"The row is no CSV: {error}.") from error
