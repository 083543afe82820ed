"""Altered inputs that would betray an audit: each must be told, and none taken for no influence."""

import numpy as np
import pandas as pd
import pytest

import auditkit as ak
from auditkit.errors import DataError, PlanError
from auditkit.probes.moves import Moves


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


class Mute(Model):
    """Says nothing of women in deep need."""

    def predict(self, rows):
        deep = (rows["gender"] == "women") & (rows["need"] > 7)
        return np.where(deep, None, super().predict(rows))


def test_people_without_an_answer_at_some_need_are_not_said_to_keep_the_place():
    made = audited(Mute(lambda rows: rows["need"] > 3, "gender", "need"), need="need")
    table = made.table("responses").set_index(["feature", "group"])
    told = table.loc[("need", "(all)")]
    assert told["unanswered"] > 0
    text = section(made)
    assert f"lost none of {told['n'] - told['unanswered']} sampled people the place" in text
    assert f"{told['unanswered']} more get no answer at some need" in text
    assert f"so none of what is said here: need ({told['unanswered']} of {told['n']} rows)" in text
    # of men told as women some get no answer: the figure of who is selected says that it lacks them
    assert "Rows that then get no answer are not in it" in text


def test_need_at_which_nobody_gets_an_answer_is_an_input_all_the_same():
    class MuteToAll(Model):
        def predict(self, rows):
            return np.where(rows["need"] > 7, None, super().predict(rows))

    made = audited(MuteToAll(lambda rows: rows["need"] > 3, "district", "need"), need="need")
    text = section(made)
    assert "Too few sampled people get an answer at every need (need)" in text
    assert "is not an input" not in text.split("One number rising")[1]


def test_a_stand_in_that_is_named_twice_is_refused():
    with pytest.raises(PlanError, match="stand_ins names 'need' more than once"):
        ak.audit(
            Model(lambda rows: rows["need"] > 3, "need"), people(), label="y", positive="yes",
            outcome="benefit", attributes=["gender"], explain={"stand_ins": ["need", "need"]},
        )  # fmt: skip


def test_lists_in_an_input_are_one_error():
    rows = people(100).assign(need=[[1]] * 100)
    with pytest.raises(DataError, match="Column 'need' holds lists"):
        ak.audit(
            Model(lambda rows: rows["district"] == "west", "district", "need"), rows, label="y",
            positive="yes", outcome="benefit", attributes=["gender"], policy="minimal",
        )  # fmt: skip


def test_outputs_near_the_largest_number_end_in_no_error():
    shifts = np.full(40, 1e300) * np.where(np.arange(40) % 2, 1, -1)
    found = Moves(
        asked=40, drawn=40, changed=0, gained=0, lost=0, stayed=0, unanswered=0, failed=0,
        untold=0, shifts=shifts, least=1e301, amounts=False,
    )  # fmt: skip
    with np.errstate(over="ignore"):
        assert found.mean() == (0.0, None, None)
