"""Errors of predicted amounts: worked by hand, and held against numpy, scikit-learn and scipy."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error

import auditkit
from auditkit import DataError, ModelError, PlanError, PolicyError
from auditkit.evidence.residuals import Grid
from auditkit.inference.amounts import order_statistics, welch_interval
from auditkit.inference.intervals import wilson
from auditkit.metrics.distribution import Distribution, merged
from auditkit.metrics.registry import amount_metrics, rates
from auditkit.record import dumps
from auditkit.results import Outcome, Status

ASKED = {
    "label": "owed",
    "decision": "told",
    "task": "regression",
    "tolerance": 1.0,
    "outcome": "benefit",
    "attributes": ["g"],
    "policy": "minimal",
}
QUANTILES = {
    "error_quantile_10": (0.1, False),
    "error_median": (0.5, False),
    "error_quantile_90": (0.9, False),
    "absolute_error_median": (0.5, True),
    "absolute_error_quantile_90": (0.9, True),
}


def audit(rows, model=None, **changes):
    asked = {k: v for k, v in {**ASKED, **changes}.items() if v is not None}
    return auditkit.audit(model, rows, **asked)


def measured(made, metric, group="(all)"):
    (found,) = [m for m in made.record.measurements if (m.metric, m.group) == (metric, group)]
    return found


def gap(made, metric, group, statistic="difference"):
    (found,) = [
        d for d in made.record.disparities
        if (d.metric, d.group, d.against, d.statistic) == (metric, group, "rest", statistic)
    ]  # fmt: skip
    return found


@pytest.fixture
def eight() -> pd.DataFrame:
    """Errors of group a: -3, -1, 0, 2; of group b: 1, 1, 2, 4."""
    owed = [10, 20, 30, 40, 10, 20, 30, 40]
    errors = [-3, -1, 0, 2, 1, 1, 2, 4]
    return pd.DataFrame(
        {"g": list("aaaabbbb"), "owed": owed, "told": np.add(owed, errors).astype(float)}
    )


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """2,000 people with skewed amounts, some without a prediction, an amount or a group."""
    rng = np.random.default_rng(11)
    n = 2000
    owed = rng.gamma(2.0, 50.0, n)
    told = owed * rng.lognormal(-0.05, 0.3, n)
    rows = pd.DataFrame(
        {
            "g": pd.Series(rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])).astype(object),
            "owed": owed,
            "told": told,
            "w": rng.integers(1, 5, n),
            "site": rng.integers(0, 40, n),
        }
    )
    rows.loc[rng.random(n) < 0.03, "told"] = np.nan
    rows.loc[rng.random(n) < 0.01, "told"] = np.inf
    rows.loc[rng.random(n) < 0.05, "owed"] = np.nan
    rows.loc[rng.random(n) < 0.04, "g"] = None
    return rows


def whole(rows):
    return rows[np.isfinite(rows.told) & rows.owed.notna()]


# ------------------------------------------------------------------ by hand


def test_eight_rows_by_hand(eight):
    made = audit(eight, smallest=1)
    values = {
        "error_beyond_tolerance": (2 / 4, 2 / 4),
        "underestimated_beyond_tolerance": (1 / 4, 0.0),
        "overestimated_beyond_tolerance": (1 / 4, 2 / 4),
        "missing_decision_rate": (0.0, 0.0),
        "mean_error": (-0.5, 2.0),
        "mean_absolute_error": (1.5, 2.0),
        "root_mean_squared_error": ((14 / 4) ** 0.5, (22 / 4) ** 0.5),
        "error_quantile_10": (-3, 1),
        "error_median": (-1, 1),
        "error_quantile_90": (2, 4),
        "absolute_error_median": (1, 1),
        "absolute_error_quantile_90": (3, 4),
        "mean_prediction": (24.5, 27.0),
        "mean_label": (25.0, 25.0),
    }
    for metric, (a, b) in values.items():
        assert measured(made, metric, "a").estimate == pytest.approx(a), metric
        assert measured(made, metric, "b").estimate == pytest.approx(b), metric
    # an error of exactly the tolerance does no harm, and one of just more does
    eight.loc[1, "told"] = 18.99
    assert measured(audit(eight, smallest=1), "error_beyond_tolerance", "a").numerator == 3
    told = {m.metric for m in made.record.measurements}
    assert told == rates("regression").keys() | amount_metrics().keys()


def test_an_error_at_the_tolerance_is_not_beyond_it_for_a_rounding_of_floats():
    rows = pd.DataFrame({"g": list("aabb"), "owed": [1.0, 2.2, 0.3, 5.0]})
    rows["told"] = [1.1, 2.1, 0.4, 5.1000001]
    assert abs(1.1 - 1.0) > 0.1
    made = audit(rows, tolerance=0.1, smallest=1)
    assert measured(made, "error_beyond_tolerance").numerator == 1


def test_who_is_worse_off_follows_what_the_amount_means(eight):
    for outcome, low, high in (("benefit", "a", "rest"), ("burden", "rest", "a")):
        made = audit(eight, smallest=1, outcome=outcome)
        assert gap(made, "mean_error", "a").worse_off == low
        assert gap(made, "underestimated_beyond_tolerance", "a").worse_off == low
        assert gap(made, "overestimated_beyond_tolerance", "a").worse_off == low
        assert gap(made, "mean_error", "b").worse_off == high.replace("a", "b")
        assert gap(made, "mean_absolute_error", "b").worse_off == "b"
        assert gap(made, "mean_label", "b").worse_off == ""


def test_without_a_tolerance_no_share_is_given(eight):
    made = audit(eight, tolerance=None, smallest=1)
    for metric in rates("regression").keys() - {"missing_decision_rate"}:
        found = measured(made, metric, "a")
        assert (found.status, found.estimate) == (Status.NOT_APPLICABLE, None)
        assert "data.tolerance" in found.note
    assert measured(made, "mean_error", "a").estimate == -0.5


# ------------------------------------------------------------------ oracles


@pytest.mark.parametrize("group", ["(all)", "a", "b", "c", "(not recorded)"])
def test_numbers_are_those_of_numpy_scikit_learn_and_scipy(many, group):
    made, rows = audit(many, tolerance=20.0), whole(many)
    if group != "(all)":
        rows = rows[rows.g.isna() if group == "(not recorded)" else rows.g == group]
    e = (rows.told - rows.owed).to_numpy()
    near = {"rel": 1e-8}
    found = measured(made, "mean_error", group)
    assert (found.n, found.estimate) == (len(e), pytest.approx(e.mean(), **near))
    low, high = stats.ttest_1samp(e, 0).confidence_interval()
    assert (found.lower, found.upper) == (pytest.approx(low, **near), pytest.approx(high, **near))
    assert measured(made, "mean_absolute_error", group).estimate == pytest.approx(
        mean_absolute_error(rows.owed, rows.told), **near
    )
    assert measured(made, "root_mean_squared_error", group).estimate == pytest.approx(
        mean_squared_error(rows.owed, rows.told) ** 0.5, **near
    )
    share = measured(made, "error_beyond_tolerance", group)
    assert share.numerator == (np.abs(e) > 20).sum()
    bounds = wilson(share.numerator, len(e))
    assert share.upper == pytest.approx(float(bounds.upper), **near)
    for metric, (q, size) in QUANTILES.items():
        x = np.sort(np.abs(e) if size else e)
        quantile = measured(made, metric, group)
        assert quantile.estimate == pytest.approx(np.quantile(x, q, method="inverted_cdf"), **near)
        ends = stats.quantile_test(x, p=q).confidence_interval()
        for bound, end in ((quantile.lower, ends.low), (quantile.upper, ends.high)):
            assert bound is None if np.isnan(end) else bound == pytest.approx(end, **near), metric


@pytest.mark.parametrize("group", ["a", "b", "c", "(not recorded)"])
def test_gaps_of_means_are_those_of_scipy(many, group):
    made, rows = audit(many), whole(many)
    mine = rows.g.isna() if group == "(not recorded)" else rows.g == group
    rest = rows.g.notna() & ~mine
    e = rows.told - rows.owed
    for metric, x in (
        ("mean_error", e), ("mean_absolute_error", e.abs()), ("mean_label", rows.owed)
    ):  # fmt: skip
        test = stats.ttest_ind(x[mine], x[rest], equal_var=False).confidence_interval()
        found = gap(made, metric, group)
        assert found.estimate == pytest.approx(x[mine].mean() - x[rest].mean(), rel=1e-8)
        assert found.lower == pytest.approx(test.low, rel=1e-7)
        assert found.upper == pytest.approx(test.high, rel=1e-7)
    for metric, (q, size) in QUANTILES.items():
        x = e.abs() if size else e
        own, other = (np.quantile(x[m], q, method="inverted_cdf") for m in (mine, rest))
        assert gap(made, metric, group).estimate == pytest.approx(own - other, rel=1e-8)


def test_fairlearn_finds_the_same_by_group(many):
    from fairlearn.metrics import MetricFrame

    rows = whole(many)[lambda r: r.g.notna()]
    frame = MetricFrame(
        metrics=mean_absolute_error, y_true=rows.owed, y_pred=rows.told, sensitive_features=rows.g
    )
    made = audit(many)
    for group, value in frame.by_group.items():
        assert measured(made, "mean_absolute_error", group).estimate == pytest.approx(value)


def test_weights_are_people_counted_so_often(many):
    made = audit(many, weight="w", tolerance=20.0)
    rows = whole(many)
    rows = rows.loc[rows.index.repeat(rows.w)]
    e = rows.told - rows.owed
    assert measured(made, "mean_error").estimate == pytest.approx(e.mean(), rel=1e-8)
    assert measured(made, "root_mean_squared_error").estimate == pytest.approx(
        (e**2).mean() ** 0.5, rel=1e-8
    )
    assert measured(made, "error_median").estimate == pytest.approx(
        np.quantile(e, 0.5, method="inverted_cdf"), rel=1e-8
    )
    plain = whole(many)
    x, w = (plain.told - plain.owed).to_numpy(), plain.w.to_numpy()
    mean, n = (x * w).sum() / w.sum(), len(x)
    variance = (w**2 * (x - mean) ** 2).sum() / w.sum() ** 2 * n / (n - 1)
    half = stats.t.ppf(0.975, n - 1) * variance**0.5
    assert measured(made, "mean_error").upper == pytest.approx(mean + half, rel=1e-7)
    kish = w.sum() ** 2 / (w**2).sum()
    assert measured(made, "mean_error").effective_n == pytest.approx(kish)


def test_equal_weights_change_nothing(many):
    plain, weighted = audit(many, tolerance=9.0), audit(many.assign(w=2.0), weight="w", tolerance=9)
    for one, other in zip(plain.record.measurements, weighted.record.measurements, strict=True):
        assert other.estimate == pytest.approx(one.estimate, rel=1e-9), one.metric
        if one.lower is not None and one.metric in amount_metrics():
            assert other.lower == pytest.approx(one.lower, rel=1e-6), one.metric


def test_counts_stand_for_people(eight):
    once = audit(eight.loc[eight.index.repeat([1, 2, 3, 4, 1, 1, 5, 0])], smallest=1)
    counted = audit(eight.assign(n=[1, 2, 3, 4, 1, 1, 5, 0]), count="n", smallest=1)
    assert once.record.measurements == counted.record.measurements
    assert once.record.disparities == counted.record.disparities


# ------------------------------------------------------------------ bins


@pytest.fixture(scope="module")
def crowd() -> pd.DataFrame:
    """150,000 people, more than have their amounts counted one by one."""
    rng = np.random.default_rng(5)
    n = 150_000
    owed = rng.gamma(2.0, 50.0, n)
    return pd.DataFrame(
        {"g": rng.choice(["a", "b"], n), "owed": owed, "told": owed + rng.standard_t(3, n) * 7,
         "w": rng.gamma(2.0, 1.0, n)}
    )  # fmt: skip


def test_bins_cost_means_nothing_and_quantiles_what_they_say(crowd):
    made = audit(crowd, tolerance=10.0)
    e = crowd.told - crowd.owed
    assert any("in bins of width" in note for note in made.record.notes)
    assert measured(made, "mean_error").estimate == pytest.approx(e.mean(), rel=1e-9, abs=1e-9)
    assert measured(made, "mean_absolute_error").estimate == pytest.approx(e.abs().mean(), rel=1e-9)
    assert measured(made, "root_mean_squared_error").estimate == pytest.approx(
        (e**2).mean() ** 0.5, rel=1e-9
    )
    interval = stats.ttest_1samp(e, 0).confidence_interval()
    assert measured(made, "mean_error").lower == pytest.approx(interval.low, rel=1e-6)
    mine = crowd.g == "a"
    test = stats.ttest_ind(e[mine], e[~mine], equal_var=False).confidence_interval()
    assert gap(made, "mean_error", "a").lower == pytest.approx(test.low, rel=1e-6)
    assert measured(made, "error_beyond_tolerance").numerator == (e.abs() > 10).sum()
    for metric, (q, size) in QUANTILES.items():
        found, x = measured(made, metric), np.sort(e.abs() if size else e)
        exact = np.quantile(x, q, method="inverted_cdf")
        error = float(found.note.split("at most ")[1].split()[0])
        assert abs(found.estimate - exact) <= error * 1.05
        ends = stats.quantile_test(x, p=q).confidence_interval()
        assert found.lower <= ends.low <= exact <= ends.high <= found.upper


def test_bins_of_weighted_people(crowd):
    made = audit(crowd, weight="w")
    e, w = crowd.told - crowd.owed, crowd.w
    mean = (e * w).sum() / w.sum()
    assert measured(made, "mean_error").estimate == pytest.approx(mean, rel=1e-7, abs=1e-8)
    assert measured(made, "mean_absolute_error").estimate == pytest.approx(
        (e.abs() * w).sum() / w.sum(), rel=1e-8
    )
    variance = (w**2 * (e - mean) ** 2).sum() / w.sum() ** 2
    half = stats.norm.ppf(0.975) * variance**0.5
    assert measured(made, "mean_error").upper == pytest.approx(mean + half, rel=1e-4)


def test_a_single_outlier_takes_nothing_from_the_mean(crowd):
    rows = crowd.assign(told=crowd.told.where(crowd.index != 7, 1e9))
    made = audit(rows)
    assert measured(made, "mean_error").estimate == pytest.approx((rows.told - rows.owed).mean())
    others = rows[rows.g != rows.g[7]]
    found = measured(made, "mean_error", others.g.iloc[0])
    assert found.estimate == pytest.approx((others.told - others.owed).mean(), rel=1e-5)


def test_where_an_outlier_drowns_everybody_the_mean_says_so(crowd):
    rows = crowd.assign(told=crowd.told.where(crowd.index != 7, 1e25))
    others = rows[rows.g != rows.g[7]]
    found = measured(audit(rows), "mean_error", others.g.iloc[0])
    error = float(found.note.split("at most ")[1].split()[0])
    assert error > 1
    assert abs(found.estimate - (others.told - others.owed).mean()) <= error


def test_a_grid_has_at_most_4096_bins_and_an_edge_at_0():
    rng = np.random.default_rng(1)
    for _ in range(2000):
        low, high = np.sort(rng.standard_cauchy(2) * 10.0 ** rng.integers(-20, 20))
        grid = Grid.over(low, high)
        bins = np.floor(np.array([low, high]) / grid.width) - grid.base
        assert 0 <= bins[0] <= bins[1] < 4096
        assert bins[1] - bins[0] >= 2046
        assert float(grid.width).hex().startswith("0x1.0000000000000p")


def test_sizes_of_bins_are_those_of_the_values():
    """Amounts -1.5, -0.25, 0.5 and 1.75 in bins of width 1: -2, -1, 0, 1."""
    x = np.array([-1.5, -0.25, 0.5, 1.75])
    left = np.floor(x)
    one, off = np.ones(4), x - left
    binned = Distribution(left, left + 1, one.astype(int), one, one, off, off**2, off, off**2)
    assert binned.mean == x.mean()
    assert binned.root_mean_square == (x**2).mean() ** 0.5
    assert binned.squares_about(0.3)[2] == pytest.approx(((x - 0.3) ** 2).sum())
    size = binned.sizes()
    assert size.left.tolist() == [0, 1]
    assert size.people.tolist() == [2, 2]
    assert (size.mean, size.root_mean_square) == (np.abs(x).mean(), (x**2).mean() ** 0.5)
    assert size.squares_about(0.3)[2] == pytest.approx(((np.abs(x) - 0.3) ** 2).sum())
    assert merged(binned, binned).without(binned).mean == binned.mean


# ------------------------------------------------------------------ the edges


def test_people_left_out_are_counted(many):
    made = audit(many)
    lost = ~np.isfinite(many.told)
    totals = {(e.reason, e.scope): e.rows for e in made.record.exclusions if e.attribute == "(all)"}
    assert totals == {
        ("no prediction", "all"): lost.sum(),
        ("no recorded amount", "error_metrics"): (many.owed.isna() & ~lost).sum(),
    }
    assert made.record.rows.used == (~lost).sum()
    assert measured(made, "mean_prediction").n == (~lost).sum()
    assert measured(made, "mean_prediction").estimate == pytest.approx(many.told[~lost].mean())
    assert measured(made, "missing_decision_rate").numerator == lost.sum()


def test_files_of_text_leave_the_same_people_out(many, tmp_path):
    many.to_csv(tmp_path / "rows.csv", index=False)
    assert "inf" in (tmp_path / "rows.csv").read_text()
    made, other = audit(tmp_path / "rows.csv"), audit(many)
    assert made.record.exclusions == other.record.exclusions
    assert made.record.measurements == other.record.measurements


def test_too_few_and_nobody_have_a_reason_and_no_number(eight):
    rows = pd.concat([eight, pd.DataFrame({"g": ["c"], "owed": [np.nan], "told": [3.0]})])
    made = audit(rows)
    assert measured(made, "mean_error", "a").status is Status.INSUFFICIENT
    assert "at least 30 wanted" in measured(made, "mean_error", "a").note
    nobody = measured(made, "mean_error", "c")
    assert (nobody.status, nobody.estimate, nobody.n) == (Status.UNDEFINED, None, 0)
    one = measured(made, "mean_prediction", "c")
    assert (one.estimate, one.lower, one.upper) == (3.0, None, None)
    assert "one person shows no spread" in one.note
    assert gap(made, "mean_error", "c").status is Status.UNDEFINED
    few = measured(made, "error_median", "a")
    assert (few.lower, few.upper) == (None, None)
    assert "too few people for a bound" in few.note


def test_one_group_has_nobody_to_be_compared_with(eight):
    made = audit(eight.assign(g="a"), smallest=1)
    assert gap(made, "mean_error", "a").status is Status.NOT_APPLICABLE
    assert gap(made, "error_median", "a").estimate is None


def test_predictions_that_are_all_one_number_are_told_and_answer_nothing(many, tmp_path):
    made = audit(many.assign(told=50.0), policy=str(gated(tmp_path)), stage="sandbox")
    assert any("Every prediction is the same number" in note for note in made.record.notes)
    assert {c.outcome for c in made.record.checks} == {Outcome.UNDEFINED}
    assert made.disposition == "not_ready"


def test_predictions_copied_from_the_label_are_told(many):
    made = audit(many.assign(told=many.owed))
    assert any("copied" in note for note in made.record.notes)


def test_intervals_of_amounts_under_clusters_are_not_made_up(many):
    made = audit(many, cluster="site", tolerance=20.0)
    found = measured(made, "mean_error", "a")
    assert (found.lower, found.upper) == (None, None)
    assert "under clusters" in found.note
    assert "no group is named as furthest off" in made.files()["report.html"]
    assert measured(made, "error_beyond_tolerance", "a").lower is not None


# ------------------------------------------------------------------ what is refused


def test_a_continuous_label_under_the_binary_task_names_the_mismatch(many):
    rows = many.dropna()
    with pytest.raises(DataError, match=r"task is binary.*data.task = .regression."):
        audit(rows, task="binary", tolerance=None, positive=1, selected={"above": 5})
    with pytest.raises(DataError, match=r"task is binary classification"):
        audit(rows, task="binary", tolerance=None, positive=1)


@pytest.mark.parametrize("values", [[0, 1], [1, 1]])
def test_a_label_of_two_values_is_no_amount(eight, values):
    with pytest.raises(DataError, match=r"different value.*task is regression.*binary"):
        audit(eight.assign(owed=values * 4))


def test_text_is_refused_with_its_count_and_never_quoted(eight, tmp_path):
    path = tmp_path / "rows.csv"
    eight.astype(object).assign(told=["1", "Amina", "x", "3", "4", "5", "6", "7"]).to_csv(path)
    with pytest.raises(DataError) as error:
        audit(path)
    assert "Column 'told' holds predictions, but 2 of 8 rows" in str(error.value)
    assert "Amina" not in str(error.value)
    with pytest.raises(DataError, match="Label column 'g' holds recorded amounts, but 8 of 8"):
        audit(eight.assign(h="x"), label="g", attributes=["h"])


def test_amounts_too_large_to_be_squared_are_refused(eight):
    with pytest.raises(DataError, match="larger units"):
        audit(eight.assign(told=eight.told * 1e70))


def test_a_plan_says_all_that_does_not_fit_a_regression():
    given = {"positive": 1, "selected": 1, "need": "owed", "quota": 5}
    with pytest.raises(PlanError) as error:
        audit(pd.DataFrame(), label=None, **given)
    for name in (*(f"data.{k}" for k in given), "data.label is missing"):
        assert name in str(error.value)
    with pytest.raises(PlanError, match="tolerance"):
        audit(pd.DataFrame(), task="binary", positive=1)
    for tolerance in (0, -1.0, float("inf"), float("nan")):
        with pytest.raises(PlanError, match="tolerance"):
            audit(pd.DataFrame(), tolerance=tolerance)


def test_models_of_another_task_are_refused(many):
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rows = many.dropna().assign(x=1.0)
    classifier = LogisticRegression().fit(rows[["w", "site"]], rows.w > 2)
    with pytest.raises(ModelError, match=r"classifier, but data.task is 'regression'"):
        audit(rows, classifier, decision=None)
    finite = rows[np.isfinite(rows.told)]
    regressor = LinearRegression().fit(finite[["w", "site"]], finite.owed)
    with pytest.raises(ModelError, match=r"data.task = .regression."):
        audit(rows, regressor, decision=None, task="binary", tolerance=None, positive=1)
    leaky = LinearRegression().fit(finite[["w", "owed"]], finite.owed)
    with pytest.raises(ModelError, match="reads the label column"):
        audit(rows, leaky, decision=None)


# ------------------------------------------------------------------ models and policies


def test_a_regressor_is_audited_like_a_column_of_its_predictions(many, tmp_path):
    import skops.io
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = many[many.owed.notna()].drop(columns="told")
    model = HistGradientBoostingRegressor(max_iter=20).fit(rows[["w", "site"]], rows.owed)
    asked = {"decision": None, "tolerance": 30.0, "weight": "w", "cluster": "site"}
    made = audit(rows, model, **asked)
    told = rows.assign(told=model.predict(rows[["w", "site"]]))
    column = audit(told, tolerance=30.0, weight="w", cluster="site")
    assert made.record.measurements == column.record.measurements
    assert made.record.disparities == column.record.disparities
    skops.io.dump(model, tmp_path / "model.skops")
    rows.to_parquet(tmp_path / "rows.parquet")
    filed = audit(tmp_path / "rows.parquet", tmp_path / "model.skops", **asked)
    assert filed.record.measurements == made.record.measurements
    how = made.record.explanation
    assert (how.status, how.unit, how.method, how.classes) == (
        "ok", "amount", "shap TreeExplainer", (),
    )  # fmt: skip
    assert filed.record.disparity_attributions == made.record.disparity_attributions
    shuffled = audit(rows.sample(frac=1.0, random_state=0), model, **asked)
    assert shuffled.record.attributions == made.record.attributions
    in_a, known = (rows.g == "a").to_numpy(), rows.g.notna().to_numpy()
    predicted = told.told.to_numpy()
    gap = predicted[in_a].mean() - predicted[known & ~in_a].mean()
    parts = [d.contribution for d in made.record.disparity_attributions if d.group == "a"]
    assert sum(parts) == pytest.approx(gap, abs=1e-7)
    assert all(row.changed == 0 for row in made.record.determinism if row.status == "ok")
    page = made.files()["report.html"]
    assert "Explained is the predicted amount." in page
    assert "units of owed" in page
    assert "Every row counts once here, whatever how many people each stands for (w)" in page
    assert "intervals take rows as drawn one by one, although the plan names site" in page


def gated(folder, metric="error_beyond_tolerance"):
    path = folder / "errors.toml"
    path.write_text(
        f"""
id = "errors"
version = "1"
title = "Errors"
source = "a test"
[checks.error_gap]
metric = "{metric}"
statistic = "difference"
limit = 0.1
effect = "block_unless_within"
[[requirements]]
id = "E"
title = "Errors"
text = "No group's predictions are wrong beyond the tolerance more often."
status = "proposal"
checks = ["error_gap"]
"""
    )
    return path


def test_a_policy_may_limit_errors_beyond_the_tolerance(many, tmp_path):
    """The gate is that of any rate: it says of errors what it says of the same decisions."""
    made = audit(many, policy=str(gated(tmp_path)), stage="sandbox", tolerance=20.0)
    rows = whole(many)
    same = rows.assign(far=((rows.told - rows.owed).abs() > 20).astype(int))
    rate = auditkit.audit(
        None, same, decision="far", selected=1, outcome="burden", attributes=["g"],
        stage="sandbox", policy=str(gated(tmp_path, "selection_rate")),
    )  # fmt: skip
    for check, other in zip(made.record.checks, rate.record.checks, strict=True):
        assert (check.outcome, check.estimate) == (other.outcome, other.estimate)
        assert (check.lower, check.upper, check.n) == (other.lower, other.upper, other.n)
    assert made.record.self_test
    untold = audit(many, policy=str(gated(tmp_path)), stage="sandbox", tolerance=None)
    assert [c.outcome for c in untold.record.checks] == [Outcome.MISSING]
    assert untold.disposition == "not_ready"


def test_a_mean_has_no_gate_yet(many, tmp_path):
    with pytest.raises(PolicyError, match="no rate"):
        audit(many, policy=str(gated(tmp_path, "mean_error")))


@pytest.mark.parametrize("policy", ["icrc", "minimal"])
def test_limits_on_selection_leave_a_regression_not_ready(many, policy):
    made = audit(many, policy=policy, stage="pre_rollout")
    assert made.disposition == "not_ready"
    assert any("an amount is predicted here" in reason for reason in made.record.reasons)
    assert Outcome.WITHIN not in {c.outcome for c in made.record.checks if c.effect.blocks}


def test_errors_in_a_binary_audit_are_missing(twelve, tmp_path):
    made = auditkit.audit(
        None, twelve, label="need", positive=1, decision="chosen", outcome="benefit",
        attributes=["group"], policy=str(gated(tmp_path)), stage="sandbox",
    )  # fmt: skip
    assert [c.outcome for c in made.record.checks] == [Outcome.MISSING]
    assert made.disposition == "not_ready"


# ------------------------------------------------------------------ told, stored, the same


def test_the_report_leads_with_who_is_underestimated(many):
    made = audit(many, tolerance=20.0, name="Needs score")
    page = made.files()["report.html"]
    assert "Who is over- or underestimated, and by how much" in page
    assert page.index("Who is over- or underestimated") < page.index("Groups held against")
    assert "a prediction that is too low harms" in page
    assert "More than 20 too low" in page
    for word in ("were selected", "owed = ", "How the decisions turn out", "with a decision"):
        assert word not in page
    biased = many.assign(told=many.told - 30 * (many.g == "b"))
    for policy in ("icrc", "minimal"):  # some predictions are missing, which icrc looks at too
        first = audit(biased, tolerance=20.0, policy=policy).files()["report.html"]
        assert first.index("Most underestimated relative to everyone else: b (g)") < first.index(
            "Who could not be judged, and why"
        )
    burden = audit(many, outcome="burden", tolerance=None).files()["report.html"]
    assert "a prediction that is too high harms" in burden
    assert "The plan names no error that harms" in burden


def test_nothing_of_a_row_and_no_number_without_status(many):
    made = audit(many.assign(told=many.told.where(many.index != 3, 7654.321)))
    text = dumps(made.record)
    assert "7654.3" not in text
    for m in made.record.measurements:
        assert (m.estimate is None) == (m.status in ("undefined", "not_applicable"))


def test_the_data_digest_is_of_the_data_alone(many):
    one, other = audit(many), audit(many.assign(told=many.told * 1.01))
    assert one.record.provenance.digests.data == other.record.provenance.digests.data
    assert one.record.provenance.digests.decisions != other.record.provenance.digests.decisions
    moved = audit(many.assign(owed=many.owed * 1.01))
    assert moved.record.provenance.digests.data != one.record.provenance.digests.data
    shuffled = audit(many.sample(frac=1.0, random_state=0))
    assert json.loads(dumps(shuffled.record)) == json.loads(dumps(one.record))


def test_real_grades(shared):
    """UCI Student Performance: the first two grades predict the last; 395 pupils."""
    path = shared / "data" / "student_math" / "student_math.csv"
    rows = pd.read_csv(path)
    made = audit(path, label="G3", decision="G2", attributes=["sex"], tolerance=2)
    e = rows.G2 - rows.G3
    assert measured(made, "mean_error", "F").estimate == pytest.approx(e[rows.sex == "F"].mean())
    test = stats.ttest_ind(e[rows.sex == "F"], e[rows.sex == "M"], equal_var=False)
    interval = test.confidence_interval()
    assert gap(made, "mean_error", "F").lower == pytest.approx(interval.low)
    assert (
        measured(made, "error_beyond_tolerance", "M").numerator
        == ((e.abs() > 2) & (rows.sex == "M")).sum()
    )


# ------------------------------------------------------------------ intervals


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_order_statistics_hold_the_quantile_as_often_as_they_say(share):
    for n in (5, 20, 37, 100, 1000):
        low, high = order_statistics(share, n)
        inside = stats.binom.cdf(high - 1, n, share) - stats.binom.cdf(low - 1, n, share)
        assert inside >= 0.95
        assert 0 <= low < high <= n + 1


def test_welch_of_scipy():
    rng = np.random.default_rng(2)
    x, y = rng.gamma(1, 2, 12), rng.gamma(1, 1, 40)
    found = welch_interval(x.mean(), x.var(ddof=1) / 12, 12, y.mean(), y.var(ddof=1) / 40, 40)
    test = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (found.lower, found.upper) == (pytest.approx(test.low), pytest.approx(test.high))
    assert np.isnan(welch_interval(1, 0.1, 1, 2, 0.1, 9).lower)
