"""Traps of weights, clusters and arguments without effect (users-and-traps 2.E)."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError


def audit(rows, **changes):
    asked = {
        "decision": "d",
        "selected": 1,
        "outcome": "benefit",
        "attributes": ["g"],
        "smallest": 1,
        "policy": "minimal",
    }
    return auditkit.audit(None, rows, **{**asked, **changes})


def row(made, table="measurements", **wanted):
    found = made.table(table)
    for column, value in wanted.items():
        found = found[found[column] == value]
    return found.iloc[0]


def accounted(made, rows):
    assert made.record.rows.read == rows
    everywhere = [e.rows for e in made.record.exclusions if (e.scope, e.group) == ("all", "(all)")]
    assert made.record.rows.used + sum(everywhere) == rows


def test_e1_weights_reach_the_rate_and_the_effective_n():
    # two of group a, one selected with weight 10 and one not with weight 1
    rows = pd.DataFrame({"g": ["a", "a", "b", "b"], "d": [1, 0, 0, 0], "w": [10.0, 1, 1, 1]})
    made = audit(rows, weight="w")
    accounted(made, 4)
    a = row(made, metric="selection_rate", group="a")
    assert a["estimate"] == pytest.approx(10 / 11)
    assert (a["n"], a["numerator"], a["denominator"]) == (2, 10, 11)
    # p (1 - p) / V is 6, but one of the two carries the weight: 11^2 / 101 by Kish
    assert a["effective_n"] == pytest.approx(121 / 101)
    gap = row(made, "disparities", metric="selection_rate", group="a", against="rest")
    assert gap["estimate"] == pytest.approx(10 / 11)


def test_e1_the_floor_reads_the_effective_n():
    heavy = pd.DataFrame({"g": "a", "d": [1, 0] * 20, "w": [100.0] * 2 + [1.0] * 38})
    light = pd.DataFrame({"g": "b", "d": [1, 0] * 200, "w": 1.0})
    made = audit(pd.concat([heavy, light], ignore_index=True), weight="w", smallest=30)
    found = row(made, metric="selection_rate", group="a")
    assert (found["n"], found["status"]) == (40, "insufficient")
    assert found["effective_n"] < 5
    checks = made.table("checks").query("check == 'selection_gap' and group == 'a'")
    assert checks["outcome"].tolist() == ["indeterminate"]


def test_e1_the_floor_of_every_table_of_scores_reads_the_effective_n():
    # forty people of whom one carries the weight: whatever is told of them tells as much as one
    rng = np.random.default_rng(3)
    score = rng.integers(0, 100, 440) / 100
    rows = pd.DataFrame(
        {
            "g": ["a"] * 40 + ["b"] * 400,
            "s": score,
            "y": (rng.random(440) < score).astype(int),
            "need": rng.integers(0, 3, 440),
            "w": [1e4] + [1.0] * 439,
        }
    )
    made = audit(
        rows.assign(d=(score > 0.5).astype(int)),
        label="y", positive=1, score="s", quota=50, weight="w", need="need", smallest=10,
    )  # fmt: skip
    accounted(made, 440)
    for table in ("exposure", "calibration", "brier", "need_ranks", "budgets", "cuts"):
        found = made.table(table).query("group == 'a'")
        assert len(found)
        assert set(found["status"]) <= {"insufficient", "undefined"}, table


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "x"])
def test_e3_a_weight_that_is_none_is_an_error(bad):
    rows = pd.DataFrame({"g": ["a", "b"] * 3, "d": [1, 0] * 3, "w": [1.0] * 6})
    rows["w"] = rows["w"].astype(object if bad == "x" else float)
    rows.loc[1, "w"] = bad
    rows["w"] = rows["w"].astype(str) if bad == "x" else rows["w"]
    with pytest.raises(DataError, match=r"Column 'w' holds weights, but 1 of 6 values are"):
        audit(rows, weight="w")


def test_e3_weights_that_are_all_0_are_an_error():
    rows = pd.DataFrame({"g": ["a", "b"], "d": [1, 0], "w": [0.0, 0.0]})
    with pytest.raises(DataError, match="all 2 of them are 0"):
        audit(rows, weight="w")


def test_a_group_whose_weights_are_0_is_undefined_not_0():
    rows = pd.DataFrame(
        {"g": ["a", "a", "b", "b", "c"], "d": [1, 0, 1, 0, 1], "w": [1, 1, 1, 1, 0]}
    )
    made = audit(rows, weight="w")
    found = row(made, metric="selection_rate", group="c")
    assert (found["status"], found["n"]) == ("undefined", 1)
    assert np.isnan(found["estimate"])
    assert "weights of all 1 rows are 0" in found["note"]
    assert made.disposition != "ready_for_decision"


def test_e4_households_with_identical_outcomes_widen_the_interval():
    rng = np.random.default_rng(0)
    house = np.repeat(np.arange(200), 5)
    rows = pd.DataFrame(
        {
            "g": np.repeat(rng.choice(["a", "b"], 200), 5),
            "d": np.repeat(rng.integers(0, 2, 200), 5),
            "house": house,
        }
    )
    plain, clustered = audit(rows), audit(rows, cluster="house")
    accounted(clustered, 1000)
    for group in "ab":
        narrow = row(plain, metric="selection_rate", group=group)
        wide = row(clustered, metric="selection_rate", group=group)
        assert wide["estimate"] == narrow["estimate"]
        ratio = (wide["upper"] - wide["lower"]) / (narrow["upper"] - narrow["lower"])
        assert 2.1 < ratio < 2.4  # sqrt(5) = 2.24
        assert wide["effective_n"] == pytest.approx(narrow["n"] / 5, rel=0.02)


@pytest.mark.parametrize(
    "argument",
    [
        {"weight": "w"},
        {"cluster": "house"},
        {"strata": "s", "cluster": "house"},
        {"control": "s", "control_reason": "Sites differ."},
    ],
    ids="+".join,
)
def test_e6_an_argument_changes_the_audit(argument):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], 300),
            "d": np.repeat(rng.integers(0, 2, 100), 3),
            "w": rng.choice([1.0, 3.0], 300),
            "house": np.repeat(np.arange(100), 3),
            "s": np.repeat(["n", "s"], 150),
        }
    )
    with_it, without = audit(rows, **argument).record, audit(rows).record
    assert (with_it.measurements, with_it.stratified_disparities) != (
        without.measurements,
        without.stratified_disparities,
    )
    assert with_it.sampling != without.sampling


@pytest.mark.parametrize("argument", ["weight", "cluster", "strata", "control", "count"])
def test_e6_a_column_that_is_not_there_is_an_error(argument):
    rows = pd.DataFrame({"g": ["a", "b"], "d": [1, 0]})
    more = {"control_reason": "Sites differ."} if argument == "control" else {}
    with pytest.raises(DataError, match="Column 'absent' is not in the data"):
        audit(rows, **{argument: "absent"}, **more)


# ------------------------------------------------------------------ read like every other column


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1 / 3, 1e6, 1e30])
def test_weights_in_another_unit_give_the_same_audit(scale):
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"g": rng.choice(["a", "b"], 3000), "d": rng.integers(0, 2, 3000)})
    rows["w"] = rng.gamma(2, 1, 3000)
    plain, scaled = (audit(r, weight="w") for r in (rows, rows.assign(w=rows["w"] * scale)))
    for name in ("estimate", "lower", "upper", "effective_n"):
        left, right = (m.table("measurements")[name] for m in (plain, scaled))
        assert np.allclose(left, right, rtol=1e-8, atol=0, equal_nan=True)
    left, right = ([c.outcome for c in m.record.checks] for m in (plain, scaled))
    assert left == right


@pytest.mark.parametrize("largest", [1e-200, 1e200, 1e300])
def test_weights_beyond_what_can_be_summed_are_an_error(largest):
    rows = pd.DataFrame({"g": ["a", "b"] * 2, "d": [1, 0] * 2, "w": [0.0, 0.0, 0.0, largest]})
    with pytest.raises(DataError, match="cannot be summed exactly"):
        audit(rows, weight="w")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["", "h1"] * 20, "20 rows have none"),
        ([1, "1"] * 20, "mixes types"),
        ([[1], [2]] * 20, "holds values of type list"),
        ([b"a", b"b"] * 20, "holds values of type"),
    ],
)
def test_clusters_are_read_like_every_other_column(values, words):
    rows = pd.DataFrame({"g": ["a", "a", "b", "b"] * 10, "d": [1, 0] * 20})
    rows["h"] = pd.Series(values, dtype=object)
    with pytest.raises(DataError, match=words):
        audit(rows, cluster="h")


WIDE = pd.DataFrame(
    [("sex", "f", 100, 20, 40, 200), ("sex", "m", 150, 30, 60, 160)],
    columns=["attribute", "group", "tp", "fp", "fn", "tn"],
)


@pytest.mark.parametrize(
    "given",
    [
        {"weight": "w"},
        {"cluster": "h"},
        {"strata": "s"},
        {"count": "tp"},
        {"control": "c", "control_reason": "Sites differ."},
        {"score": "s"},
        {"selected": 1},
        {"key": "group"},
    ],
    ids="+".join,
)
def test_e6_a_table_of_counts_ignores_nothing_that_speaks_of_rows(given):
    with pytest.raises(auditkit.AuditkitError, match=r"table of counts|attributes"):
        auditkit.audit(None, WIDE, outcome="benefit", attributes=["sex"], policy="minimal", **given)


def test_counts_that_add_up_to_too_many_are_an_error():
    many = WIDE.assign(tp=2**52, tn=2**52)
    with pytest.raises(DataError, match="more people than can be counted exactly"):
        auditkit.audit(None, many, outcome="benefit", attributes=["sex"], policy="minimal")
    rows = pd.DataFrame({"g": ["a", "b"], "d": [1, 0], "n": [2**60, 2**60]})
    with pytest.raises(DataError, match="too many to be exact"):
        audit(rows, count="n")


def test_a_design_column_in_the_protected_source_is_said_to_be_there():
    rows = pd.DataFrame({"id": [1, 2], "d": [1, 0]})
    apart = pd.DataFrame({"id": [1, 2], "g": ["a", "b"], "w": [1.0, 2.0]})
    with pytest.raises(DataError, match="'w' is in the protected source, from which only"):
        audit(rows, protected=apart, key="id", weight="w")


@pytest.mark.parametrize("huge", [3e8, 1e9, 1e12])
def test_beside_one_huge_weight_no_interval_loses_its_width(huge):
    # squares of all other weights were 0 beside its square: "within" from -1.5896 to -1.5859 points
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "g": rng.choice(["f", "m"], 2000),
            "y": rng.choice(["yes", "no"], 2000),
            "d": rng.choice([0, 1], 2000),
            "w": 1.0,
        }
    )
    at = frame.query("g == 'm' and y == 'no'").index[0]
    frame.loc[at, "w"] = huge
    made = audit(frame, weight="w", label="y", positive="yes", smallest=30)
    checks = made.table("checks").query("check == 'false_negative_gap'")
    assert set(checks["outcome"]) == {"indeterminate"}
    assert (checks["upper"] - checks["lower"] > 0.1).all()
    f = row(made, metric="selection_rate", group="f")
    assert f["status"] == "insufficient"
    assert f["upper"] - f["lower"] > 0.06


@pytest.mark.parametrize("huge", [1e4, 1e6, 1e9])
def test_two_huge_weights_that_agree_are_no_all_clear(huge):
    """Both groups' rates are then that of one row: once "within" from -0.16 to 0.15 points."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"g": rng.choice(["f", "m"], 2000), "d": rng.choice([0, 1], 2000)})
    frame["w"] = 1.0
    heaviest = [frame[(frame.g == group) & (frame.d == 1)].index[0] for group in "fm"]
    frame.loc[heaviest, "w"] = huge
    frame = pd.concat([frame.assign(y="yes"), frame.assign(y="no")])
    made = audit(frame, weight="w", label="y", positive="yes", smallest=30)
    assert "within" not in set(made.table("checks")["outcome"])
    rates = made.table("measurements").query("metric == 'selection_rate' and group in ['f', 'm']")
    assert set(rates["status"]) == {"insufficient"}
    assert (rates["effective_n"] < 5).all()


def drawn_in(clusters, gap=0.0):
    rng = np.random.default_rng(1)
    g = rng.choice(["a", "b"], 400)
    d = (rng.random(400) < 0.5 + gap * (g == "a")).astype(int)
    return pd.DataFrame({"g": g, "d": d, "home": clusters(g)})


def test_one_cluster_says_nothing_of_others():
    """Its value is its own mean, so that its variance by linearisation is 0."""
    made = audit(drawn_in(lambda g: 1, gap=0.4), cluster="home", policy="icrc")
    for group in ("(all)", "a", "b"):
        found = row(made, metric="selection_rate", group=group)
        assert (found.status, found.lower != found.lower) == ("insufficient", True)
        assert "of one cluster, which says nothing of others" in found.note
    gap = row(made, "disparities", metric="selection_rate", group="a", statistic="difference")
    assert (round(gap.estimate, 1), gap.lower != gap.lower) == (0.4, True)
    judged = made.table("checks").query("metric == 'selection_rate'")
    assert set(judged.outcome) == {"indeterminate"}
    made.files()


def test_a_group_in_one_cluster_is_not_told_apart_from_others():
    """All of a in one home, b in twenty: the gap may be that of the home."""
    homes = drawn_in(lambda g: np.where(g == "a", 0, np.arange(400) % 20 + 1), gap=0.45)
    made = audit(homes, cluster="home", policy="icrc")
    assert set(made.table("checks").query("metric == 'selection_rate'").outcome) == {
        "indeterminate"
    }
    assert row(made, metric="selection_rate", group="b").status == "ok"
    assert row(made, "disparities", group="", statistic="ratio").note == "over 1 of 2 groups"


def test_everybody_in_few_clusters_has_the_interval_of_few():
    made = audit(drawn_in(lambda g: np.arange(400) % 3), cluster="home")
    everybody = row(made, metric="selection_rate", group="(all)")
    assert everybody.upper - everybody.lower > 0.15  # 400 drawn alone: 0.10


def test_a_line_of_totals_is_no_group():
    wide = pd.DataFrame(
        {"attribute": "g", "group": ["a", "b", "c"], "tp": [9, 20, 3], "fp": [5, 6, 0],
         "fn": [7, 8, 2], "tn": [30, 40, 9]}
    )  # fmt: skip
    sums = wide[["tp", "fp", "fn", "tn"]].sum()
    total = pd.concat([wide, pd.DataFrame([{"attribute": "g", "group": "Total", **sums}])])
    asked = {"label": "y", "positive": 1, "outcome": "benefit", "attributes": ["g"]}
    assert auditkit.audit(None, wide, policy="minimal", **asked).record.rows.read == 139
    with pytest.raises(DataError, match=r"'Total' of attribute 'g' .* 139, .*line of totals"):
        auditkit.audit(None, total, policy="minimal", **asked)
    long = pd.DataFrame({"g": ["a", "a", "b", "b", "c", "c"], "d": [1, 0] * 3, "n": range(3, 9)})
    totals = long.groupby("d", as_index=False)["n"].sum().assign(g="all of them")
    assert audit(long, count="n").record.rows.read == 33
    with pytest.raises(DataError, match=r"'all of them' .* 33, .*line of totals"):
        audit(pd.concat([long, totals]), count="n")
    two = long[long.g != "c"].assign(n=[3, 4, 3, 4])  # two groups alike are no totals
    assert audit(two, count="n").record.rows.read == 14


def test_a_subtotal_is_no_group():
    wide = pd.DataFrame(
        {"attribute": "sex", "group": ["girls", "women", "all women and girls", "men"],
         "tp": [91, 203, 294, 310], "fp": [15, 26, 41, 40], "fn": [17, 38, 55, 61],
         "tn": [130, 240, 370, 410]}
    )  # fmt: skip
    asked = {"label": "y", "positive": 1, "outcome": "benefit", "policy": "minimal"}
    said = r"'all women and girls' of attribute 'sex' counts .*'girls', 'women' together, 760"
    with pytest.raises(DataError, match=said):
        auditkit.audit(None, wide, attributes=["sex"], **asked)
    without = wide[wide["group"] != "all women and girls"]
    assert auditkit.audit(None, without, attributes=["sex"], **asked).record.rows.read == 1581


def test_sums_that_agree_by_chance_are_no_subtotals():
    from auditkit.evidence.totals import refuse_totals

    rng = np.random.default_rng(0)
    for _ in range(300):  # no recorded outcome: two numbers a group, and many choices of groups
        table = rng.integers(1, 120, (13, 2))
        refuse_totals("g", list("abcdefghijklm"), table)


def test_a_header_in_capitals_and_an_attribute_in_two_spellings():
    wide = pd.DataFrame(
        {"ATTRIBUTE": "sex", "Group": ["f", "m"], "TP": [91, 203], "FP": [15, 26],
         "fn": [17, 38], "tn": [130, 240]}
    )  # fmt: skip
    asked = {"label": "y", "positive": 1, "outcome": "benefit", "policy": "minimal"}
    with pytest.raises(DataError, match=r"'ATTRIBUTE', 'Group', 'FP', 'TP' are those of a table"):
        auditkit.audit(None, wide, attributes=["sex"], **asked)
    mixed = wide.rename(columns=str.lower)
    mixed = pd.concat([mixed, mixed.assign(attribute="Sex ", group=["x", "y"])])
    with pytest.raises(DataError, match=r"'Sex ', which differs .* in case or blanks only"):
        auditkit.audit(None, mixed, attributes=["sex"], **asked)


def test_clusters_without_weight_are_no_clusters():
    # 4 sites say too little; 40 more of people without weight say nothing
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"g": ["a", "b"] * 2_000, "s": np.arange(4_000) % 8 // 2, "w": 1.0})
    rows["d"] = (rng.random(4_000) < 0.8).astype(int)
    empty = pd.DataFrame({"g": ["a", "b"] * 40, "s": np.repeat(np.arange(100, 140), 2), "w": 0.0})
    for data in (rows, pd.concat([rows, empty.assign(d=1)], ignore_index=True)):
        made = audit(data, weight="w", cluster="s")
        checks = made.table("checks").query("check == 'selection_gap' and group == 'a'")
        assert checks["outcome"].tolist() == ["indeterminate"]
        assert "4 clusters" in checks["note"].iloc[0]


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("Total,129000,10000,71000,190001", "line of totals"),  # rounded
        ("all,70000,6000,40000,96000", "called like a line of totals"),  # some suppressed
        ("Re\u0301gion,1,2,3,4", "repeat a group"),  # the other Unicode form
    ],
)
def test_a_line_of_counts_that_counts_people_again(tmp_path, group, told):
    lines = ["R\u00e9gion,61000,5000,39000,95000", "m,68000,5000,32000,95000", group]
    table = "attribute,group,tp,fp,fn,tn\n" + "".join(f"g,{line}\n" for line in lines)
    (tmp_path / "counts.csv").write_text(table, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        auditkit.audit(None, tmp_path / "counts.csv", outcome="benefit", attributes=["g"])


def test_equal_weights_leave_the_scan_and_the_detectable_gap_as_they_are():
    """Rounding had made counts of small groups not whole, and sizes one person less."""
    rng = np.random.default_rng(1)
    n = 1500
    data = pd.DataFrame(
        {
            "g": rng.choice(["a", "b", "c"], n, p=[0.01, 0.3, 0.69]),
            "y": rng.integers(0, 2, n),
            "d": rng.integers(0, 2, n),
        }
    )
    asked = {"label": "y", "positive": 1, "decision": "d", "selected": 1, "outcome": "benefit",
             "attributes": ["g"], "policy": "icrc", "need": "y"}  # fmt: skip
    plain = auditkit.audit(None, data, **asked).record
    weighted = auditkit.audit(None, data.assign(w=3.7), weight="w", **asked).record
    assert any(row.p_value for row in plain.spreads)
    assert [row.p_value for row in weighted.spreads] == [row.p_value for row in plain.spreads]
    for one, other in zip(plain.checks, weighted.checks, strict=True):
        assert one.detectable == pytest.approx(other.detectable)


def test_a_size_just_below_the_floor_is_not_written_as_the_floor():
    n = 1500
    data = pd.DataFrame({"g": ["a"] * 30 + ["b"] * (n - 30), "y": 1, "d": [0, 1] * (n // 2)})
    made = auditkit.audit(
        None, data.assign(c=range(n)), label="y", positive=1, decision="d", selected=1,
        cluster="c", outcome="benefit", attributes=["g"], policy="icrc",
    )  # fmt: skip
    notes = {row.note for row in made.record.measurements if row.group == "a"}
    assert any("30 rows tell no more than 29.9 drawn alone, at least 30 wanted" in n for n in notes)
