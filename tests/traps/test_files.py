"""Traps of delimited text and of file names: every row is read, from the file that was named."""

import gzip

import pandas as pd
import pytest

import auditkit
from auditkit import DataError


def rows(number, mark=lambda i: ""):
    return [
        (f"{mark(i)}{i}", "f" if i % 2 else "m", "no" if i % 3 else "yes", "no" if i % 5 else "yes")
        for i in range(number)
    ]


def text(lines, header="case,sex,y,d"):
    return "\n".join([header, *(",".join(line) for line in lines)]) + "\n"


def audit(path, **changes):
    asked = {"label": "y", "positive": "yes", "decision": "d", "attributes": ["sex"]}
    return auditkit.audit(None, path, outcome="benefit", policy="minimal", **{**asked, **changes})


def sizes(made):
    record = made.record
    left_out = sum(e.rows for e in record.exclusions if (e.scope, e.group) == ("all", "(all)"))
    assert record.rows.read == record.rows.used + left_out
    return {g.group: g.rows for g in record.groups if g.attribute == "sex"}


@pytest.mark.parametrize("mark", ["#", "# ", "//", "--", ";"])
def test_no_first_cell_makes_a_row_a_comment(tmp_path, mark):
    path = tmp_path / "rows.csv"
    path.write_text(text(rows(200, lambda i: "" if i % 2 else mark)))
    assert sizes(audit(path)) == {"f": 100, "m": 100}


@pytest.mark.parametrize(
    ("name", "other"), [("rows[1].csv", "rows1.csv"), ("a*.csv", "ab.csv"), ("a?.csv", "ab.csv")]
)
def test_a_file_name_is_no_pattern(tmp_path, name, other):
    (tmp_path / name).write_text(text(rows(40)))
    (tmp_path / other).write_text(text(rows(300)))
    made = audit(tmp_path / name)
    assert sizes(made) == {"f": 20, "m": 20}
    assert made.record.provenance.source[0].name == name


def test_a_parquet_file_name_is_no_pattern(tmp_path, twelve):
    twelve.to_parquet(tmp_path / "rows[1].parquet")
    twelve.head(3).to_parquet(tmp_path / "rows1.parquet")
    made = auditkit.audit(
        None, tmp_path / "rows[1].parquet", label="need", positive=1, decision="chosen",
        outcome="benefit", attributes=["group"], policy="minimal",
    )  # fmt: skip
    assert made.record.rows.read == 12


@pytest.mark.parametrize("folder", ["sex=f", "d=yes", "year=2024"])
def test_a_folder_name_is_no_column(tmp_path, folder):
    (tmp_path / folder).mkdir()
    path = tmp_path / folder / "rows.csv"
    path.write_text(text(rows(200)))
    assert sizes(audit(path)) == {"f": 100, "m": 100}
    with pytest.raises(DataError, match="'year' is not in the data"):
        audit(path, attributes=["year"])


def test_quotes_are_read_alike_wherever_they_come_first(tmp_path):
    path = tmp_path / "rows.csv"
    late = ['"m","f","yes","no"', '"Ali, other","f","no","no"', '"two\nlines",m,no,no']
    path.write_text(text(rows(40_000)) + "\n".join(late) + "\n")
    assert sizes(audit(path)) == {"f": 20_002, "m": 20_001}


def test_an_apostrophe_is_a_letter(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(text(rows(60)).replace(",f,", ",'f',", 10))
    assert sizes(audit(path)) == {"f": 20, "'f'": 10, "m": 30}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("header", "words"),
    [("sex,sex,y,d", "names the column 'sex' 2 times"), ("Sex,sex,y,d", "differ only in case")],
)
def test_a_column_that_is_there_twice_is_refused(tmp_path, packed, header, words):
    path = tmp_path / ("rows.csv.gz" if packed else "rows.csv")
    content = text(rows(20), header).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=words):
        audit(path)


@pytest.mark.parametrize("at", [3, 30_000])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"Fatima Hassan,f,yes,no,more\n", "not as many cells as the header"),
        (b"Fatima Hassan,f\n", "not as many cells as the header"),
        ("7,Fatima Hassán,yes,no\n".encode("latin-1"), "not UTF-8 text"),
        (b'"Fatima Hassan,f,yes,no\n', "quote is not closed|not delimited text"),
    ],
)
def test_a_broken_row_is_one_error_that_names_its_line_and_quotes_nothing(
    tmp_path, at, line, words
):
    lines = text(rows(40_000)).encode().splitlines(keepends=True)
    lines.insert(at, line)
    path = tmp_path / "rows.csv"
    path.write_bytes(b"".join(lines))
    with pytest.raises(DataError, match=words) as caught:
        audit(path)
    assert len(caught.value.problems) == 1
    assert "Fatima" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert f"line {at + 1}" in str(caught.value) or "quote" in words


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_says_what_the_delimiter_is(tmp_path, delimiter):
    path = tmp_path / "rows.txt"
    path.write_text(text(rows(60)).replace(",", delimiter))
    assert sizes(audit(path)) == {"f": 30, "m": 30}


def test_a_packed_file_that_was_cut_off_is_one_clear_error(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(text(rows(4000)).encode())[:-200])
    with pytest.raises(DataError) as caught:
        audit(path)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("content", ["", "\n\n", "case,sex,y,d\n"])
def test_a_file_without_rows_is_refused(tmp_path, content):
    path = tmp_path / "rows.csv"
    path.write_text(content)
    with pytest.raises(DataError, match="no rows"):
        audit(path)


def test_what_is_spilled_goes_to_a_private_folder_that_is_removed(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "rows.csv").write_text(text(rows(200)))
    made, seen = [], tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **k: made.append(seen(**k)) or made[-1])
    audit(tmp_path / "rows.csv")
    assert len(made) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.csv", "temporary"]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_column_without_a_name_is_a_column_all_the_same(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(text(rows(60), ",sex,y,d"))
    assert sizes(audit(path)) == {"f": 30, "m": 30}


def test_names_of_parquet_that_differ_in_case_are_an_error(tmp_path):
    """DuckDB renames all but one, so that the column asked for is not there, or another."""
    rows = pd.DataFrame({"g": ["a", "b"] * 20, "G": "x", "d": [1, 0, 0, 1] * 10})
    rows.to_parquet(tmp_path / "rows.parquet")
    for name in ("g", "G"):
        with pytest.raises(DataError, match=r"'G' of 'rows.parquet' differ only in case"):
            auditkit.audit(
                None, tmp_path / "rows.parquet", decision="d", selected=1, outcome="benefit",
                attributes=[name], policy="minimal",
            )  # fmt: skip


def test_parts_of_a_folder_that_lack_a_column_are_told_apart_from_damage(tmp_path):
    rows = pd.DataFrame({"g": ["a", "b"] * 20, "d": [1, 0, 0, 1] * 10})
    rows.to_parquet(tmp_path / "a.parquet")
    rows[["d"]].to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="'g' is missing in 1 of the 2 files"):
        auditkit.audit(
            None, tmp_path, decision="d", selected=1, outcome="benefit", attributes=["g"],
            policy="minimal",
        )  # fmt: skip
