"""The same system trained with other seeds: what hangs on the run, and how it is told."""

import numpy as np
import pandas as pd
import pytest

import auditkit as ak
from auditkit.errors import DataError, PlanError

ROWS = pd.DataFrame(
    {
        "group": list("aaaabbbb"),
        "y": [1, 1, 1, 0, 1, 1, 0, 0],
        "d": [1, 0, 1, 0, 1, 1, 0, 1],
        "run_2": [1, 1, 1, 0, 0, 1, 0, 1],
        "run_3": [0, 0, 1, 1, 1, 1, 0, 1],
    }
)


def audited(data=ROWS, **more):
    given = {
        "label": "y", "positive": 1, "decision": "d", "outcome": "benefit",
        "attributes": ["group"], "policy": "minimal", "seeds": ["run_2", "run_3"], **more,
    }  # fmt: skip
    return ak.audit(None, data, **given)


def row(made, metric, group):
    table = made.table("seeds").set_index(["metric", "group"])
    return table.loc[(metric, group)]


def test_rates_gaps_and_changed_decisions_by_hand():
    made = audited()
    a = row(made, "false_negative_rate", "a")
    # missed of the 3 positive of a: 1 by the audited run, 0 by the second, 2 by the third
    assert (a.runs, a.n) == (3, 3)
    assert (a.estimate, a.lowest, a.highest) == pytest.approx((1 / 3, 0, 2 / 3))
    # of the 2 positive of b: 0, 1 and 0
    assert (a.gap, a.gap_lowest, a.gap_highest) == pytest.approx((1 / 3, -1 / 2, 2 / 3))
    # of a's 3, one is decided otherwise by the second run and one by the third
    assert a.changed == pytest.approx(1 / 3)
    everyone = row(made, "selection_rate", "(all)")
    assert everyone.changed == pytest.approx((2 / 8 + 2 / 8) / 2)
    assert pd.isna(everyone.gap)


def test_precision_has_no_share_of_changed_decisions():
    found = row(audited(), "precision", "a")
    assert pd.isna(found.changed)
    assert found.estimate == 1


def test_the_same_decisions_again_change_nothing():
    data = ROWS.assign(run_2=ROWS.d, run_3=ROWS.d)
    table = audited(data).table("seeds")
    defined = table[table.estimate.notna()]
    assert (defined.lowest == defined.highest).all()
    assert (table.changed.dropna() == 0).all()


def test_no_outcome_rests_on_other_runs():
    rng = np.random.default_rng(0)
    data = pd.concat([ROWS] * 60, ignore_index=True)
    data["run_2"] = rng.integers(0, 2, len(data))
    alone, beside = audited(data, seeds=()), audited(data)
    pd.testing.assert_frame_equal(alone.table("checks"), beside.table("checks"))
    pd.testing.assert_frame_equal(alone.table("measurements"), beside.table("measurements"))
    assert beside.record.provenance.digests.seeds[0] != beside.record.provenance.digests.seeds[1]
    html = beside.files()["report.html"]
    assert "Over other training runs" in html
    assert "Over other training runs" not in alone.files()["report.html"]
    assert "one training run" in alone.files()["report.html"]


def test_weights_and_series_are_taken_and_every_source_says_the_same(tmp_path):
    data = ROWS.assign(w=[1.0, 2, 3, 1, 1, 1, 2, 2])
    data.to_csv(tmp_path / "rows.csv", index=False)
    weighted = audited(data, weight="w", seeds=[data.run_2, data.run_3])
    # of a's positive weight 1 + 2 + 3: 2 otherwise in the second run, 1 in the third
    assert row(weighted, "false_negative_rate", "a").changed == pytest.approx((2 / 6 + 1 / 6) / 2)
    of_file = audited(tmp_path / "rows.csv", weight="w")
    pd.testing.assert_frame_equal(weighted.table("seeds"), of_file.table("seeds"))


def test_a_missing_decision_of_another_run_leaves_that_person_out_of_it():
    data = ROWS.assign(run_2=[1, 1, None, 0, 0, 1, 0, 1])
    found = row(audited(data, seeds=["run_2"]), "false_negative_rate", "a")
    assert (found.n, found.lowest, found.highest) == (3, 0, pytest.approx(1 / 3))
    assert found.changed == pytest.approx(1 / 2)


@pytest.mark.parametrize(("more", "said"), [
    ({"seeds": "run_2"}, "is a list of columns"),
    ({"seeds": ["run_2", "run_2"]}, "'run_2' more than once"),
    ({"seeds": ["d"]}, "data.seeds and data.decision both name 'd'"),
    ({"seeds": ["y"]}, "data.seeds and data.label both name 'y'"),
    ({"seeds": ["group"]}, "both name 'group'"),
    ({"seeds": ["nobody"]}, "nobody"),
], ids=str)  # fmt: skip
def test_columns_that_cannot_be_other_runs_are_refused(more, said):
    with pytest.raises((PlanError, DataError), match=said):
        audited(**more)


def test_another_spelling_is_refused_by_count():
    data = ROWS.assign(run_2=["1", "yes", "1", "0", "0", "1", "0", "yes"])
    with pytest.raises(DataError, match=r"'run_2' is another training run, but 2 rows"):
        audited(data)


def test_runs_are_compared_among_people_in_need_where_need_is_the_outcome():
    data = ROWS.assign(depth=[5, 4, 5, 1, 4, 5, 2, 1])
    by_label = audited(data)
    by_need = audited(data, label=None, positive=None, selected=1, need="depth",
                      in_need={"above": 3})  # fmt: skip
    columns = ["metric", "group", "lowest", "highest", "gap", "changed"]
    pd.testing.assert_frame_equal(by_need.table("seeds")[columns], by_label.table("seeds")[columns])
