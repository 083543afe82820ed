"""Traps of need, of scores beside it and of other runs: no number, and no calm, from nothing."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError, PlanError


@pytest.fixture
def people():
    """1,500 people whose need shows in their score; of group b less of it does."""
    rng = np.random.default_rng(7)
    n = 1_500
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.35, 0.15])
    need = np.round(rng.gamma(2, 2, n) + (group == "b"), 2)
    score = np.clip(need / 15 + rng.normal(0, 0.12, n) - 0.08 * (group == "b"), 0.001, 0.999)
    chosen = np.where(score > np.quantile(score, 0.6), "yes", "no")
    return pd.DataFrame(
        {
            "g": group,
            "need": need,
            "score": score.round(4),
            "label": np.where(rng.random(n) < score, "yes", "no"),
            "got": chosen,
            "run": np.where(rng.random(n) < 0.95, chosen, "no"),
            "w": rng.gamma(4, 0.3, n).round(3),
        }
    )


def audited(people, **more):
    asked = {"label": "label", "positive": "yes", "decision": "got", "outcome": "benefit"}
    return auditkit.audit(None, people, attributes=["g"], policy="icrc", **asked | more)


def depth(people, **more):
    found = audited(people, need="need", **more).table("need_depth")
    return found.set_index(["measure", "group"])


def test_need_below_zero_counts_as_such_among_everyone_else(people):
    people["need"] -= 5
    found = depth(people, need_reliability=0.8)
    out = people[people["got"] == "no"]
    for group in "abc":
        row = found.loc["mean_need_not_selected", group]
        rest = out.loc[out["g"] != group, "need"].mean()
        assert row["rest"] == pytest.approx(rest)
        assert row["gap"] == pytest.approx(out.loc[out["g"] == group, "need"].mean() - rest)


def test_need_from_another_zero_leaves_the_same_gap_for_its_error(people):
    def told(frame):
        rows = audited(frame, need="need", need_reliability=0.8).table("equal_need")
        return rows.loc[rows["band"] == "(pooled)", "unreliability"].tolist()

    assert told(people.assign(need=people["need"] - 5)) == pytest.approx(told(people))


@pytest.mark.parametrize("unit", [1e-6, 1e-9])
def test_weights_in_another_unit_leave_the_interval_at_the_same_score(people, unit):
    names = ["gap", "gap_lower", "gap_upper"]
    asked = {"weight": "w", "score": "score"}
    one = depth(people, **asked).loc["mean_need_at_score"]
    other = depth(people.assign(w=people["w"] * unit), **asked).loc["mean_need_at_score"]
    assert np.allclose(one[names].astype(float), other[names].astype(float), rtol=1e-6)


def test_need_in_another_unit_leaves_the_gap_at_the_same_score(people):
    one = depth(people, score="score").loc["mean_need_at_score", "gap"].astype(float)
    small = people.assign(need=people["need"] * 1e-14)
    other = depth(small, score="score").loc["mean_need_at_score", "gap"].astype(float)
    assert np.allclose(one, other * 1e14, rtol=1e-6)


def test_one_heavy_person_is_no_group(people):
    first = people.index[people["g"] == "c"][0]
    found = depth(people.assign(w=np.where(people.index == first, 1e3, 1e-3)), weight="w")
    for measure in ("unserved_share", f"mean_need_{'' if people['got'][first] == 'yes' else 'not_'}"
                    "selected"):  # fmt: skip
        assert found.loc[(measure, "c"), "status"] == "insufficient"


def test_one_need_of_everybody_has_no_interval_and_is_said(people):
    asked = {"need": "need", "score": "score"}
    made = audited(people.assign(need=5.0), **asked)
    means = made.table("need_depth").query("measure.str.startswith('mean_need')")
    means = means[means["estimate"].notna()]
    assert len(means)
    assert means[["gap_lower", "gap_upper"]].isna().all(axis=None)
    assert means["note"].str.contains("no interval").all()
    pooled = made.table("equal_need").query("band == '(pooled)'")
    assert pooled["note"].str.contains("everybody has the same recorded need").all()


def test_whom_a_mean_is_of_is_named(people):
    found = depth(people.assign(got="yes"), in_need={"above": 4}, selected="yes")
    note = found.loc[("mean_need_missed", "a"), "note"]
    assert note == "nobody in need and not selected to take a mean of"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda need: need * 1e-200, "another unit"),
        (lambda need: need + 1e9, "Take the same number from all"),
    ],
)
def test_need_that_cannot_be_added_up_is_refused(people, change, told):
    with pytest.raises(DataError, match=f"Column 'need' is need.*{told}"):
        audited(people.assign(need=change(people["need"])), need="need")


@pytest.mark.parametrize("role", ["weight", "cluster", "count", "seeds"])
def test_what_has_another_role_is_no_need(people, role):
    people["x"] = 1
    with pytest.raises(PlanError, match=f"data.need and data.{role} both name 'x'"):
        audited(people, need="x", **{role: ["x"] if role == "seeds" else "x"})


def test_a_level_of_need_has_no_name_of_ours(people):
    levels = np.where(people["need"] > 4, "deep", "(pooled)")
    with pytest.raises(PlanError, match=r"names '\(pooled\)', which auditkit uses itself"):
        audited(people.assign(need=levels), need="need", need_order=["(pooled)", "deep"])


def test_calibration_stands_on_the_people_at_like_scores(people):
    """Two people of b have scores that others have."""
    place = np.arange(len(people))
    people["g"] = np.where(place < 602, "b", "a")
    apart = np.where(place < 602, 0.6 + 0.4 * people["score"], 0.5 * people["score"]).round(4)
    apart[:2] = 0.1
    found = audited(people.assign(score=apart), score="score").table("calibration")
    row = found.query("group == 'b' and band == '(pooled)'")
    assert row["status"].tolist() == ["insufficient"]
    assert "in bands that both have: " in row["note"].item()


def test_equal_values_of_a_control_stand_on_the_people_who_share_them(people):
    shared = people.groupby("g").cumcount() < 2
    control = np.where(shared, "s", np.where(people["g"] == "b", "b", "o"))
    found = audited(
        people.assign(k=control), control="k", control_reason="the law orders by district"
    ).table("stratified_disparities")
    row = found.query("group == 'b' and stratum == '(pooled)' and metric == 'selection_rate'")
    assert row["status"].tolist() == ["insufficient"]


def test_a_range_over_runs_is_worth_what_its_poorest_run_is(people):
    of_b = people["g"] == "b"
    few = people["run"].mask(of_b & (of_b.cumsum() > 3))
    made = audited(people.assign(run=few), seeds=["run"])
    found = made.table("seeds").query("metric == 'selection_rate'").set_index("group")
    assert found.loc["b", "status"] == "insufficient"
    assert found.loc["b", "note"] == "in another run: 3 rows, at least 30 wanted"
    missing = int(of_b.sum()) - 3
    assert found.loc["a", "note"] == (
        f"another run has no decision about {missing} of everyone else"
    )
    none = audited(people.assign(run=people["run"].mask(of_b)), seeds=["run"]).table("seeds")
    row = none.query("metric == 'selection_rate' and group == 'b'").iloc[0]
    assert (row["status"], row["note"]) == ("insufficient", "in another run: no rows to divide by")


def test_within_is_said_only_of_those_compared(people, tmp_path):
    """Most of b are in a need that nobody else has."""
    rng = np.random.default_rng(1)
    n = 24_000
    group = np.where(np.arange(n) < 12_000, "a", "b")
    deep = (group == "b") & (rng.random(n) < 0.5)
    rows = pd.DataFrame({"g": group, "need": np.where(deep, 9, rng.integers(1, 3, n))})
    rows["got"] = np.where(rng.random(n) < np.where(deep, 0.1, 0.5), "yes", "no")
    made = audited(
        rows, label=None, positive=None, need="need", in_need={"above": 1}, selected="yes"
    )
    found = made.table("equal_need").query("group == 'b' and band == '(pooled)'")
    assert found["shown"].tolist() == ["within"]
    made.report(tmp_path / "made")
    page = (tmp_path / "made" / "report.html").read_text()
    share = f"{100 * (1 - found['off_support'].item()):.1f}"
    assert f"within, of the {share}" in page
