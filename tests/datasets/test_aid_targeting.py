"""The generator of the humanitarian programme says exactly what it planted."""

import importlib.util
import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import stats

from auditkit.plan import read_plan

FOLDER = Path(__file__).parents[2] / "datasets" / "aid_targeting"
FILES = ["audit.toml", "households.csv", "model.skops", "survey.csv", "truth.json"]


def load():
    spec = importlib.util.spec_from_file_location("aid_targeting_generate", FOLDER / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = load()
ATTRIBUTES = list(generator.ATTRIBUTES)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aid_targeting")
    generator.write(folder)
    return folder


@pytest.fixture(scope="module")
def truth(written):
    def refuse(constant):
        raise AssertionError(f"{constant} is not strict JSON")

    return json.loads((written / "truth.json").read_text(), parse_constant=refuse)


@pytest.fixture(scope="module")
def households(written):
    return pd.read_csv(written / "households.csv", keep_default_na=False, na_values=[""])


def difference(truth, metric, attribute, group):
    return next(
        row["difference"]
        for row in truth["rates"]
        if (row["metric"], row["attribute"], row["group"]) == (metric, attribute, group)
    )


def counts(households):
    """Households in each cell of the attributes, in need and selected or not: tp, fn, fp, tn."""
    table = households[ATTRIBUTES].copy()
    table["age"] = pd.cut(
        table["age"], [0, 31, 61, 200], right=False, labels=["<31", "[31,61)", ">=61"]
    ).astype(str)
    table["displacement"] = table["displacement"].fillna("(not recorded)")
    decision = households["in_need"] + households["selected"]
    table["kind"] = decision.map({"yesyes": "tp", "yesno": "fn", "noyes": "fp", "nono": "tn"})
    return table.groupby([*ATTRIBUTES, "kind"]).size().unstack(fill_value=0).reset_index()


def groups(cells):
    """Every group of every attribute and pair, with the cells of the group and of its rest."""
    everybody = pd.Series(True, index=cells.index)
    yield "(all)", "(all)", everybody, None
    for parts in [*combinations(ATTRIBUTES, 1), *combinations(ATTRIBUTES, 2)]:
        label = cells[list(parts)].agg("*".join, axis=1)
        label = label.mask(label.str.contains("(not recorded)", regex=False), "(not recorded)")
        recorded = label != "(not recorded)"
        for group in label.unique():
            yield "*".join(parts), group, label == group, recorded & (label != group)


def test_truth_agrees_with_two_million_simulated_households(truth):
    programme = generator.generate(households=2_000_000)
    assert programme.truth == truth, "the truth must not depend on how many households are drawn"
    cells = counts(programme.households)
    total = cells[["tp", "fn", "fp", "tn"]].to_numpy().sum()
    rows = {(r["metric"], r["attribute"], r["group"]): r for r in truth["rates"]}
    seen = set()

    def check(observed, expected, variance):
        assert abs(observed - expected) <= 4 * np.sqrt(variance), key

    for attribute, group, own, rest in groups(cells):
        for metric, (counted, among) in generator.RATES.items():
            key = (metric, attribute, group)
            row = rows[key]
            seen.add(key)
            k, n = (cells.loc[own, c].to_numpy().sum() for c in (counted, among))
            variance = row["rate"] * (1 - row["rate"]) / n
            check(k / n, row["rate"], variance)
            size = cells.loc[own, ["tp", "fn", "fp", "tn"]].to_numpy().sum()
            check(size / total, row["share"], row["share"] * (1 - row["share"]) / total)
            if rest is None:
                assert row["rest_rate"] is None
                assert row["difference"] is None
                continue
            rest_k, rest_n = (cells.loc[rest, c].to_numpy().sum() for c in (counted, among))
            rest_variance = row["rest_rate"] * (1 - row["rest_rate"]) / rest_n
            check(rest_k / rest_n, row["rest_rate"], rest_variance)
            check(k / n - rest_k / rest_n, row["difference"], variance + rest_variance)
    assert seen == set(rows)


def test_quadrature_agrees_with_the_bivariate_normal_distribution(truth):
    """The score and the deprivation are jointly Gaussian in a cell: the joint tail is a table."""
    programme = generator.generate(households=1)
    scale, weigh = programme.model["scale"], programme.model["weigh"]
    table = generator.cells()
    shares = generator.confusion(table, programme.model, truth["cut"])
    threshold = np.log(truth["cut"] / (1 - truth["cut"]))
    slopes, errors = (np.array([v[i] for v in generator.INDICES.values()]) for i in (0, 1))
    loadings = slopes * weigh.coef_[0] / scale.scale_
    spread = np.sqrt(loadings.sum() ** 2 + np.sum((errors * weigh.coef_[0] / scale.scale_) ** 2))
    correlation = loadings.sum() / spread
    for cell, (_, share) in zip(table.itertuples(), shares.iterrows(), strict=True):
        shift = np.array([getattr(cell, index) for index in generator.INDICES])
        indices = 50 + shift + slopes * cell.mean
        log_odds = weigh.intercept_[0] + weigh.coef_[0] @ ((indices - scale.mean_) / scale.scale_)
        upper = [cell.mean - generator.NEED, (log_odds - threshold) / spread]
        joint = stats.multivariate_normal.cdf(
            upper, cov=[[1, correlation], [correlation, 1]], abseps=1e-12, releps=1e-12
        )
        assert share["tp"] == pytest.approx(cell.share * joint, abs=1e-12)
    assert shares[["tp", "fn", "fp", "tn"]].to_numpy().sum() == pytest.approx(1, abs=1e-12)


def test_planted_disparities_are_large_and_named(truth):
    assert {(p["attribute"], p["group"]) for p in truth["planted"]} == {
        ("age", ">=61"),
        ("displacement*area", "displaced*urban"),
    }
    for planted in truth["planted"]:
        assert 0.12 < planted["difference"] < 0.18
        assert planted["difference"] == difference(
            truth, planted["metric"], planted["attribute"], planted["group"]
        )
        assert set(planted["shifts"]) <= set(generator.INDICES)


def test_the_planted_crossing_stays_hidden_in_its_parts(truth):
    for attribute, group in (("displacement", "displaced"), ("area", "urban")):
        assert 0 < difference(truth, "false_negative_rate", attribute, group) < 0.05


def test_attributes_without_gap_have_none_in_any_rate(truth):
    assert truth["without_gap"] == ["gender"]
    rows = [row for row in truth["rates"] if row["attribute"] in truth["without_gap"]]
    assert {row["group"] for row in rows} == {"female", "male"}
    assert {row["difference"] for row in rows} == {0.0}


def test_unrecorded_households_differ_from_the_recorded_in_nothing(truth):
    rows = [row for row in truth["rates"] if row["group"] == "(not recorded)"]
    assert {row["attribute"] for row in rows} == {
        "displacement",
        "gender*displacement",
        "age*displacement",
        "displacement*area",
    }
    assert {(row["share"], row["difference"]) for row in rows} == {(0.02, 0.0)}


def test_same_seed_same_bytes_in_another_process_and_without_heavy_imports(written, tmp_path):
    code = f"""
import runpy, sys
module = runpy.run_path({str(FOLDER / "generate.py")!r})
assert not {{"numpy", "pandas", "scipy", "sklearn", "skops"}} & set(sys.modules)
module["write"]({str(tmp_path)!r})
"""
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes(), name


def test_another_seed_is_another_programme(written, tmp_path):
    generator.write(tmp_path, seed=1, households=50)
    assert len(pd.read_csv(tmp_path / "households.csv")) == 50
    for name in FILES:
        assert (tmp_path / name).read_bytes() != (written / name).read_bytes(), name
    plan = read_plan(tmp_path / "audit.toml")
    assert plan.audit.seed == 1
    assert plan.data.selected.above == json.loads((tmp_path / "truth.json").read_text())["cut"]


def test_the_plan_in_the_repository_is_the_one_that_is_written(written, truth):
    assert (written / "audit.toml").read_bytes() == (FOLDER / "audit.toml").read_bytes()
    plan = read_plan(written / "audit.toml")
    assert plan.data.selected.above == truth["cut"]
    assert plan.audit.seed == truth["seed"] == generator.SEED
    assert [attribute.name for attribute in plan.measured] == ATTRIBUTES
    assert plan.attributes["age"].groups_of_bins == tuple(generator.AGES)
    assert plan.attributes["disability"].state == "not_collected"


def test_the_model_file_makes_the_recorded_decisions(written, truth, households):
    path = written / "model.skops"
    model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    features = list(read_plan(written / "audit.toml").model.features)
    assert not set(features) & {*ATTRIBUTES, "in_need"}
    assert list(model.feature_names_in_) == features
    assert list(model.classes_) == ["no", "yes"]
    score = model.predict_proba(households[features])[:, 1]
    np.testing.assert_allclose(score, households["score"], rtol=0, atol=1e-8)
    assert np.array_equal(score > truth["cut"], households["selected"] == "yes")
    assert np.array_equal(households["score"] > truth["cut"], households["selected"] == "yes")


def test_columns_and_levels_are_those_of_the_data_card(written, households):
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    survey = pd.read_csv(written / "survey.csv")
    assert (len(households), len(survey)) == (12_000, 3_000)
    assert list(households) == [
        "household_id", *ATTRIBUTES, *generator.INDICES, "in_need", "score", "selected"
    ]  # fmt: skip
    assert list(survey) == [*ATTRIBUTES, *generator.INDICES, "in_need"]
    assert all(f"| `{column}` |" in card for column in households)
    assert households["household_id"].is_unique
    assert households["age"].between(16, 90).all()
    assert set(households["displacement"].dropna()) == {"displaced", "host", "returnee"}
    assert 0.015 < households["displacement"].isna().mean() < 0.025
    assert households.drop(columns="displacement").notna().all(axis=None)
    camp = households.loc[households["area"] == "camp", "displacement"].dropna()
    assert set(camp) == {"displaced"}


def test_the_data_card_states_the_planted_sizes(truth):
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for planted in truth["planted"]:
        assert f"{planted['difference']:+.3f}" in card
    for attribute, group in (("displacement", "displaced"), ("area", "urban")):
        assert f"{difference(truth, 'false_negative_rate', attribute, group):+.3f}" in card
