"""Traps of those who wish us ill: one clear error in a short time, and nothing left behind."""

import gc
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pytest

import auditkit
from auditkit import DataError, OutputError, PlanError, PolicyError, documents
from auditkit.cli import main
from auditkit.evidence.held import Held, private_duckdb

PLAN = """
[system]
name = "S"
[data]
source = "rows.csv"
decision = "d"
selected = "1"
outcome = "benefit"
[attributes.g]
[policy]
use = "minimal"
"""
ROWS = "g,d\n" + "a,1\na,0\nb,1\nb,0\n" * 10


@pytest.fixture(autouse=True)
def no_hang():
    """A trap that hangs must fail, not stop the tests."""

    def late(*_):
        raise TimeoutError("the input was read for more than 20 s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """A folder to work in, with a temporary folder of its own that has to be empty at the end."""
    aside = tmp_path / "temporary"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    gc.collect()  # what was raised may still refer to a connection
    assert list(aside.iterdir()) == []


def audit(path, **changes):
    asked = {"decision": "d", "selected": "1", "attributes": ["g"], "policy": "minimal"}
    return auditkit.audit(None, path, outcome="benefit", **{**asked, **changes})


def run(capsys, *arguments):
    """Call the command line as it is called: exit 2, one error, no file more than there was."""
    before = sorted(Path.cwd().rglob("*"))
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    out = capsys.readouterr()
    assert (left.value.code, out.out) == (2, "")
    assert sorted(Path.cwd().rglob("*")) == before
    return out.err


# ------------------------------------------------------------------------------ what is no document


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_is_never_waited_for(inside, capsys, kind):
    path = inside / "x.toml"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    assert "is a pipe, a socket or a device" in run(capsys, "run", path)
    assert "is a pipe, a socket or a device" in run(capsys, "show", path)
    with pytest.raises(DataError, match="is a pipe, a socket or a device"):
        audit(path)
    with pytest.raises(DataError, match="does not exist"):
        audit(f"sqlite:///{path}")
    (inside / "rows.csv").write_text(ROWS)
    with pytest.raises(PolicyError, match="is a pipe, a socket or a device"):
        audit(inside / "rows.csv", policy=str(path))


def test_a_pipe_in_the_folder_of_an_earlier_audit_is_not_waited_for(inside):
    (inside / "rows.csv").write_text(ROWS)
    (inside / "out").mkdir()
    os.mkfifo(inside / "out" / "audit.json")
    with pytest.raises(OutputError, match="cannot read"):
        audit(inside / "rows.csv").report(inside / "out")


def test_documents_of_absurd_size_are_refused_unread(inside, capsys):
    for name, size in (("audit.toml", documents.WRITTEN_BYTES), ("a.json", documents.RECORD_BYTES)):
        with (inside / name).open("wb") as file:
            file.truncate(size + 1)  # takes no place
    assert "larger than 1,000,000 bytes" in run(capsys, "run", "audit.toml")
    assert "larger than 200,000,000 bytes" in run(capsys, "show", "a.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".".join(["a"] * 400_000) + " = 1", "more than 20 parts"),
        ("[" + " . ".join(['"a"'] * 100_000) + "]", "more than 20 parts"),
        ("a = " + "[" * 400_000, "nested too deeply"),
        ("a = " + "{a = " * 100_000, "nested too deeply"),
        ("a = '" + "a" * 900_000, "not valid TOML"),
        ('"' * 900_001, "not valid TOML"),
        ("a" * 900_000, "not valid TOML"),
    ],
)
def test_toml_that_is_made_to_take_long(inside, capsys, text, told):
    (inside / "audit.toml").write_text(text)
    began = time.monotonic()
    assert told in run(capsys, "run", "audit.toml")
    assert time.monotonic() - began < 10


def test_versions_and_paths_are_no_deep_keys():
    assert documents.toml(f'a = "{".".join("1" * 20)}"')["a"].count(".") == 19


@pytest.mark.parametrize("text", ['{"a":' * 200_000, "[" * 200_000, '{"format": "x"}', "\0"])
def test_an_audit_of_a_stranger_that_is_none(inside, capsys, text):
    (inside / "audit.json").write_text(text)
    assert "is not an audit of format" in run(capsys, "show", "audit.json")


# ------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "con", "a\\u0000b", "..", "~", "%00"])
def test_no_name_of_a_system_leaves_its_folder(inside, capsys, name):
    (inside / "rows.csv").write_text(ROWS)
    (inside / "audit.toml").write_text(PLAN.replace('"S"', f'"{name}"'))
    with pytest.raises(SystemExit) as left:
        main(["run", "audit.toml"])
    assert left.value.code == 0
    made = [path.relative_to(inside) for path in inside.rglob("audit.json")]
    assert [path.parts[0] for path in made] == ["reports"]
    assert len(made[0].parts) == 3
    assert sorted(path.name for path in inside.parent.iterdir()) == ["temporary", "work"]


def test_nothing_is_written_through_a_link(inside):
    (inside / "rows.csv").write_text(ROWS)
    made = audit(inside / "rows.csv")
    (inside / "elsewhere").mkdir()
    (inside / "out").symlink_to("elsewhere", target_is_directory=True)
    (inside / "loose").symlink_to("nowhere")
    for out in ("out", "loose"):
        with pytest.raises(OutputError, match=f"'{out}'"):
            made.report(inside / out)
    assert list((inside / "elsewhere").iterdir()) == []
    assert not (inside / "nowhere").exists()


def test_a_link_is_followed_to_the_data_it_names(inside):
    (inside / "rows.csv").write_text(ROWS)
    (inside / "link.csv").symlink_to("rows.csv")
    (inside / "parts").mkdir()
    duckdb.sql("select 'a' g, 1 d union all select 'b', 0").write_parquet("one.parquet")
    (inside / "parts" / "1.parquet").symlink_to(inside / "one.parquet")
    assert audit(inside / "link.csv").record.rows.read == 40
    assert audit(inside / "parts").record.rows.read == 2


# ------------------------------------------------------------------------------------------- tables


def test_a_header_without_an_end_is_not_read_to_it(inside):
    path = inside / "rows.csv"
    path.write_text("g,d," + "x" * 3_000_000)
    with pytest.raises(DataError, match="no header of delimited text"):
        audit(path)
    path.write_bytes(gzip.compress(b"g,d\n" + b"a" * 30_000_000))
    with pytest.raises(DataError, match="not delimited text"):
        audit(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_last_line_without_an_end_is_not_left_out(inside, packed, end):
    """DuckDB dropped it: one person fewer, and no word."""
    content = (ROWS + "b," + "x" * 34_000_000 + end).encode()
    (inside / "rows.csv").write_bytes(gzip.compress(content, 1) if packed else content)
    with pytest.raises(DataError, match="a line has more than 2,000,000 bytes"):
        audit(inside / "rows.csv")


def test_a_packed_file_that_is_damaged_in_its_header(inside):
    packed = bytearray(gzip.compress(ROWS.encode() * 100))
    packed[10:40] = b"\xff" * 30
    (inside / "rows.csv.gz").write_bytes(packed)
    with pytest.raises(DataError, match="cannot be read"):
        audit(inside / "rows.csv.gz")


@pytest.mark.parametrize("at", [1, 20])
def test_a_cell_with_nul_or_broken_text_is_one_error_or_a_group(inside, at):
    lines = ROWS.encode().splitlines(keepends=True)
    (inside / "rows.csv").write_bytes(b"".join([*lines[:at], b"\xff\xfe,1\n", *lines[at:]]))
    with pytest.raises(DataError, match="not UTF-8"):
        audit(inside / "rows.csv")


def columns(path, number):
    header = ",".join(["g", "d", *(f"c{i}" for i in range(number - 2))])
    rows = [f"{g},{d}" + "," * (number - 2) for g in "ab" for d in "01"]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_hundred_thousand_columns_are_refused_and_a_thousand_are_none_too_many(inside):
    assert audit(columns(inside / "rows.csv", 1000)).record.rows.read == 4
    with pytest.raises(DataError, match="has 100,000 columns, and at most 10,000 are opened"):
        audit(columns(inside / "rows.csv", 100_000))


def test_a_hundred_thousand_groups_are_refused_without_one_of_them(inside):
    rows = "\n".join(f"person-{i},{i % 2}" for i in range(100_000))
    (inside / "rows.csv").write_text(f"g,d\n{rows}\n")
    with pytest.raises(DataError, match="'g'") as caught:
        audit(inside / "rows.csv")
    assert "person-" not in str(caught.value)


def test_a_hundred_million_equal_rows_in_a_few_bytes_are_only_counted(inside):
    import resource

    duckdb.sql(
        "copy (select case when i % 2 = 0 then 'a' else 'b' end g, 1 d from range(4000000) t(i))"
        " to 'rows.parquet' (row_group_size 4000000)"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert audit(inside / "rows.parquet", selected=1).record.rows.read == 4_000_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 1_000_000, f"{grown:,} kB more"


HOSTILE = "\x1b[2J\u202e=HYPERLINK(1)<script>"


def test_names_of_strangers_do_nothing_where_they_are_printed(inside, capsys):
    column = HOSTILE.replace("(1)", "")
    data = f'"{column}",d\n' + f'"{HOSTILE}",1\n@cmd,0\n' * 20
    (inside / "rows.csv").write_text(data)
    audit(inside / "rows.csv", attributes=[column], name=HOSTILE).report(inside / "out")
    page = (inside / "out" / "report.html").read_text()
    assert not {"\x1b", "\u202e"} & set(page)
    assert "<script" not in page
    for arguments in ([], ["--table", "measurements"], ["--table", "groups"]):
        with pytest.raises(SystemExit):
            main(["show", str(inside / "out"), *arguments])
        out = capsys.readouterr().out
        assert not {"\x1b", "\u202e"} & set(out)
        if arguments:
            assert "=HYPERLINK" not in {cell[:10] for line in out.split("\n") for cell in line}
            assert all(f",{start}" not in out for start in ("=", "@"))


# ------------------------------------------------------------------------------------------ engines


def test_a_view_of_a_stranger_reads_no_other_file(inside):
    (inside / "secret.csv").write_text(ROWS)
    with duckdb.connect(str(inside / "rows.duckdb")) as theirs:
        theirs.execute("create table t as select * from read_csv('secret.csv')")
        theirs.execute("create view own as select * from t")
        theirs.execute(f"create view v as select * from read_csv('{inside / 'secret.csv'}')")
    for table in ("t", "own"):
        made = audit(inside / "rows.duckdb", table=table, selected=1)
        assert made.record.rows.read == 40
    with pytest.raises(DataError):
        audit(inside / "rows.duckdb", table="v", selected=1)


@pytest.mark.parametrize(
    "asked",
    [
        "select * from read_csv('/etc/passwd')",
        "copy (select 1) to 'written.csv'",
        "attach 'new.duckdb'",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '1TB'",
        "set enable_external_access = true",
        "export database 'exported'",
    ],
)
def test_every_duckdb_is_locked_from_the_start(inside, asked):
    held = Held()
    for connection in (private_duckdb(), held.connection):
        with pytest.raises(duckdb.Error):
            connection.execute(asked)
        connection.close()
    assert list(inside.iterdir()) == []


def test_no_duckdb_is_started_but_the_private_one():
    code = Path(auditkit.__file__).parent.rglob("*.py")
    assert [p.name for p in code if "duckdb.connect(" in p.read_text()] == ["held.py"]


# -------------------------------------------------------------------------------- what is left over


STOPPED = """
import sys, time
from pathlib import Path
from auditkit import cli
from auditkit.evidence import gather
def wait(*_, **__):
    Path(sys.argv[1]).touch()
    time.sleep(30)
gather.tally = wait
cli.main(["run", "audit.toml", "--out", "out"])
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_an_audit_leaves_nothing_behind(inside, tmp_path, how):
    (inside / "rows.csv").write_text(ROWS)
    (inside / "audit.toml").write_text(PLAN)
    aside = tmp_path / "temporary"
    counting = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path / "counting")],
        env={**os.environ, "TMPDIR": str(aside)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "counting").exists():
        assert counting.poll() is None, counting.stderr.read()
        time.sleep(0.02)
    (private,) = aside.iterdir()
    assert private.stat().st_mode & 0o777 == 0o700
    counting.send_signal(how)
    _, told = counting.communicate(timeout=15)
    assert counting.returncode == 130
    assert "Interrupted; nothing was written." in told
    assert sorted(path.name for path in inside.iterdir()) == ["audit.toml", "rows.csv"]


def test_a_record_of_a_stranger_is_shown_and_drawn_harmlessly(inside, capsys):
    (inside / "rows.csv").write_text(ROWS)
    audit(inside / "rows.csv").report(inside / "out")
    text = (inside / "out" / "audit.json").read_text()
    content = json.loads(text)
    content["system"]["name"] = HOSTILE
    (inside / "audit.json").write_text(json.dumps(content))
    page = auditkit.load(inside / "audit.json").files()["report.html"]
    assert not {"\x1b", "\u202e"} & set(page)
    assert "<script" not in page


def test_a_plan_in_another_encoding_is_one_error(inside, capsys):
    (inside / "audit.toml").write_bytes(PLAN.encode("utf-16"))
    assert "not UTF-8" in run(capsys, "run", "audit.toml")
    with pytest.raises(PlanError):
        auditkit.run(inside / "audit.toml")
