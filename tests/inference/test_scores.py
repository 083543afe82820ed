"""Intervals of an AUC and of a mean: published arithmetic, and coverage."""

import numpy as np
import pytest
from scipy import stats

from auditkit.inference.scores import auc_interval, mean_interval


def test_limits_solve_the_equation_of_newcombe():
    auc, m, n, z = 0.83, 12, 40, stats.norm.ppf(0.975)
    bounds = auc_interval(auc, m, n)
    for t in (float(bounds.lower), float(bounds.upper)):
        more = (m + n) / 2 - 1
        variance = t * (1 - t) * (1 + more * (1 - t) / (2 - t) + more * t / (1 + t)) / (m * n)
        assert abs(auc - t) == pytest.approx(z * np.sqrt(variance), rel=1e-9)


def test_limits_stay_inside_and_mirror():
    bounds = auc_interval([0.0, 0.2, 0.5, 0.8, 1.0], 10, 25)
    assert bounds.lower[0] == 0.0
    assert bounds.upper[-1] == 1.0
    assert bounds.upper[0] > 0.05  # nothing ranked rightly is evidence, not certainty
    assert bounds.lower == pytest.approx(1 - bounds.upper[::-1])
    nothing = auc_interval([np.nan, 0.5], [5, 0], [5, 5])
    assert np.isnan(nothing.lower).all()


def test_a_mean_has_the_interval_of_student():
    values = np.array([1.0, 4.0, 2.0, 8.0])
    found = mean_interval(values.mean(), values.var(ddof=1) / 4, 4)
    theirs = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (float(found.lower), float(found.upper)) == pytest.approx(theirs)
    assert np.isnan(mean_interval(0.5, 0.0, 1).lower)


@pytest.mark.parametrize(("m", "n"), [(8, 8), (10, 40), (30, 200)])
@pytest.mark.parametrize("auc", [0.6, 0.8, 0.95])
def test_coverage_of_the_auc(m, n, auc):
    """Normal scores; 4,000 draws put a true 95 % within 94.3 to 95.7; 93.5 to 99 is allowed."""
    rng = np.random.default_rng(m + n)
    draws = 4000
    shift = np.sqrt(2) * stats.norm.ppf(auc)
    scores = np.concatenate(
        [rng.normal(shift, 1, (draws, m)), rng.normal(0, 1, (draws, n))], axis=1
    )
    ranks = stats.rankdata(scores, axis=1)[:, :m].sum(axis=1)
    bounds = auc_interval((ranks - m * (m + 1) / 2) / (m * n), m, n)
    covered = float(np.mean((bounds.lower <= auc) & (auc <= bounds.upper)))
    assert 0.935 <= covered <= 0.99
