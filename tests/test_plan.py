"""A plan says everything or says what is missing, all at once."""

import datetime as dt

import pytest

from auditkit import Attribute, PlanError
from auditkit.plan import NOT_BUILT, canonical, make_plan, read_plan

GOOD = {
    "data": {
        "source": "rows.csv",
        "label": "y",
        "positive": 1,
        "decision": "d",
        "outcome": "benefit",
    },
    "attributes": {"gender": {}},
}


def test_toml_and_keywords_make_the_same_plan(tmp_path):
    path = tmp_path / "audit.toml"
    path.write_text(
        '[data]\nsource = "rows.csv"\nlabel = "y"\npositive = 1\ndecision = "d"\n'
        'outcome = "benefit"\n'
        "[attributes.gender]\n",
        encoding="utf-8",
    )
    assert read_plan(path).model_dump() == make_plan(GOOD).model_dump()


def test_attribute_takes_its_column_from_its_name():
    assert make_plan(GOOD).attributes["gender"].column == "gender"


def test_plan_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        make_plan(GOOD).data.label = "z"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sytem": {}}, ["'sytem' is not a key of the plan. Did you mean 'system'?"]),
        ({"system": {"nmae": "x"}}, ["'system.nmae' is not a key", "Did you mean 'name'?"]),
        ({"groups": {"intersections": 0}}, ["groups.intersections", "greater than or equal to 1"]),
        ({"attributes": {}}, ["no measured attribute is declared"]),
        ({"attributes": {"g": {"state": "not_collected"}}}, ["no measured attribute"]),
        ({"attributes": {"a*b": {}}}, ["cannot name an attribute"]),
        ({"attributes": {"g": {"bins": [3, 2]}}}, ["rising cut points"]),
        ({"attributes": {"g": {"bins": [3], "labels": ["x"]}}}, ["labels names 1"]),
        ({"attributes": {"g": {"merge": {"(all)": ["a"]}}}}, ["'(all)' is a word of the tables"]),
        ({"audit": {"date": "soon"}}, ["audit.date"]),
        ({"audit": {"seed": -1}}, ["audit.seed"]),
        (
            {"data": {**GOOD["data"], "task": "regression"}},
            ["'data.positive' says who is selected", "Take it out"],
        ),
        (
            {"data": {**GOOD["data"], "task": "regression", "control": "k"}},
            ["'data.positive', 'data.control' say who is selected", "Take them out"],
        ),
    ],
)
def test_a_bad_plan_is_one_clear_error(change, words):
    with pytest.raises(PlanError) as error:
        make_plan({**GOOD, **change})
    for word in words:
        assert word in str(error.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(PlanError) as error:
        make_plan({"data": {"outcome": "good", "lable": "y"}, "attributes": {"g": {"bin": [1]}}})
    assert len(error.value.problems) == 3


def test_positive_and_outcome_have_no_defaults():
    with pytest.raises(PlanError, match=r"'data.outcome' is missing.*benefit.*burden"):
        make_plan({**GOOD, "data": {k: v for k, v in GOOD["data"].items() if k != "outcome"}})
    with pytest.raises(PlanError, match=r"data.positive is missing: .* 'y'"):
        make_plan({**GOOD, "data": {k: v for k, v in GOOD["data"].items() if k != "positive"}})


@pytest.mark.parametrize("key", NOT_BUILT)
def test_a_key_this_version_does_not_carry_out_is_refused_not_ignored(key):
    section, name = key.split(".")
    with pytest.raises(PlanError, match=f"'{key}' is not carried out by this version"):
        make_plan({**GOOD, section: {**GOOD.get(section, {}), name: "x"}})


def test_label_may_not_be_the_decision():
    with pytest.raises(PlanError, match="every decision would look right"):
        make_plan({**GOOD, "data": {**GOOD["data"], "decision": "y"}})


def test_bins_name_their_groups():
    assert Attribute("age", bins=[18, 31, 61]).groups_of_bins == (
        "<18",
        "[18,31)",
        "[31,61)",
        ">=61",
    )
    assert Attribute("age", bins=[18], labels=["minor", "adult"]).groups_of_bins == (
        "minor",
        "adult",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        ("01", "01"),
        (1.5, "1.5"),
        (True, "true"),
        ("True", "true"),
        ("yes", "yes"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_values_compare_as_one_text(value, text):
    assert canonical(value) == text


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"[data", "not valid TOML"), (b"\xff\xfe", "not UTF-8"), (None, "cannot be read")],
)
def test_a_file_that_is_no_plan(tmp_path, content, words):
    path = tmp_path / "audit.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanError, match=words):
        read_plan(path)


def test_a_folder_is_no_plan(tmp_path, monkeypatch):
    (tmp_path / "aid").mkdir()
    monkeypatch.chdir(tmp_path)
    for given, name in ((".", "."), ("aid", "aid"), ("aid/", "aid")):
        with pytest.raises(PlanError, match=f"^Plan '{name}' is a folder. Name the plan in it"):
            read_plan(given)
