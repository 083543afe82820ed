"""Calibration at like scores and the parts of a Brier score: by hand, by oracle, by simulation."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

import auditkit as ak


def audited(data, **more):
    given = {
        "label": "y", "positive": 1, "decision": "d", "score": "s", "outcome": "benefit",
        "attributes": ["group"], "policy": "minimal", "explain": {"rows": 0}, **more,
    }  # fmt: skip
    return ak.audit(None, data, **given)


def drawn(seed, n=2000, lift=0.0, digits=None):
    """Two groups with other distributions of scores; b's chance lies ``lift`` above its score."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], n)
    s = np.where(group == "a", rng.beta(2, 4, n), rng.beta(4, 3, n)) * 0.8 + 0.02
    s = s if digits is None else s.round(digits)
    y = (rng.random(n) < s + lift * (group == "b")).astype(int)
    return pd.DataFrame({"group": group, "y": y, "s": s, "d": (s > 0.5).astype(int)})


def pooled(made, group):
    table = made.table("calibration").set_index(["group", "band"])
    return table.loc[(group, "(pooled)")]


def test_bands_by_hand():
    data = pd.DataFrame(
        {
            "group": list("aaaabbbb"),
            "y": [0, 1, 1, 1, 0, 0, 0, 1],
            "s": [0.25, 0.25, 0.75, 0.75, 0.25, 0.25, 0.75, 0.75],
            "d": [0, 0, 1, 1, 0, 0, 1, 1],
        }
    )
    made = audited(data)
    table = made.table("calibration").set_index(["group", "band"])
    low, high = table.loc[("a", "1")], table.loc[("a", "2")]
    assert (low.low, low.high, high.low, high.high) == (0.0, 0.3, 0.7, 0.8)
    # a: 1 of 2 at .25, so .25 too low; b: 0 of 2, so .25 too high. At .75: .25 and -.25
    assert (low.residual, low.rest_residual, low.gap) == (0.25, -0.25, 0.5)
    assert (high.residual, high.rest_residual, high.gap) == (0.25, -0.25, 0.5)
    assert pooled(made, "a").gap == 0.5
    assert pooled(made, "b").gap == -0.5
    parts = made.table("brier").set_index("group").loc["(all)"]
    # four of each score; recorded 1 of 4 and 3 of 4, as the scores say
    assert parts.brier_score == pytest.approx((2 * 0.0625 * 3 + 2 * 0.5625) / 8)
    within = 0.25 * 0.75 / 3
    assert parts.reliability == pytest.approx(0 - within)
    assert parts.resolution == pytest.approx(0.0625 - within + 0.25 / 7)
    assert parts.uncertainty == pytest.approx(0.25 + 0.25 / 7)
    assert parts.within == pytest.approx(0)


@pytest.mark.parametrize("digits", [2, None], ids=["exact", "many values"])
def test_the_parts_add_up_to_the_brier_score_of_scikit_learn(digits):
    data = drawn(1, 4000, 0.1, digits)
    table = audited(data).table("brier").set_index("group")
    for group in "ab":
        own, row = data[data.group == group], table.loc[group]
        wanted = brier_score_loss(own.y, own.s)
        assert row.brier_score == pytest.approx(wanted, abs=1e-4)
        parts = row.reliability - row.resolution + row.uncertainty + row.within
        assert parts == pytest.approx(row.brier_score, abs=1e-9)


def test_groups_with_other_scores_but_one_meaning_show_no_gap():
    """Nominally 95 %; three standard errors of a share of 60 are 8.4 points."""
    covered, gaps = 0, []
    for seed in range(60):
        row = pooled(audited(drawn(seed, 800, digits=2)), "b")
        covered += row.gap_lower <= 0 <= row.gap_upper
        gaps.append(row.gap)
    assert covered / 60 >= 0.866
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(60)


def test_a_planted_gap_is_found_whatever_the_number_of_bands():
    row = pooled(audited(drawn(3, 20_000, lift=0.1)), "b")
    assert row.gap == pytest.approx(0.1, abs=0.02)
    assert row.gap_lower > 0
    assert row.doubled == pytest.approx(row.gap, abs=0.01)


def test_a_perfect_score_of_few_people_is_not_called_unreliable():
    """An uncorrected squared error would be about 10 bands x p(1-p) / 100 = .016 on average."""
    found = [
        audited(drawn(seed, 100)).table("brier").set_index("group").loc["(all)"].reliability
        for seed in range(40)
    ]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(40)


def test_weights_count_by_weight_and_widen_the_interval():
    data = drawn(4, 3000, 0.05, 2)
    rng = np.random.default_rng(0)
    data["w"] = rng.choice([1.0, 6.0], len(data))
    plain, weighted = pooled(audited(data), "b"), pooled(audited(data, weight="w"), "b")
    own = data[data.group == "b"]
    assert weighted.observed == pytest.approx(np.average(own.y, weights=own.w))
    assert weighted.mean_score == pytest.approx(np.average(own.s, weights=own.w))
    wide = weighted.gap_upper - weighted.gap_lower
    assert wide > 1.1 * (plain.gap_upper - plain.gap_lower)


def test_clusters_leave_the_interval_out_and_say_so():
    data = drawn(5, 1000).assign(site=lambda d: np.arange(len(d)) // 5)
    row = pooled(audited(data, cluster="site"), "b")
    assert pd.isna(row.gap_lower)
    assert "clusters" in row.note
    assert row.gap == pooled(audited(data), "b").gap


def test_people_at_scores_that_nobody_else_has_are_told():
    data = drawn(6, 2000, digits=2)
    data["s"] = np.where(data.group == "b", 0.99, 0.2)
    row = pooled(audited(data), "b")
    assert row.status == "undefined"
    assert pd.isna(row.gap)
    data.loc[(data.group == "a") & (data.index % 2 == 1), "s"] = 0.99
    assert "in bands with nobody" in pooled(audited(data), "a").note


def test_what_cannot_be_compared_has_a_reason_or_no_table():
    data = drawn(7, 400)
    assert audited(data, score_range=(0, 2)).table("calibration").empty
    unlabelled = audited(data, label=None, positive=None, selected=1)
    assert unlabelled.table("calibration").empty
    one = audited(data.assign(group="a")).table("calibration")
    assert set(one[one.attribute == "group"].status) == {"not_applicable"}
    few = audited(pd.concat([data, data.head(3).assign(group="c")]))
    assert pooled(few, "c").status == "insufficient"
    small = few.table("calibration")
    assert (small[small.n == 0].status == "undefined").all()


def test_the_report_names_whose_scores_are_too_low_and_draws_the_curves():
    made = audited(drawn(3, 20_000, lift=0.1))
    html = made.files()["report.html"]
    assert "Whether scores mean the same for everyone" in html
    assert "the group's scores are too low" in html or "the group&#39;s scores are too low" in html
    assert made.figure("calibration", by="group") is not None
    with pytest.raises(ak.errors.PlanError, match="no calibration"):
        audited(drawn(3), score=None).figure("calibration", by="group")


@pytest.mark.parametrize("digits", [2, None], ids=["exact", "bins"])
def test_the_digest_of_scores_sees_every_score_and_no_order(digits, monkeypatch):
    from auditkit.evidence import scores

    if digits is None:
        monkeypatch.setattr(scores, "MOST_VALUES", 100)
    data = drawn(8, 600, digits=digits)
    other = data.copy()
    other.loc[3, "s"] = (other.loc[3, "s"] + 0.3) % 1
    other.loc[3, "d"] = data.loc[3, "d"]
    one, shuffled, moved = (
        audited(rows).record.provenance.digests
        for rows in (data, data.sample(frac=1, random_state=0), other)
    )
    assert one.scores == shuffled.scores != moved.scores
    assert one.decisions == moved.decisions
    assert audited(data, score=None).record.provenance.digests.scores == ""
