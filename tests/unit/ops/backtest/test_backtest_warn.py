"""`breakwater backtest warn`: series a line in, warnings a line out."""

import json
import lzma
from pathlib import Path

from typer.testing import CliRunner

from ops.cli import app

RUNNER = CliRunner()


def test_the_warnings_have_the_shape_of_the_series(tmp_path: Path) -> None:
    """Lines of unequal length, and cells that are no numbers, included; a file may be packed."""
    lines = ["10 20 30", "90 10 x 50", ""]
    with lzma.open(tmp_path / "in.txt.xz", "wt") as file:
        file.write("\n".join(lines))
    out = tmp_path / "out.txt"
    done = RUNNER.invoke(app, ["backtest", "warn", str(tmp_path / "in.txt.xz"), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    written = [line.split() for line in out.read_text().splitlines()]
    assert list(map(len, written)) == [3, 4]
    assert {cell for line in written for cell in line} <= {"0", "1"}
    assert json.loads(done.stdout)["points"] == 7


def test_a_known_rhythm_is_warned_of_before_its_peaks(tmp_path: Path) -> None:
    """Hosts that climb to 100 every 50 values: the last climbs are foreseen, with the level and the horizon asked for."""
    rhythm = [20.0] * 40 + [30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 90.0, 50.0]
    values = (rhythm * 12)[:600]
    text = "\n".join(" ".join(map(str, values[k:] + values[:k])) for k in range(0, 50, 7))
    (tmp_path / "in.txt").write_text(text)
    out = tmp_path / "out.txt"
    line = ["backtest", "warn", str(tmp_path / "in.txt"), "--out", str(out), "--level", "95", "--horizon", "4"]
    assert RUNNER.invoke(app, line).exit_code == 0
    last = out.read_text().splitlines()[0].split()[500:600]
    assert "1" in last[40:47]
    assert "1" not in last[5:35]


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "in.txt").write_bytes(b"\xff\xfe\x00\x01")
    done = RUNNER.invoke(app, ["backtest", "warn", str(tmp_path / "in.txt"), "--out", str(tmp_path / "out.txt")])
    assert done.exit_code == 1
    assert "cannot be read" in str(done.exception)
