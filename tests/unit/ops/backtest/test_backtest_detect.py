"""`breakwater backtest detect`: folders of series in, folders of scores out."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.backtest.errors import UnusableSeriesError
from ops.backtest.series_file import epoch_s, read_series
from ops.cli import app

RUNNER = CliRunner()


def write(path: Path, lines: list[str]) -> None:
    """A file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def series(values: list[str], header: str = "timestamp,value") -> list[str]:
    """A point every five minutes."""
    return [header, *(f"2014-04-01 {i // 12 % 24:02}:{i % 12 * 5:02}:00,{value}" for i, value in enumerate(values))]


def scores(path: Path) -> list[dict[str, str]]:
    """The rows of a file of scores."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_series_has_a_row_for_a_row_under_its_own_name(tmp_path: Path) -> None:
    """Folders are kept, the time is written as it was read, and a spike is an alarm."""
    values = [str(10 + i % 3) for i in range(600)] + ["900", "11", "12"]
    write(tmp_path / "in" / "cpu" / "a.csv", series(values))
    write(tmp_path / "in" / "b.csv", ["TimeStamp,Value,Label", '"2018-06-13T00:00:00Z",482,0'])
    done = RUNNER.invoke(app, ["backtest", "detect", str(tmp_path / "in"), str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["points"] == 604
    rows = scores(tmp_path / "out" / "cpu" / "a.csv")
    assert len(rows) == 603
    assert list(rows[0]) == ["timestamp", "anomaly_score", "alarm"]
    assert rows[600]["alarm"] == "1"
    assert 0.99 <= float(rows[600]["anomaly_score"]) <= 1.0
    assert scores(tmp_path / "out" / "b.csv")[0]["timestamp"] == "2018-06-13T00:00:00Z"


def test_labels_change_no_score(tmp_path: Path) -> None:
    """The same series with and without labels."""
    plain = series([str(i % 7) for i in range(300)])
    labelled = [plain[0] + ",Label", *(f"{line},{i % 2}" for i, line in enumerate(plain[1:]))]
    write(tmp_path / "in" / "plain.csv", plain)
    write(tmp_path / "in" / "labelled.csv", labelled)
    RUNNER.invoke(app, ["backtest", "detect", str(tmp_path / "in"), str(tmp_path / "out")])
    assert scores(tmp_path / "out" / "plain.csv") == scores(tmp_path / "out" / "labelled.csv")


def test_rows_that_hold_no_number_or_no_time_have_a_row(tmp_path: Path) -> None:
    """Gaps, words, duplicates and short rows are scored 0 or as they are, never dropped."""
    write(
        tmp_path / "in" / "a.csv",
        [*series(["1", "", "NaN", "inf", "x"]), "when,3", "2014-04-01 00:00:00", "2014-04-01,2"],
    )
    done = RUNNER.invoke(app, ["backtest", "detect", str(tmp_path / "in"), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert len(scores(tmp_path / "out" / "a.csv")) == 8


@pytest.mark.parametrize(
    ("lines", "missing"),
    [(["time,value", "1,2"], "timestamp"), (["timestamp,label", "1,2"], "value"), ([], "timestamp")],
)
def test_a_file_without_its_columns_is_refused_by_name(tmp_path: Path, lines: list[str], missing: str) -> None:
    """The message says which column is missing where."""
    write(tmp_path / "a.csv", lines)
    with pytest.raises(UnusableSeriesError, match=rf"a\.csv: it has no column `{missing}`"):
        list(read_series(tmp_path / "a.csv"))


def test_scores_never_replace_the_series(tmp_path: Path) -> None:
    """The same folder twice is wrong use."""
    write(tmp_path / "a.csv", series(["1"]))
    assert RUNNER.invoke(app, ["backtest", "detect", str(tmp_path), str(tmp_path)]).exit_code == 2


def test_times_are_read_in_every_common_way() -> None:
    """ISO 8601 with and without a zone, seconds, milliseconds; the rest is no time."""
    assert {epoch_s(text) for text in ("2018-05-10 01:00:00", "2018-05-10T03:00:00+02:00", "1525914000")} == {
        1525914000.0
    }
    assert epoch_s("1525914000500") == 1525914000.5
    assert [epoch_s(text) for text in ("", "soon", "nan", "1e99")] == [None] * 4
