"""Models whose behaviour is known: what the probes and the check of determinism say of each."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import auditkit as ak
from auditkit.errors import ModelError
from auditkit.evidence.loading import load_model
from auditkit.evidence.sample import Contrast, Reservoir, Sample
from auditkit.inference.intervals import wilson
from auditkit.probes import asking, probed
from auditkit.probes.asking import Asker, GoneError

GROUPS = {"a": 60, "b": 40}


def people():
    """Of a, 30 have x = 1 and 30 x = 5; of b, 10 have 1 and 30 have 5. Of camps, b has two."""
    x = [1] * 30 + [5] * 30 + [1] * 10 + [5] * 30
    return pd.DataFrame(
        {
            "group": ["a"] * 60 + ["b"] * 40,
            "x": np.array(x, dtype=float),
            "camp": ["north"] * 60 + ["north", "south"] * 20,
            "y": [0, 1] * 50,
        }
    )


class Model:
    """A classifier that decides as it is told, on the columns ``x`` and ``camp``."""

    classes_ = np.array(["no", "yes"])
    feature_names_in_ = np.array(["x", "camp"])

    def __init__(self, chosen):
        self.chosen = chosen
        self.asked = []

    def predict(self, rows):
        self.asked.append(len(rows))
        return self.chosen(rows)


def labels(chosen):
    return np.where(chosen, "yes", "no").astype(object)


def steady(rows):
    return labels(rows["x"] > 3)


def audited(model, data=None, **more):
    data = people() if data is None else data
    asked = {
        "label": "y", "positive": 1, "outcome": "benefit", "attributes": ["group"],
        "policy": "minimal", "explain": {"rows": 0}, **more,
    }  # fmt: skip
    data = data.assign(y=np.where(data["y"] == 1, "yes", "no"))
    return ak.audit(model, data, **{**asked, "positive": "yes"})


def again(made):
    return made.table("determinism").set_index("check")


def probe(made, feature, kind, group):
    table = made.table("probes").set_index(["feature", "probe", "group"])
    return table.loc[(feature, kind, group)]


# ----------------------------------------------------------------------------------- determinism


def test_a_steady_model_changes_nothing_and_page_1_is_silent():
    made = audited(Model(steady))
    found = again(made)
    assert list(found.index) == ["again", "order", "halves", "alone", "threads"]
    assert (found["status"] == "ok").all()
    assert (found["changed"] == 0).all()
    assert found["n"].tolist() == [100, 100, 100, 50, 100]
    assert found["largest"].isna().all()  # a decision has no size
    assert "sampled rows otherwise" not in made.files()["report.html"]


def test_outputs_of_a_fitted_model_agree_to_rounding():
    data = people().assign(z=np.arange(100.0))
    model = LogisticRegression().fit(data[["x", "z"]], np.where(data["y"] == 1, "yes", "no"))
    found = again(audited(model, data))
    assert (found["largest"] == 0).all()
    assert (found["unit"] == "log-odds").all()


def test_a_model_that_looks_at_the_batch_mean_is_found():
    # the mean of all is 3.4; of a row alone it is the row itself, so nobody is above it
    found = again(audited(Model(lambda rows: labels(rows["x"] > rows["x"].mean()))))
    assert found.loc["again", "changed"] == found.loc["order", "changed"] == 0
    first = found.loc["alone"]
    assert first["n"] == 50
    assert 0 < first["changed"] <= 50


def test_how_many_decisions_hang_on_the_batch_by_hand():
    data = people().assign(x=5.0)  # all alike: a row alone and all together differ for nobody
    same = Model(lambda rows: labels(rows["x"] > rows["x"].mean()))
    assert (again(audited(same, data))["changed"] == 0).all()
    size = Model(lambda rows: labels(np.full(len(rows), len(rows) > 60)))
    found = again(audited(size, data))
    assert found["changed"].tolist() == [0, 0, 100, 50, 0]


def test_a_model_that_looks_at_the_place_of_a_row_is_found_by_another_order():
    places = Model(lambda rows: labels(np.arange(len(rows)) < len(rows) / 2))
    assert again(audited(places)).loc["again", "changed"] == 0
    # of 100 places half are chosen; a permutation moves each to the other half half of the time
    assert 30 <= again(audited(places)).loc["order", "changed"] <= 70


def test_a_model_that_draws_numbers_is_found_and_told_on_page_1():
    rng = np.random.default_rng(1)
    made = audited(Model(lambda rows: labels(rng.random(len(rows)) < 0.5)))
    changed = again(made).loc["again", "changed"]
    assert abs(changed - 50) < 25  # five standard deviations
    said = f"decides {changed} of 100 sampled rows otherwise when it is asked again"
    page = " ".join(made.files()["report.html"].split())
    assert said in page.partition('id="relies"')[0]
    assert said in made._repr_html_()


def test_a_model_that_cannot_be_asked_about_one_row_says_so():
    def picky(rows):
        if len(rows) == 1:
            raise ValueError("private")
        return steady(rows)

    made = audited(Model(picky))
    alone = again(made).loc["alone"]
    assert (alone["status"], alone["n"]) == ("undefined", 50)
    assert pd.isna(alone["changed"])
    assert "fails when it is asked so" in alone["note"]
    page = made.files()["report.html"]
    assert "fails when it is asked about one row at a time" in page
    assert "private" not in page


def test_an_audit_without_a_model_has_neither_table():
    made = audited(None, people().assign(d="yes"), decision="d")
    assert not len(made.table("determinism"))
    assert not len(made.table("probes"))
    assert "Beyond these rows" not in made.files()["report.html"]


class Amounts:
    feature_names_in_ = np.array(["x"])

    def __init__(self, noise=0.0):
        self.noise, self.asked = noise, 0

    def predict(self, rows):
        self.asked += 1
        return rows["x"].to_numpy() * 1e6 * (1 + self.noise * self.asked)


def amounts(model):
    rows = people().assign(y=np.arange(100.0))
    return ak.audit(
        model, rows, label="y", task="regression", tolerance=1.0, outcome="benefit",
        attributes=["group"], policy="minimal",
    )  # fmt: skip


def test_amounts_are_asked_about_again_but_no_decision_can_be_probed():
    made = amounts(Amounts())
    assert (again(made)["status"] == "ok").all()
    assert (again(made)["changed"] == 0).all()
    assert made.table("probes").empty
    page = made.files()["report.html"]
    assert "an amount is predicted, so there is no decision to change" in page
    assert "No prediction changed in any way to ask" in page


def test_an_amount_that_differs_each_time_is_told_on_page_1():
    made = amounts(Amounts(noise=1e-4))
    changed = again(made)
    assert (changed["changed"] > 0).all()
    assert (changed["largest"] > 100).all()
    assert "The model predicts 100 of 100 sampled rows otherwise" in made.files()["report.html"]
    rounding = again(amounts(Amounts(noise=1e-9)))
    assert (rounding["changed"] == 0).all()


# ---------------------------------------------------------------------------------------- probes


def test_shares_of_groups_by_hand():
    # all x become 5 + 4 = 9, so those with 1 change: 30 of 60 and 10 of 40
    made = audited(Model(steady))
    for group, changed, n in (("a", 30, 60), ("b", 10, 40), ("(all)", 40, 100)):
        above = probe(made, "x", "above", group)
        assert (above["n"], above["changed"]) == (n, changed)
        assert (above["unanswered"], above["failed"], above["status"]) == (0, 0, "ok")
        bounds = wilson(changed, n)
        told = above[["share", "lower", "upper"]].astype(float).tolist()
        assert told == pytest.approx([changed / n, float(bounds.lower), float(bounds.upper)])
        # below them is 1 - 4 = -3: those with 5 change
        assert probe(made, "x", "below", group)["changed"] == n - changed
        assert probe(made, "camp", "unseen", group)["changed"] == 0


def test_no_answer_and_failure_are_counted_by_group_and_never_dropped():
    def chosen(rows):
        known = rows["camp"].isin(["north", "south"]) | rows["camp"].isna()
        if (~known & (rows["x"] == 1)).any():
            raise KeyError("a camp nobody knows")
        return np.where(rows["x"].isna(), None, steady(rows))

    # of a: 15 with 1 and 15 with 5; of b: 10 and 20
    data = people().iloc[[*range(15), *range(30, 45), *range(60, 90)]].reset_index(drop=True)
    made = audited(Model(chosen), data)
    emptied = probe(made, "x", "emptied", "a")
    assert emptied[["n", "changed", "unanswered", "failed"]].tolist() == [30, 0, 30, 0]
    assert emptied["share"] == 1
    # those with 1 fail, the others are decided as before
    for group, failed in (("a", 15), ("b", 10)):
        found = probe(made, "camp", "unseen", group)
        assert found[["n", "changed", "unanswered", "failed"]].tolist() == [30, 0, 0, failed]
        assert found["share"] == pytest.approx(failed / 30)


def test_a_probability_that_is_no_number_is_no_answer():
    class Probable(Model):
        def predict_proba(self, rows):
            chance = np.where(rows["x"].isna(), np.nan, rows["x"] / 10)
            return np.stack([1 - chance, chance], axis=1)

    made = audited(Probable(steady), selected={"above": 0.3})
    emptied = probe(made, "x", "emptied", "(all)")
    assert emptied[["changed", "unanswered"]].tolist() == [0, 100]


def test_rows_without_an_answer_as_they_are_stay_out_and_are_said():
    data = people()
    data.loc[data["group"] == "b", "x"] = np.nan
    made = audited(Model(lambda rows: np.where(rows["x"].isna(), None, steady(rows))), data)
    b = probe(made, "camp", "emptied", "b")
    assert (b["n"], b["status"]) == (0, "undefined")
    assert pd.isna(b["share"])
    assert "no sampled row has a decision" in b["note"]
    assert probe(made, "camp", "emptied", "a")["n"] == 60


def test_an_empty_cell_is_not_emptied_again():
    data = people()
    data.loc[:9, "x"] = np.nan
    a = probe(audited(Model(steady), data), "x", "emptied", "a")
    # 20 with 1 are not chosen, with or without it; 30 with 5 are not chosen any more
    assert a[["n", "changed"]].tolist() == [50, 30]


def test_a_small_group_is_insufficient():
    data = people().iloc[:80]  # 20 of b are left
    b = probe(audited(Model(steady), data), "x", "above", "b")
    assert (b["n"], b["status"]) == (20, "insufficient")
    assert "at least 30 wanted" in b["note"]


def test_a_large_group_is_asked_about_200_of_its_rows_whatever_their_order():
    data = pd.concat([people()] * 30, ignore_index=True).assign(z=np.arange(3000))
    made = audited(Model(steady), data)
    above = probe(made, "x", "above", "a")
    assert above["n"] == 200
    assert above["lower"] < 0.5 < above["upper"]
    shuffled = audited(Model(steady), data.sample(frac=1, random_state=3))
    assert shuffled.record.probes == made.record.probes
    assert shuffled.record.determinism == made.record.determinism


def test_columns_of_every_kind_keep_their_kind():
    data = people().assign(
        whole=np.arange(100), truth=[True, False] * 50, day=pd.Timestamp("2026-01-01"),
        kind=pd.Categorical(["p", "q"] * 50), maybe=pd.array([1, None] * 50, dtype="Int64"),
    )  # fmt: skip
    seen = {}

    def chosen(rows):
        for name in rows:
            seen.setdefault(name, []).append((str(rows[name].dtype), rows[name].isna().all()))
        return steady(rows)

    model = Model(chosen)
    model.feature_names_in_ = np.array(["x", "whole", "truth", "day", "kind", "maybe"])
    made = audited(model, data)
    kinds = made.table("probes").groupby("feature", sort=False)["probe"].unique().map(list)
    numbers = ["emptied", "above", "below"]
    assert kinds.to_dict() == {
        "x": numbers, "whole": numbers, "truth": ["emptied"], "day": ["emptied"],
        "kind": ["emptied", "unseen"], "maybe": numbers,
    }  # fmt: skip
    assert {kind for kind, _ in seen["whole"]} == {"int64", "float64"}  # empty: no whole number
    assert ("float64", True) in seen["truth"]
    assert {kind for kind, _ in seen["kind"]} == {"category"}
    assert {kind for kind, _ in seen["maybe"]} == {"Int64"}
    assert all(any(empty for _, empty in of) for of in seen.values())


def test_whole_numbers_too_large_for_their_kind_are_given_as_a_reader_would():
    """A number of a case, as large as whole numbers get, had ended the audit with a crash."""
    data = people().assign(x=np.arange(100) * 2**55)
    made = audited(Model(lambda rows: labels(rows["x"] > 2.0**60)), data)
    assert probe(made, "x", "above", "a")["n"] == probe(made, "x", "below", "b")["n"] + 20


def test_text_that_is_already_there_is_not_taken_for_unseen():
    data = people().assign(camp="(unseen)")
    asked = set()

    def chosen(rows):
        asked.update(rows["camp"].dropna())
        return steady(rows)

    audited(Model(chosen), data)
    assert asked == {"(unseen)", "((unseen))"}


def test_several_classes_are_probed_too():
    class Three(Model):
        classes_ = np.array(["no", "wait", "yes"])

    model = Three(lambda rows: np.select([rows["x"] > 6, rows["x"] > 3], ["yes", "wait"], "no"))
    data = people()
    data["outcome"] = ["no", "wait", "yes", "no"] * 25
    made = ak.audit(
        model, data, label="outcome", positive="yes", task="multiclass", outcome="benefit",
        attributes=["group"], policy="minimal",
    )  # fmt: skip
    assert (again(made)["changed"] == 0).all()
    # all become 9: everybody has another class
    assert probe(made, "x", "above", "a")[["n", "changed"]].tolist() == [60, 60]


def test_no_value_of_a_row_is_in_the_tables():
    data = people()
    data.loc[0, "x"] = 123456.0
    made = audited(Model(steady), data)
    told = json.dumps([str(made.table(name).to_dict()) for name in ("probes", "determinism")])
    assert "123456" not in told
    assert "north" not in told


def test_rows_of_a_group_are_drawn_from_the_group_alone():
    # of 2,000 in a 200 live in the south, where 200 of all 210 are kept for the group south
    cells = pd.DataFrame(
        {
            "g": ["a"] * 2000 + ["b"] * 2000,
            "h": ["north"] * 1800 + ["south"] * 200 + ["north"] * 1990 + ["south"] * 10,
        }
    )
    rows = pd.DataFrame({"south": (cells["h"] == "south").astype(float)})
    names = [("a", "north"), ("a", "south"), ("b", "north"), ("b", "south")]
    of_a = np.array([g == "a" for g, _ in names])
    shares, kept_shares = [], []
    for seed in range(60):
        reservoir = Reservoir(0, seed)
        reservoir.add(cells, rows, np.zeros(4000))
        kept = reservoir.kept.sort_values("(key)", kind="stable", ignore_index=True)
        kept = kept.rename(columns=dict(enumerate(["g", "h", "south"])))
        stratum = np.array([names.index(pair) for pair in zip(kept["g"], kept["h"], strict=True)])
        contrast = Contrast("g", "a", of_a, ~of_a)
        sample = Sample(kept[["south"]], stratum, np.zeros(4), np.zeros(4), (contrast,))
        chosen = probed.rows_of_groups(sample)["g", "a"]
        assert len(chosen) == 200
        shares.append(kept["south"][chosen].mean())
        kept_shares.append(kept["south"][kept["g"] == "a"].mean())
    # 200 of 2,000 without replacement: a standard deviation of 2.0 points, of the mean of 60
    # draws 0.26 points
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)
    assert np.mean(kept_shares) > 0.3  # the sample as a whole is not self-weighting
    bounds = wilson(np.array(shares) * 200, 200)
    covered = ((bounds.lower <= 0.1) & (bounds.upper >= 0.1)).sum()
    assert covered >= 51  # of 57 expected, less three standard deviations


# ------------------------------------------------------------------------------- failing rows


def asker(model, rows, calls=asking.CALLS):
    plan = audited_plan()
    return Asker(load_model(model, plan), plan, rows.iloc[:1], calls)


def audited_plan():
    from auditkit.plan import AuditPlan

    return AuditPlan.model_validate(
        {
            "system": {"name": "s", "stage": "explore"},
            "data": {"label": "y", "positive": "yes", "outcome": "benefit"},
            "attributes": {"group": {}},
        }
    )


def fails_on(bad):
    def chosen(rows):
        if rows["x"].isin(bad).any():
            raise ValueError
        return steady(rows)

    return Model(chosen)


def numbered(n):
    return pd.DataFrame({"x": np.arange(float(n)), "camp": "north"})


@pytest.mark.parametrize("bad", [[700], [1, 512, 999], [*range(300, 320)]])
def test_failing_rows_are_found_by_halves(bad):
    rows, model = numbered(1000), fails_on(bad)
    found = asker(model, rows).by_halves(rows)
    assert np.flatnonzero(found.failed).tolist() == bad
    assert not found.untold.any()
    assert (found.label[~found.failed] == steady(rows)[~found.failed]).all()
    assert len(model.asked) <= 2 * len(bad) * (7 + 8)  # 1,000 to 8 in 7 halvings, then one by one


def test_where_every_row_fails_few_calls_are_wasted():
    rows, model = numbered(1000), fails_on(range(1, 1000))
    found = asker(model, rows).by_halves(rows)
    assert found.failed.sum() == 999
    assert len(model.asked) < 1.3 * 1000


def test_calls_are_bounded_and_what_is_left_is_untold():
    rows, model = numbered(1000), fails_on(range(1, 1000))
    found = asker(model, rows, calls=100).by_halves(rows)
    assert len(model.asked) <= 101
    assert found.untold.sum() == 1000 - found.failed.sum() - (found.label != np.array(None)).sum()
    assert found.untold.any()


def test_untold_rows_make_a_share_undefined(monkeypatch):
    monkeypatch.setattr(probed, "Asker", lambda *given: Asker(*given, calls=9))

    def chosen(rows):
        if (rows["x"] > 6).any():
            raise ValueError
        return steady(rows)

    a = probe(audited(Model(chosen)), "x", "above", "a")
    assert a["failed"] == a["n"] == 30
    assert a["status"] == "undefined"
    assert pd.isna(a["share"])
    assert "only together with others" in a["note"]


def test_a_model_that_is_gone_is_not_said_to_fail_on_the_probe():
    gone = []

    def chosen(rows):
        if gone or rows["camp"].eq("(unseen)").any():
            gone.append(1)
            raise RuntimeError
        return steady(rows)

    made = audited(Model(chosen))
    assert probe(made, "x", "above", "a")["status"] == "ok"
    b = probe(made, "camp", "unseen", "b")
    assert (b["n"], b["failed"], b["status"]) == (0, 0, "undefined")
    rows = numbered(10)
    with pytest.raises(GoneError):
        asker(fails_on([0, 5]), rows).whole(rows)


def test_a_row_of_the_data_that_the_model_fails_on_is_an_error_with_columns_and_counts():
    data = people()
    data.loc[:2, "x"] = np.nan

    def chosen(rows):
        if rows["x"].isna().any():
            raise ValueError("private")
        return steady(rows)

    with pytest.raises(ModelError, match=r"predict failed.*'x' is empty \(3\)") as told:
        audited(Model(chosen), data)
    assert "private" not in str(told.value)
