"""Files of alerts in every wrapping, whole and broken."""

import gzip
import lzma
from pathlib import Path

import pytest

from ops.intake.errors import BrokenInputError, UnusableInputError
from ops.intake.files import cells_of, csv_rows, json_lines, open_input
from schemas.errors import InvalidInputError

CSV = b'name,host\r\n"a, b",web\r\n\r\n"two\nlines",db\r\n\xff,web\r\n'


def rows(path: Path) -> list[tuple[bytes, list[str] | InvalidInputError]]:
    """All rows of a CSV file."""
    with open_input(str(path)) as file:
        assert file.kind == "csv"
        return list(csv_rows(file))


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_rows_come_with_their_exact_bytes(tmp_path: Path, suffix: str) -> None:
    """Quoted commas and line ends, blank lines, bytes that are no text: plain and compressed."""
    path = tmp_path / f"alerts.csv{suffix}"
    path.write_bytes({"": CSV, ".gz": gzip.compress(CSV), ".xz": lzma.compress(CSV)}[suffix])
    assert rows(path) == [
        (b"name,host\r\n", ["name", "host"]),
        (b'"a, b",web\r\n', ["a, b", "web"]),
        (b'"two\nlines",db\r\n', ["two\nlines", "db"]),
        (b"\xff,web\r\n", ["\udcff", "web"]),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    """Spreadsheets write one."""
    (tmp_path / "alerts.csv").write_bytes(b"\xef\xbb\xbf" + CSV)
    assert rows(tmp_path / "alerts.csv")[0][1] == ["name", "host"]


def test_a_cell_without_end_costs_one_row_not_the_memory(tmp_path: Path) -> None:
    """A quote that is never closed swallows a bounded part of the file; then rows are read again."""
    (tmp_path / "alerts.csv").write_bytes(b'name\n"' + b"x\n" * 100_000 + b"last\n")
    found = rows(tmp_path / "alerts.csv")
    assert isinstance(found[1][1], InvalidInputError)
    assert found[-1] == (b"last\n", ["last"])


def test_json_lines_are_told_by_their_beginning(tmp_path: Path) -> None:
    """Where the name does not say."""
    (tmp_path / "alerts").write_bytes(b' {"a": 1}\n\n{"b": 2}')
    with open_input(str(tmp_path / "alerts")) as file:
        assert file.kind == "jsonl"
        assert list(json_lines(file)) == [b'{"a": 1}', b'{"b": 2}']


def test_a_json_array_is_refused_with_advice(tmp_path: Path) -> None:
    """It would have to be held whole."""
    (tmp_path / "alerts.json").write_bytes(b'[{"a": 1}]')
    with pytest.raises(UnusableInputError, match=r"jq -c"), open_input(str(tmp_path / "alerts.json")):
        pass


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_file_that_breaks_off_gives_what_it_has_and_says_so(tmp_path: Path, pack: object) -> None:
    """A download that ended early."""
    assert callable(pack)
    whole = pack(b"name\n" + b"".join(b"%d\n" % n for n in range(100_000)))
    suffix = ".gz" if pack is gzip.compress else ".xz"
    (tmp_path / f"alerts.csv{suffix}").write_bytes(whole[: len(whole) // 2])
    seen: list[bytes] = []
    with pytest.raises(BrokenInputError, match="breaks off"), open_input(str(tmp_path / f"alerts.csv{suffix}")) as file:
        seen.extend(raw for raw, _ in csv_rows(file))
    assert seen[:2] == [b"name\n", b"0\n"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Wrong use, not a failure."""
    with pytest.raises(UnusableInputError, match="No such file"), open_input(str(tmp_path / "none.csv")):
        pass


def test_cells_of_a_dead_letters_bytes() -> None:
    """As the file's reader had them."""
    assert cells_of(b'"a, b","two\nlines",\xff\r\n') == ["a, b", "two\nlines", "\udcff"]
