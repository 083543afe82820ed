"""Arguments in, exit code out: a verdict is told from a fault, and a fault writes nothing."""

import csv
import io
import json
import subprocess
import sys

import pytest

import auditkit
from auditkit.cli import Progress, default_folder, main, spreadsheet_safe

PLAN = """
[system]
name = "Aid score"
version = "3"
stage = "{stage}"
[data]
source = "rows.csv"
label = "in_need"
positive = "yes"
decision = "chosen"
outcome = "benefit"
[attributes.gender]
{attributes}
[policy]
use = "minimal"
[audit]
date = "2026-11-23"
"""


@pytest.fixture
def plan(many, tmp_path):
    def make(stage="sandbox", attributes="", rows=many, old="", new=""):
        rows.to_csv(tmp_path / "rows.csv", index=False)
        path = tmp_path / "audit.toml"
        text = PLAN.format(stage=stage, attributes=attributes)
        assert old in text
        path.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        return path

    return make


AGE = "[attributes.age]\nbins = [31, 61]"


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    out = capsys.readouterr()
    return left.value.code, out.out, out.err


def test_run_writes_record_and_report_and_says_the_verdict(plan, tmp_path, capsys):
    code, out, _ = call(capsys, "run", plan(attributes=AGE), "--out", tmp_path / "out")
    assert code == 3
    assert "Not ready for a decision" in out
    assert "▲ beyond the limit" in out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["audit.json", "report.html"]


@pytest.mark.parametrize(("stage", "code"), [("sandbox", 0), ("explore", 0)])
def test_exit_codes_of_a_ready_system_and_of_exploring(plan, tmp_path, capsys, stage, code):
    assert call(capsys, "run", plan(stage), "--out", tmp_path / "out")[0] == code


def test_exploring_a_system_with_breaches_is_no_fault(plan, tmp_path, capsys):
    code, out, _ = call(capsys, "run", plan("explore", AGE), "--out", tmp_path / "out")
    assert code == 0
    assert "Draft" in out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("outcome", "outcom", "Did you mean 'outcome'?"),
        ('positive = "yes"', "", "data.positive is missing"),
        ('positive = "yes"', 'positive = "Yes"', "'Yes' never occurs in column 'in_need'"),
        ("[attributes.gender]", "[attributes.age]", "Put them into bins"),
        ('"chosen"', '"chosn"', "Did you mean 'chosen'?"),
        ('"rows.csv"', '"row.csv"', "does not exist"),
        ('"minimal"', '"minimum"', "Did you mean 'minimal'?"),
    ],
)
def test_bad_input_is_one_clear_error_exit_2_and_nothing_written(
    plan, tmp_path, capsys, old, new, words
):
    path = plan(old=old, new=new)
    before = sorted(tmp_path.iterdir())
    code, out, err = call(capsys, "run", path, "--out", tmp_path / "out")
    assert code == 2
    assert words in err
    assert "Traceback" not in err
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_probabilities_as_decisions(plan, many, tmp_path, capsys):
    rows = many.assign(chosen=(many["age"] / 100).round(3))
    code, _, err = call(capsys, "run", plan(rows=rows), "--out", tmp_path / "out")
    assert (code, "probabilities or scores" in err) == (2, True)


@pytest.mark.parametrize("arguments", [["frobnicate"], ["run"], ["run", "--bogus"], ["show", "no"]])
def test_bad_usage_is_exit_2(capsys, arguments):
    assert call(capsys, *arguments)[0] == 2


def test_python_cli_json_and_html_state_the_same(plan, tmp_path, capsys):
    path = plan(attributes=AGE)
    code, out, _ = call(capsys, "run", path, "--out", tmp_path / "out")
    by_python = auditkit.run(path)
    stored = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert auditkit.load(tmp_path / "out").record == by_python.record
    assert stored["disposition"] == by_python.disposition == "not_ready"
    assert code == 3
    from auditkit.report.story import disposition_words

    words = disposition_words(by_python.record)
    assert words in out
    assert words in page
    for name in ("measurements", "disparities", "checks"):
        call_code, text, _ = call(
            capsys, "show", tmp_path / "out", "--table", name, "--format", "json"
        )
        assert call_code == 0
        assert json.loads(text) == stored[name]


def test_show_prints_the_same_verdict_as_run(plan, tmp_path, capsys):
    _, ran, _ = call(capsys, "run", plan(attributes=AGE), "--out", tmp_path / "out")
    _, shown, _ = call(capsys, "show", tmp_path / "out")
    assert shown.strip() in ran


def test_show_csv_is_a_table(plan, tmp_path, capsys):
    call(capsys, "run", plan(), "--out", tmp_path / "out")
    _, text, _ = call(capsys, "show", tmp_path / "out" / "audit.json", "--table", "measurements")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["metric"] == "selection_rate"
    assert rows[0]["group"] == "(all)"


def test_show_names_the_nearest_table(plan, tmp_path, capsys):
    call(capsys, "run", plan(), "--out", tmp_path / "out")
    code, _, err = call(capsys, "show", tmp_path / "out", "--table", "measurement")
    assert (code, "Did you mean 'measurements'?" in err) == (2, True)


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49", "+49"),
        ("-1.5", "-1.5"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        (">=61", ">=61"),
        (0.5, 0.5),
        (None, None),
    ],
)
def test_a_text_is_no_formula(cell, safe):
    assert spreadsheet_safe(cell) == safe


def test_metrics_lists_each_in_a_sentence(capsys):
    code, out, _ = call(capsys, "metrics")
    assert code == 0
    assert "false_negative_rate" in out
    assert all("  " in line for line in out.splitlines())


def test_docs_lists_topics_and_prints_one(capsys):
    code, out, _ = call(capsys, "docs")
    assert code == 0
    assert out.startswith("explanations  Explanations: ")
    code, out, _ = call(capsys, "docs", "statistics")
    assert code == 0
    assert "Clopper and Pearson" in out
    assert "<!-- measured:begin -->" in out
    code, out, err = call(capsys, "docs", "statistic")
    assert (code, out) == (2, "")
    assert "Did you mean 'statistics'?" in err


def test_the_default_folder_is_named_by_date_and_system(plan):
    assert default_folder(auditkit.run(plan()).record) == "2026-11-23-aid-score"


def test_a_fault_of_ours_is_told_without_a_trace(plan, tmp_path, capsys, monkeypatch):
    def broken(*_arguments, **_named):
        raise RuntimeError("row 7: Jane Doe")

    monkeypatch.setattr("auditkit.pipeline.measure", broken)
    code, _, err = call(capsys, "run", plan(), "--out", tmp_path / "out")
    assert code == 70
    assert "Jane" not in err
    assert "RuntimeError at test_cli.py" in err
    assert not (tmp_path / "out").exists()


def test_an_interruption_is_130(plan, tmp_path, capsys, monkeypatch):
    def interrupted(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr("auditkit.pipeline.measure", interrupted)
    assert call(capsys, "run", plan(), "--out", tmp_path / "out")[0] == 130


def test_the_module_runs():
    done = subprocess.run(
        [sys.executable, "-m", "auditkit", "--version"], capture_output=True, text=True, check=True
    )
    assert "0.1.0" in done.stdout


@pytest.mark.slow
def test_the_demo_leaves_with_0_and_writes_where_it_says(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(capsys, "demo")
    assert code == 0
    assert "invented" in out
    folder = tmp_path / "reports" / "2026-11-23-aid-targeting-score"
    assert sorted(p.name for p in folder.iterdir()) == ["audit.json", "report.html"]
    assert [p.name for p in tmp_path.iterdir()] == ["reports"]


def test_without_a_command_the_help_stands_line_by_line(capsys):
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert "Commands:" in told
    assert not any(line.startswith("error") for line in told)


def test_a_format_without_a_table_is_refused(capsys):
    with pytest.raises(SystemExit) as left:
        main(["show", "reports/none", "--format", "json"])
    assert left.value.code == 2
    assert "--table" in capsys.readouterr().err


def test_how_long_more_rows_will_take_is_said_before_they_are_explained(capsys):
    tell = Progress()
    for done in (0, 100, 951):
        tell("explaining more, about 20 s", done, 951)
    tell("checking attributions", 951, None)
    assert capsys.readouterr().err.split("\n") == [
        "  explaining more, about 20 s 0 of 951 rows   ",
        "  explaining more, about 20 s 951 of 951 rows   ",
        "",
    ]


def test_a_reader_who_leaves_is_told_no_verdict(tmp_path):
    script = "import sys; from auditkit.cli import main; main(['metrics'])"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()  # before anything is written
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 130  # 0 and 1 are answers of an audit
    assert error == b""
