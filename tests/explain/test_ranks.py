"""Inputs that are not told apart share ranks; those that are, do not."""

import numpy as np
import pytest

from auditkit.explain.attributions import Attributed
from auditkit.explain.groups import Z, by_group
from auditkit.explain.ranks import ranks, with_ranks
from auditkit.results import ALL, ROUNDING, Status


def attributed(values, features=None):
    values = np.asarray(values, dtype=float)
    names = features or tuple("xyzw"[: values.shape[1]])
    return Attributed(
        names, values, 0.0, values.sum(axis=1), "log-odds", "m", "interventional",
        5, 0.0, 1e-6, None, Status.OK, "",
    )  # fmt: skip


def everyone(found):
    return {feature: held for (_, group, feature), held in found.items() if group == ALL}


def test_by_hand(sample):
    # every row: |x| - |y| is 1 or 3, mean 2 and variance 20/19; |y| - |z| is 1 or -1
    values = [[3.0, -2.0, 1.0], [-5.0, 2.0, 3.0]] * 10
    drawn = sample([0] * 20, [20], [0.0])
    assert Z * np.sqrt(20 / 19 / 20) < 2
    assert everyone(ranks(attributed(values), drawn)) == {"x": (1, 1), "y": (2, 3), "z": (2, 3)}


def test_what_another_background_does_makes_ties(sample):
    values = [[3.0, -2.0, 1.0], [-5.0, 2.0, 3.0]] * 10
    drawn = sample([0] * 20, [20], [0.0])
    # x less y: 2, 0, 2, 4 has a standard deviation of 1.63, times t(3) = 3.18 is more than 2
    again = np.array([[4.0, 2.0, 2.0], [2.0, 2.0, 2.0], [4.0, 2.0, 2.0], [6.0, 2.0, 2.0]])
    found = ranks(attributed(values), drawn, again)
    assert everyone(found) == {"x": (1, 3), "y": (1, 3), "z": (1, 3)}
    steady = np.tile([4.0, 2.0, 2.0], (4, 1)) + np.arange(4)[:, None]  # all move together
    assert everyone(ranks(attributed(values), drawn, steady))["x"] == (1, 1)


def test_inputs_that_are_not_read_share_the_last_ranks(sample):
    values = np.column_stack([np.ones(20), np.zeros(20), np.zeros(20)])
    found = ranks(attributed(values), sample([0] * 20, [20], [0.0]))
    assert everyone(found) == {"x": (1, 1), "y": (2, 3), "z": (2, 3)}


def test_rounding_has_no_rank_and_few_rows_have_none(sample):
    values = np.random.default_rng(0).normal(size=(23, 2))
    found = ranks(attributed(values, ("x", ROUNDING)), sample([0] * 20 + [1] * 3, [90, 9], [0, 0]))
    assert found == {(ALL, ALL, "x"): (1, 1), ("side", "a", "x"): (1, 1)}


def test_they_stand_beside_the_attributions(sample):
    values, drawn = [[3.0, -2.0], [-5.0, 2.0]] * 10, sample([0, 1] * 10, [10, 10], [0.0, 0.0])
    found = attributed(values)
    again = np.array([[4.0, 2.0], [4.0, 2.2], [4.0, 2.0], [4.0, 2.2]])
    rows = {
        (r.group, r.feature): r for r in with_ranks(by_group(found, drawn), found, drawn, again)
    }
    assert (rows[ALL, "x"].rank_low, rows[ALL, "x"].rank_high) == (1, 1)
    assert rows[ALL, "y"].noise == pytest.approx(np.std([0, 0.2, 0, 0.2], ddof=1))
    assert rows[ALL, "x"].noise == 0.0
    assert rows["a", "y"].noise is None
    without = with_ranks(by_group(found, drawn), found, drawn, None)
    assert {row.noise for row in without} == {None}


@pytest.mark.parametrize(("apart", "least", "most"), [(0.0, 0.0, 0.08), (0.5, 0.95, 1.0)])
def test_equal_inputs_are_told_apart_in_5_of_100_and_unequal_ones_are(apart, least, most, sample):
    rng = np.random.default_rng(3)
    told = 0
    for _ in range(300):
        shared = rng.normal(size=(300, 1))  # the same rows: their sizes go together
        size = np.abs(shared + rng.normal(size=(300, 2)))
        size[:, 0] += apart
        found = ranks(attributed(size), sample([0] * 300, [3000], [0.0]))
        told += everyone(found)["x"] == (1, 1)
        told += everyone(found)["x"] == (2, 2)
    # 300 replications of 5 %: standard error .013
    assert least <= told / 300 <= most


def test_of_many_inputs_the_largest_are_ranked_against_all(sample, monkeypatch):
    monkeypatch.setattr("auditkit.explain.ranks.MOST_RANKED", 2)
    # y and z are the same in size, and z is not ranked: y may still stand below it
    values = [[3.0, -2.0, 2.0], [-5.0, 2.0, 2.0]] * 10
    found = everyone(ranks(attributed(values), sample([0] * 20, [20], [0.0])))
    assert found == {"x": (1, 1), "y": (2, 3)}
