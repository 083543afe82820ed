"""What is decided today, beside the system: counted by hand, by brute force, and kept apart."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError, PlanError
from auditkit.inference.intervals import paired_difference, wilson
from auditkit.results import Status

ASKED = {
    "label": "need",
    "positive": "yes",
    "decision": "now",
    "outcome": "benefit",
    "attributes": ["gender", "age"],
    "policy": "minimal",
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """3,000 people, two decisions that mostly agree, some of either and some outcomes missing."""
    rng = np.random.default_rng(4)
    n = 3000
    need = rng.random(n) < 0.4
    before = np.where(need, rng.random(n) < 0.7, rng.random(n) < 0.15)
    now = np.where(rng.random(n) < 0.7, before, np.where(need, rng.random(n) < 0.9, False))

    def told(values, missing):
        return pd.Series(np.where(values, "yes", "no"), dtype="str").mask(rng.random(n) < missing)

    return pd.DataFrame(
        {
            "gender": pd.Series(rng.choice(["female", "male"], n), dtype="str").mask(
                rng.random(n) < 0.03
            ),
            "age": rng.choice(["old", "young"], n, p=[0.2, 0.8]),
            "need": told(need, 0.02),
            "now": told(now, 0.01),
            "before": told(before, 0.02),
            "x": now + rng.normal(0, 1, n),
            "w": rng.gamma(3, 1, n),
            "site": rng.integers(0, 40, n),
            "area": rng.choice(["north", "south"], n),
            "score": rng.random(n).round(2),
        }
    )


def audit(rows, model=None, **changes):
    asked = {**ASKED, **changes}
    return auditkit.audit(model, rows, **{k: v for k, v in asked.items() if v is not None})


def beside(made, metric, attribute="(all)", group="(all)"):
    found = [
        r for r in made.record.baseline
        if (r.metric, r.attribute, r.group) == (metric, attribute, group)
    ]  # fmt: skip
    assert len(found) == 1
    return found[0]


# ------------------------------------------------------------------ by hand


def test_twelve_rows_by_hand(twelve):
    """Of 4 in need in group a the system misses the fourth, people missed the third and fourth."""
    twelve["before"] = [1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    made = audit(
        twelve, positive=1, decision="chosen", attributes=["group"], baseline="before", smallest=1
    )
    found = beside(made, "false_negative_rate", "group", "a")
    assert (found.n, found.estimate, found.baseline, found.change) == (4, 0.25, 0.5, -0.25)
    # both miss one, the system alone misses nobody, people alone miss one, nobody misses two
    bounds = paired_difference(1, 0, 1, 2)
    assert found.change_lower == pytest.approx(float(bounds.lower))
    assert found.change_upper == pytest.approx(float(bounds.upper))
    assert found.lower == pytest.approx(float(wilson(1, 4).lower))
    assert found.baseline_upper == pytest.approx(float(wilson(2, 4).upper))
    # group b: the system misses 3 of 4, people missed 2 of 4
    assert (found.gap, found.baseline_gap) == (-0.5, 0.0)
    assert (found.status, found.note) == (Status.OK, "")
    precision = beside(made, "precision", "group", "a")
    assert (precision.estimate, precision.baseline) == (0.75, 1.0)
    assert (precision.n, precision.baseline_n) == (4, 2)
    assert (precision.change, precision.change_lower, precision.change_upper) == (None,) * 3
    assert precision.status is Status.NOT_APPLICABLE
    assert "among other people" in precision.note
    assert beside(made, "accuracy").change == pytest.approx(7 / 12 - 8 / 12)


# ------------------------------------------------------------------ by brute force

IS = {
    "selection_rate": (lambda y, d: d, lambda y, d: d | True),
    "false_negative_rate": (lambda y, d: ~d, lambda y, d: y),
    "true_positive_rate": (lambda y, d: d, lambda y, d: y),
    "false_positive_rate": (lambda y, d: d, lambda y, d: ~y),
    "true_negative_rate": (lambda y, d: ~d, lambda y, d: ~y),
    "accuracy": (lambda y, d: y == d, lambda y, d: d | True),
    "error_rate": (lambda y, d: y != d, lambda y, d: d | True),
    "precision": (lambda y, d: y, lambda y, d: d),
    "false_discovery_rate": (lambda y, d: ~y, lambda y, d: d),
    "negative_predictive_value": (lambda y, d: ~y, lambda y, d: ~d),
    "false_omission_rate": (lambda y, d: y, lambda y, d: ~d),
}
OTHERS = {
    "precision", "false_discovery_rate", "negative_predictive_value", "false_omission_rate"
}  # fmt: skip


def members(rows, attribute, group):
    """Rows of a group, and of its rest."""
    if attribute == "(all)":
        return rows, rows.iloc[:0]
    names, parts = attribute.split("*"), group.split("*")
    recorded = rows[names].notna().all(axis=1)
    if group == "(not recorded)":
        return rows[~recorded], rows[recorded]
    own = recorded & (rows[names] == parts).all(axis=1)
    return rows[own], rows[recorded & ~own]


@pytest.mark.parametrize("weighted", [False, True])
def test_every_rate_of_every_group_by_brute_force(rows, weighted):
    made = audit(rows, baseline="before", intersections=2, weight="w" if weighted else None)
    told = rows.dropna(subset=["now", "before"])
    seen = set()
    for row in made.record.baseline:
        if row.metric == "missing_decision_rate":
            continue
        part, among = IS[row.metric]
        rates = {}
        both = members(told, row.attribute, row.group)
        for side, people in zip(("own", "rest"), both, strict=True):
            some = people if row.metric == "selection_rate" else people.dropna(subset=["need"])
            y, w = some["need"] == "yes", some["w"] if weighted else 1.0 + 0 * some["w"]
            for column in ("now", "before"):
                d = some[column] == "yes"
                of, yes = among(y, d), part(y, d)
                rates[side, column] = w[of & yes].sum() / w[of].sum() if of.any() else None
                rates[side, column, "n"] = int(of.sum())
            if side == "own":
                first, second = ((part(y, some[c] == "yes")) for c in ("now", "before"))
                shared = among(y, some["now"] == "yes")
        assert row.estimate == pytest.approx(rates["own", "now"])
        assert row.baseline == pytest.approx(rates["own", "before"])
        assert (row.n, row.baseline_n) == (rates["own", "now", "n"], rates["own", "before", "n"])
        if row.attribute != "(all)":
            assert row.gap == pytest.approx(rates["own", "now"] - rates["rest", "now"])
            gap = rates["own", "before"] - rates["rest", "before"]
            assert row.baseline_gap == pytest.approx(gap)
        assert row.lower < row.estimate < row.upper
        assert row.baseline_lower < row.baseline < row.baseline_upper
        if row.metric in OTHERS:
            assert row.status is Status.NOT_APPLICABLE
            assert row.change is row.change_lower is row.change_upper is None
            continue
        assert row.change == pytest.approx(row.estimate - row.baseline)
        if weighted:
            assert row.change_lower is row.change_upper is None
            assert "weighted" in row.note
            continue
        four = (first & second, first & ~second, second & ~first, ~first & ~second)
        bounds = paired_difference(*(int((mask & shared).sum()) for mask in four))
        assert row.change_lower == pytest.approx(float(bounds.lower))
        assert row.change_upper == pytest.approx(float(bounds.upper))
        seen.add(row.metric)
    assert seen == (set() if weighted else set(IS) - OTHERS)


def test_missing_decisions_of_both_are_counted(rows):
    made = audit(rows, baseline="before")
    found = beside(made, "missing_decision_rate")
    assert found.n == len(rows)
    assert found.estimate == pytest.approx(rows["now"].isna().mean())
    assert found.baseline == pytest.approx(rows["before"].isna().mean())
    exclusions = made.table("exclusions").query("scope == 'baseline'")
    lost = rows[rows["now"].notna() & rows["before"].isna()]
    assert (exclusions["reason"] == "no baseline decision").all()
    counted = exclusions.set_index(["attribute", "group"])["rows"]
    assert counted["(all)", "(all)"] == len(lost)
    assert counted["age", "old"] == (lost["age"] == "old").sum()


# ------------------------------------------------------------------ kept apart from the verdict


def without_baseline(record):
    """Take out of a record what a baseline puts in; nothing else may differ."""
    provenance = replace(
        record.provenance, digests=replace(record.provenance.digests, plan="", baseline="")
    )
    bare = replace(
        record,
        baseline=(),
        system=replace(record.system, baseline=""),
        exclusions=tuple(e for e in record.exclusions if e.scope != "baseline"),
        provenance=provenance,
    )
    return json.dumps(asdict(bare))


@pytest.fixture(scope="module")
def model(rows):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(rows[["x"]], rows["need"].fillna("no"))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"score": "score", "intersections": 2},
        {"weight": "w", "strata": "area"},
        {"cluster": "site", "weight": "w"},
        {"control": "area", "control_reason": "Areas differ."},
        {"label": None, "positive": None, "selected": "yes"},
        {"model": True, "decision": None},
        {"model": True, "decision": None, "cluster": "site", "control": "area",
         "control_reason": "Areas differ."},
    ],
    ids=lambda more: " ".join(more) or "plain",
)  # fmt: skip
def test_a_baseline_changes_nothing_else(rows, model, more):
    more = {**more, "model": model if more.get("model") else None, "stage": "pre_rollout"}
    plain, made = (audit(rows, **more, baseline=b).record for b in (None, "before"))
    assert not plain.baseline
    assert made.baseline
    assert made.system.baseline == "before"
    assert made.provenance.digests.baseline
    assert made.disposition == plain.disposition
    assert without_baseline(made) == without_baseline(plain)


def test_the_baseline_has_a_digest_of_its_own(rows):
    other = rows.assign(before=rows["before"].sample(frac=1, random_state=1).to_numpy())
    one, two = (audit(r, baseline="before").record.provenance.digests for r in (rows, other))
    assert one.baseline != two.baseline
    assert replace(one, baseline="") == replace(two, baseline="")


# ------------------------------------------------------------------ every way in


def test_a_model_and_its_decisions_as_a_column_stand_alike_beside_the_baseline(
    rows, model, monkeypatch
):
    monkeypatch.setattr("auditkit.evidence.sources.Source.batches.__defaults__", (700,))
    scored = audit(rows, model, decision=None, baseline="before", intersections=2)
    column = rows.assign(now=model.predict(rows[["x"]]))
    decided = audit(column, baseline="before", intersections=2)
    assert scored.record.baseline == decided.record.baseline


def test_counts_of_people_give_what_the_people_give(rows):
    by = ["gender", "age", "need", "now", "before"]
    cells = rows.groupby(by, dropna=False).size().reset_index(name="people")
    counted = audit(cells, baseline="before", count="people").record
    made = audit(rows, baseline="before").record
    assert counted.baseline == made.baseline
    assert counted.provenance.digests.baseline == made.provenance.digests.baseline


def test_a_series_beside_the_frame_is_a_baseline(rows):
    alone = rows.drop(columns="before")
    made = audit(alone, baseline=rows["before"])
    assert made.record.baseline == audit(rows, baseline="before").record.baseline


def test_one_cut_decides_for_both():
    rows = pd.DataFrame(
        {"g": ["a", "b"] * 4, "now": [1, 2, 3, 4, 5, 6, 7, 8], "before": [9, 9, 1, 1, 9, 1, 1, 9]}
    )
    made = audit(
        rows, label=None, positive=None, decision="now", baseline="before", attributes=["g"],
        selected={"above": 4},
    )  # fmt: skip
    found = beside(made, "selection_rate")
    assert (found.estimate, found.baseline) == (0.5, 0.5)
    assert (found.n, found.change) == (8, 0)


def test_without_a_recorded_outcome_only_decisions_are_compared(rows):
    made = audit(rows, label=None, positive=None, selected="yes", baseline="before")
    table = made.table("baseline")
    told = set(table.loc[table["estimate"].notna(), "metric"])
    assert told == {"selection_rate", "missing_decision_rate"}
    others = table[~table["metric"].isin(told)]
    assert set(others["status"]) == {"not_applicable"}
    assert (others["note"] != "").all()


def test_people_drawn_in_clusters_have_rates_without_intervals(rows):
    made = audit(rows, baseline="before", cluster="site")
    plain = audit(rows, baseline="before")
    found, same = (beside(m, "false_negative_rate", "age", "old") for m in (made, plain))
    assert (found.estimate, found.baseline, found.change) == (
        same.estimate, same.baseline, same.change,
    )  # fmt: skip
    ends = ("lower", "upper", "baseline_lower", "baseline_upper", "change_lower", "change_upper")
    assert {getattr(found, end) for end in ends} == {None}
    assert "clusters" in found.note


def test_equal_weights_give_the_plain_intervals(rows):
    equal = audit(rows.assign(w=2.5), baseline="before", weight="w")
    plain = audit(rows, baseline="before")
    ends = ("estimate", "lower", "upper", "baseline", "baseline_lower", "baseline_upper", "gap")
    one, other = (m.table("baseline")[[*ends]] for m in (equal, plain))
    assert np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True)


# ------------------------------------------------------------------ what cannot be read


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        (["Yes", "no"], {}, r"'before' is the baseline, but 4 rows of it hold 'Yes' in 4 rows, "
         r"which are no values of the decision \('no' in 4 rows, 'yes' in 4 rows\).*'yes' where"),
        ([1, 0], {}, r"8 rows of it hold '0' in 4 rows, '1' in 4 rows"),
        ([None, None], {}, "all 8 rows of it are empty"),
        (["yes", "no"], {"selected": {"above": 0.5}, "decision": "p", "label": None,
                         "positive": None},
         r"cuts decisions above 0.5, but 8 rows of it hold something that is not a finite number"),
    ],
)  # fmt: skip
def test_values_that_do_not_match_are_one_clear_error(values, more, words):
    rows = pd.DataFrame(
        {
            "gender": ["f", "m"] * 4,
            "need": ["yes", "no", "no", "yes"] * 2,
            "now": ["yes"] * 4 + ["no"] * 4,
            "p": [0.1, 0.2, 0.7, 0.9] * 2,
            "before": values * 4,
        }
    )
    with pytest.raises(DataError, match=words) as caught:
        audit(rows, attributes=["gender"], baseline="before", **more)
    assert len(str(caught.value).splitlines()) == 1


def test_a_baseline_that_selects_nobody_is_read():
    rows = pd.DataFrame({"g": ["a", "b"] * 4, "now": ["yes", "no"] * 4, "before": ["no"] * 8})
    made = audit(
        rows, label=None, positive=None, selected="yes", attributes=["g"], baseline="before"
    )
    assert beside(made, "selection_rate").baseline == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"baseline": "now"}, "data.baseline and data.decision both name 'now'"),
        ({"baseline": "need"}, "data.baseline and data.label both name 'need'"),
        ({"baseline": "age"}, "attribute 'age' and data.baseline both name 'age'"),
    ],
)
def test_a_plan_that_compares_nothing_is_refused(rows, changes, words):
    with pytest.raises(PlanError, match=words):
        audit(rows, **changes)


def test_a_column_that_is_not_there_is_an_error(rows):
    with pytest.raises(DataError, match=r"'befor' is not in the data\. Did you mean 'before'"):
        audit(rows, baseline="befor")


def test_a_table_of_counts_has_no_baseline():
    rows = pd.DataFrame(
        {"attribute": ["g", "g"], "group": ["a", "b"], "tp": 5, "fp": 4, "fn": 3, "tn": 2}
    )
    with pytest.raises(PlanError, match=r"data\.baseline says something of rows"):
        auditkit.audit(None, rows, outcome="benefit", attributes=["g"], baseline="before")
