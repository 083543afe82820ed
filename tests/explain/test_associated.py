"""How strongly inputs go together, against scipy and by hand, and what is told as one."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from auditkit.explain.associated import (
    associated,
    associations,
    correlation_ratio,
    cramers_v,
    told_as_one,
)
from auditkit.explain.attributions import Attributed
from auditkit.results import ROUNDING, Status, Together


class TestCramer:
    def test_by_hand(self):
        # phi^2 = 1, less 1/3; r~ - 1 = c~ - 1 = 2 - 1/3 - 1 = 2/3
        assert cramers_v(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])) == pytest.approx(1.0)
        # the table 3, 1 / 1, 3: phi^2 = 1/4, less 1/7 = 3/28; over 2 - 1/7 - 1 = 6/7: 1/8
        first, second = np.array([0] * 4 + [1] * 4), np.array([0, 0, 0, 1, 1, 1, 1, 0])
        assert cramers_v(first, second) == pytest.approx(np.sqrt(1 / 8))

    @pytest.mark.parametrize("seed", range(4))
    def test_is_the_corrected_form_of_scipys(self, seed):
        rng = np.random.default_rng(seed)
        first = rng.integers(0, 5, 300)
        second = np.where(rng.random(300) < 0.6, first // 2, rng.integers(0, 3, 300))
        table = pd.crosstab(first, second).to_numpy()
        n, (r, c) = table.sum(), table.shape
        phi = stats.contingency.association(table, method="cramer") ** 2 * (min(r, c) - 1)
        phi = max(0, phi - (r - 1) * (c - 1) / (n - 1))
        least = min(k - (k - 1) ** 2 / (n - 1) for k in (r, c)) - 1
        assert cramers_v(first, second) == pytest.approx(np.sqrt(phi / least))

    def test_a_text_of_its_own_in_every_row_goes_with_nothing(self):
        assert cramers_v(np.arange(90), np.arange(90) % 3) == pytest.approx(0.0, abs=1e-6)

    def test_one_level_goes_with_nothing(self):
        assert cramers_v(np.zeros(40, dtype=int), np.arange(40) % 2) == 0.0


class TestCorrelationRatio:
    def test_by_hand(self):
        # means 1.5 and 5.5, all 3.5: 16 of 17 between; 1 - 3/2 x 1/17
        found = correlation_ratio(np.array([1.0, 2.0, 5.0, 6.0]), np.array([0, 0, 1, 1]))
        assert found == pytest.approx(np.sqrt(1 - 1.5 / 17))

    @pytest.mark.parametrize("seed", range(3))
    def test_is_that_of_the_analysis_of_variance(self, seed):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 4, 200)
        values = rng.normal(codes, 2.0)
        f = stats.f_oneway(*(values[codes == k] for k in range(4))).statistic
        # F is the ratio of mean squares: epsilon^2 = (F - 1) / (F + (n - k) / (k - 1))
        assert correlation_ratio(values, codes) ** 2 == pytest.approx((f - 1) / (f + 196 / 3))

    def test_levels_that_mean_nothing_give_nothing(self):
        values = np.random.default_rng(0).normal(size=120)
        assert correlation_ratio(values, np.arange(120)) == 0.0
        assert correlation_ratio(values, np.arange(120) % 60) < 0.5
        assert correlation_ratio(np.ones(120), np.arange(120) % 3) == 0.0


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(1)
    n = 400
    district = rng.integers(0, 20, n)
    income = rng.lognormal(5, 1, n)
    frame = pd.DataFrame(
        {
            "income": income,
            "size": rng.integers(1, 8, n),
            "log": np.log(income) + rng.normal(0, 0.05, n),
            "district": [f"d{k}" for k in district],
            "province": pd.Categorical([f"p{k // 5}" for k in district]),
            "height": 100.0 * (district // 5) + rng.normal(0, 5, n),
            "other": rng.choice(["x", "y"], n),
            "flag": rng.random(n) < 0.5,
        }
    )
    frame.loc[rng.random(n) < 0.7, ["income", "log"]] = np.nan
    frame.loc[rng.random(n) < 0.2, "other"] = None
    return frame


def test_every_kind_of_pair_is_held_against_scipy(columns):
    found = pd.DataFrame(associations(columns), columns.columns, columns.columns)
    assert (found == found.T).all(axis=None)
    assert (np.diag(found) == 1).all()
    both = columns[["income", "log"]].dropna()
    assert found.loc["income", "log"] == pytest.approx(stats.spearmanr(*both.to_numpy().T)[0])
    assert found.loc["district", "province"] > 0.95
    assert found.loc["province", "height"] > 0.95
    assert found.loc["flag", "size"] < 0.2
    assert found.loc["other", "district"] < 0.5


def test_those_that_go_together_are_told_as_one(columns):
    found = associated(columns)
    assert [group.members for group in found] == [
        ("income", "log"),
        ("district", "province", "height"),
    ]
    assert found[0].feature == "income + log"
    assert all(group.association >= 0.9 for group in found)


def test_every_two_members_go_together_and_not_one_after_the_other():
    rng = np.random.default_rng(2)
    first = rng.normal(size=500)
    frame = pd.DataFrame({"a": first, "b": first + rng.normal(0, 0.42, 500)})
    frame["c"] = frame["b"] + rng.normal(0, 0.42, 500)
    strength = associations(frame)
    assert strength[0, 1] > 0.9 > strength[0, 2]
    assert all(len(group.members) == 2 for group in associated(frame))


def test_opposites_go_together_and_few_rows_do_not():
    numbers = pd.DataFrame({"a": np.arange(40.0), "b": -np.arange(40.0)})
    assert [group.members for group in associated(numbers)] == [("a", "b")]
    assert associated(numbers.iloc[:29]) == ()
    # 35 rows that both have say little of 100 that either has
    apart = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0)})
    apart.loc[:64, "b"] = np.nan
    assert associated(apart) == ()
    assert associated(numbers[["a"]]) == ()


def test_attributions_are_summed_before_their_size_is_taken():
    found = Attributed(
        ("a", "b", "copy", ROUNDING),
        np.array([[1.0, 5.0, -3.0, 0.5], [2.0, 7.0, 1.0, 0.25]]),
        0.0, np.zeros(2), "log-odds", "m", "", 0, 0.0, 1.0, None, Status.OK, "",
    )  # fmt: skip
    one = told_as_one(found, [Together("a + copy", ("a", "copy"), 1.0)])
    assert one.features == ("a + copy", "b", ROUNDING)
    assert one.values.tolist() == [[-2.0, 5.0, 0.5], [3.0, 7.0, 0.25]]
    assert told_as_one(found, ()) is found
