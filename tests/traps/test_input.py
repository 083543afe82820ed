"""Traps of input and output: what is refused is one sentence; nothing ends in a fault of ours."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, ModelError, OutputError, PlanError
from auditkit.cli import main
from auditkit.plan import make_plan
from auditkit.record import content_digest, dumps, loads

PLAN = """
[system]
name = "S"
stage = "sandbox"
[data]
source = "rows.csv"
label = "need"
positive = "yes"
decision = "d"
outcome = "benefit"
[attributes.sex]
"""


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    need = rng.random(600) < 0.5
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], 600),
            "need": np.where(need, "yes", "no"),
            "d": np.where(need == (rng.random(600) < 0.85), "yes", "no"),
        }
    )


@pytest.fixture
def plan(rows, tmp_path):
    def make(old="", new="", end="", name="rows.csv"):
        rows.to_csv(tmp_path / name, index=False)
        path = tmp_path / "audit.toml"
        path.write_text(PLAN.replace(old, new) + end if old else PLAN + end, encoding="utf-8")
        return path

    return make


def audit(data, **changes):
    asked = {
        "label": "need",
        "positive": "yes",
        "decision": "d",
        "outcome": "benefit",
        "attributes": ["sex"],
        "name": "S",
        "stage": "sandbox",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    out = capsys.readouterr()
    return left.value.code, out.out, out.err


# -------------------------------------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (f"bins = [{', '.join(map(str, range(5000)))}]", "at most 50"),
        (f"bins = [{'9' * 400}]", "attributes.sex"),
        (f"[audit]\nseed = {2**63}", "audit.seed"),
        (f"[audit]\nseed = {'9' * 5000}", "not valid TOML"),
        ("[audit]\ndate = 0", "audit.date: is no date"),
        ("[audit]\ndate = true", "audit.date: is no date"),
        (f"[groups]\nsmallest = {10**20}", "groups.smallest"),
        ("[model]\nfeatures = ['a']", "there is no model"),
        (f"[policy]\nuse = '{'a' * 300}.toml'", "Policy"),
        ("name = 'other'", "also given the name 'other'"),
    ],
)
def test_a_plan_beyond_all_bounds_is_one_sentence(plan, tmp_path, capsys, end, told):
    code, out, err = call(capsys, "run", plan(end=end), "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert told in err
    assert str(tmp_path) not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("source", ["a" * 300 + ".csv", "a\\u0000.csv", "x/" * 2100])
def test_a_file_that_no_system_has(plan, tmp_path, capsys, source):
    path = plan('"rows.csv"', f'"{source}"')
    code, _, err = call(capsys, "run", path, "--out", tmp_path / "out")
    assert code == 2
    assert "Errno" not in err
    long = "a" * 300
    for asked in (["run", long], ["show", long], ["run", path, "--out", tmp_path / long]):
        assert call(capsys, *asked)[0] == 2


def test_what_cannot_be_opened_is_told_without_its_path(rows, tmp_path, monkeypatch):
    rows.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "m.skops").write_bytes(b"x")
    (tmp_path / "audit.json").write_bytes(b"x")

    def lock(method):
        real = getattr(Path, method)

        def locked(self, *arguments, **named):
            if tmp_path in self.parents:
                raise PermissionError(13, "Permission denied", str(self))
            return real(self, *arguments, **named)

        monkeypatch.setattr(Path, method, locked)

    for method in ("is_file", "is_dir", "open", "read_bytes", "read_text"):
        lock(method)
    asked = {"label": "need", "positive": "yes", "outcome": "benefit", "attributes": ["sex"]}
    for error, attempt in (
        (DataError, lambda: audit(tmp_path / "rows.csv")),
        (ModelError, lambda: auditkit.audit(tmp_path / "m.skops", rows, **asked)),
        (DataError, lambda: auditkit.load(tmp_path / "audit.json")),
        (PlanError, lambda: auditkit.run(tmp_path / "audit.toml")),
    ):
        with pytest.raises(error, match="Permission denied") as caught:
            attempt()
        assert str(tmp_path) not in str(caught.value)


# ------------------------------------------------------------------------------ arguments in Python


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answers": ["x"]}, r"policy\.answers: is not a table"),
        ({"explain": 5}, "explain: is not a table"),
        ({"features": 5}, "features"),
        ({"policy": 5}, r"policy\.use: is not a text"),
        ({"name": 5}, r"system\.name: is not a text"),
        ({"seed": "x"}, r"audit\.seed"),
        ({"weight": ""}, r"data\.weight"),
    ],
)
def test_an_argument_of_another_type_is_named(rows, changes, told):
    with pytest.raises(PlanError, match=told) as caught:
        audit(rows, **changes)
    assert len(caught.value.problems) == 1, caught.value.problems


def test_methods_name_their_argument(rows):
    made = audit(rows)
    for attempt in (
        lambda: made.table(None),
        lambda: made.table(["checks"]),
        lambda: made.report(None),
        lambda: made.figure(None, by=None),
        lambda: auditkit.run({}),
        lambda: auditkit.run(None),
        lambda: auditkit.load(None),
        lambda: Attribute(5),
        Attribute,
    ):
        with pytest.raises(PlanError):
            attempt()


def test_columns_that_are_spelled_alike_are_refused(rows):
    data = pd.concat([rows, pd.DataFrame({1: [0] * 600, "1": [1] * 600})], axis=1)
    with pytest.raises(DataError, match="more than one column named '1'"):
        audit(data)


# ---------------------------------------------------------------------------------------- crossings


def test_crossings_that_nobody_could_look_at_are_refused(rows):
    rng = np.random.default_rng(1)
    data = rows.assign(**{name: rng.integers(0, 150, 600).astype(str) for name in "ab"})
    data = data.assign(**{name: "g" + data[name] for name in "ab"})
    with pytest.raises(DataError, match=r"in 'a\*b'; at most 2,000 .*intersections to 1"):
        audit(data, attributes=["a", "b"], intersections=2)


def test_many_groups_have_a_range_without_an_interval_and_a_small_report(rows):
    data = pd.concat([rows] * 20, ignore_index=True)
    data["area"] = [f"area {i % 240}" for i in range(len(data))]
    made = audit(data, attributes=["area", "sex"], intersections=2, policy="minimal")
    found = made.table("disparities").query("against == 'range' and attribute == 'area'").iloc[0]
    assert found["estimate"] > 0
    assert np.isnan(found["lower"])
    assert "no interval for more than 200 groups" in found["note"]
    page = made.files()["report.html"]
    assert len(page) < 2_000_000
    assert "60 of 240 groups are shown; audit.json has all of them." in page


# ------------------------------------------------------------------------------------------ records


def test_one_audit_has_one_digest_by_whatever_way(rows, plan, tmp_path):
    digests = {content_digest(audit(rows).record), content_digest(auditkit.run(plan()).record)}
    renamed = plan('"rows.csv"', '"other.csv"', name="other.csv")
    digests.add(content_digest(auditkit.run(renamed).record))
    rows.to_parquet(tmp_path / "rows.parquet")
    digests.add(content_digest(audit(tmp_path / "rows.parquet").record))
    assert len(digests) == 1


def test_the_digest_of_a_plan_sees_what_is_asked():
    asked = {"data": {"outcome": "benefit", "decision": "d"}, "attributes": {"g": {}}}
    from auditkit.record import plan_digest

    other = {**asked, "groups": {"intersections": 2}}
    assert plan_digest(make_plan(asked)) != plan_digest(make_plan(other))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("estimate", "NaN"),
        ("estimate", "-Infinity"),
        ("estimate", "1e999"),
        ("limit", "0"),
        ("limit", "-1"),
        ("n", "-3"),
        ("n", "9" * 5000),
    ],
)
def test_an_edited_record_is_refused(rows, field, value):
    text = dumps(audit(rows).record)
    edited = json.loads(text)
    check = next(c for c in edited["checks"] if c["estimate"] is not None)
    old = f'"{field}": {json.dumps(check[field])}'
    assert old in text
    with pytest.raises(DataError, match="is not an audit of format"):
        loads(text.replace(old, f'"{field}": {value}'))


@pytest.mark.parametrize("text", ["[" * 100_000, b"\xff\xfe", '{"a": 1, "a": 2}'])
def test_a_file_that_is_no_record_is_refused(text):
    with pytest.raises(DataError, match="is not an audit of format"):
        loads(text)


# ------------------------------------------------------------------------------------------- output


@pytest.fixture
def steering(rows):
    names = {"f": "\x1b[2J\x9b31m\u202ef", "m": "a\x7f\U000e0041"}
    data = rows.assign(sex=rows["sex"].map(names))
    return audit(data, name="\x1b[31mS\u202e\x07")


def unseen(text):
    return [c for c in text if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--table", "checks"], ["--table", "checks", "--format", "json"], ["--table", "\x1b[2J"]],
)
def test_no_name_steers_the_terminal(steering, tmp_path, capsys, arguments):
    steering.report(tmp_path / "out")
    _, out, err = call(capsys, "show", tmp_path / "out", *arguments)
    assert unseen(out + err) == []
    if "json" in arguments:
        groups = {c["group"] for c in json.loads(out)}
        assert groups == {c.group for c in steering.record.checks}


def test_bad_usage_steers_nothing(capsys):
    code, _, err = call(capsys, "run", "--\x1b[2J")
    assert code == 2
    assert unseen(err) == []


def test_the_working_directory_is_no_folder_for_an_audit(rows, tmp_path, monkeypatch):
    made = audit(rows)
    monkeypatch.chdir(tmp_path)
    for folder in (".", "", tmp_path):
        with pytest.raises(OutputError, match="The folder you are in"):
            made.report(folder)
    with pytest.raises(OutputError, match="cannot be written"):
        made.report("a" * 300)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_terminal_undoes_no_audit(plan, tmp_path):
    path = plan()
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "auditkit", "run", path, "--out", tmp_path / "out"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        shown = subprocess.run(
            [sys.executable, "-m", "auditkit", "show", tmp_path / "out"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "The verdict cannot be printed" in done.stderr
    assert "Nothing was written" not in done.stderr
    assert (tmp_path / "out" / "audit.json").is_file()
    assert shown.returncode == 2
    assert "The output cannot be printed" in shown.stderr


def test_without_a_place_for_messages_the_audit_is_made(plan, tmp_path):
    told = f"'{sys.executable}' -m auditkit run '{plan()}' --out '{tmp_path / 'out'}' 2>&-"
    done = subprocess.run(["sh", "-c", told], capture_output=True, check=False)
    assert done.returncode == 3
    assert (tmp_path / "out" / "audit.json").is_file()


def test_a_record_of_another_file_keeps_its_digest(rows):
    made = audit(rows).record
    bare = replace(made, provenance=replace(made.provenance, source=()))
    assert content_digest(bare) == content_digest(made)
