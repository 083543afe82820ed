"""How often intervals of means of skewed errors hold the truth: what README says of them."""

import numpy as np
import pytest

from auditkit.inference.amounts import welch_interval
from auditkit.inference.scores import mean_interval

DRAWN = 10_000


def means(x):
    return x.mean(axis=1), x.var(axis=1, ddof=1) / x.shape[1], x.shape[1]


def held(bounds, truth):
    return ((bounds.lower <= truth) & (truth <= bounds.upper)).mean()


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("kind", "n", "alone", "against"),
    [("normal", 30, 0.945, 0.945), ("lognormal", 30, 0.87, 0.88), ("lognormal", 300, 0.925, 0.93)],
)
def test_intervals_of_means_hold_as_often_as_is_told(kind, n, alone, against):
    rng = np.random.default_rng(n)
    size = (DRAWN, n)
    own = rng.normal(0, 1, size) if kind == "normal" else rng.lognormal(0, 1, size)
    truth = 0.0 if kind == "normal" else np.exp(0.5)
    rest = means(rng.normal(0, 1, (DRAWN, 3 * n)))
    assert held(mean_interval(*means(own)), truth) >= alone
    assert held(welch_interval(*means(own), *rest), truth) >= against
