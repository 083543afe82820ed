"""Need is what the plan declares it to be: without that, nothing is called missed need."""

import pandas as pd
import pytest

import auditkit
from auditkit.errors import DataError, PlanError
from auditkit.report.story import unjudged, worst_off_words


@pytest.fixture
def people():
    """60 people in need of each group, of whom 30 and 15 were missed, and 40 who are not."""
    rows = []
    for group, missed in (("a", 30), ("b", 15)):
        rows += [(group, "yes", "no")] * missed + [(group, "yes", "yes")] * (60 - missed)
        rows += [(group, "no", "no")] * 40
    return pd.DataFrame(rows, columns=["g", "in_need", "got"])


def audited(people, **more):
    asked = {"label": "in_need", "positive": "yes", "decision": "got", "outcome": "benefit"}
    return auditkit.audit(None, people, attributes=["g"], policy="icrc", **asked | more)


def test_a_label_that_is_need_is_called_need(people, tmp_path):
    made = audited(people, need="in_need")
    made.report(tmp_path / "made")
    page = (tmp_path / "made" / "report.html").read_text()
    assert "missed need (in_need = yes)" in page
    assert "missed recorded outcome" not in page
    assert "not measured" not in " ".join(item.text for item in unjudged(made.record))


def test_without_it_impartiality_is_not_measured_and_page_one_says_so(people):
    made = audited(people)
    assert unjudged(made.record)[0].text == (
        "impartiality by need: not measured: the recorded outcome is not declared to be need "
        "(data.need)"
    )
    unlabelled = audited(people, label=None, positive=None, selected="yes")
    assert "not measured: no need was recorded" in unjudged(unlabelled.record)[0].text


def test_of_a_burden_nobody_asks_for_need(people):
    found = unjudged(audited(people, outcome="burden").record)
    assert "need" not in {item.kind for item in found}
    with pytest.raises(PlanError, match=r"data\.need says who needs a benefit"):
        audited(people, outcome="burden", need="in_need")


def on_rates(made, table="checks"):
    """List what is told but of equal need, and the gap that a check would have found.

    Checks that block nothing share their error, so that one more makes the others stricter.
    """
    rows = made.table(table).drop(
        columns=["detectable", "level_lower", "level_upper"], errors="ignore"
    )
    rows = rows[rows["metric"] != "selection_at_equal_need"]
    if table == "checks":
        rows = rows[rows["effect"].str.startswith("block")]
    return rows.to_dict("records")


def test_need_changes_words_and_no_number(people):
    one, other = audited(people), audited(people, need="in_need")
    for name in ("measurements", "self_test"):
        assert getattr(one.record, name) == getattr(other.record, name)
    assert str(on_rates(one, "disparities")) == str(on_rates(other, "disparities"))
    assert str(on_rates(one)) == str(on_rates(other))


def test_the_decision_is_no_need(people):
    with pytest.raises(PlanError, match=r"data.need and data.decision both name 'got'"):
        audited(people, need="got")


@pytest.fixture
def deep(people):
    """Need in a column of its own: 4 or 5 of whom is in need, 1 or 3 of whom is not."""
    place = pd.Series(range(len(people)))
    deep = people["in_need"].eq("yes").map({True: 4, False: 1}) + place % 2
    return people.assign(depth=deep.where(deep != 2, 3))


def test_in_need_is_the_recorded_outcome_where_there_is_no_label(deep):
    one = audited(deep, need="in_need")
    other = audited(deep, label=None, positive=None, selected="yes", need="depth",
                    in_need={"above": 3})  # fmt: skip
    for name in ("measurements", "self_test", "findings"):
        assert getattr(one.record, name) == getattr(other.record, name)
    assert str(on_rates(one, "disparities")) == str(on_rates(other, "disparities"))
    assert str(on_rates(one)) == str(on_rates(other))
    assert one.record.rows == other.record.rows
    assert "missed need (depth above 3)" in other.files()["report.html"]
    assert "need" not in {item.kind for item in unjudged(other.record)}


def test_levels_in_words_are_need_too(deep):
    words = {1: "none", 3: "some", 4: "much", 5: "most"}
    asked = {"label": None, "positive": None, "selected": "yes", "need": "depth"}
    one = audited(deep, **asked, in_need={"above": 3})
    other = audited(
        deep.assign(depth=deep["depth"].map(words)), **asked, need_order=list(words.values()),
        in_need=["much", "most"],
    )  # fmt: skip
    assert one.record.checks == other.record.checks
    assert other.record.system.positive == "much, most"


def test_with_a_label_the_words_are_those_of_the_label(deep):
    made = audited(deep, need="depth", in_need={"above": 3})
    plain = audited(deep)
    for name in ("measurements", "self_test"):
        assert getattr(made.record, name) == getattr(plain.record, name)
    assert str(on_rates(made, "disparities")) == str(on_rates(plain, "disparities"))
    assert str(on_rates(made)) == str(on_rates(plain))
    assert "missed recorded outcome" in made.files()["report.html"]
    assert "need" not in {item.kind for item in unjudged(made.record)}


def test_who_has_no_recorded_need_is_counted(deep):
    some = deep.assign(depth=deep["depth"].where(deep.index % 10 != 0))
    made = audited(some, label=None, positive=None, selected="yes", need="depth",
                   in_need={"above": 3})  # fmt: skip
    gone = made.table("exclusions").set_index(["reason", "attribute", "group"])["rows"]
    assert gone["no recorded need", "(all)", "(all)"] == 20
    assert gone["no recorded need", "g", "a"] == 10
    assert made.record.rows.used == 200
    assert made.record.rows.labelled == 180


WITHOUT = {"label": None, "positive": None, "selected": "yes", "need": "depth"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"need": None, "in_need": {"above": 3}}, "data.in_need is given without data.need"),
        ({"need_order": ["low"]}, "lists 1 levels of need"),
        ({"need_order": ["a", "a"]}, "names 'a' more than once"),
        ({"in_need": ["high"]}, "data.in_need is a cut of numbers"),
        ({"need_order": ["a", "b"], "in_need": {"above": 1}}, "data.in_need is a cut of numbers"),
        ({"need_order": ["a", "b"], "in_need": ["a"]}, "is above somebody in need"),
        ({"need_order": ["a", "b"], "in_need": ["c"]}, "names 'c', not in data.need_order"),
        ({"need_order": ["a", "b"], "need_reliability": 0.7}, "data.need_reliability is about"),
        ({"need_reliability": 1.2}, "need_reliability"),
        ({"need": "g"}, "attribute 'g' and data.need both name 'g'"),
    ],
)
def test_a_need_that_is_not_declared_whole_is_refused(deep, asked, told):
    with pytest.raises(PlanError, match=told):
        audited(deep, **WITHOUT | asked)


@pytest.mark.parametrize(
    ("column", "asked", "told"),
    [
        ("word", {}, "200 of 200 values are not finite numbers.*data.need_order"),
        ("word", {"need_order": ["low", "mid"]}, "100 rows hold 'high' in 100 rows, not in"),
        ("depth", {"in_need": {"above": 9}}, "Nobody is in need"),
        ("none", {}, "no row has a value in it"),
        ("huge", {}, "cannot be added up exactly"),
    ],
)
def test_needs_that_cannot_be_read_are_refused_with_what_to_do(deep, column, asked, told):
    odd = pd.Series(range(200)) % 2 == 1
    some = deep.assign(
        word=odd.map({True: "high", False: "low"}), none=float("nan"), huge=odd * 1e80
    )
    with pytest.raises(DataError, match=told):
        audited(some, **WITHOUT | {"need": column} | asked)


def test_the_gap_is_told_in_people(people):
    told = " ".join(worst_off_words(audited(people, need="in_need").record))
    # 50 % against 25 %: 25 points, which are 2,500 of 10,000; Newcombe's interval by hand
    # (Wilson 37.7 to 62.3 and 15.8 to 37.2): 25 -+ sqrt(12.3^2 + 12.2^2), sqrt(12.3^2 + 9.2^2)
    low, high = (round(10_000 * bound) for bound in newcombe(30, 60, 15, 60))
    assert f"about 2,500 more of every 10,000 (95\u202f% interval {low:,} to {high:,})" in told


def newcombe(x1, n1, x2, n2, z=1.959963984540054):
    """Score interval of a difference, written out (Newcombe, 1998, method 10)."""

    def wilson(x, n):
        p, a = x / n, z * z / n
        half = z * (p * (1 - p) / n + a / (4 * n)) ** 0.5
        return (p + a / 2 - half) / (1 + a), (p + a / 2 + half) / (1 + a)

    (l1, u1), (l2, u2), d = wilson(x1, n1), wilson(x2, n2), x1 / n1 - x2 / n2
    return (
        d - ((x1 / n1 - l1) ** 2 + (u2 - x2 / n2) ** 2) ** 0.5,
        d + ((u1 - x1 / n1) ** 2 + (x2 / n2 - l2) ** 2) ** 0.5,
    )
