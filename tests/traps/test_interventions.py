"""Altered inputs that would betray an audit: each must be told, and none taken for no influence."""

import numpy as np
import pandas as pd

import auditkit as ak


class Model:
    classes_ = np.array(["no", "yes"])

    def __init__(self, chosen, *names):
        self.chosen = chosen
        self.feature_names_in_ = np.array(names)

    def predict(self, rows):
        return np.where(self.chosen(rows), "yes", "no").astype(object)


def people(n=2000):
    rng = np.random.default_rng(0)
    gender = rng.choice(["women", "men"], n, p=[0.1, 0.9])
    return pd.DataFrame(
        {
            "gender": gender,
            "district": np.where(gender == "women", "east", "west"),
            "need": rng.integers(0, 11, n).astype(float),
            "y": rng.choice(["no", "yes"], n),
        }
    )


def audited(model, **more):
    return ak.audit(
        model, people(), label="y", positive="yes", outcome="benefit", attributes=["gender"],
        policy="minimal", explain={"rows": 0}, **more,
    )  # fmt: skip


def section(made):
    page = made.files()["report.html"]
    return " ".join(page.partition('id="altered"')[2].partition("<section")[0].split())


def test_an_attribute_that_is_no_input_is_not_taken_for_one_without_influence():
    made = audited(Model(lambda rows: rows["district"] == "west", "district", "need"))
    flips = made.table("flips")
    row = flips[(flips["group"] == "women") & (flips["feature"] == "district")].iloc[0]
    assert row["gained"] == row["n"]
    assert "Other inputs may stand in for it" in section(made)
    assert "no influence" not in section(made)


def test_need_that_counts_against_a_small_group_is_not_hidden_by_everybody_else():
    # one in ten are women, for whom alone more need is held against them
    def chosen(rows):
        return np.where(rows["district"] == "east", rows["need"] < 5, rows["need"] > 5)

    made = audited(Model(chosen, "district", "need"), need="need")
    table = made.table("responses").set_index(["feature", "group"])
    assert table.loc[("need", "women"), "loses"] == table.loc[("need", "women"), "n"]
    assert table.loc[("need", "men"), "loses"] == 0
    assert "women (gender)" in section(made)


def test_a_verdict_does_not_move_with_what_altered_inputs_show():
    def hiding(rows):  # decides by district on rows as they are, and innocently on any other
        real = (rows["district"] == "west") == (rows["gender"] == "men")
        return np.where(real, rows["district"] == "west", rows["need"] > 5)

    open_, hidden = (
        audited(Model(rule, "gender", "district", "need"))
        for rule in (lambda rows: rows["district"] == "west", hiding)
    )
    assert open_.record.checks == hidden.record.checks
    assert open_.record.disposition == hidden.record.disposition
    assert open_.record.flips != hidden.record.flips


def test_an_input_that_acts_only_together_with_another_is_not_said_to_do_nothing():
    made = audited(
        Model(
            lambda rows: (rows["gender"] == "men") & (rows["district"] == "west"),
            "gender", "district",
        )
    )  # fmt: skip
    # told to be men, women still live in the east: nothing changes, and the caution says why
    row = made.table("flips").set_index(["group", "way"]).loc[("women", "set")]
    assert row["changed"] == 0
    assert row["upper"] > 0.01
    text = section(made)
    assert "often less than what it does together with others" in text
    assert "could have been missed" in text or "newly selected" in text
