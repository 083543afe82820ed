"""Selection at equal need, and the depth of need left unserved, against brute force and oracles."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.evidence.needs import FINE, _cut
from auditkit.inference.intervals import Bounds, difference, pooled
from auditkit.need.equal import unreliability_gap


def audited(rows, **more):
    asked = {"decision": "got", "selected": "yes", "outcome": "benefit", "need": "need"}
    return auditkit.audit(None, rows, attributes=["g"], policy="icrc", **asked | more)


def people(*blocks):
    """Rows of (group, need, selected, not selected)."""
    rows = []
    for group, need, yes, no in blocks:
        rows += [(group, need, "yes")] * yes + [(group, need, "no")] * no
    return pd.DataFrame(rows, columns=["g", "need", "got"])


def pooled_of(made, group="a", banding="bands"):
    table = made.table("equal_need")
    table = table[(table["group"] == group) & (table["band"] == "(pooled)")]
    return table.set_index("banding").loc[banding]


def programme(n, rng, *, gap=0.0, apart=1.0, noise=0.0, slope=0.12):
    """Normal true need, group a ``apart`` deviations deeper; chance linear in it, less ``gap``."""
    group = rng.choice(["a", "b"], n)
    true = rng.normal(size=n) + apart * (group == "a")
    chance = 0.45 + slope * (true - apart / 2) - gap * (group == "a")
    got = np.where(rng.random(n) < np.clip(chance, 0, 1), "yes", "no")
    return pd.DataFrame({"g": group, "need": true + noise * rng.normal(size=n), "got": got})


def test_hand_worked_levels():
    """Mantel and Haenszel by hand: 40 of 60 against 30 of 60, 20 of 40 against 60 of 80."""
    made = audited(people(("a", 1, 40, 20), ("b", 1, 30, 30), ("a", 2, 20, 20), ("b", 2, 60, 20),
                          ("a", 3, 10, 0)))  # fmt: skip
    row = pooled_of(made)
    w1, w2 = 60 * 60 / 120, 40 * 80 / 120
    d1, d2 = 40 / 60 - 30 / 60, 20 / 40 - 60 / 80
    assert row["estimate"] == pytest.approx((w1 * d1 + w2 * d2) / (w1 + w2))
    assert row["between"] == pytest.approx(70 / 110 - 90 / 140 - row["estimate"])
    assert row["off_support"] == pytest.approx(10 / 110)
    assert row["rest_off_support"] == 0
    ends = difference(np.array([40, 20]), [60, 40], [30, 60], [60, 80])
    _, bounds = pooled(np.array([d1, d2]), Bounds(ends.lower, ends.upper), np.array([w1, w2]))
    assert (row["lower"], row["upper"]) == pytest.approx((bounds.lower, bounds.upper))
    assert "need has 3 levels: each is a band" in row["note"]
    assert set(made.table("equal_need")["banding"]) == {"bands"}
    alone = made.table("equal_need").set_index(["group", "band"]).loc[("a", "3")]
    assert alone["status"] == "undefined"
    assert np.isnan(alone["estimate"])


def test_pooled_gap_is_the_coefficient_of_a_regression_with_the_bands():
    rows = programme(5000, np.random.default_rng(4), gap=0.05)
    made = audited(rows)
    from auditkit.evidence.gather import gather
    from auditkit.plan import make_plan

    plan = make_plan({
        "data": {"decision": "got", "selected": "yes", "outcome": "benefit", "need": "need"},
        "attributes": {"g": {}}, "explain": {"rows": 0},
    })  # fmt: skip
    bands = gather(plan, rows, None, lambda *_: None).needs
    for banding, width in (("bands", 2), ("doubled", 1)):
        edges = [cut.value for cut in bands.cuts][width - 1 :: width]
        band = np.searchsorted(edges, rows["need"], side="right")
        design = np.column_stack([rows["g"] == "a", np.eye(len(edges) + 1)[band]]).astype(float)
        fit = np.linalg.lstsq(design, (rows["got"] == "yes").to_numpy(float), rcond=None)[0]
        assert pooled_of(made, banding=banding)["estimate"] == pytest.approx(fit[0], abs=1e-9)
    assert len(bands.names) == 2 * len(bands.coarse) == 20


def test_homogeneity_agrees_with_meta_analysis():
    meta = pytest.importorskip("statsmodels.stats.meta_analysis")
    counts = [(40, 60, 30, 60), (20, 40, 60, 80), (50, 90, 44, 70)]
    blocks = []
    for level, (x1, n1, x2, n2) in enumerate(counts):
        blocks += [("a", level, x1, n1 - x1), ("b", level, x2, n2 - x2)]
    row = pooled_of(audited(people(*blocks)))

    def variance(x, n):
        p = (x + 0.5) / (n + 1)
        return p * (1 - p) / n

    gaps = np.array([x1 / n1 - x2 / n2 for x1, n1, x2, n2 in counts])
    spread = np.array([variance(x1, n1) + variance(x2, n2) for x1, n1, x2, n2 in counts])
    found = meta.combine_effects(gaps, spread).test_homogeneity()
    assert row["homogeneity"] == pytest.approx(found.statistic)
    assert row["homogeneity_df"] == found.df == 2
    assert row["homogeneity_p"] == pytest.approx(found.pvalue)


@pytest.mark.parametrize("gap", [0.0, 0.08])
def test_a_planted_gap_is_found_though_the_raw_gap_hides_it(gap):
    row = pooled_of(audited(programme(60_000, np.random.default_rng(1), gap=gap)))
    assert row["lower"] < -gap + 0.006  # a little need stays different inside bands
    assert row["upper"] > -gap
    assert row["estimate"] == pytest.approx(-gap, abs=0.015)
    assert abs(row["rate"] - row["rest_rate"] - (0.12 - gap)) < 0.015


def test_what_unreliable_need_leaves_is_told_and_taken_off():
    """Reliability .7 leaves .3 of a deviation of true need: 10.8 points at 36 a deviation."""
    assert unreliability_gap(0.7, 0.36, 1.0) == pytest.approx(0.108)
    noise = (0.3 / 0.7) ** 0.5
    rows = programme(200_000, np.random.default_rng(2), noise=noise, slope=0.15)
    row = pooled_of(audited(rows, need_reliability=0.7))
    assert row["unreliability"] == pytest.approx(0.3 * 0.15, abs=0.003)
    assert row["estimate"] == pytest.approx(0.3 * 0.15, abs=0.01)
    assert row["corrected"] == pytest.approx(0.0, abs=0.008)
    other = audited(rows)
    assert pooled_of(other)["estimate"] == row["estimate"]
    assert np.isnan(pooled_of(other)["corrected"])


def test_within_the_limit_wants_every_band_of_enough_people():
    even = people(*[(g, level, 6000, 4000) for g in "ab" for level in range(10)])
    assert pooled_of(audited(even))["shown"] == "within"
    odd = people(*[(g, level, 6000, 4000) for g in "ab" for level in range(9)],
                 ("a", 9, 4000, 6000), ("b", 9, 6000, 4000))  # fmt: skip
    row = pooled_of(audited(odd))
    assert abs(row["gate_lower"]) < 0.05  # the pooled gap alone would pass
    assert row["shown"] == "not shown"
    assert row["homogeneity_p"] < 1e-6
    few = people(*[(g, level, 6, 4) for g in "ab" for level in range(10)])
    row = pooled_of(audited(few))
    assert row["shown"] == ""
    assert row["status"] == "insufficient"


@pytest.mark.parametrize("above", [None, 0.5])
@pytest.mark.parametrize(
    "values",
    [np.arange(40.0), np.r_[np.zeros(900), np.arange(1, 60)], np.arange(3.0), np.full(9, 2.0),
     np.arange(20.0), np.r_[np.arange(19.0), np.arange(19.0)]],
)  # fmt: skip
def test_bands_cover_all_values_once(values, above):
    found, people_ = np.unique(values, return_counts=True)
    if above is not None and not found[-1] > above:
        return
    bands = _cut(found, people_.astype(float), True, above)
    assert len(bands.names) == len(set(bands.names)) == len(bands.pairs)
    assert len(bands.names) == min(len(found), FINE)
    cuts = [(c.value, c.above) for c in bands.cuts]
    band = sum(((values > v) if over else (values >= v)).astype(int) for v, over in cuts)
    assert len(np.unique(band)) == len(bands.names)
    assert len(set(bands.pairs)) >= min(len(found), 10)
    assert list(bands.pairs) == sorted(bands.pairs)
    if above is not None:
        assert ((band >= bands.first_in_need) == (values > above)).all()


def brute(rows, mask, weight):
    """Mean of need and its share, from the rows themselves."""
    some = rows[mask]
    return (some["need"] * weight[mask]).sum() / weight[mask].sum()


@pytest.mark.parametrize("weighted", [False, True])
def test_depth_against_the_rows_themselves(weighted):
    rng = np.random.default_rng(6)
    rows = programme(3000, rng, gap=0.1)
    rows["need"] = np.exp(rows["need"]).where(rng.random(3000) > 0.03)
    rows["w"] = rng.gamma(3.0, 0.4, 3000)
    made = audited(rows, in_need={"above": 1.5}, **({"weight": "w"} if weighted else {}))
    table = made.table("need_depth").set_index(["measure", "group"])
    w = rows["w"] if weighted else pd.Series(1.0, rows.index)
    known, out = rows["need"].notna(), rows["got"] == "no"
    for group in "ab":
        of = known & (rows["g"] == group)
        deep = of & (rows["need"] > 1.5)
        for measure, mask in (
            ("mean_need_missed", deep & out),
            ("mean_need_selected", of & ~out),
            ("mean_need_not_selected", of & out),
        ):
            expected = brute(rows, mask, w)
            assert table.loc[(measure, group), "estimate"] == pytest.approx(expected, rel=1e-7)
        missed = w[deep & out].sum() / w[deep].sum()
        assert table.loc[("missed_need", group), "estimate"] == pytest.approx(missed, rel=1e-7)
        share = (w * rows["need"])[of & out].sum() / (w * rows["need"])[of].sum()
        assert table.loc[("unserved_share", group), "estimate"] == pytest.approx(share, rel=1e-7)
    row = table.loc[("unserved_share", "a")]
    assert row["gap"] == pytest.approx(row["estimate"] - row["rest"])
    assert row["gap_lower"] < row["gap"] < row["gap_upper"]
    if not weighted:
        some = rows.loc[known & (rows["g"] == "a") & ~out, "need"]
        from scipy import stats

        ends = stats.t.interval(0.95, len(some) - 1, some.mean(), stats.sem(some))
        row = table.loc[("mean_need_selected", "a")]
        assert (row["lower"], row["upper"]) == pytest.approx(ends, rel=1e-6)


def test_the_interval_of_the_unserved_share_covers():
    rng, hits, runs = np.random.default_rng(9), 0, 400
    from auditkit.inference.intervals import wilson
    from auditkit.need.depth import _share
    from auditkit.need.totals import Part

    for _ in range(runs):
        need = rng.lognormal(0, 0.8, 80)
        left = rng.random(80) < 0.35
        whole = Part(80, 80, 80, need.sum(), (need**2).sum(), need.sum(), (need**2).sum())
        some = need[left]
        part = Part(left.sum(), left.sum(), left.sum(), some.sum(), (some**2).sum(), some.sum(),
                    (some**2).sum())  # fmt: skip
        share, size = _share(part, whole)
        bounds = wilson(share * size, size)
        hits += bool(bounds.lower <= 0.35 <= bounds.upper)
    assert hits / runs > 0.92


def test_zero_negative_and_levels_have_no_share_of_need():
    zero = people(("a", 0, 40, 40), ("b", 0, 40, 40))
    row = audited(zero).table("need_depth").set_index(["measure", "group"])
    assert row.loc[("unserved_share", "a"), "status"] == "undefined"
    below = people(("a", -1, 40, 40), ("b", 2, 40, 40))
    row = audited(below).table("need_depth").set_index(["measure", "group"])
    assert row.loc[("unserved_share", "a"), "status"] == "not_applicable"
    assert row.loc[("mean_need_selected", "a"), "estimate"] == -1
    words = people(("a", "low", 40, 40), ("b", "high", 40, 40))
    made = audited(words, need_order=["low", "high"], in_need=["high"])
    row = made.table("need_depth").set_index(["measure", "group"])
    assert row.loc[("unserved_share", "a"), "status"] == "not_applicable"
    assert row.loc[("missed_need", "a"), "status"] == "undefined"
    assert row.loc[("missed_need", "b"), "estimate"] == 0.5


def test_with_everything_else_a_plan_can_name(tmp_path):
    rng = np.random.default_rng(3)
    rows = programme(4000, rng).assign(
        y=rng.choice(["yes", "no"], 4000), house=np.arange(4000) // 4,
        area=rng.integers(0, 4, 4000), before=rng.choice(["yes", "no"], 4000),
        w=rng.gamma(2.0, 1.0, 4000),
    )  # fmt: skip
    rows["s"] = (np.arange(4000) // 400) % 2
    made = audited(
        rows, label="y", positive="yes", control="area", control_reason="areas differ",
        baseline="before", cluster="house", weight="w", strata="s", in_need={"above": 1},
    )  # fmt: skip
    plain = auditkit.audit(
        None, rows, attributes=["g"], policy="icrc", decision="got", selected="yes", label="y",
        positive="yes", outcome="benefit", control="area", control_reason="areas differ",
        baseline="before", cluster="house", weight="w", strata="s",
    )  # fmt: skip
    for name in ("measurements", "stratified_disparities", "baseline", "checks"):
        mine, other = made.table(name), plain.table(name)
        if name == "checks":  # what is asked beside them changes nothing of checks that block
            mine, other = (t[t["effect"].str.startswith("block")] for t in (mine, other))
        pd.testing.assert_frame_equal(mine, other, rtol=1e-6)  # clusters drop bits of weights
    row = pooled_of(made)
    assert "clusters" in row["note"]
    assert np.isnan(row["homogeneity"])
    made.report(tmp_path / "made")
    assert auditkit.load(tmp_path / "made").record == made.record


def test_the_same_from_every_source(tmp_path):
    import sqlite3

    import polars as pl

    rng = np.random.default_rng(8)
    rows = programme(90_000, rng, gap=0.03)  # more values than are counted one by one
    rows.loc[::50, "need"] = np.nan
    rows["count_of"] = 1
    rows.to_parquet(tmp_path / "rows.parquet")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        rows.to_sql("rows", connection, index=False)
    asked = {"in_need": {"above": 1.0}, "date": "2026-11-24"}
    first = audited(rows, **asked).record
    assert len(first.equal_need) > 40
    for source, more in (
        (tmp_path / "rows.parquet", {}), (tmp_path / "rows.csv", {}), (pl.from_pandas(rows), {}),
        (f"sqlite:///{tmp_path}/rows.db", {"table": "rows"}),
    ):  # fmt: skip
        other = audited(source, **asked | more).record
        for name in ("equal_need", "need_depth", "checks", "exclusions"):
            assert getattr(other, name) == getattr(first, name), (source, name)
