"""Attributions by group: weighted to all rows, with intervals, adding up to the gap over all."""

from dataclasses import dataclass

import numpy as np
import pytest

from auditkit.explain.attributions import Attributed
from auditkit.explain.groups import by_group, disparities, precision
from auditkit.results import SAMPLING, Status

FEATURES = ("x", "z")


@dataclass(frozen=True)
class Contrast:
    attribute: str
    group: str
    members: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True)
class Sample:
    stratum: np.ndarray
    strata_rows: np.ndarray
    strata_output: np.ndarray
    contrasts: tuple


def attributed(values, base=0.5):
    return Attributed(
        values=values,
        base=base,
        output=base + values.sum(axis=1),
        background=50,
        noise=None,
        features=FEATURES,
        unit="log-odds",
        method="by hand",
        perturbation="interventional",
        additivity=0.0,
        tolerance=1e-6,
        status=Status.OK,
        note="",
    )


def contrasts(groups):
    a, b = np.array(groups) == "a", np.array(groups) == "b"
    whole = np.ones(len(groups), dtype=bool)
    return (
        Contrast("(all)", "(all)", whole, ~whole),
        Contrast("g", "a", a, b),
        Contrast("g", "b", b, a),
    )


def drawn(rng, sizes=(400, 600, 3000), explained=(150, 120, 200)):
    """Three strata, the first two of group a: all rows, and a random part of each explained."""
    population = [rng.normal([h, -h], [1.0, 2.0], (n, 2)) for h, n in enumerate(sizes)]
    parts = [rows[:k] for rows, k in zip(population, explained, strict=True)]
    sample = Sample(
        stratum=np.repeat([0, 1, 2], explained),
        strata_rows=np.array(sizes),
        strata_output=np.array([0.5 + rows.sum(axis=1).mean() for rows in population]),
        contrasts=contrasts(["a", "a", "b"]),
    )
    return population, attributed(np.concatenate(parts)), sample


def test_a_group_mean_weighs_each_stratum_by_all_its_rows():
    """Group a: 400 rows with mean 1 and 600 with mean 3 give (400 * 1 + 600 * 3) / 1000 = 2.2."""
    values = np.array([[1.0, 0.0]] * 10 + [[3.0, 0.0]] * 40 + [[0.0, 1.0]] * 10)
    sample = Sample(
        np.repeat([0, 1, 2], [10, 40, 10]),
        np.array([400, 600, 50]),
        np.array([1.5, 3.5, 1.5]),
        contrasts(["a", "a", "b"]),
    )
    rows = {(r.group, r.feature): r for r in by_group(attributed(values), sample)}
    assert rows["a", "x"].mean == pytest.approx(2.2)
    assert rows["a", "x"].mean_abs == pytest.approx(2.2)
    assert rows["b", "x"].mean == pytest.approx(0, abs=1e-12)
    assert rows["(all)", "x"].mean == pytest.approx((400 + 1800) / 1050)
    assert rows["a", "x"].n == 50


def test_contributions_add_up_to_the_gap_over_all_rows():
    population, found, sample = drawn(np.random.default_rng(3))
    of_a = 0.5 + np.concatenate(population[:2]).sum(axis=1).mean()
    of_b = 0.5 + population[2].sum(axis=1).mean()
    rows = [r for r in disparities(found, sample) if (r.attribute, r.group) == ("g", "a")]
    assert {r.feature for r in rows} == {*FEATURES, SAMPLING}
    assert sum(r.contribution for r in rows) == pytest.approx(of_a - of_b, abs=1e-9)


def test_with_every_row_explained_sampling_is_nothing():
    _, found, sample = drawn(np.random.default_rng(4), (50, 60, 70), (50, 60, 70))
    (row,) = [r for r in disparities(found, sample) if r.group == "a" and r.feature == SAMPLING]
    assert row.contribution == pytest.approx(0, abs=1e-9)
    assert row.lower == pytest.approx(0, abs=1e-9)
    assert row.upper == pytest.approx(0, abs=1e-9)
    assert precision(found, sample).met


def test_the_mean_of_three_people_is_not_given():
    _, found, sample = drawn(np.random.default_rng(5), (3, 2, 500), (3, 2, 100))
    rows = [r for r in by_group(found, sample) if r.group == "a"]
    assert [(r.mean, r.mean_abs, r.lower, r.n) for r in rows] == [(None, None, None, 5)] * 2
    assert all(r.contribution is None for r in disparities(found, sample) if r.group == "a")


def test_intervals_cover_the_mean_of_the_process():
    """400 draws of strata sizes and rows: 95 % give or take three standard errors (3.3 points)."""
    rng = np.random.default_rng(6)
    share, inside = np.array([0.1, 0.15, 0.75]), 0
    truth = share[:2] @ [0.0, 1.0] / share[:2].sum() - 2.0
    for _ in range(400):
        sizes = rng.multinomial(4000, share)
        _, found, sample = drawn(rng, tuple(sizes), (100, 100, 100))
        (row,) = [r for r in disparities(found, sample) if r.group == "a" and r.feature == "x"]
        inside += row.lower <= truth <= row.upper
    assert 0.917 <= inside / 400 <= 0.983
