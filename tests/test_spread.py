"""The scan of all rates: what it says of chance, and what it leaves alone."""

import numpy as np
import pandas as pd
import pytest

import auditkit as ak


def rows(seed=0, n=4000, gap=0.0, groups="abcde"):
    rng = np.random.default_rng(seed)
    group = rng.choice(list(groups), n)
    return pd.DataFrame(
        {
            "group": group,
            "other": rng.choice(["u", "v", "w"], n),
            "y": rng.integers(0, 2, n),
            "d": (rng.random(n) < 0.4 + gap * (group == "a")).astype(int),
        }
    )


def scan(data, **more):
    given = {
        "label": "y", "positive": 1, "decision": "d", "outcome": "benefit",
        "attributes": ["group", "other"], "policy": "minimal", **more,
    }  # fmt: skip
    return ak.audit(None, data, **given)


def test_a_planted_difference_is_found_and_the_others_are_not():
    made = scan(rows(gap=0.2))
    table = made.table("spreads").set_index(["metric", "attribute"])
    planted = table.loc[("selection_rate", "group")]
    assert planted.highest == "a"
    assert planted.p_adjusted < 0.001
    # five rates, one of them .2 above the others: a standard deviation of .2 / sqrt(5)
    assert planted.spread == pytest.approx(0.2 / np.sqrt(5), abs=0.02)
    assert not (table.xs("other", level="attribute").p_adjusted <= 0.05).any()
    # of two rates that add up to 1, the first
    assert {"false_negative_rate", "accuracy"} <= {m for m, _ in table.index}
    assert not {"true_positive_rate", "error_rate"} & {m for m, _ in table.index}


def test_every_comparison_is_counted_and_nothing_else_changes():
    table = scan(rows(), intersections=2).table("spreads")
    tested = table.p_value.notna()
    assert (table.comparisons == tested.sum()).all()
    assert (table.p_adjusted[tested] >= table.p_value[tested]).all()
    missing = table[table.metric == "missing_decision_rate"]
    assert missing.p_value.isna().all()
    assert missing.note.str.contains("same rate").all()


def test_sixty_comparisons_of_nothing_find_something_in_few_audits():
    """Trap G9: at least one p below .05 in 95 of 100 scans; adjusted, in few."""
    raw = adjusted = 0
    for seed in range(36):
        table = scan(rows(seed, n=1500), intersections=2).table("spreads")
        raw += (table.p_value <= 0.05).any()
        adjusted += (table.p_adjusted <= 0.05).any()
    assert raw > 12
    assert adjusted <= 3


def test_the_same_seed_gives_the_same_numbers_and_small_groups_are_told():
    data = rows(n=90)
    first, again = scan(data).table("spreads"), scan(data).table("spreads")
    pd.testing.assert_frame_equal(first, again)
    small = first[(first.metric == "selection_rate") & (first.attribute == "group")].iloc[0]
    assert small.status == "insufficient"
    assert "fewer than two groups" in small.note


def test_one_group_is_not_compared_and_one_without_anybody_is_named():
    data = rows()
    data["other"] = "u"
    data.loc[data.group == "b", "y"] = 0
    table = scan(data).table("spreads").set_index(["metric", "attribute"])
    assert table.loc[("selection_rate", "other")].status == "not_applicable"
    missed = table.loc[("false_negative_rate", "group")]
    assert missed.groups == 4
    assert "undefined for b" in missed.note


def test_weights_count_by_what_they_tell_and_clusters_leave_chance_untold():
    data = rows(gap=0.05)
    data["w"] = np.random.default_rng(1).choice([1.0, 9.0], len(data))
    data["site"] = np.arange(len(data)) // 4
    plain, weighted, clustered = (
        scan(data, **more).table("spreads").set_index(["metric", "attribute"])
        for more in ({}, {"weight": "w"}, {"cluster": "site"})
    )
    at = ("selection_rate", "group")
    assert weighted.loc[at].expected_range > plain.loc[at].expected_range
    assert pd.isna(clustered.loc[at].p_value)
    assert "clusters" in clustered.loc[at].note
    assert clustered.loc[at].range == plain.loc[at].range
