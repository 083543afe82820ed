"""Where gaps in error come through: by hand, against all orders, in simulation and in audits."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import auditkit as ak
from auditkit.evidence.losses import loss
from auditkit.evidence.sample import Contrast, Sample
from auditkit.explain import error_gaps, shapley
from auditkit.explain.error_gaps import LossGame
from auditkit.results import OUTCOME, SAMPLING, Status

COLUMNS = ["a", "b", "c"]


def people(n=1000, seed=0, **noise):
    """Need is the sum of a and b; what is known of b is blurred, for women more than for men."""
    rng = np.random.default_rng(seed)
    gender = rng.choice(["woman", "man"], n)
    a, b, c = rng.normal(size=(3, n))
    need = a + b + 0.5 * rng.normal(size=n)
    blur = np.where(gender == "woman", noise.get("woman", 2.0), noise.get("man", 0.2))
    return pd.DataFrame(
        {
            "gender": gender,
            "a": a,
            "b": b + blur * rng.normal(size=n),
            "c": c,
            "in_need": np.where(need > 0, "yes", "no"),
            "amount": 1000 * need,
        }
    )


def audit(model, rows, **changes):
    asked = {"label": "in_need", "positive": "yes", "outcome": "benefit", "attributes": ["gender"]}
    asked |= {"policy": "minimal", **changes}
    return ak.audit(model, rows, **{k: v for k, v in asked.items() if v is not None})


def parts(made, group="woman"):
    table = made.table("error_attributions")
    return table[table["group"] == group].set_index("feature")["contribution"]


@pytest.fixture(scope="module")
def rows():
    return people()


@pytest.fixture(scope="module")
def chances(rows):
    return LogisticRegression().fit(rows[COLUMNS], rows["in_need"])


@pytest.fixture(scope="module")
def made(rows, chances):
    return audit(chances, rows)


# ------------------------------------------------------------------ the values of a row


def by_all_orders(row, behind, recorded, unit, output):
    """Average what each column adds over all orders in which columns can become known."""
    p = len(row)

    def worth(known):
        mixed = np.where([j in known for j in range(p)], row, behind)
        return loss(output(mixed), recorded, unit).mean()

    values, orders = np.zeros(p), list(itertools.permutations(range(p)))
    for order in orders:
        for place, j in enumerate(order):
            values[j] += worth(order[: place + 1]) - worth(order[:place])
    return worth(()), values / len(orders)


@pytest.mark.parametrize("unit", ["Brier score", "amount"])
def test_values_are_the_average_over_all_orders(unit):
    rng = np.random.default_rng(1)
    own, behind = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
    recorded = rng.integers(0, 2, 6).astype(float)

    def output(cells):
        cells = np.asarray(cells, dtype=float)
        return 1 / (1 + np.exp(-cells[:, 0] * cells[:, 1] - cells[:, 2]))

    frames = [pd.DataFrame(cells, columns=COLUMNS) for cells in (own, behind)]
    told = shapley.game(*frames, output)
    play = LossGame(told.pool, told.row_output, told.background_output, output, recorded, unit)
    exact, few = shapley.exact(play), shapley.sampled(play, 0)
    for i in range(6):
        start, values = by_all_orders(own[i], behind, recorded[i], unit, output)
        assert exact[i] == pytest.approx(values, abs=1e-12)
        whole = loss(output(own[i : i + 1]), recorded[i], unit)[0]
        assert start + values.sum() == pytest.approx(whole, abs=1e-12)
        assert start + few[i].sum() == pytest.approx(whole, abs=1e-12)


def test_a_row_by_hand():
    # the model says a + b; the background is nothing at all; 3 is recorded of a = 1, b = 4.
    # errors: knowing nothing |0 - 3| = 3, a |1 - 3| = 2, b |4 - 3| = 1, both |5 - 3| = 2.
    # a: half of (2 - 3) and half of (2 - 1) = 0; b: half of (1 - 3) and half of (2 - 2) = -1.
    frames = [pd.DataFrame(cells, columns=["a", "b"]) for cells in ([[1.0, 4.0]], [[0.0, 0.0]])]

    def output(cells):
        return cells.to_numpy().sum(axis=1)

    told = shapley.game(*frames, output)
    play = LossGame(
        told.pool, told.row_output, told.background_output, output, np.array([3.0]), "amount"
    )
    assert shapley.exact(play).tolist() == [[0.0, -1.0]]


# ------------------------------------------------------------------ groups


def test_parts_add_up_to_the_gap_over_all_rows(made, rows, chances):
    chance = chances.predict_proba(rows[COLUMNS])[:, 1]
    off = (chance - (rows["in_need"] == "yes")) ** 2
    women = rows["gender"] == "woman"
    gap = off[women].mean() - off[~women].mean()
    assert parts(made).sum() == pytest.approx(gap, abs=1e-9)
    assert parts(made, "man").sum() == pytest.approx(-gap, abs=1e-9)
    (told,) = (r.brier_score for r in made.record.brier if r.group == "woman")
    assert told == pytest.approx(off[women].mean(), abs=1e-9)  # the same loss is in the report
    how = made.record.error_explanation
    assert (how.status, how.unit, how.rows_of) == ("ok", "Brier score", 1000)
    assert how.additivity <= how.tolerance == 1e-6


def test_h2_one_unit_of_the_output_and_one_of_the_error(made):
    record = made.record
    units = {row.unit for row in (*record.attributions, *record.disparity_attributions)}
    assert units == {record.explanation.unit} == {"log-odds"}
    assert {row.unit for row in record.error_attributions} == {"Brier score"}
    page = made.files()["report.html"]
    assert "parts of the error, not of the output and in another unit" in page
    assert len(record.error_explanation.background_digest) == 64


def test_the_blurred_input_is_found(made):
    table = made.table("error_attributions")
    women = table[table["group"] == "woman"].set_index("feature")
    assert women["contribution"].drop([OUTCOME, SAMPLING]).idxmax() == "b"
    assert women["lower"]["b"] > 0
    assert list(women.index) == [*COLUMNS, OUTCOME, SAMPLING]
    assert (women["n"] == women["n"].iloc[0]).all()
    page = made.files()["report.html"]
    assert "Where the gap in the model&#39;s errors comes through" in page
    assert "through b" in page


def test_outcomes_alone_make_a_gap_that_no_input_carries():
    # the model knows nothing, and one group's outcomes lie further from what it says
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"gender": ["woman"] * 500 + ["man"] * 500, "x": rng.normal(size=1000)})
    rows["amount"] = np.where(rows["gender"] == "woman", 30.0, 10.0) + rng.normal(size=1000)

    class Same:
        feature_names_in_ = np.array(["x"])

        def predict(self, given):
            return np.full(len(given), 5.0)

    made = audit(Same(), rows, label="amount", positive=None, task="regression")
    found = parts(made)
    assert found["x"] == pytest.approx(0, abs=1e-12)
    assert found[OUTCOME] == pytest.approx(20, abs=0.5)
    assert found[SAMPLING] == pytest.approx(0, abs=1e-9)
    assert made.record.error_explanation.unit == "amount"
    assert "No input is shown to carry any of it" in made.files()["report.html"]


def test_amounts_decisions_and_classes_have_a_loss_of_their_own(rows, chances):
    women = (rows["gender"] == "woman").to_numpy()

    def between(off):
        return off[women].mean() - off[~women].mean()

    linear = LinearRegression().fit(rows[COLUMNS], rows["amount"])
    made = audit(linear, rows, label="amount", positive=None, task="regression")
    off = np.abs(linear.predict(rows[COLUMNS]) - rows["amount"].to_numpy())
    assert parts(made).sum() == pytest.approx(between(off), abs=1e-6)
    assert made.record.error_explanation.unit == "amount"

    def decide(given):
        return np.where(given["a"] + given["b"] > 0, "yes", "no")

    made = audit(decide, rows, features=COLUMNS, classes=["no", "yes"])
    off = (decide(rows) != rows["in_need"]).to_numpy().astype(float)
    assert parts(made).sum() == pytest.approx(between(off), abs=1e-9)
    assert made.record.error_explanation.unit == "error rate"

    three = rows.assign(
        to=np.select([rows["amount"] > 1000, rows["amount"] > 0], ["now", "later"], "no")
    )
    model = LogisticRegression().fit(three[COLUMNS], three["to"])
    made = audit(model, three, label="to", positive=["now", "later"], task="multiclass")
    chance = 1 - model.predict_proba(three[COLUMNS])[:, list(model.classes_).index("no")]
    off = (chance - (three["to"] != "no").to_numpy()) ** 2
    assert parts(made).sum() == pytest.approx(between(off), abs=1e-9)
    assert made.record.error_explanation.unit == "Brier score"


def test_only_rows_with_a_recorded_outcome_count(rows, chances):
    rng = np.random.default_rng(4)
    some = rows.assign(in_need=rows["in_need"].mask(rng.random(len(rows)) < 0.7))
    made = audit(chances, some)
    known = some["in_need"].notna()
    off = (chances.predict_proba(some[COLUMNS])[:, 1] - (some["in_need"] == "yes")) ** 2
    women = some["gender"] == "woman"
    gap = off[known & women].mean() - off[known & ~women].mean()
    assert parts(made).sum() == pytest.approx(gap, abs=1e-9)
    assert made.record.error_explanation.rows_of == int(known.sum())
    assert made.table("error_attributions")["n"].max() <= int((known & ~women).sum())


def test_no_order_of_rows_changes_a_byte(rows, chances):
    few = rows.iloc[:500].assign(a=rows["a"].round(), b=rows["b"].round(), c=0.0)  # many are equal
    first = audit(chances, few, explain={"rows": 100}).record
    other = audit(chances, few.sample(frac=1, random_state=3), explain={"rows": 100}).record
    assert first.error_attributions == other.error_attributions
    assert first.error_explanation == other.error_explanation


def test_the_verdict_is_the_same_without(rows, chances, made):
    without = audit(chances, rows, explain={"rows": 0}).record
    assert without.checks == made.record.checks
    assert without.error_explanation.status == "not_applicable"
    assert not without.error_attributions


@pytest.mark.parametrize(
    ("seen", "asked", "why"),
    [
        (True, {"label": None, "positive": "yes"}, "no outcome is recorded"),
        (False, {}, "no model was given"),
    ],
)
def test_why_there_is_none(seen, asked, why, rows, chances):
    if seen:
        made = audit(chances, rows.iloc[:200], **asked)
    else:
        decided = rows.iloc[:200].assign(told=chances.predict(rows.iloc[:200][COLUMNS]))
        made = audit(None, decided, decision="told", **asked)
    how = made.record.error_explanation
    assert (how.status, why in how.note) == ("not_applicable", True)
    assert "model&#39;s errors comes through" not in made.files()["report.html"]


def test_a_model_that_contradicts_itself_is_withheld(rows, chances):
    class Moody:
        classes_, feature_names_in_, asked = chances.classes_, chances.feature_names_in_, 0

        def predict(self, given):
            return chances.predict(given)

        def predict_proba(self, given):
            self.asked += 1
            return np.abs(chances.predict_proba(given) - 1e-3 * (self.asked % 3))

    made = audit(Moody(), rows.iloc[:300])
    how = made.record.error_explanation
    assert how.status is Status.UNDEFINED
    assert "the parts are off the loss" in how.note
    assert not made.record.error_attributions
    assert "Withheld: the parts are off" in made.files()["report.html"]


def test_a_model_that_fails_on_mixed_rows_is_withheld(rows, chances):
    class Strict:
        """Refuses people it has never seen."""

        classes_, feature_names_in_ = chances.classes_, chances.feature_names_in_
        known = frozenset(map(tuple, rows[COLUMNS].to_numpy().tolist()))

        def predict(self, given):
            return chances.predict(given)

        def predict_proba(self, given):
            if not set(map(tuple, given.to_numpy().tolist())) <= self.known:
                raise RuntimeError("stranger")
            return chances.predict_proba(given)

    how = audit(Strict(), rows.iloc[:60]).record.error_explanation
    assert how.status is Status.UNDEFINED
    assert how.note == "withheld: the model fails on rows that are put together from two people"


def test_few_people_have_no_values(rows, chances):
    few = pd.concat([rows[rows["gender"] == "man"], rows[rows["gender"] == "woman"].head(9)])
    made = audit(chances, few)
    assert parts(made).isna().all()
    assert parts(made, "man").isna().all()  # its rest are those nine
    page = made.files()["report.html"]
    assert "no group has enough explained rows with a recorded outcome" in page


def test_no_value_of_a_row_is_told(rows, chances):
    planted = rows.iloc[:300].copy()
    planted.loc[planted.index[0], "a"] = 7.7712345
    made = audit(chances, planted)
    told = json.dumps([str(made.table("error_attributions").to_dict()), str(made.record)])
    assert "7.77123" not in told


def test_inputs_that_go_together_are_told_as_one(rows):
    twice = rows.assign(again=rows["b"] * 2 + 1)
    model = LogisticRegression().fit(twice[[*COLUMNS, "again"]], twice["in_need"])
    made = audit(model, twice)
    assert "b + again" in parts(made).index
    assert not {"b", "again"} & set(parts(made).index)


def test_the_work_is_bounded_and_told(monkeypatch, rows, chances):
    asked, told = [], []
    predicted = error_gaps.predicted

    def counted(scorer, given):
        asked.append(len(given))
        return predicted(scorer, given)

    monkeypatch.setattr(error_gaps, "predicted", counted)
    monkeypatch.setattr(error_gaps, "EVALUATIONS", 20_000)
    made = audit(chances, rows, progress=lambda *at: told.append(at))
    how = made.record.error_explanation
    assert sum(asked) < 20_000 + 3 * 1000
    assert "sampled permutations" in how.method
    assert (how.background, how.rows) == (error_gaps.LEAST_BACKGROUND, 250)
    assert told.count(("explaining errors", 250, 250)) == 1
    women = (rows["gender"] == "woman").to_numpy()
    off = (chances.predict_proba(rows[COLUMNS])[:, 1] - (rows["in_need"] == "yes")) ** 2
    gap = off[women].mean() - off[~women].mean()
    assert parts(made).sum() == pytest.approx(gap, abs=1e-9)


def test_what_weights_and_clusters_mean_is_said(rows, chances):
    drawn = rows.iloc[:200].assign(w=2.0, site=np.arange(200) % 20)
    page = audit(chances, drawn, weight="w", cluster="site").files()["report.html"]
    section = page[page.index("model&#39;s errors comes through") :]
    assert "Every row counts once here, whatever how many people each stands for (w)" in section
    assert "the plan names site" in section


# ------------------------------------------------------------------ intervals


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Losses of a fixed model over fresh draws: 95 % intervals of each part, within 3 points.

    With 400 audits of 4 parts a share of .95 is known to about 1.1 points (they are correlated).
    """

    def output(frame):
        return 1 / (1 + np.exp(-frame["a"].to_numpy() - frame["b"].to_numpy()))

    columns = ["a", "b"]
    behind = people(20, seed=10**6)[columns]

    def values_of(data):
        told = shapley.game(data[columns], behind, output)
        recorded = (data["in_need"] == "yes").to_numpy().astype(float)
        play = LossGame(
            told.pool, told.row_output, told.background_output, output, recorded, "Brier score"
        )
        start = loss(told.background_output, recorded[:, None], "Brier score").mean(axis=1)
        return np.column_stack([shapley.exact(play), start])

    everyone = people(60_000, seed=10**6 + 1)
    values, women = values_of(everyone), (everyone["gender"] == "woman").to_numpy()
    truth = values[women].mean(axis=0) - values[~women].mean(axis=0)
    draws, n, most = 400, 300, 120
    rng, inside = np.random.default_rng(0), []
    for _ in range(draws):
        place = rng.integers(0, len(values), n)
        stratum = women[place].astype(np.int64)
        kept = np.concatenate([np.flatnonzero(stratum == s)[: most // 2] for s in (0, 1)])
        whole = values[place].sum(axis=1)
        strata = np.array([(stratum == s).sum() for s in (0, 1)])
        means = np.array([whole[stratum == s].mean() for s in (0, 1)])
        contrast = Contrast("gender", "woman", np.array([False, True]), np.array([True, False]))
        part = Sample(pd.DataFrame(index=kept), stratum[kept], strata, means, (contrast,))
        found = error_gaps.Attributed(
            (*columns, OUTCOME), values[place][kept], 0.0, whole[kept], "Brier score", "", "", 20,
            0.0, 1e-6, None, Status.OK, "",
        )  # fmt: skip
        told = error_gaps.disparities(found, part)
        inside.append([r.lower <= t <= r.upper for r, t in zip(told[:3], truth, strict=True)])
        inside[-1].append(told[3].lower <= 0 <= told[3].upper)
    share = np.mean(inside, axis=0)
    assert share == pytest.approx(0.95, abs=0.03)
