"""A pilot is explained first, and more rows until the attributions are precise enough."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import auditkit
from auditkit.evidence import sample as sampling
from auditkit.evidence.sample import Contrast, Sample, largest_quota, quotas
from auditkit.explain import budget
from auditkit.explain.attributions import explain
from auditkit.explain.budget import explain_enough
from auditkit.explain.explained import rounded_up
from auditkit.explain.groups import disparities
from auditkit.results import ALL, SAMPLING, Status


def contrasts(of, groups):
    """Everyone, and each group of an attribute against its rest; ``of`` is each stratum's group."""
    everyone, of = np.ones(len(of), dtype=bool), np.asarray(of)
    return (
        Contrast(ALL, ALL, everyone, ~everyone),
        *(Contrast("g", g, of == g, of != g) for g in groups),
    )


def population(output, n, kept, apart=0.0, seed=0):
    """A group of nine in ten rows and one of the others, of which the first are kept."""
    rng = np.random.default_rng(seed)
    stratum = (rng.random(n) < 0.1).astype(np.int64)
    rows = pd.DataFrame({"x": rng.normal(size=n) + apart * stratum, "z": rng.normal(size=n)})
    told = output(rows)
    sizes = np.bincount(stratum, minlength=2)
    whole = Sample(
        rows, stratum, sizes, np.bincount(stratum, told) / sizes, contrasts(["a", "b"], "ab")
    )
    quota = quotas(stratum, whole.contrasts)
    return budget._part(whole, quota <= largest_quota(quota, kept)), told


def additive(rows):
    return 2 * rows["x"] + rows["z"] ** 2


class TestQuotas:
    def test_by_hand(self, monkeypatch):
        monkeypatch.setattr(sampling, "A_CELL", 1)
        stratum = np.array([0, 0, 1, 0, 1, 1, 0])
        quota = quotas(stratum, contrasts(["a", "b"], "ab"))
        # the first of each cell; then whichever comes first, its place among all or in its group
        assert quota.tolist() == [0, 2, 0, 3, 2, 3, 4]
        assert largest_quota(quota, 4) == 2
        assert largest_quota(quota, 3) == 1
        assert largest_quota(quota, 1) == 0
        assert largest_quota(quota, 7) == 4

    def test_of_a_large_group_no_more_are_taken_for_its_own_sake(self, monkeypatch):
        monkeypatch.setattr(sampling, "A_CELL", 1)
        monkeypatch.setattr(sampling, "MOST_A_GROUP", 2)
        quota = quotas(np.array([0, 0, 0, 1, 1, 1]), contrasts(["a", "b"], "ab"))
        assert quota.tolist() == [0, 2, 3, 0, 2, 6]

    def test_rows_of_a_cell_are_taken_in_order(self):
        stratum = np.random.default_rng(3).integers(0, 6, 900)
        quota = quotas(stratum, contrasts([*"aabbcc"], "abc"))
        for cell in range(6):
            assert (np.diff(quota[stratum == cell]) >= 0).all()


def explained(function, output, n, kept, most, **options):
    drawn, told = population(output, n, kept, **options)
    scorer = function(output, ["x", "z"], unit="log-odds")
    return (*explain_enough(scorer, drawn, drawn.rows.iloc[:10], most=most), told, scorer)


def test_few_rows_are_all_explained(function):
    found, part, reached, *_ = explained(function, additive, 300, 2000, 2000)
    assert len(part.rows) == len(found.output) == 300
    assert reached.half_width == 0.0
    assert reached.met


def test_a_pilot_is_enough_where_rows_of_a_group_hardly_differ(function):
    steady = lambda rows: rows["x"].round(-1)  # noqa: E731
    found, part, reached, *_ = explained(function, steady, 5000, 3000, 3000, apart=30)
    assert reached.met
    assert 200 < len(part.rows) <= 3 * 200
    assert found.status is Status.OK


def test_more_rows_are_explained_until_it_is_precise(function):
    near = lambda rows: rows["x"]  # noqa: E731
    found, part, reached, told, scorer = explained(function, near, 9000, 9000, 9000, apart=40)
    assert reached.met
    assert reached.half_width <= 0.01 * told.std() * 1.05
    assert 600 < len(part.rows) < 4500
    # the same as if the rows had been explained at once
    again = explain(scorer, part.rows, pd.DataFrame(part.rows.iloc[:0]).reindex(range(1)).fillna(0))
    assert (found.output == again.output).all()
    apart = found.values - again.values
    assert np.ptp(apart, axis=0) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_the_cap_ends_it_and_the_rows_that_would_do_are_told(function):
    asked = (function, additive, 40_000, 40_000)
    found, part, reached, *_ = explained(*asked, 1000)
    assert 900 < len(part.rows) <= 1000
    assert not reached.met
    assert reached.needed > 5 * 1000
    enough, more, met, *_ = explained(*asked, 2 * reached.needed)
    assert met.met
    assert len(more.rows) == pytest.approx(reached.needed, rel=0.35)
    for some, of in ((found, part), (enough, more)):
        rows = [r for r in disparities(some, of) if r.group == "a"]
        a, b = of.strata_output
        assert sum(r.contribution for r in rows) == pytest.approx(a - b, abs=1e-9)
        assert rows[-1].feature == SAMPLING


def test_a_cap_below_the_pilot_is_kept(function):
    _, part, *_ = explained(function, additive, 5000, 2000, 50)
    assert 40 < len(part.rows) <= 50


def test_the_work_a_method_is_allowed_ends_it_too(function, monkeypatch):
    monkeypatch.setattr("auditkit.explain.shapley.EVALUATIONS", 2 * 10 * 700)
    found, part, reached, *_ = explained(function, additive, 9000, 5000, 5000)
    assert found.affordable == 700
    assert 600 < len(part.rows) <= 700
    assert not reached.met


def test_a_method_is_taken_that_can_do_all_rows_and_not_the_most_exact_one_for_the_pilot(
    function, monkeypatch
):
    # all sets of four columns take 14 outputs a background row, sampled permutations 6
    monkeypatch.setattr("auditkit.explain.shapley.EVALUATIONS", 6 * 10 * 2000)
    drawn, _ = population(additive, 9000, 2000)
    wide = replace(drawn, rows=drawn.rows.assign(u=drawn.rows["x"] * 2, v=drawn.rows["z"] - 1))
    scorer = function(additive, ["x", "z", "u", "v"])
    found, part, _ = explain_enough(scorer, wide, wide.rows.iloc[:10], most=2000)
    assert "sampled permutations" in found.method
    assert found.background == 10
    assert len(part.rows) > 1990
    few, part, _ = explain_enough(scorer, wide, wide.rows.iloc[:10], most=800)
    assert "exact" in few.method
    assert len(part.rows) > 790


def test_a_method_that_fails_on_further_rows_is_not_used_for_any(function, monkeypatch):
    asked = []

    def failing(*given, only="", **options):
        asked.append((len(given[1]), only))
        found = explain(*given, only=only, **options)
        return replace(found, status=Status.UNDEFINED, values=None) if only else found

    monkeypatch.setattr(budget, "explain", failing)
    found, part, reached, *_ = explained(function, additive, 9000, 2000, 2000)
    assert [only != "" for _, only in asked] == [False, True, False]
    assert asked[-1][0] == len(part.rows) == len(found.output)
    assert not reached.met


def test_how_long_it_takes_is_said_before(function):
    said = []
    drawn, _ = population(additive, 9000, 2000)
    scorer = function(additive, ["x", "z"])
    explain_enough(
        scorer, drawn, drawn.rows.iloc[:10], most=2000, tell=lambda *told: said.append(told)
    )
    first = next(told for told in said if told[0].startswith("explaining more, about "))
    assert first[0].endswith(" s")
    assert first[1] == 0
    assert first[2] > 1000
    assert said[-1] == (first[0], first[2], first[2])


@pytest.mark.parametrize(
    ("rows", "told"), [(None, None), (7, 7), (100, 100), (101, 110), (13_911, 14_000)]
)
def test_an_estimate_has_two_digits(rows, told):
    assert rounded_up(rows) == told


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(2)
    n = 7000
    rows = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.normal(size=n).round(2),
            "group": rng.choice(["a", "b"], n, p=[0.9, 0.1]),
        }
    )
    rows["y"] = (rows["income"] + 0.02 * rows["age"] + rng.logistic(size=n) > 1).astype(int)
    model = LogisticRegression().fit(rows[["age", "income"]], rows["y"])

    def audit(data, **more):
        asked = {"label": "y", "positive": 1, "outcome": "benefit", "attributes": ["group"]}
        return auditkit.audit(
            model, data, **asked, features=["age", "income"], policy="minimal", **more
        )

    return rows, audit


def test_shuffled_rows_and_the_same_seed_give_the_same_bytes(many):
    rows, audit = many
    first = audit(rows, explain={"rows": 1500}).record
    shuffled = audit(rows.sample(frac=1, random_state=4), explain={"rows": 1500}).record
    assert 1400 < first.explanation.rows <= 1500
    assert shuffled == first
    another = audit(rows, explain={"rows": 1500}, seed=1).record
    assert another.attributions != first.attributions
    assert another.explanation.background_digest != first.explanation.background_digest


def test_the_record_says_what_ended_it_and_what_the_background_was(many):
    rows, audit = many
    capped = audit(rows, explain={"rows": 1500}).record.explanation
    assert capped.limited_by == "cap"
    assert capped.half_width > capped.half_width_aim
    assert capped.rows_needed > 1500
    assert "drawn from the sampled rows" in capped.background_rule
    assert len(capped.background_digest) == 64
    every = audit(rows, explain={"rows": 100_000}).record.explanation
    assert (every.limited_by == "all") == (every.rows == 7000)
    assert every.limited_by in ("all", "precision")
    assert every.half_width <= every.half_width_aim
