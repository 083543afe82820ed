"""Rows to explain, and the exact sums beside them."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from auditkit.evidence.sample import Reservoir
from auditkit.evidence.sums import UNIT, exact_sums, mean


def exactly(values):
    return sum(map(Fraction, values.tolist()), Fraction(0))


@pytest.mark.parametrize(
    "values",
    [
        np.array([1e16, 1.0, -1e16]),
        np.array([0.1] * 10),
        np.array([5e-324, -5e-324, 5e-324, 1e60]),
        np.array([-1e60, 1e-60, -0.0, 3.5]),
        np.random.default_rng(0).normal(size=5000) * 10.0 ** np.arange(-50, 50).repeat(50),
    ],
    ids=["cancels", "tenths", "smallest", "ends", "many"],
)
def test_sums_are_exact_in_any_order(values):
    codes = np.zeros(len(values), dtype=np.int64)
    (total,) = exact_sums(codes, values).values()
    assert Fraction(total, 1 << UNIT) == exactly(values)
    assert exact_sums(codes, values[::-1]) == {0: total}
    assert mean(total, len(values)) == float(exactly(values) / len(values))


def test_sums_are_apart_by_code():
    codes, values = np.array([2, 0, 2, 0]), np.array([0.1, 1e9, 0.2, -1e9])
    sums = exact_sums(codes, values)
    assert set(sums) == {0, 2}
    assert sums[0] == 0
    assert mean(sums[2], 2) == pytest.approx(0.15)
    assert np.isnan(mean(0, 0))


def filled(order, batches=1, recorded=None):
    rng = np.random.default_rng(1)
    n = 600
    cells = pd.DataFrame({"g": rng.choice(["a", "b"], n)})
    rows = pd.DataFrame({"x": rng.integers(0, 3, n)})  # many rows are equal
    output = rng.normal(size=n) * 1e6
    label = rng.integers(0, 2, n).astype(float) if recorded is None else recorded(n, rng)
    reservoir = Reservoir(20, 0)
    for part in np.array_split(order, batches):
        of = [frame.iloc[part].reset_index(drop=True) for frame in (cells, rows)]
        reservoir.add(*of, output[part], label[part], (label[part] - 0.5) ** 2 + output[part] ** 2)
    return reservoir


def test_what_is_kept_and_summed_hangs_on_no_order():
    # equal rows have different outcomes: which of them is kept must not hang on their place
    order = np.arange(600)
    first, other = filled(order), filled(order[::-1], batches=3)
    assert first.sums == other.sums
    left, right = (r.kept.sort_values("(key)", ignore_index=True) for r in (first, other))
    pd.testing.assert_frame_equal(left, right)


def test_rows_without_a_recorded_outcome_are_strata_of_their_own():
    def some(n, rng):
        return np.where(rng.random(n) < 0.01, 1.0, np.nan)

    reservoir = filled(np.arange(600), recorded=some)
    assert set(reservoir.sums) == {((g,), has) for g in "ab" for has in (True, False)}
    kept = reservoir.kept.groupby([0, reservoir.kept["(recorded)"].notna()]).size()
    few = {key: total.rows for key, total in reservoir.sums.items()}
    for g in "ab":
        assert kept[g, True] >= min(2, few[(g,), True])
    assert reservoir.finite_loss  # there is no loss where nothing is recorded
