"""Models whose rule is known: what becomes of decisions when one of their inputs is altered."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import auditkit as ak
from auditkit.errors import ModelError, PlanError
from auditkit.evidence.loading import load_model
from auditkit.inference.intervals import paired_difference, wilson
from auditkit.plan import AuditPlan
from auditkit.probes import responses as rising
from auditkit.probes import sampled as drawing
from auditkit.probes.asking import Asker
from auditkit.probes.flips import flips
from auditkit.probes.removals import removals
from auditkit.probes.responses import between
from auditkit.probes.sampled import Sampled
from auditkit.report import figures
from auditkit.results import ALL


def people():
    """Of a, 30 have x = 1 and 30 x = 5; of b, 10 have 1 and 30 have 5. All of b are in camp 2."""
    x = [1] * 30 + [5] * 30 + [1] * 10 + [5] * 30
    return pd.DataFrame(
        {
            "group": ["a"] * 60 + ["b"] * 40,
            "x": np.array(x, dtype=float),
            "camp": ["one"] * 60 + ["two"] * 40,
            "idle": np.arange(100.0),
            "y": ["no", "yes"] * 50,
        }
    )


class Model:
    """A classifier that decides as it is told."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, chosen, *names):
        self.chosen = chosen
        self.asked = []
        self.feature_names_in_ = np.array(names or ("group", "x", "camp", "idle"))

    def predict(self, rows):
        self.asked.append(len(rows))
        return self.chosen(rows)


class Probable(Model):
    """The same with a probability; what is told is the probability."""

    def predict(self, rows):
        return labels(self.chosen(rows) > 0.5)

    def predict_proba(self, rows):
        chance = np.asarray(self.chosen(rows), dtype=float)
        return np.stack([1 - chance, chance], axis=1)


def labels(chosen):
    return np.where(chosen, "yes", "no").astype(object)


def either(rows):
    """Select all of b, and of a those with a large x."""
    return labels((rows["group"] == "b") | (rows["x"] > 3))


def audited(model, data=None, **more):
    asked = {
        "label": "y", "positive": "yes", "outcome": "benefit", "attributes": ["group"],
        "policy": "minimal", "explain": {"rows": 0}, **more,
    }  # fmt: skip
    return ak.audit(model, people() if data is None else data, **asked)


def rows_of(made, name, **where):
    table = made.table(name)
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def row_of(made, name, **where):
    found = rows_of(made, name, **where)
    assert len(found) == 1, found
    return found.iloc[0]


# ----------------------------------------------------------------------------------------- flips


def test_an_own_input_told_as_the_other_group_by_hand():
    made = audited(Model(either))
    # a told as b: the 30 with x = 1 are selected now; b told as a: the 10 with x = 1 no longer
    for group, n, gained, lost in (("a", 60, 30, 0), ("b", 40, 0, 10)):
        row = row_of(made, "flips", group=group, way="set")
        found = row[["n", "changed", "gained", "lost", "unanswered", "failed"]].tolist()
        assert found == [n, gained + lost, gained, lost, 0, 0]
        bounds = wilson(gained + lost, n)
        told = row[["share", "lower", "upper"]].astype(float).tolist()
        assert told == pytest.approx([(gained + lost) / n, bounds.lower, bounds.upper])
        kept = 30  # those with x = 5 are selected as either
        net = paired_difference(kept, gained, lost, n - kept - gained - lost)
        told = row[["net", "net_lower", "net_upper"]].astype(float).tolist()
        assert told == pytest.approx([(gained - lost) / n, net.lower, net.upper])
        assert (row["status"], row["unit"]) == ("ok", "")
        assert pd.isna(row["mean_change"])  # a decision has no size


def test_a_change_of_the_output_by_hand():
    chance = Probable(lambda rows: rows["x"] / 10 + 0.2 * (rows["group"] == "b"))
    made = audited(chance)
    row = row_of(made, "flips", group="a", way="set")
    assert row["unit"] == "probability"
    assert row["mean_change"] == pytest.approx(0.2)
    assert pd.isna(row["mean_lower"])  # the same for everybody: nothing to estimate a spread from
    # 0.1 + 0.2 and 0.5 + 0.2: the half with x = 5 are above 0.5 now
    assert (row["gained"], row["lost"]) == (30, 0)


def test_a_column_that_the_model_ignores_changes_nothing_at_all():
    made = audited(Probable(lambda rows: rows["x"] / 10))
    ignored = rows_of(made, "flips", feature="group")
    assert len(ignored) == 2
    assert (ignored[["changed", "gained", "lost", "share", "net", "mean_change"]] == 0).all().all()
    assert (ignored["upper"] > 0.05).all()  # that no change was seen is not that there is none
    gone = rows_of(made, "removals", feature="idle")
    assert (gone["changed"] == 0).all()
    groups = gone[gone["attribute"] != ALL]
    assert (groups[["gap_change", "output_change"]] == 0).all().all()
    still = rows_of(made, "responses", feature="idle")
    assert (still["steady"] == still["n"]).all()
    assert (still["step"] == 0).all()
    said = text_of(made)
    assert "no answer about a sampled row changed when the model was told another group" in said
    assert "No sampled row's output moved with: idle." in said


def test_bins_are_told_by_the_lower_median_of_the_other_bin():
    data = people().assign(age=[*range(10, 18)] * 5 + [20.0] * 29 + [60.0] * 31)
    for cut, gained in ((30, 40), (60, 0)):  # of the older, 31 of 60 have 60: the lower median
        model = Model(lambda rows, cut=cut: labels(rows["age"] > cut), "age", "x")
        made = audited(model, data, attributes=[ak.Attribute("age", bins=[18])])
        row = row_of(made, "flips", group="<18", way="set")
        assert (row["n"], row["gained"], row["lost"]) == (40, gained, 0)
    exact = Model(lambda rows: labels(rows["age"].between(12, 14)), "age", "x")
    made = audited(exact, data, attributes=[ak.Attribute("age", bins=[18])])
    # of the younger, each of 10 to 17 five times: the twentieth of forty has 13
    assert row_of(made, "flips", group=">=18", way="set")["gained"] == 60


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        (lambda g: g == "b", ("false", "true")),
        (lambda g: pd.Categorical(np.where(g == "b", "q", "p")), ("p", "q")),
        (lambda g: pd.array(np.where(g == "b", 2, 1), dtype="Int64"), ("1", "2")),
        (lambda g: np.where(g == "b", "zwei", "eins"), ("eins", "zwei")),
    ],
    ids=["boolean", "category", "Int64", "text"],
)
def test_every_kind_of_column_keeps_its_kind(column, levels):
    data = people()
    data["kind"] = column(data["group"])
    kinds = set()

    def chosen(rows):
        if len(rows) > 1:
            kinds.add(str(rows["kind"].dtype))
        second = rows["kind"].astype("string").str.lower() == levels[1]
        return labels(second.fillna(value=False).to_numpy(dtype=bool))

    made = audited(Model(chosen, "kind"), data, attributes=["kind"])
    for group, gained, lost in ((levels[0], 60, 0), (levels[1], 0, 40)):
        row = row_of(made, "flips", group=group, way="set")
        assert (row["gained"], row["lost"]) == (gained, lost)
    assert str(data["kind"].dtype) in kinds


def test_merged_values_are_told_as_the_one_that_most_have():
    data = people()
    data["where"] = ["north"] * 60 + ["south"] * 30 + ["far south"] * 10
    made = audited(
        Model(lambda rows: labels(rows["where"] == "south"), "where"), data,
        attributes=[ak.Attribute("where", merge={"south of it": ["south", "far south"]})],
    )  # fmt: skip
    row = row_of(made, "flips", group="north", way="set")
    assert (row["toward"], row["gained"]) == ("south of it", 60)


def test_missing_values_stay_missing_in_flips_and_are_said():
    data = people()
    data.loc[:19, "group"] = None  # of a, 20 with x = 1: 10 with 1 and 30 with 5 are left
    made = audited(Model(either), data)
    row = row_of(made, "flips", group="a", way="set")
    assert (row["n"], row["gained"]) == (40, 10)
    assert "(not recorded)" not in {*made.table("flips")["group"], *made.table("flips")["toward"]}


def test_a_stand_in_is_drawn_from_the_other_group():
    # the group itself is no input, and its camp says it all
    model = Model(lambda rows: labels(rows["camp"] == "two"), "x", "camp")
    made = audited(model)
    row = row_of(made, "flips", group="a", feature="camp")
    assert (row["way"], row["n"], row["gained"], row["lost"]) == ("drawn", 60, 60, 0)
    # of 40 values that 60 rows are given: no more than 40 pairs count
    bounds = wilson(40, 40)
    assert float(row["lower"]) == pytest.approx(float(bounds.lower))
    assert "No attribute is an input of the model" in text_of(made)
    assert not len(rows_of(made, "flips", way="set"))


def test_stand_ins_are_those_that_carry_most_of_the_gap_with_and_without_attributions():
    rng = np.random.default_rng(3)
    data = people().sample(600, replace=True, random_state=1, ignore_index=True)
    data = data.assign(**{f"z{i}": rng.normal(size=600) for i in range(4)})
    lean = 2.0 * (data["camp"] == "two") + 0.4 * data["z0"] - 1
    data["y"] = labels(rng.random(600) < 1 / (1 + np.exp(-lean)))
    names = ["camp", "z0", "z1", "z2", "z3"]
    model = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", max_categories=5), LogisticRegression()
    )
    data[names[1:]] = data[names[1:]].round()
    model.fit(data[names], data["y"])
    for rows in (0, 300):
        made = audited(model, data, explain={"rows": rows})
        found = rows_of(made, "flips", group="a")["feature"].tolist()
        assert found[0] == "camp"
        assert len(found) == 3


def test_inputs_that_the_plan_names_are_stand_ins_too():
    model = Model(lambda rows: labels(rows["camp"] == "two"), "x", "camp", "idle")
    made = audited(model, explain={"rows": 0, "stand_ins": ["idle"]})
    found = rows_of(made, "flips", group="a")
    assert found["feature"].tolist()[:2] == ["idle", "camp"]
    assert found["changed"].tolist()[:2] == [0, 60]
    with pytest.raises(ModelError, match="'idle', which the model does not read"):
        audited(Model(either, "group", "x"), explain={"stand_ins": ["idle"]})


def test_selected_may_be_a_cut_or_the_other_label():
    chance = Probable(lambda rows: rows["x"] / 10 + 0.2 * (rows["group"] == "b"))
    cut = row_of(audited(chance, selected={"above": 0.25}), "flips", group="a", way="set")
    assert (cut["gained"], cut["lost"], cut["changed"]) == (30, 0, 30)  # 0.1 becomes 0.3
    other = row_of(audited(chance, selected="no"), "flips", group="a", way="set")
    assert (other["gained"], other["lost"]) == (0, 30)  # 0.5 becomes 0.7: 'yes', so not selected
    assert other["mean_change"] == pytest.approx(0.2)  # the output speaks for the positive label


def test_several_classes_count_every_change_and_those_that_select():
    class Three(Model):
        classes_ = np.array(["no", "wait", "yes"])

    def chosen(rows):
        return np.where(rows["group"] == "b", "yes", np.where(rows["x"] > 3, "wait", "no"))

    data = people()
    data["y"] = ["no", "wait", "yes", "no"] * 25
    made = audited(Three(chosen), data, task="multiclass", positive=["yes", "wait"])
    row = row_of(made, "flips", group="a", way="set")
    # 30 were not selected and are; 30 wait, which selects too, and now have another class
    assert (row["changed"], row["gained"], row["lost"]) == (60, 30, 0)


def test_many_groups_are_told_as_the_five_largest():
    sizes = [60, 50, 40, 30, 20, 15, 10]
    named = [f"g{i}" for i, n in enumerate(sizes) for _ in range(n)]
    data = pd.DataFrame({"group": named, "x": 1.0, "y": ["no", "yes"] * 112 + ["no"]})
    made = audited(Model(lambda rows: labels(rows["group"] == "g0"), "group", "x"), data)
    own = rows_of(made, "flips", way="set")
    assert set(own["toward"]) == {"g0", "g1", "g2", "g3", "g4"}
    assert set(own["group"]) == {f"g{i}" for i in range(7)}
    assert len(own) == 5 * 4 + 2 * 5
    small = own[own["group"] == "g6"].iloc[0]
    assert (small["n"], small["status"]) == (10, "insufficient")


# ------------------------------------------------------------------------------------- failures


def picky(rows):
    """Fail on people of b with x = 1, whom nobody has seen."""
    if ((rows["group"] == "b") & (rows["x"] == 1)).any():
        raise KeyError("private")
    return either(rows)


def test_a_model_that_fails_on_what_was_never_seen_is_counted_and_does_not_stop_the_audit():
    data = people()
    data = data[(data["group"] == "a") | (data["x"] == 5)].reset_index(drop=True)  # b: 30 with 5
    made = audited(Model(picky), data)
    row = row_of(made, "flips", group="a", way="set")
    # failing rows are looked for among 30 of a group
    failed = int(row["failed"])
    assert (row["n"], row["status"]) == (30, "ok")
    assert 0 < failed < 30
    assert row["share"] == pytest.approx(failed / 30)  # none of the others changes
    assert row_of(made, "flips", group="b", way="set")["failed"] == 0
    gone = row_of(made, "removals", feature="group", group="(all)")
    assert gone["failed"] > 0
    assert gone["status"] == "ok"
    page = made.files()["report.html"]
    assert "or the model failed on them" in " ".join(page.split())
    assert "private" not in page


def test_where_failing_rows_are_looked_for_a_group_is_told_by_its_own_first_rows():
    data = pd.concat([people()] * 10, ignore_index=True)
    data["site"] = np.where(np.arange(1000) % 25 == 0, "small", "large")  # 24 of a, 16 of b
    data.loc[(data["site"] == "small"), "x"] = 5.0

    def chosen(rows):
        if ((rows["site"] == "small") & (rows["x"] == 1)).any():
            raise ValueError
        return either(rows)

    made = audited(Model(chosen, "group", "x", "site"), data, attributes=["group", "site"])
    told = rows_of(made, "removals", feature="x")
    assert told["failed"].sum() > 0
    # 30 of each, though rows of the small site are asked about beside them for its own sake
    assert set(told[told["group"] != "small"]["n"]) == {30}


def test_means_of_a_few_people_are_withheld():
    data = people().iloc[[*range(60), 60, 61, 62]].reset_index(drop=True)
    chance = Probable(lambda rows: rows["x"] / 10 + 0.2 * (rows["group"] == "b"))
    made = audited(chance, data)
    own = row_of(made, "flips", group="b", way="set")
    assert (own["n"], own["status"]) == (3, "insufficient")
    assert pd.isna(own["mean_change"])
    assert "whose mean would describe them" in own["note"]
    gone = row_of(made, "removals", feature="x", group="b")
    assert gone[["output_gap", "output_change"]].isna().all()
    assert pd.isna(row_of(made, "responses", feature="idle", group="b")["near"])
    assert not pd.isna(row_of(made, "flips", group="a", way="set")["mean_change"])


def test_calls_for_failing_rows_are_bounded_and_what_is_not_known_is_undefined(monkeypatch):
    monkeypatch.setattr(drawing, "CALLS", 5)
    data = people()
    data = data[(data["group"] == "a") | (data["x"] == 5)].reset_index(drop=True)
    model = Model(picky)
    row = row_of(audited(model, data), "flips", group="a", way="set")
    assert row["status"] == "undefined"
    assert pd.isna(row["share"])
    assert pd.isna(row["net"])
    assert "only together with others" in row["note"]


def test_a_model_that_is_gone_is_told_as_unknown_not_as_no_change():
    gone = []

    def chosen(rows):
        swapped = (rows["group"] == "b") & (rows["camp"] == "one")
        if gone or swapped.any():
            gone.append(1)
            raise RuntimeError
        return either(rows)

    made = audited(Model(chosen))
    told = pd.concat([made.table("flips")["status"], made.table("responses")["status"]])
    assert (told == "undefined").all()
    assert made.table("flips")["share"].isna().all()


def test_no_answer_is_counted_and_is_no_loss_of_a_place():
    def chosen(rows):
        strange = (rows["group"] == "b") & (rows["x"] == 1)
        return np.where(strange, None, either(rows))

    data = people()
    data = data[(data["group"] == "a") | (data["x"] == 5)].reset_index(drop=True)
    row = row_of(audited(Model(chosen), data), "flips", group="a", way="set")
    assert row[["n", "changed", "gained", "lost", "unanswered"]].tolist() == [60, 0, 0, 0, 30]
    assert row["share"] == 0.5
    assert row["net"] == 0


class Amounts:
    """A regressor: 1,000 for each x, and 500 more for people of b."""

    feature_names_in_ = np.array(["group", "x", "idle"])

    def predict(self, rows):
        return 1000.0 * rows["x"].to_numpy() + 500 * (rows["group"] == "b")


def test_amounts_are_told_by_how_much_they_change_and_nobody_is_selected():
    made = audited(
        Amounts(), people().assign(y=np.arange(100.0)), task="regression", tolerance=1.0,
        positive=None,
    )  # fmt: skip
    row = row_of(made, "flips", group="b", way="set")
    assert row[["n", "changed", "gained", "lost"]].tolist() == [40, 40, 0, 40]
    assert (row["mean_change"], row["unit"]) == (-500, "amount")
    assert pd.isna(row["net"])
    drawn = row_of(made, "flips", group="b", feature="x")
    # of a, half have 1 and half 5; of b, 10 have 1 and 30 have 5: a mean of 3,000 against 4,000,
    # and the 40 of 60 cells that are put in may be off from that by chance
    assert drawn["mean_lower"] < -1000 < drawn["mean_upper"]
    up = row_of(made, "responses", feature="x", group="a")
    assert (up["rises"], up["points"]) == (60, 2)
    assert pd.isna(up["loses"])
    assert pd.isna(up["step"])
    gone = row_of(made, "removals", feature="group", group="b")
    assert gone["output_gap"] == pytest.approx(1500)
    assert gone["output_lower"] < -500 < gone["output_upper"]
    assert pd.isna(gone["gap"])
    idle = rows_of(made, "removals", feature="idle")
    assert (idle["changed"] == 0).all()
    said = text_of(made)
    assert "of 60 a told as b" in said or "of 40 b told as a" in said
    assert "are predicted otherwise" in said
    assert re.search(
        "0 more, 40 less, by −500 on average|60 more, 0 less, by .500 on average", said
    )
    assert "selected" not in said
    texts = [text.get_text() for text in made.figure("flips", by="group").axes[0].texts]
    assert "n 60 · +500" in texts


def test_an_audit_without_a_model_has_nothing():
    none = audited(None, people().assign(d="yes"), decision="d")
    assert not any(len(none.table(name)) for name in ("flips", "responses", "removals"))
    assert 'id="altered"' not in none.files()["report.html"]


# ------------------------------------------------------------------------------------- responses


@pytest.mark.parametrize(
    ("output", "way"),
    [
        (lambda x: x / 200, "rises"),
        (lambda x: 1 - x / 200, "falls"),
        (lambda x: np.abs(x - 50) / 100, "both"),
        (lambda x: x * 0 + 0.3, "steady"),
    ],
)
def test_which_way_an_output_goes(output, way):
    made = audited(Probable(lambda rows: output(rows["idle"])))
    row = row_of(made, "responses", feature="idle", group="(all)")
    assert row[["rises", "falls", "both", "steady"]].sum() == row[way] == row["n"] == 100
    assert row["points"] == 11


def test_where_decisions_switch_and_who_loses_by_hand():
    # of a, 30 with x = 1 switch when idle is 40 or more; all others stay as they are
    model = Model(lambda rows: labels((rows["x"] > 3) | (rows["idle"] >= 40)))
    made = audited(model)
    a, b = (row_of(made, "responses", feature="idle", group=g) for g in ("a", "b"))
    assert (a["rises"], a["steady"], a["loses"]) == (30, 30, 0)
    assert float(a["loses_upper"]) == pytest.approx(float(wilson(0, 60).upper))
    assert (a["before"], a["after"], a["step"]) == (0.5, 1.0, 0.5)
    assert 31 < a["near"] <= 40.6
    bounds = paired_difference(30, 30, 0, 0, 1 - 0.05 / 10)
    assert float(a["step_lower"]) == pytest.approx(float(bounds.lower))
    assert (b["before"], b["after"]) == (0.75, 1.0)
    down = audited(Model(lambda rows: labels((rows["x"] > 3) & (rows["idle"] < 40))))
    row = row_of(down, "responses", feature="idle", group="a")
    assert (row["falls"], row["loses"], row["step"]) == (30, 30, -0.5)


def test_need_that_loses_the_place_for_one_group_alone_is_said():
    def chosen(rows):
        return labels(np.where(rows["group"] == "b", rows["idle"] < 50, rows["idle"] >= 50))

    made = audited(Model(chosen), need="idle")
    a, b = (row_of(made, "responses", feature="idle", group=g) for g in ("a", "b"))
    assert (a["loses"], b["loses"], b["n"]) == (0, 40, 40)
    said = text_of(made)
    assert "More need can lose people their place" in said
    assert "40 of 40 b (group)" in said
    fine = audited(Model(lambda rows: labels(rows["idle"] >= 50)), need="idle")
    assert "More need (idle) lost none of 100 sampled people the place" in text_of(fine)
    other = audited(Model(either, "group", "x"), need="idle")
    assert "is not an input that could be raised here" in text_of(other)


def test_levels_of_need_rise_in_the_order_of_the_plan():
    data = people().assign(depth=["low", "medium", "high", "extreme"] * 25)
    ladder = ["low", "medium", "high", "extreme"]
    model = Model(lambda rows: labels(rows["depth"].isin(["medium", "high"])), "depth", "x")
    made = audited(model, data, need="depth", need_order=ladder)
    row = row_of(made, "responses", feature="depth", group="(all)")
    assert (row["points"], row["both"], row["loses"]) == (4, 100, 100)
    assert pd.isna(row["near"])  # a level is no number


def test_codes_and_truths_are_no_rising_numbers():
    data = people().assign(truth=[True, False] * 50, code=[1, 2] * 50)
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(data[["code"]], data["y"])
    assert not len(audited(model, data).table("responses"))
    made = audited(Model(either, "group", "x", "truth"), data)
    assert set(made.table("responses")["feature"]) == {"x"}


def test_a_number_that_is_the_same_for_all_says_so():
    made = audited(Model(either), people().assign(idle=7.0))
    row = row_of(made, "responses", feature="idle")
    assert (row["group"], row["status"]) == ("(all)", "undefined")
    assert "the same value" in row["note"]


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (14.7, 31.2, 20), (3, 4, 4), (0, 1, 1), (-1, 0, 0), (-0.031, 0.002, 0), (-9, -8, -8),
        (99, 101, 100), (1000.21, 1000.29, 1000.25), (0.00031, 0.00039, 0.00035), (5, 9, 7),
    ],
)  # fmt: skip
def test_a_step_is_told_by_a_round_number(low, high, found):
    assert low < between(low, high) <= high
    assert between(low, high) == found


# -------------------------------------------------------------------------------------- removals


def test_a_removed_group_closes_the_gap_that_it_made():
    data = people().sample(2000, replace=True, random_state=2, ignore_index=True)
    made = audited(Model(lambda rows: labels(rows["group"] == "b"), "group", "x"), data)
    row = row_of(made, "removals", feature="group", group="b")
    assert row["gap"] == 1  # all of b and nobody else
    assert row["gap_change"] == pytest.approx(-1, abs=0.1)
    assert row["gap_lower"] < -1 < row["gap_upper"] or row["gap_upper"] > row["gap_change"]
    share = (data["group"] == "a").mean()  # a row of b changes when it is given an a
    assert row["lower"] < share < row["upper"]
    assert row["rounds"] == 5
    assert made.table("removals")["feature"].iloc[0] == "group"  # what changes most comes first
    idle = row_of(made, "removals", feature="x", group="b")
    assert (idle["changed"], idle["gap_change"]) == (0, 0)


def test_the_change_of_the_output_is_that_of_the_mean_by_hand():
    # the output is 0.1 for a and 0.3 for b; of everybody's cells 60 in 100 are a's
    made = audited(Probable(lambda rows: 0.1 + 0.2 * (rows["group"] == "b")))
    row = row_of(made, "removals", feature="group", group="b")
    assert row["output_gap"] == pytest.approx(0.2)
    # each round gives all 100 cells once, so over everybody the mean stays what it was
    assert -0.3 < row["output_change"] < -0.1
    assert row["output_lower"] < -0.2 < row["output_upper"]
    own, rest = (row_of(made, "removals", feature="group", group=g) for g in ("a", "b"))
    assert own["output_change"] == pytest.approx(-rest["output_change"])


# ------------------------------------------------------------------------- the same, safe, bounded


def test_shuffled_rows_give_the_same_tables_and_rows_of_a_group_are_at_most_200():
    data = pd.concat([people()] * 20, ignore_index=True).assign(idle=np.arange(2000.0))
    chance = Probable(lambda rows: (rows["x"] / 20 + 0.2 * (rows["group"] == "b")).clip(0, 1))
    made = audited(chance, data)
    again = audited(chance, data.sample(frac=1, random_state=3))
    for name in ("flips", "responses", "removals"):
        assert getattr(made.record, name) == getattr(again.record, name)
        assert made.table(name)["n"].max() == 200


def test_no_value_of_a_row_is_in_the_tables():
    data = people()
    data.loc[0, "idle"] = 123456.0
    data["camp"] = [f"secret{i}" for i in range(100)]
    made = audited(Probable(lambda rows: rows["x"] / 20 + rows["idle"] / 1e7), data)
    names = ("flips", "responses", "removals")
    told = json.dumps([str(made.table(name).to_dict()) for name in names])
    assert "123456" not in told
    assert "secret" not in told


def test_the_number_of_askings_and_of_calls_is_bounded_however_many_columns(monkeypatch):
    monkeypatch.setattr(drawing, "MOST_ASKED", 20_000)
    monkeypatch.setattr(rising, "MOST_ASKED", 20_000)
    data = pd.concat([people()] * 20, ignore_index=True)
    wide = [f"z{i}" for i in range(40)]
    rng = np.random.default_rng(0)
    data[wide] = rng.normal(size=(2000, 40))
    model = Model(either, "group", "x", *wide)
    steps = []
    made = audited(model, data, progress=lambda step, done, of: steps.append(step))
    assert "altering" in steps
    table = made.table("removals")
    assert set(table["n"]) <= {50}
    assert table["feature"].nunique() == 42
    found = made.table("responses")
    skipped = found[found["status"] == "not_applicable"]
    assert "more inputs than are asked about" in skipped["note"].iloc[0]
    assert found["feature"].nunique() == 41
    assert found["feature"].iloc[0] == "x"  # the one that changes decisions comes first
    assert len(model.asked) < 400  # with those of the other probes: a few calls of each column


# ------------------------------------------------------------------------------------- simulation


class Cut:
    """A classifier of two numbers: above 0 together."""

    classes_ = np.array(["no", "yes"])
    feature_names_in_ = np.array(["x", "v"])

    def predict(self, rows):
        return labels(rows["x"] + rows["v"] > 0)

    def decision_function(self, rows):
        return (rows["x"] + rows["v"]).to_numpy()


def draw(rng, n, m):
    """Give n rows of g, m of h and all of them; v is a point higher in h."""
    rows = pd.DataFrame(
        {
            "x": rng.normal(size=n + m),
            "v": np.concatenate([rng.normal(-0.5, 1, n), rng.normal(0.5, 1, m)]),
        }
    )
    g, h = np.arange(n), np.arange(n, n + m)
    every = rng.permutation(n + m)
    plan = AuditPlan.model_validate(
        {
            "system": {"name": "s", "stage": "explore"},
            "data": {"label": "y", "positive": "yes", "outcome": "benefit"},
            "attributes": {"k": {}},
        }
    )
    scorer = load_model(Cut(), plan)
    asker = Asker(scorer.with_unit(rows), plan, rows.iloc[:1], outputs=True)
    groups = {(ALL, ALL): every, ("k", "g"): g, ("k", "h"): h}
    found = Sampled(
        asker, rows, asker.whole(rows), frozenset({"yes"}), groups, {("k", "g"): h, ("k", "h"): g},
        {key: len(of) for key, of in groups.items()}, int(rng.integers(1 << 30)), "margin", 30,
    )  # fmt: skip
    return found, plan


@pytest.mark.parametrize(("n", "m"), [(60, 60), (120, 40)])
def test_intervals_hold_what_they_say_in_simulation(n, m):
    from scipy.stats import multivariate_normal, norm

    # told with h's v: selected at the mean 0.5 before -0.5, both with variance 2 and x in both
    def both(mean):
        return multivariate_normal.cdf(mean, cov=[[2, 1], [1, 2]])

    before, after = norm.cdf(-0.5 / np.sqrt(2)), norm.cdf(0.5 / np.sqrt(2))
    share = before + after - 2 * both([-0.5, 0.5])
    w = m / (n + m)  # of the cells of all, so many are h's
    removed = {"g": (1 - w) * before + w * after, "h": (1 - w) * before + w * after}
    change = (removed["g"] - removed["h"]) - (before - after)
    rng = np.random.default_rng([5, n, m])
    held = {"share": 0, "net": 0, "mean": 0, "gap": 0, "output": 0}
    runs = 150
    for _ in range(runs):
        found, plan = draw(rng, n, m)
        attribute = plan.attributes["k"]
        (row, _) = flips(found, [attribute], (), {"k": {"v": 1.0}}, lambda *_: None)
        held["share"] += row.lower <= share <= row.upper
        held["net"] += row.net_lower <= after - before <= row.net_upper
        held["mean"] += row.mean_lower <= 1 <= row.mean_upper
        gone = removals(found, lambda *_: None)
        (row,) = (r for r in gone if r.feature == "v" and r.group == "g")
        held["gap"] += row.gap_lower <= change <= row.gap_upper
        held["output"] += row.output_lower <= 1 <= row.output_upper
    # 95 % less three standard deviations of 150 runs; conservative by design, so more is well
    floor = 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)
    assert min(held.values()) / runs >= floor, held


# ----------------------------------------------------------------------------------------- report


def text_of(made):
    """Give the words of the section."""
    page = made.files()["report.html"]
    section = re.split(r"(?=<section)", page)
    own = next(part for part in section if 'id="altered"' in part[:200])
    bare = re.sub(r"<svg.*?</svg>|<[^>]*>", " ", own, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def test_words_table_and_figure_say_the_same():
    made = audited(Model(either))
    said = text_of(made).replace("\u202f", " ")
    assert "of 60 a told as b, 50.0 % are decided otherwise" in said
    assert "30 newly selected, 0 no longer" in said
    assert "It is the model that is tried out, not the person" in said
    assert "no outcome in this report rests on them" in said
    drawn = made.figure("flips", by="group")
    texts = [text.get_text() for text in drawn.axes[0].texts]
    assert "a → b" in texts
    assert "n 60 · +50.0 points" in texts
    assert "n 40 · −25.0 points" in texts
    without = audited(Model(lambda rows: labels(rows["x"] > 3), "x", "camp"))
    with pytest.raises(PlanError, match="no input of the model"):
        figures.flips(without.record, "group")


def test_a_small_group_is_not_drawn():
    data = people().iloc[:80]  # 20 of b are left
    made = audited(Model(either), data)
    texts = [text.get_text() for text in made.figure("flips", by="group").axes[0].texts]
    assert "too few rows, or answers, to draw" in texts
