"""Metrics of scores on people that can be counted on fingers, and what counting them may cost."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

import auditkit
from auditkit import DataError, PlanError, PolicyError
from auditkit.evidence import scores as counting
from auditkit.metrics.registry import rates, score_metrics
from auditkit.results import Disparity, Measurement

law = settings(max_examples=20, deadline=None, derandomize=True, database=None)

MIXED = "1:.9 1:.6 1:.3 0:.6 0:.1 ?:.5"
"""Recorded outcome and score. Of 3 x 2 pairs .9 wins 2, .6 wins 1 and ties 1, .3 wins 1."""
ELSEWHERE = "1:.8 1:.2 0:.4 0:.4"
"""Of 4 pairs .8 wins 2, .2 none: an AUC of 1/2. Mean score 1.8 / 4, outcome 2 / 4."""


@dataclass(frozen=True)
class Worked:
    """People of one group and what a metric must make of them; ``None`` is no number at all."""

    metric: str
    rows: str
    estimate: float | None
    n: int
    note: str = ""

    def __str__(self) -> str:
        return f"{self.metric} of {self.rows or 'nobody'}"


TABLE = (
    Worked("auc", MIXED, (2 + 1.5 + 1) / 6, 5),
    Worked("auc", "1:.5 0:.5", 0.5, 2),  # a tie is half
    Worked("auc", "1:.9 0:.1", 1.0, 2),
    Worked("auc", "1:.1 0:.9", 0.0, 2),  # a true 0: the pair is ranked wrongly
    Worked("auc", "1:.9 1:.1 ?:.5", None, 2, "no pair to rank"),  # nobody negative
    Worked("auc", "0:.9", None, 1, "no pair to rank"),
    Worked("auc", "?:.9 1:-", None, 0, "no people"),  # no outcome, no score
    # .9 + .6 + .3 + .6 + .1 + .5 = 3.0, over 6, recorded outcome or not
    Worked("mean_score", MIXED, 0.5, 6),
    Worked("mean_score", "1:0 0:0", 0.0, 2),  # a true 0
    Worked("mean_score", "1:- 0:-", None, 0, "no people"),
    # outcomes 3 / 5, scores 2.5 / 5
    Worked("calibration_residual", MIXED, 0.1, 5),
    Worked("calibration_residual", "1:.25 0:.75", 0.0, 2),
    Worked("calibration_residual", "?:.4", None, 0, "no people"),
    # .01 + .16 + .49 + .36 + .01 = 1.03
    Worked("brier_score", MIXED, 1.03 / 5, 5),
    Worked("brier_score", "1:1 0:0", 0.0, 2),
    Worked("brier_score", "?:.4", None, 0, "no people"),
)


def table(rows: str, **more: object) -> pd.DataFrame:
    """One line per person of group ``here``, beside those of another group."""
    known = {"1": "yes", "0": "no", "?": None}
    people = [("here", p) for p in rows.split()] + [("else", p) for p in ELSEWHERE.split()]
    return pd.DataFrame(
        {
            "g": pd.Categorical([group for group, _ in people], categories=["here", "else"]),
            "y": [known[person[0]] for _, person in people],
            "d": ["yes", "no"] * (len(people) // 2) + ["yes"] * (len(people) % 2),
            "s": [None if p.endswith("-") else float(p[2:]) for _, p in people],
        }
    ).assign(**more)


def audited(data, **given_):
    usual = {"decision": "d", "selected": "yes", "label": "y", "positive": "yes", "score": "s",
             "outcome": "benefit", "attributes": ["g"], "policy": "minimal"}  # fmt: skip
    return auditkit.audit(None, data, **{**usual, **given_})


def measured(made: auditkit.Audit, metric: str, group: str = "here") -> Measurement:
    [row] = [m for m in made.record.measurements if (m.metric, m.group) == (metric, group)]
    return row


def gap(made: auditkit.Audit, metric: str, group: str = "here") -> Disparity:
    [row] = [d for d in made.record.disparities if (d.metric, d.group) == (metric, group)]
    return row


def of_scores(made: auditkit.Audit):
    rows = (*made.record.measurements, *made.record.disparities)
    return [row for row in rows if row.metric in score_metrics()]


@pytest.fixture
def big() -> pd.DataFrame:
    """6,000 people of three groups and two crossed ones, with weights; every score is another."""
    rng = np.random.default_rng(3)
    n = 6000
    group = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    chance = rng.beta(2, 3, n)
    return pd.DataFrame(
        {
            "g": group,
            "h": rng.choice(["x", "y", None], n),
            "y": np.where(rng.random(n) < chance, "yes", "no"),
            "d": np.where(chance > 0.5, "yes", "no"),
            "s": np.where(rng.random(n) < 0.02, np.nan, chance),
            "w": rng.choice([0.5, 1.0, 3.25], n),
        }
    )


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("worked", TABLE, ids=str)
def test_metric_equals_the_hand_worked_answer(worked):
    row = measured(audited(table(worked.rows), smallest=1), worked.metric)
    assert row.n == worked.n
    assert row.numerator is row.denominator is None
    if worked.estimate is None:
        assert row.status == "undefined"
        assert row.estimate is row.lower is row.upper is None
        assert worked.note in row.note
    else:
        assert row.estimate == pytest.approx(worked.estimate, abs=1e-9)
        assert row.lower is None or row.lower <= row.estimate <= row.upper


@pytest.mark.parametrize("name", score_metrics())
def test_every_metric_has_a_hand_worked_number_and_a_hand_worked_lack_of_one(name):
    answers = [worked.estimate for worked in TABLE if worked.metric == name]
    assert any(answer is not None for answer in answers)
    assert any(answer is None for answer in answers)


def test_gaps_are_group_minus_the_others():
    made = audited(table(MIXED), smallest=1)
    assert gap(made, "auc").estimate == pytest.approx(0.75 - 0.5)
    assert gap(made, "mean_score").estimate == pytest.approx(0.5 - 0.45)
    assert gap(made, "calibration_residual").estimate == pytest.approx(0.1 - 0.05)
    assert {d.statistic for d in of_scores(made) if isinstance(d, Disparity)} == {"difference"}
    assert gap(made, "auc").worse_off == "rest"


def test_the_rest_of_an_auc_is_averaged_within_groups_over_their_pairs():
    # b: 1 of 1 pair ranked rightly, c: 2 of 4; so (1 * 1 + 4 * .5) / 5. Across groups, nothing.
    others = [("b", "yes", 0.02), ("b", "no", 0.01), ("c", "yes", 0.9), ("c", "yes", 0.3),
              ("c", "no", 0.5), ("c", "no", 0.6)]  # fmt: skip
    here = [("a", "yes", 0.5), ("a", "no", 0.4), ("d", "yes", 0.4)]  # d has no pair, so no part
    frame = pd.DataFrame([*here, *others], columns=["g", "y", "s"]).assign(
        d=["yes", "no", "no"] * 3
    )
    row = gap(audited(frame, smallest=1), "auc", "a")
    assert row.estimate == pytest.approx(1 - (1 * 1 + 4 * 0.5) / 5)
    assert gap(audited(frame, smallest=1), "auc", "d").status == "undefined"


@pytest.mark.parametrize("weight", [None, "w"])
def test_scikit_learn_says_the_same_of_each_group(big, weight):
    made = audited(big, weight=weight)
    for group in "abc":
        part = big[(big["g"] == group) & big["s"].notna()]
        w = part[weight] if weight else None
        y = part["y"] == "yes"
        theirs = {
            "auc": roc_auc_score(y, part["s"], sample_weight=w),
            "brier_score": brier_score_loss(y, part["s"], sample_weight=w),
            "mean_score": np.average(part["s"], weights=w),
            "calibration_residual": np.average(y - part["s"], weights=w),
        }
        for metric, value in theirs.items():
            assert measured(made, metric, group).estimate == pytest.approx(value, abs=1e-9)


def test_weights_make_people_tell_less(big):
    plain, weighted = audited(big), audited(big, weight="w")
    for metric in score_metrics():
        one, other = measured(plain, metric, "a"), measured(weighted, metric, "a")
        assert one.effective_n is None
        assert other.effective_n < other.n
        assert other.upper - other.lower > one.upper - one.lower
    same = audited(big.assign(w=2.0), weight="w")
    for one, other in zip(of_scores(plain), of_scores(same), strict=True):
        for field in ("estimate", "lower", "upper", "n", "status", "note"):
            assert getattr(one, field) == pytest.approx(getattr(other, field))


def test_under_clusters_there_is_a_number_and_no_interval(big):
    made = audited(big.assign(c=np.arange(len(big)) % 100), cluster="c")
    for row in of_scores(made):
        assert row.estimate is not None
        assert row.lower is row.upper is None
        assert "under clusters are not computed yet" in row.note


# ------------------------------------------------------------------ statuses


def test_the_floor_of_an_auc_reads_the_rarer_outcome():
    frame = table(" ".join([*["1:.7"] * 29, *["0:.3"] * 200, MIXED[-5:]]))
    row = measured(audited(frame), "auc")
    assert (row.status, row.n) == ("insufficient", 229)
    assert "29 people with a score and the rarer outcome, at least 30 wanted" in row.note
    assert measured(audited(frame), "mean_score").status == "ok"


def test_one_outcome_alone_has_a_residual_without_interval():
    row = measured(audited(table("0:.1 0:.2 0:.3"), smallest=1), "calibration_residual")
    assert row.estimate == pytest.approx(-0.2)
    assert (row.status, row.lower, row.upper) == ("insufficient", None, None)
    assert "only one outcome was recorded" in row.note


def test_without_a_label_only_the_mean_score():
    made = audited(table(MIXED), label=None, positive=None, smallest=1)
    for metric in score_metrics():
        row = measured(made, metric)
        assert row.status == ("ok" if metric == "mean_score" else "not_applicable")


def test_scores_that_are_no_probabilities_are_ranked_and_averaged_only():
    frame = table(MIXED).assign(s=lambda t: 300 + 550 * t["s"])
    made = audited(frame, score_range=[300, 850], smallest=1)
    assert measured(made, "auc").estimate == pytest.approx(0.75)
    assert measured(made, "mean_score").estimate == pytest.approx(575)
    assert gap(made, "mean_score").estimate == pytest.approx(27.5)
    for metric in ("calibration_residual", "brier_score"):
        assert measured(made, metric).status == "not_applicable"
        assert "no probabilities" in measured(made, metric).note


def test_one_group_alone_has_nobody_to_compare_with():
    made = audited(table(MIXED).query("g == 'here'").assign(g="here"), smallest=1)
    assert gap(made, "auc").status == "not_applicable"
    assert gap(made, "auc").estimate is None


def test_missing_scores_are_told_and_leave_the_other_metrics_alone():
    made = audited(table("1:- 1:.6 0:.2 0:-"), smallest=1)
    told = {(e.group, e.rows) for e in made.record.exclusions if e.scope == "score_metrics"}
    assert told == {("(all)", 2), ("here", 2)}
    assert measured(made, "accuracy").n == 4
    assert measured(made, "auc").n == 2


def test_rows_without_a_decision_are_in_no_score_metric():
    frame = table(MIXED)
    frame.loc[0, "d"] = None
    assert measured(audited(frame, smallest=1), "mean_score").n == 5
    assert measured(audited(frame, smallest=1), "mean_score").estimate == pytest.approx(2.1 / 5)


def test_without_scores_nothing_is_said_of_them():
    assert of_scores(audited(table(MIXED), score=None)) == []


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ([1.5, -2.0] + [0.5] * 8, ["2 of them lie outside 0 to 1", "score_range"]),
        ([float("inf")] + [0.5] * 9, ["1 values are not finite numbers"]),
        (["x"] + ["0.5"] * 9, ["1 values are not finite numbers"]),
        ([None] * 10, ["no row has a value"]),
    ],
)
def test_what_cannot_be_scores_is_one_clear_error(score, words):
    frame = table(MIXED).assign(s=pd.Series(score, dtype=None if score[0] else float))
    with pytest.raises(DataError) as caught:
        audited(frame)
    assert len(caught.value.problems) == 1
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": None, "score_range": [0, 2]}, "score_range is given without data.score"),
        ({"score_range": [1, 0]}, "lowest and the highest score"),
        ({"score": "y"}, "every score would look right"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(change, words):
    with pytest.raises(PlanError, match=words):
        audited(table(MIXED), **change)


def test_a_policy_cannot_hold_a_limit_against_a_metric_of_scores(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        'id = "p"\nversion = "1"\ntitle = "t"\nsource = "s"\n[checks.x]\nmetric = "auc"\n'
        'statistic = "difference"\nlimit = 0.1\neffect = "warn"\n'
        '[[requirements]]\nid = "R"\ntitle = "t"\ntext = "t"\nstatus = "t"\nchecks = ["x"]\n'
    )
    with pytest.raises(PolicyError, match="'auc', which is no rate"):
        audited(table(MIXED), policy=str(path))
    assert not rates().keys() & score_metrics().keys()


# ------------------------------------------------------------------ counting


def exact_and_binned(monkeypatch, data, most=5, **given_):
    exact = audited(data, **given_)
    monkeypatch.setattr(counting, "MOST_VALUES", most)
    return exact, audited(data, **given_)


@law
@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.floats(0, 1), st.integers(1, 9)),
                min_size=12, max_size=60))  # fmt: skip
def test_binned_values_lie_within_the_stated_bound(people):
    sure = [("a", True, 1.0, 1), ("a", False, 0.0, 1), ("b", True, 0.5, 1), ("b", False, 0.5001, 1)]
    frame = pd.DataFrame([*sure, *people], columns=["g", "y", "s", "w"])
    # scores that crowd into few bins, where binning costs most
    frame["s"] = np.where(frame.index % 2, frame["s"], frame["s"] / 1000)
    frame["y"] = frame["y"].map({True: "yes", False: "no"})
    frame["d"] = ["yes", "no"] * (len(frame) // 2) + ["no"] * (len(frame) % 2)
    with pytest.MonkeyPatch.context() as patch:
        made = exact_and_binned(patch, frame, most=1, weight="w", smallest=1)
        for exact, binned in zip(*map(of_scores, made), strict=True):
            if exact.estimate is None:
                assert binned.estimate is None
                continue
            bound = float(binned.note.rpartition("at most ")[2].partition(" ")[0])
            # the note states the bound to two digits
            assert abs(exact.estimate - binned.estimate) <= 1.05 * bound + 1e-9
            assert "counted in bins" not in exact.note
            if exact.lower is not None and binned.lower is not None:
                assert binned.lower <= binned.estimate <= binned.upper


def test_the_cost_of_bins_is_at_most_half_a_bin_for_means(monkeypatch, big):
    exact, binned = exact_and_binned(monkeypatch, big)
    for metric in ("mean_score", "calibration_residual"):
        one, other = measured(exact, metric, "a"), measured(binned, metric, "a")
        assert abs(one.estimate - other.estimate) <= 1 / 8192
        assert "at most 0.00012 from" in other.note
        wider = (other.upper - other.lower) - (one.upper - one.lower)
        assert wider == pytest.approx(2 / 8192, abs=5e-5)
    assert "4,096 bins" in binned.record.notes[-1]
    assert "each counted by itself" in exact.record.notes[-1]


def test_the_edge_of_the_rule_is_the_number_of_distinct_values(monkeypatch):
    frame = table(MIXED)  # .9 .6 .3 .1 .5 and .8 .2 .4 elsewhere: 8 values
    for most, binned in ((8, False), (7, True)):
        monkeypatch.setattr(counting, "MOST_VALUES", most)
        note = measured(audited(frame, smallest=1), "auc").note
        assert ("counted in bins" in note) == binned


@pytest.mark.parametrize("most", [65_536, 100])
@pytest.mark.parametrize("weight", [None, "w"])
def test_one_pass_for_all_or_one_for_each_attribute_gives_the_same(monkeypatch, big, most, weight):
    monkeypatch.setattr(counting, "MOST_VALUES", most)
    asked = {"attributes": ["g", "h"], "intersections": 2, "weight": weight}
    together = audited(big, **asked).record
    monkeypatch.setattr(counting, "MOST_ENTRIES", 10)
    apart = audited(big, **asked).record
    assert together.measurements == apart.measurements
    assert together.disparities == apart.disparities
    assert together.exclusions == apart.exclusions


@pytest.mark.parametrize("most", [65_536, 100])
def test_order_and_engine_change_no_number(monkeypatch, big, tmp_path, most):
    monkeypatch.setattr(counting, "MOST_VALUES", most)
    big.loc[::7, "d"] = None
    big.to_csv(tmp_path / "rows.csv", index=False)
    big.to_parquet(tmp_path / "rows.parquet")
    asked = {"attributes": ["g", "h"], "intersections": 2, "weight": "w"}
    expected = audited(big, **asked).record
    for data in (
        big.sample(frac=1, random_state=1),
        tmp_path / "rows.csv",
        tmp_path / "rows.parquet",
    ):
        found = audited(data, **asked).record
        assert found.measurements == expected.measurements
        assert found.disparities == expected.disparities
        assert found.exclusions == expected.exclusions


class TestModel:
    def made(self, model, frame, **given_):
        return auditkit.audit(
            model, frame, label="y", positive="yes", outcome="benefit", attributes=["g", "h"],
            policy="minimal", explain={"rows": 0}, **given_,
        )  # fmt: skip

    @pytest.mark.parametrize("most", [65_536, 100])
    def test_its_probabilities_are_counted_batch_by_batch(self, monkeypatch, big, most):
        from sklearn.linear_model import LogisticRegression

        from auditkit.evidence import sources

        big["x"] = big["s"].fillna(0.3)
        model = LogisticRegression().fit(big[["x"]], big["y"])
        monkeypatch.setattr(counting, "MOST_VALUES", most)
        scored = big.assign(s=model.predict_proba(big[["x"]])[:, 1], d=model.predict(big[["x"]]))
        expected = of_scores(audited(scored, attributes=["g", "h"]))
        assert of_scores(self.made(model, big)) == expected
        default = sources.Source.batches.__defaults__
        monkeypatch.setattr(sources.Source.batches, "__defaults__", (777,))
        assert default != (777,)
        assert of_scores(self.made(model, big)) == expected

    def test_a_model_without_probabilities_has_no_scores(self, big):
        from sklearn.svm import LinearSVC

        big["x"] = big["s"].fillna(0.3)
        model = LinearSVC().fit(big[["x"]], big["y"])
        assert of_scores(self.made(model, big)) == []

    def test_scores_come_from_one_place(self, big):
        from sklearn.linear_model import LogisticRegression

        big["x"] = big["s"].fillna(0.3)
        model = LogisticRegression().fit(big[["x"]], big["y"])
        with pytest.raises(PlanError, match=r"Remove data\.score"):
            self.made(model, big, score="s")


# ------------------------------------------------------------------ the report


def test_the_report_tells_scores_in_words(big):
    made = audited(big, attributes=["g", "h"], intersections=2)
    page = made.files()["report.html"]
    assert "how often the first has the higher" in page
    assert "left out of every number that needs the score" in page
    assert made.figure("auc", by="g") is not None
