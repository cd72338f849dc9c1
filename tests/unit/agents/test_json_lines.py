"""The append-only file behind journals: nothing that was appended is lost, torn lines harm nobody."""

from pathlib import Path

from agents.json_lines import JsonLines


def test_another_reader_sees_what_was_appended(tmp_path: Path) -> None:
    """Two objects on one file stand for two processes: each reads each line once."""
    path = tmp_path / "new" / "lines.jsonl"
    writer, reader = JsonLines(path), JsonLines(path)
    writer.append({"n": 1})
    assert reader.unread() == [{"n": 1}]
    writer.append({"n": 2})
    assert reader.unread() == [{"n": 2}]
    assert reader.unread() == []


def test_a_torn_line_swallows_nothing(tmp_path: Path) -> None:
    """A crash in the middle of a line loses that line alone: what is appended later is whole."""
    path = tmp_path / "lines.jsonl"
    JsonLines(path).append({"n": 1})
    with path.open("ab") as file:
        file.write(b'{"n": 2, "te')
    reader = JsonLines(path)
    assert reader.unread() == [{"n": 1}]
    JsonLines(path).append({"n": 3})
    assert reader.unread() == [{"n": 3}]


def test_a_full_file_is_set_aside_and_still_read(tmp_path: Path) -> None:
    """Disk is bounded to two files, and neither a running reader nor a new one misses what was set aside last."""
    path = tmp_path / "lines.jsonl"
    lines, running = JsonLines(path, max_bytes=20), JsonLines(path)
    seen = []
    for n in range(9):
        lines.append({"n": n})
        seen += running.unread() if n % 2 else []
    assert [fields["n"] for fields in [*seen, *running.unread()]] == list(range(9))
    assert [fields["n"] for fields in JsonLines(path).unread()] == [3, 4, 5, 6, 7, 8]
    assert len(list(tmp_path.glob("lines.jsonl*"))) == 3  # the file, the one before, the lock
