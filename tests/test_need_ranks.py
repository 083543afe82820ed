"""Ranking by need across groups, against every pair of people."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.need.ranks import Ranked, _limits, order_of


def audited(rows, **more):
    asked = {"decision": "got", "selected": "yes", "outcome": "benefit", "need": "need"}
    asked |= {"score": "score", "date": "2026-11-24"}
    return auditkit.audit(None, rows, attributes=["g"], policy="icrc", **asked | more)


def programme(n, rng, *, against=0.0, levels=4):
    need = rng.integers(0, levels, n)
    group = rng.choice(["a", "b", "c"], n)
    raw = 0.15 * need - against * (group == "a") + rng.normal(0, 0.2, n)
    score = np.round(1 / (1 + np.exp(-raw)), 2)
    got = np.where(score > 0.55, "yes", "no")
    return pd.DataFrame({"g": group, "need": need, "score": score, "got": got})


def first(one, other):
    """Of all pairs, how often the first comes before the second; ties one half."""
    return np.mean(np.sign(np.subtract.outer(np.asarray(one), np.asarray(other)))) / 2 + 0.5


def brute(rows, group):
    """Standardise both ways round over common pairs of needs, pair of people by pair of people."""
    own, rest = rows[rows["g"] == group], rows[rows["g"] != group]
    total, up, down, held = 0, 0.0, 0.0, 0
    size = rows["need"].value_counts()
    for h in size.index:
        for low in size.index:
            if h <= low:
                continue
            held += size[h] * size[low]
            cells = [s.loc[s["need"] == k, "score"] for s in (own, rest) for k in (h, low)]
            if not all(len(c) for c in cells):
                continue
            weight = int(size[h] * size[low])
            total += weight
            up += weight * first(cells[0], cells[3])
            down += weight * first(cells[2], cells[1])
    return up / total, down / total, total / held


@pytest.mark.parametrize("seed", range(4))
def test_against_every_pair(seed):
    rows = programme(180, np.random.default_rng(seed), against=0.2)
    rows = rows[~((rows["g"] == "a") & (rows["need"] == 2))]  # no such pair is common for a
    made = audited(rows, in_need={"above": 1})
    table = made.table("need_ranks").set_index(["comparison", "group"])
    for group in "abc":
        up, down, common = brute(rows, group)
        row = table.loc[("bands", group)]
        assert row["own_first"] == pytest.approx(up, rel=1e-9)
        assert row["rest_first"] == pytest.approx(down, rel=1e-9)
        assert row["estimate"] == pytest.approx(up - down, abs=1e-9)
        assert row["common"] == pytest.approx(common, rel=1e-9)
        two = rows.assign(need=(rows["need"] > 1).astype(int))
        up, down, _ = brute(two, group)
        assert table.loc[("in_need", group), "estimate"] == pytest.approx(up - down, abs=1e-9)
        assert row["lower"] < row["estimate"] < row["upper"]


def test_by_hand():
    """a in need .9, not .5; b in need .7 and .5, not .5: ties one half."""
    rows = pd.DataFrame(
        [("a", 1, 0.9), ("a", 0, 0.5), ("b", 1, 0.7), ("b", 1, 0.5), ("b", 0, 0.5)],
        columns=["g", "need", "score"],
    ).assign(got=["yes", "no", "yes", "no", "no"])
    table = audited(rows, in_need={"above": 0}).table("need_ranks").set_index("group")
    assert table.loc["a", "own_first"] == 1
    assert table.loc["a", "rest_first"] == (1 + 0.5) / 2
    assert table.loc["a", "estimate"] == 0.25
    assert table.loc["b", "estimate"] == -0.25
    assert set(table["status"]) == {"insufficient"}


def test_the_mann_whitney_statistic_is_the_same():
    from scipy.stats import mannwhitneyu

    rows = programme(400, np.random.default_rng(8), levels=2)
    table = audited(rows, in_need={"above": 0}).table("need_ranks").set_index("group")
    own, rest = rows[rows["g"] == "a"], rows[rows["g"] != "a"]
    high, low = own.loc[own["need"] == 1, "score"], rest.loc[rest["need"] == 0, "score"]
    share = mannwhitneyu(high, low).statistic / len(high) / len(low)
    assert table.loc["a", "own_first"] == pytest.approx(share)


def test_no_common_pair_is_undefined():
    rows = programme(200, np.random.default_rng(1), levels=3)
    rows["need"] = np.where(rows["g"] == "a", 5, rows["need"])
    row = audited(rows).table("need_ranks").set_index("group").loc["a"]
    assert row["status"] == "undefined"
    assert np.isnan(row["estimate"])


def test_weights_count_as_people():
    rows = programme(150, np.random.default_rng(5), against=0.1)
    times = np.random.default_rng(6).integers(1, 4, len(rows))
    one = audited(rows.assign(w=times), weight="w").table("need_ranks")
    other = audited(rows.loc[rows.index.repeat(times)].reset_index(drop=True)).table("need_ranks")
    np.testing.assert_allclose(one["estimate"], other["estimate"], rtol=1e-9)
    assert (one["upper"] - one["lower"] > other["upper"] - other["lower"]).all()


def test_bins_say_what_they_cost():
    rng = np.random.default_rng(2)
    rows = programme(9000, rng, against=0.1)
    fine = np.clip(rows["score"] + rng.uniform(-0.004, 0.004, len(rows)), 0, 1)
    rows = rows.assign(score=fine, got=np.where(fine > 0.55, "yes", "no"))
    row = audited(rows).table("need_ranks").set_index("group").loc["a"]
    up, down, _ = brute(rows, "a")
    assert "counted in bins" in row["note"]
    error = float(row["note"].split("at most ")[1].split()[0])
    assert abs(row["estimate"] - (up - down)) <= error < 0.02


def test_a_model_is_ranked_as_its_column_of_scores(tmp_path):
    from sklearn.linear_model import LogisticRegression

    rows = programme(700, np.random.default_rng(4)).drop(columns=["got", "score"])
    rng = np.random.default_rng(5)
    rows["x"] = rows["need"] + rng.normal(size=len(rows))
    rows["y"] = np.where(rng.random(len(rows)) < 0.3 + 0.1 * rows["need"], "yes", "no")
    model = LogisticRegression().fit(rows[["x", "need"]], rows["y"])
    asked = {"attributes": ["g"], "outcome": "benefit", "label": "y", "positive": "yes",
             "need": "need", "policy": "icrc"}  # fmt: skip
    made = auditkit.audit(model, rows, **asked, explain={"rows": 0})
    beside = rows.assign(
        score=model.predict_proba(rows[["x", "need"]])[:, 1], got=model.predict(rows[["x", "need"]])
    )
    other = auditkit.audit(None, beside, **asked, decision="got", score="score")
    for name in ("need_ranks", "equal_need", "need_depth"):
        assert made.table(name).equals(other.table(name))
        assert len(made.table(name))


def drawn(rng, sizes, means, true_shift):
    """Draw scores of a side: people at each need, shifted."""
    weight = np.zeros((len(sizes), 400))
    for at, (n, mean) in enumerate(zip(sizes, means, strict=True)):
        score = np.clip(np.round(40 * (rng.normal(size=n) + mean + true_shift) + 200), 0, 399)
        np.add.at(weight[at], score.astype(int), 1.0)
    return Ranked(np.array(sizes), weight, weight)


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize(
    ("own", "rest", "means"),
    [
        ((15, 10), (40, 30), (0.0, 1.0)),
        ((10, 10, 10), (30, 30, 30), (0.0, 0.7, 1.4)),
        ((6, 6, 6, 6, 6), (50, 40, 30, 20, 10), (0.0, 0.4, 0.8, 1.2, 1.6)),
    ],
)
def test_intervals_cover(own, rest, means, shift):
    rng = np.random.default_rng(1)
    wide = np.zeros(400, dtype=bool)
    # the truth, standardised over the same pairs: of people drawn by the thousand
    many = [drawn(rng, [40_000] * len(means), means, s) for s in (shift, 0.0)]
    size = np.add(own, rest).astype(float)
    pairs = np.tri(len(means), k=-1) * np.outer(size, size)
    pairs /= pairs.sum()
    up, down = many[0].share @ many[1].below.T, many[1].share @ many[0].below.T
    truth = float((pairs * (up - down)).sum())
    hits = 0
    for _ in range(400):
        a, b = drawn(rng, own, means, shift), drawn(rng, rest, means, 0.0)
        found = order_of(a, b, wide)
        bounds, _ = _limits(found, a, b)
        hits += bool(bounds.lower <= truth <= bounds.upper)
    assert hits / 400 >= 0.93


def test_need_at_the_same_score_against_the_rows():
    rows = programme(4000, np.random.default_rng(7), against=0.15)
    made = audited(rows).table("need_depth").set_index(["measure", "group"])
    row = made.loc[("mean_need_at_score", "a")]
    from auditkit.need.at_score import SCORE_BANDS

    sizes = rows["score"].value_counts().sort_index()
    share = (sizes.cumsum() - sizes / 2) / len(rows)
    band = rows["score"].map(np.floor(share * SCORE_BANDS))
    gaps, weights = [], []
    for _, some in rows.groupby(band):
        own, rest = some[some["g"] == "a"]["need"], some[some["g"] != "a"]["need"]
        gaps.append(own.mean() - rest.mean())
        weights.append(len(own) * len(rest) / len(some))
    assert row["gap"] == pytest.approx(np.average(gaps, weights=weights), rel=1e-7)
    # the same as the coefficient of a regression of need on the group with the bands
    design = np.column_stack([rows["g"] == "a", pd.get_dummies(band)]).astype(float)
    fit, residual, *_ = np.linalg.lstsq(design, rows["need"].to_numpy(float), rcond=None)
    assert row["gap"] == pytest.approx(fit[0], rel=1e-7)
    sd = (
        residual[0] / (len(rows) - design.shape[1]) * np.linalg.inv(design.T @ design)[0, 0]
    ) ** 0.5
    assert row["gap_upper"] - row["gap"] == pytest.approx(1.96 * sd, rel=0.05)
    assert row["gap"] > 0.1  # scores of a lie too low, so at the same score a is in deeper need


def test_scores_of_nobody_else_are_told():
    rows = programme(900, np.random.default_rng(3))
    rows["score"] = np.where(rows["g"] == "a", 0.99, rows["score"].clip(upper=0.9))
    row = audited(rows).table("need_depth").set_index(["measure", "group"])
    row = row.loc[("mean_need_at_score", "a")]
    assert row["status"] == "undefined"
