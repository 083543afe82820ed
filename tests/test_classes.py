"""Several classes: worked by hand, held against scikit-learn and fairlearn, on every engine."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, ModelError, PlanError
from auditkit import record as recording
from auditkit.classes import TOLD
from auditkit.inference.intervals import wilson

CLASSES = ["no_action", "refer", "wait"]
ASKED = {
    "label": "need",
    "positive": "refer",
    "task": "multiclass",
    "decision": "decided",
    "outcome": "benefit",
    "attributes": ["gender", Attribute("age", bins=[30, 60])],
    "policy": "minimal",
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """1,200 people, three classes, women decided rightly less often; some cells are empty."""
    rng = np.random.default_rng(5)
    n = 1200
    need = rng.choice(CLASSES, n, p=[0.4, 0.3, 0.3])
    gender = rng.choice(["female", "male"], n)
    right = rng.random(n) < np.where(gender == "female", 0.6, 0.75)
    decided = np.where(right, need, rng.choice(CLASSES, n))
    return pd.DataFrame(
        {
            "gender": pd.Series(gender, dtype="str").mask(rng.random(n) < 0.03),
            "age": rng.integers(15, 80, n),
            "need": pd.Series(need, dtype="str").mask(rng.random(n) < 0.02),
            "decided": pd.Series(decided, dtype="str").mask(rng.random(n) < 0.01),
            "w": rng.gamma(3, 1, n),
            "site": rng.integers(0, 30, n),
            "area": rng.choice(["north", "south"], n),
            "x": rng.normal(0, 1, n) + 2.0 * (need == "refer"),
            "z": rng.normal(0, 1, n) - 2.0 * (need == "wait"),
        }
    )


def audit(rows, model=None, **changes):
    asked = {**ASKED, **changes}
    return auditkit.audit(model, rows, **{k: v for k, v in asked.items() if v is not None})


def of(made, name, metric="true_positive_rate", attribute="(all)", group="(all)"):
    (row,) = (
        r
        for r in made.record.class_measurements
        if (r.class_, r.metric, r.attribute, r.group) == (name, metric, attribute, group)
    )
    return row


def gap(made, name, metric, attribute, group):
    (row,) = (
        r
        for r in made.record.class_disparities
        if (r.class_, r.metric, r.attribute, r.group) == (name, metric, attribute, group)
    )
    return row


@pytest.fixture(scope="module")
def by_hand():
    """Ten people of group a and five of b: of a, 3 of 5 refer, 1 of 2 wait, 2 of 3 no_action."""
    pairs = (
        [("a", "refer", "refer")] * 3
        + [("a", "refer", "wait")] * 2
        + [("a", "wait", "wait"), ("a", "wait", "refer")]
        + [("a", "no_action", "no_action")] * 2
        + [("a", "no_action", "refer")]
        + [("b", "refer", "refer")] * 2
        + [("b", "wait", "wait"), ("b", "wait", "no_action"), ("b", "wait", "wait")]
    )
    frame = pd.DataFrame(pairs, columns=["g", "need", "decided"])
    return audit(frame, attributes=["g"], smallest=1)


class TestByHand:
    @pytest.mark.parametrize(
        ("metric", "name", "counted", "of_whom"),
        [
            ("true_positive_rate", "refer", 3, 5),
            ("true_positive_rate", "wait", 1, 2),
            ("true_positive_rate", "no_action", 2, 3),
            ("precision", "refer", 3, 5),
            ("precision", "wait", 1, 3),
            ("precision", "no_action", 2, 2),
            ("false_positive_rate", "refer", 2, 5),
            ("false_positive_rate", "wait", 2, 8),
            ("false_positive_rate", "no_action", 0, 7),
            ("selection_rate", "refer", 5, 10),
            ("base_rate", "wait", 2, 10),
        ],
    )
    def test_one_class_against_all_others(self, by_hand, metric, name, counted, of_whom):
        row = of(by_hand, name, metric, "g", "a")
        assert (row.numerator, row.denominator, row.n) == (counted, of_whom, of_whom)
        assert row.estimate == pytest.approx(counted / of_whom)
        bounds = wilson(counted, of_whom)
        assert (row.lower, row.upper) == pytest.approx((bounds.lower, bounds.upper))
        assert row.status == "ok"

    def test_the_mean_over_the_classes_and_its_interval(self, by_hand):
        row = of(by_hand, "(macro)", attribute="g", group="a")
        rates = np.array([2 / 3, 3 / 5, 1 / 2])
        limits = [wilson(x, n) for x, n in ((2, 3), (3, 5), (1, 2))]
        below = sum((p - b.lower) ** 2 for p, b in zip(rates, limits, strict=True)) ** 0.5 / 3
        above = sum((b.upper - p) ** 2 for p, b in zip(rates, limits, strict=True)) ** 0.5 / 3
        assert row.estimate == pytest.approx(rates.mean())
        assert row.lower == pytest.approx(rates.mean() - below)
        assert row.upper == pytest.approx(rates.mean() + above)
        assert row.numerator is None

    def test_a_class_that_nobody_is_leaves_the_mean_undefined(self, by_hand):
        lone = of(by_hand, "no_action", attribute="g", group="b")
        assert (lone.status, lone.estimate) == ("undefined", None)
        row = of(by_hand, "(macro)", attribute="g", group="b")
        assert (row.status, row.estimate, row.lower) == ("undefined", None, None)
        assert row.note == "nobody to divide by: no_action"
        held = gap(by_hand, "(macro)", "true_positive_rate", "g", "a")
        assert (held.status, held.difference) == ("undefined", None)
        assert held.note == "nobody to divide by of the rest: no_action"

    def test_a_gap_is_group_minus_rest(self, by_hand):
        row = gap(by_hand, "wait", "true_positive_rate", "g", "a")
        assert row.difference == pytest.approx(1 / 2 - 2 / 3)
        assert row.against == "rest"

    def test_the_mean_of_overlapping_denominators_has_no_interval(self, by_hand):
        row = of(by_hand, "(macro)", "false_positive_rate", "g", "a")
        assert row.estimate == pytest.approx((2 / 5 + 2 / 8 + 0) / 3)
        assert (row.lower, row.upper) == (None, None)
        assert "share people" in row.note

    def test_shares_of_the_classes_have_no_mean(self, by_hand):
        told = {r.metric for r in by_hand.record.class_measurements if r.class_ == "(macro)"}
        assert told == {"true_positive_rate", "precision", "false_positive_rate"}

    def test_who_was_decided_as_what(self, by_hand):
        cells = {
            (c.actual, c.decided): c
            for c in by_hand.record.confusion
            if (c.attribute, c.group) == ("g", "a")
        }
        assert len(cells) == 9
        assert [cells["refer", d].n for d in CLASSES] == [0, 3, 2]
        assert cells["refer", "wait"].share == pytest.approx(0.4)
        assert cells["refer", "wait"].actual_n == 5
        empty = [c for c in by_hand.record.confusion if c.group == "b" and c.actual == "no_action"]
        assert {(c.n, c.share, c.status) for c in empty} == {(0, None, "undefined")}


class TestOracles:
    def test_scikit_learn(self, rows):
        from sklearn.metrics import classification_report

        made = audit(rows)
        known = rows.dropna(subset=["need", "decided"])
        for gender, group in known.groupby("gender"):
            report = classification_report(group.need, group.decided, output_dict=True)
            for name in CLASSES:
                recall = of(made, name, attribute="gender", group=gender)
                precision = of(made, name, "precision", "gender", gender)
                assert recall.estimate == pytest.approx(report[name]["recall"])
                assert precision.estimate == pytest.approx(report[name]["precision"])
                assert recall.n == report[name]["support"]
            for metric, key in (("true_positive_rate", "recall"), ("precision", "precision")):
                macro = of(made, "(macro)", metric, "gender", gender)
                assert macro.estimate == pytest.approx(report["macro avg"][key])

    def test_scikit_learn_with_weights(self, rows):
        from sklearn.metrics import confusion_matrix, recall_score

        made = audit(rows, weight="w")
        known = rows.dropna(subset=["need", "decided", "gender"])
        group = known[known.gender == "female"]
        each = recall_score(group.need, group.decided, average=None, sample_weight=group.w)
        for name, recall in zip(CLASSES, each, strict=True):
            assert of(made, name, attribute="gender", group="female").estimate == pytest.approx(
                recall, rel=1e-6
            )
        macro = of(made, "(macro)", attribute="gender", group="female")
        assert macro.estimate == pytest.approx(each.mean(), rel=1e-6)
        assert macro.lower < macro.estimate < macro.upper
        shares = confusion_matrix(
            group.need, group.decided, sample_weight=group.w, normalize="true"
        )
        found = [c.share for c in made.record.confusion if c.group == "female"]
        assert found == pytest.approx(shares.ravel().tolist(), rel=1e-6)

    def test_fairlearn(self, rows):
        from fairlearn.metrics import MetricFrame
        from sklearn.metrics import recall_score

        known = rows.dropna(subset=["need", "decided", "gender"])
        frame = MetricFrame(
            metrics=lambda t, p: recall_score(t, p, average="macro"),
            y_true=known.need,
            y_pred=known.decided,
            sensitive_features=known.gender,
        )
        made = audit(rows)
        for gender, value in frame.by_group.items():
            row = of(made, "(macro)", attribute="gender", group=gender)
            assert row.estimate == pytest.approx(value)

    def test_drug_consumption(self, shared):
        from sklearn.metrics import recall_score

        path = shared / "data" / "drug_consumption" / "drug_consumption.csv"
        drugs = pd.read_csv(path)
        last = drugs["Cannabis"].str.slice(0, 3)
        decided = drugs["Nicotine"].str.slice(0, 3)  # a poor guess, but of seven classes
        frame = drugs[["Gender"]].assign(y=last, d=decided)
        made = audit(frame, label="y", positive=["CL5", "CL6"], decision="d", attributes=["Gender"])
        assert made.record.system.positive == "CL5, CL6"
        for gender, group in frame.groupby("Gender"):
            each = recall_score(group.y, group.d, average=None)
            names = sorted(set(group.y) | set(group.d))
            for name, recall in zip(names, each, strict=True):
                row = of(made, name, attribute="Gender", group=str(gender))
                assert row.estimate == pytest.approx(recall)


class TestTheBinaryReadingStays:
    @pytest.mark.parametrize(
        "drawn",
        [{}, {"weight": "w"}, {"weight": "w", "strata": "area"}, {"cluster": "site"},
         {"cluster": "site", "weight": "w"}],
    )  # fmt: skip
    def test_a_class_alone_is_the_binary_audit_of_it(self, rows, drawn):
        made = audit(rows, intersections=2, **drawn)
        two = rows.assign(
            need=rows.need.where(rows.need.isna() | (rows.need == "refer"), "other"),
            decided=rows.decided.where(rows.decided.isna() | (rows.decided == "refer"), "other"),
        )
        binary = audit(two, task=None, intersections=2, **drawn)
        assert made.record.measurements == binary.record.measurements
        assert made.record.checks == binary.record.checks
        told = {
            (m.metric, m.attribute, m.group): m
            for m in binary.record.measurements
            if m.metric in TOLD
        }
        own = [m for m in made.record.class_measurements if m.class_ == "refer"]
        assert len(own) == len(told)
        for m in own:
            same = told[m.metric, m.attribute, m.group]
            assert (m.n, m.estimate, m.lower, m.upper, m.status, m.effective_n) == (
                same.n, same.estimate, same.lower, same.upper, same.status, same.effective_n
            )  # fmt: skip
        gaps = {
            (d.metric, d.attribute, d.group): d
            for d in binary.record.disparities
            if d.against == "rest" and d.statistic == "difference"
        }
        for d in made.record.class_disparities:
            if d.class_ == "refer":
                same = gaps[d.metric, d.attribute, d.group]
                assert (d.difference, d.lower, d.upper) == (same.estimate, same.lower, same.upper)

    def test_several_positive_classes(self, rows):
        made = audit(rows, positive=["refer", "wait"])
        two = rows.replace({"need": {"wait": "refer"}, "decided": {"wait": "refer"}})
        binary = audit(two, task=None)
        assert made.record.measurements == binary.record.measurements
        assert made.record.system.selected == "refer, wait"

    def test_a_binary_audit_has_no_classes(self, rows):
        binary = audit(rows.replace({"wait": "no_action"}), task=None)
        assert not binary.record.class_measurements
        assert not binary.record.class_disparities
        assert not binary.record.confusion

    def test_the_digest_tells_classes_apart(self, rows):
        other = rows.assign(need=rows.need.replace({"wait": "no_action"}))
        asked = {"selected": "refer"}
        first, second = (audit(r, **asked).record.provenance.digests for r in (rows, other))
        assert first.data != second.data
        shuffled = audit(rows.sample(frac=1, random_state=0)).record.provenance.digests
        assert (shuffled.data, shuffled.decisions) == (first.data, first.decisions)


class TestEngines:
    @pytest.mark.parametrize("drawn", [{}, {"weight": "w"}, {"cluster": "site", "weight": "w"}])
    def test_the_same_numbers_from_every_engine(self, rows, tmp_path, drawn):
        import polars as pl

        rows.to_csv(tmp_path / "rows.csv", index=False)
        rows.to_parquet(tmp_path / "rows.parquet")
        made = [
            audit(source, **drawn).record
            for source in (
                rows, pl.from_pandas(rows), tmp_path / "rows.csv", tmp_path / "rows.parquet",
            )
        ]  # fmt: skip
        for name in ("class_measurements", "class_disparities", "confusion"):
            tables = [getattr(record, name) for record in made]
            assert tables[0]
            assert all(table == tables[0] for table in tables[1:])

    def test_counts_in_place_of_rows(self, rows):
        counted = rows.groupby(["gender", "need", "decided"], dropna=False).size()
        counted = counted.rename("people").reset_index()
        made = audit(counted, count="people", attributes=["gender"])
        plain = audit(rows, attributes=["gender"])
        assert made.record.class_measurements == plain.record.class_measurements

    def test_without_a_label_only_decisions_are_told(self, rows):
        made = audit(rows, label=None, positive=None, selected="refer")
        assert of(made, "wait", "selection_rate").status == "ok"
        assert of(made, "wait").status == "not_applicable"
        assert of(made, "(macro)").status == "not_applicable"
        assert not made.record.confusion


@pytest.fixture(scope="module")
def model(rows):
    from sklearn.linear_model import LogisticRegression

    known = rows.dropna(subset=["need"])
    return LogisticRegression().fit(known[["x", "z"]], known.need)


class TestModels:
    def test_a_model_of_several_classes_is_its_decisions(self, rows, model):
        own = rows.assign(decided=model.predict(rows[["x", "z"]]))
        scored, decided = audit(rows, model, decision=None), audit(own)
        for name in ("class_measurements", "class_disparities", "confusion", "measurements"):
            assert getattr(scored.record, name) == getattr(decided.record, name)
        assert scored.record.explanation.status == "ok"
        assert scored.record.system.score == ""

    def test_the_class_that_selects_is_explained(self, rows, model):
        said = audit(rows, model, decision=None, selected="wait").record
        how = said.explanation
        assert (how.classes, how.unit, how.method) == (
            ("wait",), "margin", "exact linear attributions",
        )  # fmt: skip
        both = audit(rows, model, decision=None, positive=["refer", "wait"]).record
        assert (both.explanation.classes, both.explanation.unit) == (
            ("refer", "wait"), "probability",
        )  # fmt: skip
        chance = model.predict_proba(rows[["x", "z"]])[:, 1:].sum(axis=1)
        women = (rows.gender == "female").to_numpy()
        known = rows.gender.notna().to_numpy()
        gap = chance[women].mean() - chance[known & ~women].mean()
        parts = [d.contribution for d in both.disparity_attributions if d.group == "female"]
        assert sum(parts) == pytest.approx(gap, abs=1e-9)
        assert {d.unit for d in both.disparity_attributions} == {"probability"}

    def test_the_report_names_the_class(self, rows, model):
        page = audit(rows, model, decision=None, selected="wait").files()["report.html"]
        assert "margin of &#34;wait&#34;, over the mean margin of all classes" in page
        page = audit(rows, model, decision=None, positive=["refer", "wait"]).files()["report.html"]
        assert "probability of &#34;refer&#34; and &#34;wait&#34;, together" in page

    def test_what_is_wrong_with_probabilities_is_no_matter_of_the_verdict(
        self, rows, model, monkeypatch
    ):
        class Late:
            """Fails to give probabilities, but not of the first rows it is asked about."""

            classes_, feature_names_in_ = model.classes_, model.feature_names_in_
            asked = 0

            def predict(self, given):
                return model.predict(given)

            def predict_proba(self, given):
                self.asked += 1
                return model.predict_proba(given) * (1.0 if self.asked == 1 else 2.0)

        made, right = audit(rows, Late(), decision=None), audit(rows, model, decision=None)
        assert made.record.checks == right.record.checks
        assert made.record.explanation.status == "undefined"
        assert "not a finite number" in made.record.explanation.note
        assert not made.record.attributions

    def test_clusters_with_a_model(self, rows, model):
        own = rows.assign(decided=model.predict(rows[["x", "z"]]))
        scored = audit(rows, model, decision=None, cluster="site")
        assert (
            scored.record.class_measurements == audit(own, cluster="site").record.class_measurements
        )

    def test_a_model_file(self, rows, model, tmp_path):
        import skops.io

        skops.io.dump(model, tmp_path / "model.skops")
        made = audit(rows, tmp_path / "model.skops", decision=None)
        assert (
            made.record.class_measurements
            == audit(rows, model, decision=None).record.class_measurements
        )

    def test_a_model_that_does_not_fit_the_task(self, rows, model):
        from sklearn.linear_model import LogisticRegression

        with pytest.raises(ModelError, match='say so: task = "multiclass"'):
            audit(rows, model, decision=None, task=None)
        two = LogisticRegression().fit(rows[["x", "z"]], np.where(rows.x > 1, "refer", "wait"))
        with pytest.raises(ModelError, match=r"2 labels .* but the task is multiclass"):
            audit(rows, two, decision=None)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"task": None}, "3 different values .* the task is binary"),
            ({"positive": ["refer", "none"]}, "positive label 'none' never occurs"),
            ({"positive": CLASSES}, "nobody has the negative outcome"),
        ],
    )
    def test_of_the_label(self, rows, changes, found):
        with pytest.raises(DataError, match=found):
            audit(rows, **changes)

    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"task": "regression"}, "task"),
            (
                {"task": None, "positive": ["refer", "wait"]},
                "a list, 'refer', 'wait', but the task",
            ),
            ({"selected": {"above": 0.5}}, "cuts decisions above 0.5, but the task is multiclass"),
            ({"positive": ["refer", "refer"]}, "'refer' more than once"),
        ],
    )
    def test_of_the_plan(self, rows, changes, found):
        with pytest.raises(PlanError, match=found):
            audit(rows, **changes)

    def test_numbers_are_another_task(self, rows):
        with pytest.raises(DataError, match="regression or ranking, but the task is multiclass"):
            audit(rows.assign(decided=rows.x), selected="refer")
        with pytest.raises(DataError, match="Label column 'need' holds 40 different numbers"):
            audit(rows.assign(need=rows.index % 40), positive=1, selected="refer")

    def test_two_classes_are_binary(self, rows):
        with pytest.raises(DataError, match="multiclass, but 2 classes were found"):
            audit(rows.replace({"wait": "no_action"}))

    def test_too_many_classes(self, rows):
        many = rows.assign(need=[f"class {i % 51}" for i in range(len(rows))])
        with pytest.raises(DataError, match="51 different values, but at most 50") as error:
            audit(many, positive="class 1", selected="refer")
        assert "class 7" not in str(error.value)

    @pytest.mark.parametrize("typo", ["Refer", "refer ", "ref\u200ber", "\uff52efer"])
    def test_one_class_spelled_in_two_ways(self, rows, typo):
        with pytest.raises(DataError, match="differ only in case, spaces or characters"):
            audit(rows.replace({"decided": {"refer": typo}}), selected=typo)

    def test_no_class_in_common(self, rows):
        coded = rows.replace({"decided": {"refer": "1", "wait": "2", "no_action": "3"}})
        with pytest.raises(DataError, match="no class in common"):
            audit(coded, selected="1")

    def test_a_word_of_the_tables(self, rows):
        with pytest.raises(DataError, match="called '\\(macro\\)'"):
            audit(rows.replace({"wait": "(macro)"}))

    def test_a_table_of_counts_with_two_values(self):
        wide = pd.DataFrame(
            {"attribute": ["g"], "group": ["a"], "tp": [1], "fp": [1], "fn": [1], "tn": [1]}
        )
        with pytest.raises(PlanError, match="has two values"):
            audit(wide, label=None, positive=None, decision=None, attributes=["g"])

    def test_more_lines_than_anybody_reads(self, rows):
        n = len(rows)
        many = rows.assign(
            need=[f"c{i % 40}" for i in range(n)],
            decided=[f"c{i % 40}" for i in range(n)],
            gender=[f"g{i % 150}" for i in range(n)],
        )
        with pytest.raises(DataError, match="40 classes by 40 in 153 groups"):
            audit(many, positive="c1")


def test_a_class_of_one_side_only_is_counted_and_told(rows):
    odd = rows.copy()
    odd.loc[odd.index[:5], "decided"] = "reffer"
    made = audit(odd, selected="refer")
    assert of(made, "reffer", "selection_rate").numerator == 5
    assert of(made, "(macro)").status == "undefined"
    assert any("are no recorded outcome: 'reffer' in 5 rows" in n for n in made.record.notes)
    never = audit(rows.assign(decided=rows.decided.replace("wait", "refer")))
    assert of(never, "wait").estimate == 0
    assert of(never, "wait", "precision").status == "undefined"
    assert any("were never decided: 'wait'" in note for note in never.record.notes)


def test_a_small_class_is_insufficient_and_so_is_the_mean(rows):
    few = rows[(rows.need != "wait") | (rows.index < 30)]
    made = audit(few)
    assert of(made, "wait").status == "insufficient"
    macro = of(made, "(macro)")
    assert (macro.status, macro.note) == ("insufficient", "fewer than 30: wait")
    assert macro.estimate is not None


def test_clusters_and_strata_leave_the_mean_without_an_interval(rows):
    for drawn in ({"cluster": "site"}, {"strata": "area"}):
        macro = of(audit(rows, **drawn), "(macro)")
        assert macro.estimate is not None
        assert (macro.lower, macro.upper) == (None, None)
        assert "clusters or strata" in macro.note


def test_the_column_is_called_class_everywhere(rows):
    made = audit(rows)
    table = made.table("class_measurements")
    assert list(table.columns[:4]) == ["class", "metric", "attribute", "group"]
    text = recording.dumps(made.record)
    assert json.loads(text)["class_measurements"][0]["class"] == "no_action"
    assert 'class_"' not in text
    assert recording.loads(text) == made.record
    assert "class_" in asdict(made.record.class_measurements[0])


def test_one_group_has_nobody_to_compare_with(rows):
    made = audit(rows.assign(gender="female"), attributes=["gender"])
    found = gap(made, "(macro)", "true_positive_rate", "gender", "female")
    assert found.status == "not_applicable"


def test_the_mean_covers_95_percent():
    """MOVER for a mean of independent rates (Zou, Huang and Zhang, 2009), by simulation."""
    from auditkit.inference.intervals import Bounds, pooled

    rng = np.random.default_rng(11)
    sizes, truth = np.array([35, 60, 200]), np.array([0.9, 0.6, 0.75])
    covered = 0
    for _ in range(2000):
        x = rng.binomial(sizes, truth)
        bounds = wilson(x, sizes)
        _, mean = pooled(x / sizes, Bounds(bounds.lower, bounds.upper), np.ones(3))
        covered += mean.lower <= truth.mean() <= mean.upper
    assert 0.935 <= covered / 2000 <= 0.97


def test_replacing_a_field_keeps_the_class():
    from auditkit.results import ConfusionCell, Status

    cell = ConfusionCell("g", "a", "refer", "wait", 1, 0.5, 2, Status.OK)
    assert replace(cell, n=2).actual == "refer"
