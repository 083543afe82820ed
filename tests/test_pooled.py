"""Checks at like scores and at equal need: by another way, in every outcome, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

import auditkit
from auditkit import PolicyError

CHECK = """
[checks.at]
metric = "{metric}"
statistic = "{statistic}"
limit = {limit}
{more}effect = "{effect}"
"""
POLICY = """
id = "own"
version = "1"
title = "t"
source = "s"

[checks.missed]
metric = "false_negative_rate"
statistic = "difference"
limit = 0.2
effect = "warn"
{check}
[[requirements]]
id = "R"
title = "t"
text = "t"
status = "own"
checks = ["missed", "at"]
"""
SCORE, NEED = "calibration_at_like_scores", "selection_at_equal_need"


def audited(rows, tmp_path, metric, *, limit=0.1, effect="explain", statistic="difference", **more):
    gap_floor = "gap_floor = 0.02\n" if statistic == "ratio" else ""
    check = CHECK.format(
        metric=metric, limit=limit, effect=effect, statistic=statistic, more=gap_floor
    )
    path = tmp_path / "own.toml"
    path.write_text(POLICY.format(check=check))
    given = {
        "label": "y", "positive": 1, "decision": "d", "outcome": "benefit", "attributes": ["g"],
        "explain": {"rows": 0}, "policy": str(path), **more,
    }  # fmt: skip
    return auditkit.audit(None, rows, **given)


def at(made):
    return made.table("checks").query("check == 'at'").set_index("group")


def scored(n, lift=0.0, seed=0):
    """Scores of ten values; b's chance lies ``lift`` above them."""
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n, p=[0.4, 0.6])
    s = np.where(g == "a", rng.integers(1, 8, n), rng.integers(3, 10, n)) / 10
    y = (rng.random(n) < np.clip(s + lift * (g == "b"), 0, 1)).astype(int)
    return pd.DataFrame({"g": g, "s": s, "y": y, "d": (s > 0.5).astype(int)})


def needy(n, gap=0.0, seed=0):
    """Need of four levels, higher in b; at equal need b is selected ``gap`` less often."""
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n)
    need = np.where(g == "b", rng.integers(1, 5, n), rng.integers(0, 4, n))
    d = (rng.random(n) < 0.2 + 0.15 * need - gap * (g == "b")).astype(int)
    return pd.DataFrame({"g": g, "need": need, "d": d, "y": rng.integers(0, 2, n)})


def exact(k, n, alpha):
    """Limits of Clopper and Pearson, each at ``alpha``."""
    lower = beta.ppf(alpha, k, n - k + 1) if k else 0.0
    return lower, beta.isf(alpha, k + 1, n - k) if k < n else 1.0


def bounded(own, rest, alpha):
    """Bound a gap pooled over strata of (k, n) from scratch: Clopper-Pearson, MOVER twice."""
    gaps, below, above, weights = [], [], [], []
    for (x, n), (y, m) in zip(own, rest, strict=True):
        limits = [exact(k, t, alpha) for k, t in ((x, n), (y, m))]
        p, q = x / n, y / m
        gaps.append(p - q)
        below.append(np.hypot(p - limits[0][0], limits[1][1] - q))
        above.append(np.hypot(limits[0][1] - p, q - limits[1][0]))
        weights.append(n * m / (n + m))
    share = np.array(weights) / sum(weights)
    gap = share @ gaps
    return gap - np.hypot.reduce(share * below), gap + np.hypot.reduce(share * above), share


def strata(rows, by, counted):
    """Count b and a at each value that both have: (k, n) of either."""
    cells = rows.groupby(["g", by])[counted].agg(["sum", "count"])
    both = sorted(set(cells.loc["a"].index) & set(cells.loc["b"].index))
    return tuple([tuple(cells.loc[(g, one)]) for one in both] for g in "ba")


def test_bounds_of_calibration_are_those_of_the_rates_at_each_score(tmp_path):
    rows = scored(3000, lift=0.05)
    made = audited(rows, tmp_path, SCORE, score="s", limit=0.01)
    row = at(made).loc["b"]
    own, rest = strata(rows, "s", "y")
    lower, upper, _ = bounded(own, rest, 1 - row.level_lower)
    assert row.lower == pytest.approx(lower, abs=1e-9)
    _, upper, _ = bounded(own, rest, 1 - row.level_upper)
    assert row.upper == pytest.approx(upper, abs=1e-9)


def test_bounds_at_equal_need_are_those_of_the_rates_at_each_need(tmp_path):
    rows = needy(3000, gap=0.05)
    made = audited(rows, tmp_path, NEED, need="need", limit=0.01)
    row = at(made).loc["b"]
    own, rest = strata(rows, "need", "d")
    assert row.lower == pytest.approx(bounded(own, rest, 1 - row.level_lower)[0], abs=1e-9)
    assert row.upper == pytest.approx(bounded(own, rest, 1 - row.level_upper)[1], abs=1e-9)


@pytest.mark.parametrize(
    ("metric", "rows", "limit", "outcome", "worse"),
    [
        (SCORE, scored(20_000), 0.1, "within", None),
        (SCORE, scored(20_000, lift=0.15), 0.05, "breach", "b"),
        (SCORE, scored(300, lift=0.05), 0.05, "indeterminate", None),
        (NEED, needy(20_000), 0.1, "within", None),
        (NEED, needy(20_000, gap=0.15), 0.05, "breach", "b"),
        (NEED, needy(400, gap=0.05), 0.05, "indeterminate", None),
    ],
)
def test_every_answer(tmp_path, metric, rows, limit, outcome, worse):
    more = {"score": "s"} if metric == SCORE else {"need": "need"}
    made = audited(rows, tmp_path, metric, limit=limit, **more)
    row = at(made).loc["b"]
    assert row.outcome == outcome
    if worse:
        assert row.worse_off == worse
        assert [f.check for f in made.findings].count("at") == 2


def test_one_band_that_is_not_shown_to_be_within_is_no_all_clear(tmp_path):
    rows = needy(40_000)
    odd = rows.index[(rows["need"] == 2) & (rows["g"] == "b")]
    rows.loc[odd, "d"] = (np.arange(len(odd)) % 10 < 4).astype(int)  # 40 % beside 50 %
    made = audited(rows, tmp_path, NEED, need="need", limit=0.09)
    row = at(made).loc["b"]
    assert row.outcome == "indeterminate"
    assert "not shown in each" in row.note
    assert row.lower > -0.09


def test_without_need_nothing_is_called_equal(tmp_path):
    rows = needy(500)
    row = at(audited(rows, tmp_path, NEED)).loc["(all)"]
    assert (row.outcome, row.estimate != row.estimate) == ("missing", True)
    assert "no column says how much people need" in row.note
    warned = audited(rows, tmp_path, NEED, effect="warn")
    assert "lacks what is needed" in " ".join(warned.record.reasons)
    label = at(audited(rows, tmp_path, NEED, need="y")).loc["(all)"]
    assert label.outcome == "not_applicable"


def test_without_scores_there_is_no_calibration(tmp_path):
    rows = scored(500)
    assert at(audited(rows, tmp_path, SCORE)).loc["(all)"].outcome == "not_applicable"


def test_few_people_and_clusters_are_no_all_clear(tmp_path):
    rows = scored(20_000)
    few = pd.concat([rows, rows.head(20).assign(g="c")])
    row = at(audited(few, tmp_path, SCORE, score="s", limit=0.9)).loc["c"]
    assert (row.outcome, "at least 30 wanted" in row.note) == ("indeterminate", True)
    drawn = rows.assign(home=np.arange(len(rows)) // 5)
    row = at(audited(drawn, tmp_path, SCORE, score="s", limit=0.9, cluster="home")).loc["a"]
    assert (row.outcome, "cluster" in row.note) == ("indeterminate", True)


def test_such_a_check_blocks_nothing_and_is_no_ratio(tmp_path):
    for more in ({"effect": "block_on_breach"}, {"statistic": "ratio", "limit": 1.2}):
        with pytest.raises(PolicyError, match=r"its effect is note, explain or warn"):
            audited(scored(100), tmp_path, SCORE, score="s", **more)


def test_they_share_their_error_among_themselves_and_change_no_other_check(tmp_path):
    rows = pd.concat([scored(2000), scored(400, seed=1).assign(g="c")])
    made = audited(rows, tmp_path, SCORE, score="s", limit=0.001)
    alone = audited(rows, tmp_path, SCORE, limit=0.001)
    level = at(made)[["level_lower", "level_upper"]].max(axis=None)
    assert level == pytest.approx(1 - 0.05 / 3)
    missed = [[c for c in m.record.checks if c.check == "missed"] for m in (made, alone)]
    assert missed[0] == missed[1]
    assert made.record.policy.hypotheses == alone.record.policy.hypotheses == 0


@pytest.mark.parametrize(("metric", "draw"), [(SCORE, scored), (NEED, needy)])
def test_wrong_answers_at_the_limit_are_rare(tmp_path, metric, draw):
    """A true gap of 8 points at a limit of 8: within in at most 5 %, beyond in at most 5 %.

    60 draws, standard error at 5 % of 2.8 %: at most 8 of 60 (three standard errors).
    """
    more = {"score": "s"} if metric == SCORE else {"need": "need"}
    told = []
    for seed in range(60):
        rows = draw(1200, 0.08, seed=seed)
        told.append(at(audited(rows, tmp_path, metric, limit=0.08, **more)).loc["b"].outcome)
    assert told.count("within") <= 8
    assert told.count("breach") <= 8
    assert "undefined" not in told
