"""Traps of kind A: values that are missing, alike, mixed, or no groups at all."""

import datetime as dt
import sqlite3

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, PlanError

N = 600


@pytest.fixture
def rows():
    return pd.DataFrame(
        {"need": ["yes", "no", "no"] * 200, "d": ["yes", "no"] * 300, "z": [0, 1] * 300}
    )


def audit(data, *attributes, **changes):
    asked = {
        "label": "need",
        "positive": "yes",
        "decision": "d",
        "outcome": "benefit",
        "attributes": list(attributes) or ["g"],
        "policy": "minimal",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def sizes(made):
    return {g.group: g.rows for g in made.record.groups if g.attribute != "(all)"}


# ------------------------------------------------------------------------------------ missing text


def test_an_empty_text_is_missing_in_groups_decisions_and_labels(rows, tmp_path):
    empty = rows.assign(g=["", "a", "b"] * 200)
    empty.loc[::7, "d"] = ""
    empty.loc[::11, "need"] = ""
    empty.to_csv(tmp_path / "rows.csv", index=False)
    typed = empty.astype({"g": "category", "d": "string"})
    made = [audit(source) for source in (empty, typed, tmp_path / "rows.csv")]
    assert sizes(made[0]) == {"a": 200, "b": 200, "(not recorded)": 200}
    for other in made[1:]:
        assert sizes(other) == sizes(made[0])
        assert other.record.rows == made[0].record.rows
        assert other.record.measurements == made[0].record.measurements


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"a": ""}},
        {"labels": {"a": " "}},
        {"labels": {"a": "\u200b"}},
        {"merge": {"": ["a", "b"]}},
        {"bins": [18], "labels": ["", "x"]},
    ],
)
def test_an_empty_text_names_no_group(change):
    with pytest.raises(PlanError, match=r"shows nothing names no group|is empty"):
        Attribute("g", **change)


def test_a_blank_value_in_the_data_names_no_group(rows):
    with pytest.raises(DataError, match="shows nothing names no group"):
        audit(rows.assign(g=["a", " ", "b"] * 200))


def test_a_positive_value_that_is_empty_is_refused(rows):
    for value in ("", None, float("nan"), [1], {"a": 1}):
        with pytest.raises(PlanError, match=r"data\.positive"):
            audit(rows.assign(g="a"), positive=value)


def test_words_for_missing_are_noted_in_decisions_and_labels_too(rows):
    told = audit(rows.assign(g="a", d=["yes", "no", "n/a"] * 200), selected="yes").record.notes
    assert any("column 'd': 'n/a' may stand for a missing" in note.lower() for note in told)
    assert any("counted as not selected" in note for note in told)
    told = audit(rows.assign(g="a", need=["yes", "?", "?"] * 200), selected="yes").record.notes
    assert any("'?' may stand for a missing value" in note for note in told)


# ----------------------------------------------------------------------------------- types of value


def categories(values):
    return pd.Series(pd.Categorical(values))


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, "1", "x"] * 200, dtype=object),
        categories([1, "1", "x"] * 200),
        pd.Series([True, "true"] * 300, dtype=object),
        pd.Series([True, 1] * 300, dtype=object),
        categories([True, "true"] * 300),
    ],
)
def test_values_of_two_kinds_that_print_alike_are_refused(rows, values):
    with pytest.raises(DataError, match=r"'g' mixes types \(\d+ of type"):
        audit(rows.assign(g=values))


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        (["a", np.str_("b")], {"a", "b"}),
        ([1, np.int32(2)], {"1", "2"}),
        ([True, np.bool_(False)], {"true", "false"}),
    ],
)
def test_numpy_and_python_values_of_one_kind_go_together(rows, values, groups):
    made = audit(rows.assign(g=pd.Series(values * 300, dtype=object)))
    assert set(sizes(made)) == groups


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_timedelta([1, 2] * 300, unit="D")),
        pd.Series([dt.timedelta(days=1), dt.timedelta(days=2)] * 300, dtype=object),
        pd.Series([b"a", b"b"] * 300),
        pd.Series([[1], [2]] * 300),
        pd.Series([{"a": 1}, {"b": 2}] * 300),
    ],
)
def test_values_that_name_no_group_are_refused(rows, tmp_path, values):
    data = rows.assign(g=values)
    with pytest.raises(DataError, match=r"Column 'g' holds values of type"):
        audit(data)


@pytest.mark.parametrize("kind", ["list_", "struct", "binary", "duration"])
def test_arrow_values_that_name_no_group_are_refused(rows, tmp_path, kind):
    pa = pytest.importorskip("pyarrow")
    made = {
        "list_": pa.array([[1], [2]] * 300),
        "struct": pa.array([{"a": 1}, {"a": 2}] * 300),
        "binary": pa.array([b"a", b"\xff"] * 300),
        "duration": pa.array([1, 2] * 300, type=pa.duration("s")),
    }[kind]
    data = rows.assign(g=pd.Series(made, dtype=pd.ArrowDtype(made.type)))
    with pytest.raises(DataError, match=r"'g'.* of type"):
        audit(data)


def test_moments_are_spelled_alike_in_frames_and_files(rows, tmp_path):
    when = pd.to_datetime(["2020-01-01T12:00", "2021-05-05T00:00"] * 300)
    when = when.tz_localize("Europe/Paris")
    for values in (when, when.tz_localize(None)):
        data = rows.assign(g=values)
        data.to_parquet(tmp_path / "rows.parquet")
        assert sizes(audit(data)) == sizes(audit(tmp_path / "rows.parquet"))


def test_a_text_that_would_be_an_infinite_number_is_no_number(rows):
    data = rows.assign(g=["5", "1e999", "9" * 400] * 200)
    with pytest.raises(DataError, match="400 rows hold something that is not a finite number"):
        audit(data, Attribute("g", bins=[18]))


def test_digits_of_another_script_are_numbers_nowhere(rows, tmp_path):
    data = rows.assign(g=["٥", "40", "3"] * 200)
    data.to_csv(tmp_path / "rows.csv", index=False)
    for source in (data, tmp_path / "rows.csv"):
        with pytest.raises(DataError, match="200 rows hold something that is not a finite number"):
            audit(source, Attribute("g", bins=[18]))


def test_columns_of_several_levels_and_half_precision_are_refused(rows):
    levels = rows.set_axis(pd.MultiIndex.from_product([["a"], rows.columns]), axis=1)
    with pytest.raises(DataError, match="several levels"):
        audit(levels)
    with pytest.raises(DataError, match="half precision"):
        audit(rows.assign(g=rows["z"].astype("float16")))


def test_a_broken_encoding_is_refused(rows):
    with pytest.raises(DataError, match="broken encoding"):
        audit(rows.assign(g=pd.Series(["a\ud800", "b"] * 300, dtype=object)))


# ------------------------------------------------------------------------------ labels, merge, bins


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels": {"a": "X", "b": "X"}}, r"'a', 'b' the one name 'X'.*merge = "),
        ({"labels": {"a": "X"}, "merge": {"X": ["b"]}}, "the one name 'X'"),
        ({"labels": {"1": "X", 1.0: "Y"}}, "names '1' more than once"),
        ({"bins": [18], "merge": {"young": ["<18"]}}, "bins and merge do not go together"),
        ({"bins": list(range(51))}, "at most 50"),
        ({"bins": {18, 61}}, "is a set"),
        ({"bins": [3, 1]}, "rising cut points"),
        ({"merge": {"x": {"a", "b"}}}, "is a set"),
        ({"merge": {"x": "ab"}}, "is one text"),
        ({"colum": "a"}, "'colum' is not a key of the attribute. Did you mean 'column'"),
        ({"name": "h"}, "also given the name 'h'"),
    ],
)
def test_an_attribute_that_does_not_hold_is_a_plan_error(change, told):
    with pytest.raises(PlanError, match=told) as caught:
        Attribute("g", **change)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("labels", [{"a": "b"}, {"a": "b", "b": "a"}])
def test_a_label_that_is_another_value_is_refused(rows, labels):
    with pytest.raises(DataError, match=r"label 'b' of 'a' is also a value of column 'g' \(200 r"):
        audit(rows.assign(g=["a", "b", "c"] * 200), Attribute("g", labels=labels))


def test_keys_of_labels_and_merge_are_the_values_however_they_are_written(rows):
    made = audit(rows, Attribute("z", labels={"1.0": "one", 0: "zero"}, reference="one"))
    assert sizes(made) == {"one": 300, "zero": 300}
    assert sizes(audit(rows, Attribute("z", merge={"any": [0, 1.0]}))) == {"any": 600}


def test_an_attribute_has_one_name(rows):
    from auditkit.plan import make_plan

    with pytest.raises(PlanError, match=r"attributes\.g is also given the name 'other'"):
        make_plan({"data": {"outcome": "benefit"}, "attributes": {"g": {"name": "other"}}})


@pytest.mark.parametrize("given", [{"yes"}, frozenset({"yes"})])
def test_selected_values_have_an_order(rows, given):
    with pytest.raises(PlanError, match=r"data\.selected: is a set"):
        audit(rows.assign(g="a"), selected=given)


def test_attributes_have_an_order(rows):
    with pytest.raises(PlanError, match="attributes is a list"):
        auditkit.audit(None, rows, decision="d", outcome="benefit", attributes={"z"})


# ------------------------------------------------------------------------------------- alike, scale


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["f", "f\u200b", "m"], "<U\\+200B>"),
        (["ذكر", "ذكر\u200f", "أنثى"], "<U\\+200F>"),
        (["f", "f\ufe0f", "m"], "<U\\+FE0F>"),
        (["f", "f\u00a0", "m"], "'f'"),
    ],
)
def test_values_that_differ_in_what_cannot_be_seen_are_refused(rows, values, shown):
    with pytest.raises(DataError, match=f"cannot be seen: .*{shown}"):
        audit(rows.assign(g=values * 200))


def test_a_word_among_many_numbers_does_not_hide_that_they_are_a_scale(rows):
    ages = ["unknown" if i % 50 == 0 else str(18 + i % 70) for i in range(N)]
    told = r"'g' holds 70 different numbers, from 18 to 87.*'unknown' in 12 rows, 12 rows in all"
    with pytest.raises(DataError, match=told):
        audit(rows.assign(g=ages))
    with pytest.raises(DataError, match="70 different numbers"):
        audit(rows.assign(g=ages), Attribute("g", merge={"?": ["unknown"]}))


def test_codes_with_as_many_words_as_numbers_are_codes(rows):
    codes = [f"{i % 20}{'A' if i % 40 >= 20 else ''}" for i in range(N)]
    assert len(sizes(audit(rows.assign(g=codes)))) == 40


@pytest.mark.parametrize("kind", ["polars", "sqlite", "arrow"])
def test_whole_numbers_that_floats_cannot_tell_apart_stay_two_groups(tmp_path, kind):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "code": [None if i % 7 == 0 else 2**53 + i % 2 for i in range(280)],
            "d": ["yes", "no"] * 140,
            "house": [2**60 + i // 4 if i % 5 else 0 for i in range(280)],
        }
    )
    data, table = frame, None
    if kind == "arrow":
        data = frame.to_arrow()
    if kind == "sqlite":
        with sqlite3.connect(tmp_path / "x.db") as connection:
            connection.execute("create table t (code integer, d text, house integer)")
            connection.executemany("insert into t values (?, ?, ?)", frame.rows())
        connection.close()
        data, table = f"sqlite:///{tmp_path}/x.db", "t"
    made = auditkit.audit(
        None, data, table=table, decision="d", selected="yes", outcome="benefit",
        attributes=["code"], cluster="house", policy="minimal",
    )  # fmt: skip
    found = made.table("measurements").query("metric == 'selection_rate'")
    counted = found.set_index("group")[["numerator", "denominator"]].astype(int).T.to_dict("list")
    assert counted[str(2**53)] == [120, 120]
    assert counted[str(2**53 + 1)] == [0, 120]
    assert counted["(not recorded)"] == [20, 40]
