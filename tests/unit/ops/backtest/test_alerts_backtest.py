"""`breakwater backtest alerts`: a file of alerts in, the incidents that a person would be told of out."""

import csv
import gzip
import json
from pathlib import Path

from typer.testing import CliRunner

from ops.cli import app

RUNNER = CliRunner()
BEGIN = 1_642_000_000
NEWS = BEGIN + 3 * 86_400

Row = tuple[int, str, str]


def usual() -> list[Row]:
    """Four days of logins, every half hour on two hosts."""
    return [(BEGIN + i * 1800, "login", host) for i in range(4 * 48) for host in ("mail", "web")]


def attack() -> list[Row]:
    """Two things never seen, within a second."""
    return [(NEWS + 60, "audit off", "mail"), (NEWS + 61, "root shell", "mail")]


def write(path: Path, rows: list[Row], header: str = "time,name,host", more: str = "") -> Path:
    """A CSV file of rows."""
    path.write_text("\n".join([header, *(f"{at},{name},{host}{more}" for at, name, host in rows)]) + "\n")
    return path


def run(file: Path, *options: str) -> list[dict[str, str]]:
    """The incidents of a file."""
    out = file.parent / "incidents.csv"
    done = RUNNER.invoke(app, ["backtest", "alerts", str(file), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    with out.open(newline="") as found:
        return list(csv.DictReader(found))


def test_news_is_one_incident_with_its_rows(tmp_path: Path) -> None:
    """Opened at the second strange alert, told by its names; the first and the usual ones right after are its rows, too."""
    rows = sorted([*usual(), *attack(), (NEWS + 62, "root shell", "mail")])
    (told,) = run(write(tmp_path / "a.csv", rows))
    assert list(told) == ["opened_at", "incident_id", "title", "severity", "rows"]
    assert float(told["opened_at"]) == NEWS + 61
    assert told["title"].startswith("mail: ")
    assert "root shell" in told["title"]
    first = rows.index((NEWS + 61, "root shell", "mail"))
    assert told["rows"] == f"{first}-{first + 1}"


def test_rows_are_heard_in_the_order_of_their_times(tmp_path: Path) -> None:
    """Two sensors' files, one after the other: the same incident, its rows by their numbers in the file."""
    one = run(write(tmp_path / "a.csv", sorted([*usual(), *attack()])))
    other = run(write(tmp_path / "b.csv", [*attack(), *usual()]))
    assert [told["incident_id"] for told in one] == [told["incident_id"] for told in other]
    assert other[0]["rows"] == "1"


def test_labels_change_nothing(tmp_path: Path) -> None:
    """The same rows with labels beside them."""
    rows = sorted([*usual(), *attack()])
    plain = run(write(tmp_path / "a.csv", rows))
    labelled = write(tmp_path / "b.csv", rows, "time,name,host,time_label,event_label", ",attack,true")
    assert run(labelled) == plain


def test_columns_are_mapped_and_severities_read(tmp_path: Path) -> None:
    """Other names for the columns, packed; one critical alert never seen is an incident alone; what resolves is none."""
    rows = [f"{at},{name},{host},info,firing" for at, name, host in usual()]
    rows += [f"{NEWS + 60},shell,mail,critical,firing", f"{NEWS + 60},gone,web,critical,resolved"]
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress("\n".join(["when,what,where,level,state", *rows]).encode()))
    pairs = ("occurred_at=when", "name=what", "service=where", "severity=level", "status=state")
    (told,) = run(file, *(word for pair in pairs for word in ("--map", pair)))
    assert told["severity"] == "CRITICAL"
    assert told["title"] == "mail: unusual alerts: shell"


def test_json_lines_are_read_and_tenants_kept_apart(tmp_path: Path) -> None:
    """Two oddities of different tenants are no news together."""
    rows = [{"time": at, "name": name, "service": host, "tenant": "a"} for at, name, host in usual()]
    rows += [{"time": at, "name": name, "service": host, "tenant": "b"} for at, name, host in usual()]
    for (at, name, host), tenant in zip(attack(), "ab", strict=True):
        rows.append({"time": at, "name": name, "service": host, "tenant": tenant})
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(file) == []


def test_rows_that_are_no_alerts_are_counted_and_keep_their_numbers(tmp_path: Path) -> None:
    """Exit code 1; the others are judged as ever."""
    rows = sorted([*usual(), *attack()])
    lines = [f"{at},{name},{host}" for at, name, host in rows]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["time,name,host", "yesterday,x,y", "1", *lines]) + "\n")
    out = tmp_path / "incidents.csv"
    done = RUNNER.invoke(app, ["backtest", "alerts", str(file), "--out", str(out), "--json"])
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["alerts"], found["rejected"], found["incidents"]) == (len(rows), 2, 1)
    with out.open(newline="") as written:
        (told,) = csv.DictReader(written)
    assert told["rows"] == str(rows.index((NEWS + 61, "root shell", "mail")) + 2)


def test_a_file_without_the_columns_is_wrong_use(tmp_path: Path) -> None:
    """The message names what is missing, and how to say it."""
    file = write(tmp_path / "a.csv", usual(), "time,title,host")
    done = RUNNER.invoke(app, ["backtest", "alerts", str(file), "--out", str(tmp_path / "out.csv")])
    assert done.exit_code == 2
    assert "--map name=COLUMN" in " ".join(done.output.split())


def test_an_empty_file_tells_of_nothing(tmp_path: Path) -> None:
    """A header alone: no incident, and a file that says so."""
    assert run(write(tmp_path / "a.csv", [])) == []


def test_where_nothing_can_be_written_is_wrong_use(tmp_path: Path) -> None:
    """The folder is a file."""
    file = write(tmp_path / "a.csv", usual())
    done = RUNNER.invoke(app, ["backtest", "alerts", str(file), "--out", str(file / "out.csv")])
    assert done.exit_code == 2
    assert "cannot be written" in " ".join(done.output.split())
