"""Other budgets and cuts, against the people themselves, scikit-learn and hand-worked rows."""

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, recall_score

import auditkit
from auditkit import DataError, PlanError
from auditkit.evidence import scores as counting
from auditkit.inference.intervals import wilson
from auditkit.record import dumps, loads
from auditkit.scores.sweeps import grid_of_cuts, range_of_budgets

law = settings(max_examples=25, deadline=None, derandomize=True, database=None)

SEVEN = pd.DataFrame(
    [
        ("a", "yes", 0.9), ("b", "no", 0.8), ("a", "yes", 0.6), ("b", "yes", 0.6),
        ("b", "no", 0.6), ("a", "no", 0.2), ("b", "yes", None),
    ],
    columns=["g", "y", "s"],
).assign(d=["yes", "yes", "no", "no", "no", "no", "no"])  # fmt: skip
"""Of three places two are sure (.9 and .8) and one is drawn among three at .6."""


def audited(data, **given_):
    usual = {"decision": "d", "selected": "yes", "label": "y", "positive": "yes", "score": "s",
             "outcome": "benefit", "attributes": ["g"], "policy": "minimal",
             "smallest": 1}  # fmt: skip
    return auditkit.audit(None, data, **{**usual, **given_})


def budget(made, group, places=None):
    [row] = [
        b
        for b in made.record.budgets
        if b.group == group and (b.deployed if places is None else b.places == places)
    ]
    return row


def cut(made, group, at):
    [row] = [c for c in made.record.cuts if c.group == group and c.cut == pytest.approx(at)]
    return row


@pytest.fixture
def big() -> pd.DataFrame:
    """3,000 people whose scores tie often; some lack a group, an outcome, a score or a decision."""
    rng = np.random.default_rng(5)
    n = 3000
    chance = rng.beta(2, 3, n)
    y = np.where(rng.random(n) < chance, "yes", "no").astype(object)
    y[rng.random(n) < 0.05] = None
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b", "c", None], n, p=[0.5, 0.3, 0.15, 0.05]),
            "h": rng.choice(["x", "y"], n),
            "y": y,
            "d": np.where(chance > 0.6, "yes", "no"),
            "s": np.where(rng.random(n) < 0.03, np.nan, chance.round(2)),
            "w": rng.choice([0.5, 1.0, 3.25], n),
        }
    )


# ------------------------------------------------------------------ budgets


def test_a_budget_by_hand():
    made = audited(SEVEN, quota=3)
    a, b, everyone = (budget(made, group) for group in ("a", "b", "(all)"))
    assert (everyone.cut, everyone.at_cut) == (0.6, pytest.approx(1 / 3))
    assert (everyone.selected, everyone.selected_lower, everyone.selected_upper) == (3, 3, 3)
    assert everyone.selection_rate == pytest.approx(3 / 7)
    # a: .9 is sure, one of the three at .6 is its own; 2 of 3 in the worst, 1 in the best draw
    assert a.selected == pytest.approx(4 / 3)
    assert (a.selected_lower, a.selected_upper) == (1, 2)
    assert a.exclusion_error == pytest.approx((2 - 4 / 3) / 2)
    assert (a.exclusion_lower, a.exclusion_upper) == (0, 0.5)
    assert (a.inclusion_error, a.inclusion_lower, a.inclusion_upper) == (0, 0, 0)
    # b: .8 is sure and negative, of the three at .6 one is positive and one is not; one unscored
    assert b.selected == pytest.approx(5 / 3)
    assert b.exclusion_error == pytest.approx((2 - 1 / 3) / 2)
    assert (b.exclusion_lower, b.exclusion_upper) == (0.5, 1)
    assert b.inclusion_error == pytest.approx((1 + 1 / 3) / (5 / 3))
    assert (b.inclusion_lower, b.inclusion_upper) == (0.5, 1)
    assert (b.n, b.positives, b.unscored) == (4, 2, 1)
    assert (a.lower, a.upper) == pytest.approx([float(x[0]) for x in _wilson(2 / 3, 2)])


def _wilson(x, n):
    bounds = wilson([x], n)
    return bounds.lower, bounds.upper


def test_where_a_value_is_used_up_there_is_no_draw():
    for places, at in ((2, 0.8), (5, 0.6)):
        for group in "ab":
            row = budget(audited(SEVEN, quota=places), group)
            assert (row.cut, row.at_cut) == (at, 1)
            assert row.selected_lower == row.selected == row.selected_upper
            assert row.exclusion_lower == row.exclusion_error == row.exclusion_upper


def test_without_a_quota_there_are_no_budgets_and_without_scores_no_cuts():
    assert audited(SEVEN).record.budgets == ()
    assert audited(SEVEN, score=None).record.cuts == ()


@pytest.mark.parametrize("places", [1, 2, 3, 4, 5, 6])
def test_every_draw_lies_within_the_bounds_and_some_draw_reaches_them(places):
    """Brute force: all ways in which those who tie can be drawn."""
    made = audited(SEVEN, quota=places)
    scored = SEVEN[SEVEN["s"].notna()]
    last = scored["s"].sort_values(ascending=False).iloc[places - 1]
    sure, tied = scored[scored["s"] > last], scored[scored["s"] == last]
    draws = [
        pd.concat([sure, tied.loc[list(some)]])
        for some in combinations(tied.index, places - len(sure))
    ]
    for group in ("a", "b"):
        row = budget(made, group)
        positives = ((SEVEN["g"] == group) & (SEVEN["y"] == "yes")).sum()
        own = [draw[draw["g"] == group] for draw in draws]
        missed = [1 - (part["y"] == "yes").sum() / positives for part in own]
        wrong = [(part["y"] == "no").mean() for part in own if len(part)]
        taken = [len(part) for part in own]
        assert (row.selected_lower, row.selected_upper) == (min(taken), max(taken))
        assert row.selected == pytest.approx(np.mean(taken))
        assert (row.exclusion_lower, row.exclusion_upper) == pytest.approx(
            (min(missed), max(missed))
        )
        assert row.exclusion_error == pytest.approx(np.mean(missed))
        if wrong:
            assert (row.inclusion_lower, row.inclusion_upper) == pytest.approx(
                (min(wrong), max(wrong))
            )


@pytest.mark.parametrize("weight", [None, "w"])
def test_at_a_whole_cut_scikit_learn_says_the_same(big, weight):
    w = big[weight] if weight else pd.Series(1.0, big.index)
    chosen = big["s"] > 0.55  # people without a score are not
    k = w[chosen].sum()
    big["w"] *= round(k) / k  # so that the places of the cut are a whole number
    w = big[weight] if weight else w
    made = audited(big, quota=round(k), weight=weight)
    for group in ("a", "b", "c"):
        row, part = budget(made, group), (big["g"] == group) & big["y"].notna()
        recall = recall_score(big["y"][part] == "yes", chosen[part], sample_weight=w[part])
        assert row.exclusion_error == pytest.approx(1 - recall, abs=1e-6)
        theirs = confusion_matrix(big["y"][part] == "yes", chosen[part], sample_weight=w[part])
        assert row.inclusion_error == pytest.approx(theirs[0, 1] / theirs[:, 1].sum(), abs=1e-6)
        whole = big["g"] == group
        assert row.selection_rate == pytest.approx((w * chosen)[whole].sum() / w[whole].sum())
        if weight is None:
            n = int((big["y"][part] == "yes").sum())
            bounds = wilson(row.exclusion_error * n, n)
            assert (row.lower, row.upper) == pytest.approx((bounds.lower, bounds.upper))
        else:
            assert row.effective_n < row.positives


def test_the_interval_of_a_weighted_share_is_that_of_the_measured_rate(big):
    """The places of the decisions themselves: the record has the same rate, and its interval."""
    whole = big[big["s"].notna()].assign(d=lambda t: np.where(t["s"] > 0.55, "yes", "no"))
    k = whole["w"][whole["s"] > 0.55].sum()
    whole["w"] *= round(k) / k
    made = audited(whole, quota=round(k), weight="w")
    measured = {m.group: m for m in made.record.measurements if m.metric == "false_negative_rate"}
    for group in ("(all)", "a", "b", "c"):
        row, other = budget(made, group), measured[group]
        assert row.exclusion_error == pytest.approx(other.estimate, abs=1e-6)
        assert (row.lower, row.upper) == pytest.approx((other.lower, other.upper), abs=1e-4)


people = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["yes", "no", None]),
        st.sampled_from([0.0, 0.1, 0.25, 0.25, 0.5, 0.9, 1.0, None]),
        st.integers(1, 5),
    ),
    max_size=30,
)
SURE = [("a", "yes", 0.25, 1), ("a", "no", 0.5, 2), ("b", "yes", 0.5, 1), ("b", "no", 0.1, 3)]


@law
@given(people, st.integers(1, 4), st.sampled_from([None, "w"]), st.booleans())
def test_places_sum_to_the_budget_and_rise_with_it(rows, quota, weight, binned):
    frame = pd.DataFrame([*SURE, *rows], columns=["g", "y", "s", "w"])
    frame = frame.assign(d=["yes", "no"] * (len(frame) // 2) + ["no"] * (len(frame) % 2))
    with pytest.MonkeyPatch.context() as patch:
        if binned:
            patch.setattr(counting, "MOST_VALUES", 1)
        made = audited(frame, quota=quota, weight=weight)
    budgets = made.record.budgets
    for k in {b.places for b in budgets}:
        own = [b for b in budgets if b.places == k]
        assert sum(b.selected for b in own if b.attribute == "g") == pytest.approx(k)
        assert next(b.selected for b in own if b.group == "(all)") == pytest.approx(k)
        for b in own:
            assert b.selected_lower - 1e-9 <= b.selected <= b.selected_upper + 1e-9
            if b.exclusion_error is not None:
                assert b.exclusion_lower - 1e-9 <= b.exclusion_error <= b.exclusion_upper + 1e-9
            if b.inclusion_error is not None:
                assert b.inclusion_lower - 1e-9 <= b.inclusion_error <= b.inclusion_upper + 1e-9
    for group in {b.group for b in budgets}:
        rising = sorted((b for b in budgets if b.group == group), key=lambda b: b.places)
        for less, more in pairwise(rising):
            assert less.cut >= more.cut
            assert less.selected <= more.selected + 1e-9
            if less.exclusion_error is not None:
                assert less.exclusion_error >= more.exclusion_error - 1e-9


def test_bins_bound_what_exact_counting_gives(monkeypatch, big):
    exact = audited(big, quota=700)
    monkeypatch.setattr(counting, "MOST_VALUES", 5)
    binned = audited(big, quota=700)
    for one, other in zip(exact.record.budgets, binned.record.budgets, strict=True):
        assert (one.places, one.group) == (other.places, other.group)
        for name in ("selected", "exclusion_error", "inclusion_error"):
            # scores of two decimals: a bin holds one value at most, so nothing is lost but the cut
            assert getattr(one, name) == pytest.approx(getattr(other, name))
        assert 0 <= other.cut - one.cut <= 1 / 4096
        if one.deployed and one.exclusion_upper > one.exclusion_lower:
            assert other.lower < one.lower < one.upper < other.upper


def test_who_ties_is_drawn_inside_the_interval_but_a_bin_widens_it(monkeypatch):
    rows = [("a", "yes" if i % 2 else "no", 0.5 + i / 1e5, "no") for i in range(100)]
    frame = pd.DataFrame([*rows, ("b", "yes", 0.1, "yes")], columns=["g", "y", "s", "d"])
    monkeypatch.setattr(counting, "MOST_VALUES", 5)
    row = budget(audited(frame, quota=20), "a")
    assert row.exclusion_lower < row.exclusion_error < row.exclusion_upper
    assert row.lower == pytest.approx(float(wilson(row.exclusion_lower * 50, 50).lower))
    assert row.upper == pytest.approx(float(wilson(row.exclusion_upper * 50, 50).upper))


def test_statuses(big):
    made = audited(big, quota=500, smallest=30)
    assert budget(made, "a").status == "ok"
    few = audited(pd.concat([big, SEVEN.replace({"g": {"a": "z", "b": "z"}})]), quota=500,
                  smallest=30)  # fmt: skip
    assert budget(few, "z").status == "insufficient"
    assert "4 people with the positive recorded outcome, at least 30" in budget(few, "z").note
    nobody = audited(SEVEN.assign(y=lambda t: np.where(t["g"] == "b", "no", t["y"])), quota=2)
    assert budget(nobody, "b").status == "undefined"
    assert budget(nobody, "b").exclusion_error is None
    assert budget(nobody, "b").inclusion_error == 1
    blind = budget(audited(SEVEN, label=None, positive=None, quota=3), "a")
    assert (blind.status, blind.exclusion_error, blind.inclusion_error) == (
        "not_applicable", None, None,
    )  # fmt: skip
    assert blind.selected == pytest.approx(4 / 3)
    site = audited(big.assign(c=np.arange(len(big)) % 50), quota=500, cluster="c")
    assert budget(site, "a").lower is None
    assert "under clusters are not computed yet" in budget(site, "a").note


def test_budgets_are_deterministic_and_clipped():
    assert range_of_budgets(1000, 1e9) == [
        250, 297, 354, 420, 500, 595, 707, 841, 1000, 1189, 1414, 1682, 2000,
    ]  # fmt: skip
    assert range_of_budgets(1, 3.0) == [1, 2]
    assert range_of_budgets(5, 5.5) == [1, 2, 3, 4, 5]


def test_places_for_everybody_are_not_too_many_for_rounding():
    sixths = SEVEN[SEVEN["s"].notna()].assign(w=1 / 6)  # their sum falls short of 1 by rounding
    everyone = budget(audited(sixths, quota=1, weight="w"), "(all)")
    assert everyone.selection_rate == pytest.approx(1)
    assert (everyone.exclusion_error, everyone.at_cut) == (pytest.approx(0), 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quota": 7}, "7 places, but there are only 6 people with a decision and a score"),
        ({"quota": 99, "weight": "w"}, "whose weights sum to 12.0"),
    ],
)
def test_more_places_than_people_is_one_clear_error(change, words):
    with pytest.raises(DataError, match=words):
        audited(SEVEN.assign(w=2.0), **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quota": 0}, "data.quota"),
        ({"quota": 2.5}, "data.quota"),
        ({"quota": 5, "score": None}, "no score is named"),
    ],
)
def test_a_quota_that_cannot_be_meant_is_refused(change, words):
    with pytest.raises(PlanError, match=words):
        audited(SEVEN, **change)


# ------------------------------------------------------------------ cuts


def test_where_nobody_with_a_decision_has_a_score_there_is_nothing_to_cut():
    unscored = SEVEN.assign(s=[0.5, *[None] * 6], d=[None, *SEVEN["d"][1:]])
    assert audited(unscored).record.cuts == ()
    with pytest.raises(DataError, match="only 0 people"):
        audited(unscored, quota=1)


def test_cuts_by_hand():
    made = audited(SEVEN)
    assert made.record.system.cut_basis == "inferred"
    assert made.record.system.cut == 0.6  # .9 and .8 are selected, .6 and .2 are not
    a, b = cut(made, "a", 0.6), cut(made, "b", 0.6)
    assert a.deployed
    assert (a.selection_rate, a.true_positive_rate, a.false_positive_rate) == (
        pytest.approx(1 / 3), 1 / 2, 0,
    )  # fmt: skip
    assert (b.selection_rate, b.true_positive_rate, b.false_positive_rate) == (1 / 4, 0, 1 / 2)
    assert cut(made, "b", 0.5).true_positive_rate == 1 / 2  # one has no score
    assert not cut(made, "b", 0.5).deployed
    assert (b.n, b.positives, b.negatives) == (4, 2, 2)


def test_the_grid_is_neat_and_covers_the_scores():
    assert grid_of_cuts(0.0, 1.0) == [k / 20 for k in range(21)]
    assert grid_of_cuts(300, 850)[:2] == [300, 350]
    for low, high in ((0.013, 0.09), (-7, 1e6), (0.5, 0.5000001)):
        grid = grid_of_cuts(low, high)
        assert 7 < len(grid) < 22
        assert low <= grid[0] < grid[-1] <= high
        step = grid[1] - grid[0]
        assert max(grid[0] - low, high - grid[-1]) < step * 1.001


@pytest.mark.parametrize("weight", [None, "w"])
def test_scikit_learn_counts_the_same_at_every_cut(big, weight):
    made = audited(big, weight=weight)
    w = big[weight] if weight else pd.Series(1.0, big.index)
    assert len(made.record.cuts) > 80
    for row in made.record.cuts:
        whole = (big["g"] == row.group) if row.group in {"a", "b", "c"} else big["h"].notna()
        if row.group == "(not recorded)":
            whole = big["g"].isna()
        chosen, part = big["s"] > row.cut, whole & big["y"].notna()
        (tn, fp), (fn, tp) = confusion_matrix(
            big["y"][part] == "yes", chosen[part], labels=[False, True], sample_weight=w[part]
        )
        assert row.true_positive_rate == pytest.approx(tp / (tp + fn), abs=1e-9)
        assert row.false_positive_rate == pytest.approx(fp / (fp + tn), abs=1e-9)
        assert row.selection_rate == pytest.approx((w * chosen)[whole].sum() / w[whole].sum())
        assert row.selection_lower == row.selection_upper


def test_bins_bound_the_rates_at_every_cut(monkeypatch, big):
    big["s"] = big["s"] ** 1.1
    exact = audited(big)
    monkeypatch.setattr(counting, "MOST_VALUES", 5)
    binned = audited(big)
    wide = 0
    for one, other in zip(exact.record.cuts, binned.record.cuts, strict=True):
        for name in ("selection", "true_positive", "false_positive"):
            low, high = getattr(other, f"{name}_lower"), getattr(other, f"{name}_upper")
            assert low - 1e-9 <= getattr(one, f"{name}_rate") <= high + 1e-9
            assert low <= getattr(other, f"{name}_rate") <= high
            wide += high > low
    assert wide


def test_the_cut_in_use_gives_the_rates_that_were_measured(big):
    made = audited(big[big["s"].notna()], decision="s", selected={"above": 0.55})
    assert (made.record.system.cut, made.record.system.cut_basis) == (0.55, "declared")
    measured = {(m.metric, m.group): m.estimate for m in made.record.measurements}
    rows = [c for c in made.record.cuts if c.deployed]
    assert len(rows) == 5
    for c in rows:
        for metric in ("selection_rate", "true_positive_rate", "false_positive_rate"):
            assert getattr(c, metric) == pytest.approx(measured[metric, c.group])


@pytest.mark.parametrize(
    ("decisions", "basis", "at"),
    [
        (["yes", "yes", "no", "no", "no", "no", "no"], "inferred", 0.6),
        (["yes", "yes", "yes", "no", "no", "no", "no"], "not_a_cut", None),  # one of those who tie
        (["yes", "no", "yes", "no", "no", "no", "no"], "not_a_cut", None),
        (["yes", "no", "no", "no", "no", "no", "yes"], "not_a_cut", None),  # one without a score
        (["no", "no", "no", "no", "no", "yes", "no"], "not_a_cut", None),  # the lowest
        (["yes", "yes", "yes", "yes", "yes", "yes", None], "unknown", None),
        ([None, "yes", "no", "no", "no", "no", "no"], "inferred", 0.6),
    ],
)
def test_a_cut_is_inferred_only_if_it_is_exact(decisions, basis, at):
    system = audited(SEVEN.assign(d=decisions)).record.system
    assert (system.cut_basis, system.cut) == (basis, at)


@pytest.mark.parametrize("most", [65_536, 5])
def test_engines_and_orders_give_the_same_sweeps(monkeypatch, big, tmp_path, most):
    monkeypatch.setattr(counting, "MOST_VALUES", most)
    big["d"] = np.where(big["s"] > 0.42, "yes", "no")
    big.loc[::7, "d"] = None
    big.to_csv(tmp_path / "rows.csv", index=False)
    big.to_parquet(tmp_path / "rows.parquet")
    asked = {"attributes": ["g", "h"], "intersections": 2, "weight": "w", "quota": 800}
    expected = audited(big, **asked).record
    assert expected.system.cut == 0.42
    assert {b.attribute for b in expected.budgets} == {"(all)", "g", "h"}  # crossings are left out
    for data in (
        big.sample(frac=1, random_state=1),
        tmp_path / "rows.csv",
        tmp_path / "rows.parquet",
    ):
        found = audited(data, **asked).record
        assert (found.budgets, found.cuts) == (expected.budgets, expected.cuts)
        assert found.system == expected.system
    assert loads(dumps(expected)) == expected


def test_rows_that_count_people_say_the_same_as_people():
    counted = SEVEN.assign(n=[1, 3, 2, 1, 1, 4, 2])
    # a row for nobody, with the highest score of those who are not selected
    nobody = pd.DataFrame([("a", "no", 0.95, "no", 0)], columns=["g", "y", "s", "d", "n"])
    rows = counted.loc[counted.index.repeat(counted["n"])]
    made = audited(pd.concat([counted, nobody]), count="n", quota=4).record
    plain = audited(rows, quota=4).record
    assert (made.budgets, made.cuts) == (plain.budgets, plain.cuts)
    assert made.system.cut == plain.system.cut == 0.6


@pytest.mark.parametrize("selected", [None, {"above": 0.5}])
def test_a_model_is_cut_where_it_decides(monkeypatch, big, selected):
    from sklearn.linear_model import LogisticRegression

    from auditkit.evidence import sources

    big = big[big["y"].notna()].assign(x=lambda t: t["s"].fillna(0.3))
    model = LogisticRegression().fit(big[["x"]], big["y"])
    chance = model.predict_proba(big[["x"]])[:, 1]
    monkeypatch.setattr(sources.Source.batches, "__defaults__", (777,))
    made = auditkit.audit(
        model, big, label="y", positive="yes", outcome="benefit", attributes=["g"], quota=300,
        policy="minimal", explain={"rows": 0}, selected=selected,
    ).record  # fmt: skip
    expected = audited(big.assign(s=chance, d=model.predict(big[["x"]])), quota=300).record
    assert made.budgets == expected.budgets
    if selected:
        assert (made.system.cut, made.system.cut_basis) == (0.5, "declared")
    else:
        assert made.cuts == expected.cuts
        assert made.system.cut == 0.5  # where the model decides, and no score of anybody


def test_a_model_without_probabilities_has_no_ranking(big):
    from sklearn.svm import LinearSVC

    big = big[big["y"].notna()].assign(x=lambda t: t["s"].fillna(0.3))
    model = LinearSVC().fit(big[["x"]], big["y"])
    with pytest.raises(PlanError, match="gives no probabilities"):
        auditkit.audit(
            model, big, label="y", positive="yes", outcome="benefit", attributes=["g"], quota=300,
        )  # fmt: skip
