"""A record is strict JSON, comes back as it was, and is written whole or not at all."""

import json
from dataclasses import replace

import pytest

import auditkit
from auditkit import DataError, OutputError
from auditkit.record import SCHEMA, content_digest, dumps, loads, schema, write


@pytest.fixture
def made(twelve):
    return auditkit.audit(
        None,
        twelve,
        decision="chosen",
        label="need",
        positive=1,
        outcome="benefit",
        attributes=["group"],
        name="Twelve",
        date="2026-11-23",
    )


def test_it_comes_back_as_it_was(made):
    assert loads(dumps(made.record)) == made.record


def test_the_same_inputs_give_the_same_bytes(made, twelve):
    again = auditkit.audit(
        None,
        twelve,
        decision="chosen",
        label="need",
        positive=1,
        outcome="benefit",
        attributes=["group"],
        name="Twelve",
        date="2026-11-23",
    )
    assert dumps(again.record) == dumps(made.record)


def test_it_is_strict_json(made):
    def refuse(token):
        raise AssertionError(token)

    json.loads(dumps(made.record), parse_constant=refuse)


def test_the_shipped_schema_is_the_one_in_force():
    assert SCHEMA.read_text(encoding="utf-8") == schema(), "run: make schema"


def test_floats_have_ten_digits_at_most(made):
    def walk(value):
        if isinstance(value, float):
            assert value == float(f"{value:.10g}")
        for item in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ):
            walk(item)

    walk(json.loads(dumps(made.record)))


def test_the_digest_leaves_out_where_the_rows_came_from_and_nothing_else(made, twelve, tmp_path):
    path = tmp_path / "twelve.parquet"
    twelve.to_parquet(path)
    from_file = replace(
        made.record,
        provenance=replace(
            made.record.provenance,
            source=(auditkit.results.SourceFile("data", path.name, "0" * 64, 1),),
        ),
    )
    assert content_digest(from_file) == content_digest(made.record)
    assert content_digest(replace(made.record, date="2026-11-24")) != content_digest(made.record)


def test_no_row_no_path_no_clock(made, twelve, tmp_path):
    path = tmp_path / "twelve.csv"
    twelve.assign(canary="zebra-7").to_csv(path, index=False)
    text = dumps(
        auditkit.audit(
            None,
            path,
            decision="chosen",
            label="need",
            positive=1,
            outcome="benefit",
            attributes=["group"],
        ).record
    )
    assert "zebra" not in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"format": "auditkit.audit/1"}'])
def test_something_else_is_refused(text):
    with pytest.raises(DataError, match="is not an audit of format"):
        loads(text)


def test_another_format_is_refused(made):
    with pytest.raises(DataError, match="this version reads"):
        loads(dumps(replace(made.record, format="auditkit.audit/9")))


class TestWrite:
    def files(self, made):
        return {"audit.json": dumps(made.record), "report.html": "<p>"}

    def test_a_new_folder_and_again_over_the_same_system(self, made, tmp_path):
        write(tmp_path / "a" / "b", self.files(made), made.record)
        write(tmp_path / "a" / "b", self.files(made), made.record)
        names = sorted(p.name for p in (tmp_path / "a" / "b").iterdir())
        assert names == ["audit.json", "report.html"]
        assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]

    def test_other_content_is_left_alone(self, made, tmp_path):
        (tmp_path / "thesis.txt").write_text("years of work")
        with pytest.raises(OutputError, match="holds other content"):
            write(tmp_path, self.files(made), made.record)
        assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]

    def test_an_audit_of_another_system_is_left_alone(self, made, tmp_path):
        out = tmp_path / "out"
        write(out, self.files(made), made.record)
        other = replace(made.record, system=replace(made.record.system, name="Other"))
        with pytest.raises(OutputError, match="another system"):
            write(out, self.files(made), other)

    def test_a_file_in_the_way(self, made, tmp_path):
        (tmp_path / "out").write_text("x")
        with pytest.raises(OutputError, match="not a folder"):
            write(tmp_path / "out", self.files(made), made.record)
