"""Who stands high on the list of scores: by hand, by brute force, and what cannot be told."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import dcg_score

import auditkit as ak
from auditkit.metrics.exposure import SUMMED, exposure_to


def audited(data, **more):
    given = {
        "decision": "d", "selected": 1, "score": "s", "quota": 2, "outcome": "benefit",
        "attributes": ["group"], "policy": "minimal", **more,
    }  # fmt: skip
    return ak.audit(None, data, **given)


def exposed(made):
    table = made.table("exposure")
    return table[table.attribute == "group"].set_index("group")


def test_the_sum_of_exposures_one_by_one_and_beyond():
    ranks = np.arange(1, 200_001)
    sums = (1 / np.log2(1 + ranks)).cumsum()
    for rank in (1, 2, 1000, SUMMED, SUMMED + 1, 100_000, 200_000):
        assert exposure_to(rank) == pytest.approx(sums[rank - 1], rel=1e-11)
    assert exposure_to(2.5) == pytest.approx((sums[1] + sums[2]) / 2)


def test_ten_people_by_hand_and_against_the_gain_of_scikit_learn():
    scores = [1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    data = pd.DataFrame({"group": list("abbbaaabab"), "s": scores, "d": [1, 1] + [0] * 8})
    table = exposed(audited(data))
    for group in "ab":
        member = (data.group == group).to_numpy(dtype=float)
        gain = dcg_score([member], [scores])  # gain 1 for a member: the sum of their exposure
        assert table.loc[group].exposure == pytest.approx(gain / 5)
        assert table.loc[group].share_of_people == 0.5
    a, b = table.loc["a"], table.loc["b"]
    assert a.share_of_exposure + b.share_of_exposure == pytest.approx(1)
    assert a.ratio == pytest.approx(a.exposure / b.exposure)
    assert a.rest_exposure == b.exposure


def test_equal_scores_share_their_exposure_and_the_draw_is_bounded():
    data = pd.DataFrame({"group": list("aabb"), "s": [0.5] * 4, "d": [1, 1, 0, 0]})
    a = exposed(audited(data)).loc["a"]
    ranks = 1 / np.log2([2, 3, 4, 5])
    assert a.exposure == pytest.approx(ranks.mean())
    assert (a.highest, a.lowest) == pytest.approx((ranks[:2].mean(), ranks[2:].mean()))
    assert a.ratio == pytest.approx(1)
    assert pd.isna(a.lower)  # all have the same: there is no spread to make an interval of


def test_weights_rank_and_count_by_weight():
    data = pd.DataFrame({"group": list("ab"), "s": [0.9, 0.1], "d": [1, 0], "w": [3.0, 1.0]})
    repeated = data.loc[[0, 0, 0, 1]].reset_index(drop=True)
    weighted, plain = exposed(audited(data, weight="w")), exposed(audited(repeated))
    columns = ["share_of_people", "share_of_exposure", "exposure", "ratio"]
    pd.testing.assert_frame_equal(weighted[columns], plain[columns])


def test_many_scores_are_counted_in_bins_and_bounded(monkeypatch):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"group": rng.choice(["a", "b"], 3000), "s": rng.random(3000)})
    data["d"] = (data.s > 0.5).astype(int)
    exact = exposed(audited(data))
    monkeypatch.setattr("auditkit.evidence.scores.MOST_VALUES", 100)
    binned = exposed(audited(data))
    assert (binned.lowest <= exact.exposure).all()
    assert (exact.exposure <= binned.highest).all()
    inside = (exact.lower < exact.exposure) & (exact.exposure < exact.upper)
    assert inside.all()


def test_what_cannot_be_told_has_a_reason():
    data = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 3, "s": [0.4, 0.6] * 21 + [None]})
    data["d"] = [1] * 21 + [0] * 22
    assert audited(data, quota=None).table("exposure").empty
    assert exposed(audited(data)).loc["b"].status == "insufficient"
    one = exposed(audited(data.assign(group="a"))).loc["a"]
    assert (one.status, pd.isna(one.ratio)) == ("not_applicable", True)
    none = data.assign(s=data.s.where(data.group == "a"))
    assert exposed(audited(none)).loc["b"].status == "undefined"
    data["site"] = np.arange(len(data)) // 3
    clustered = exposed(audited(data, cluster="site")).loc["a"]
    assert pd.isna(clustered.lower)
    assert "clusters" in clustered.note


def test_the_report_tells_it():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"group": rng.choice(["a", "b"], 300), "s": rng.random(300).round(2)})
    data["d"] = (data.s > 0.5).astype(int)
    assert "Who stands high on the list" in audited(data, quota=150).files()["report.html"]
