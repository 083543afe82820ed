"""Limits on gaps at equal values: by hand, at the limit by simulation, and what they may not do."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

import auditkit
from auditkit import PolicyError
from auditkit.inference.gates import all_clear_level, gap_bounds, judge_gap
from auditkit.inference.intervals import Bounds
from auditkit.inference.standardised import Bands
from auditkit.judge.family import check_metrics
from auditkit.policy.schema import read_policy, shipped
from auditkit.report.story.verdict import verdict_lines, worst_off_words
from auditkit.results import Outcome
from tests.test_calibration import drawn
from tests.test_equal_need import people
from tests.test_policy import plan

LOW = 0.044
"""Error of the bounds of an all-clear."""


def policy(tmp_path, metric, limit=0.05, effect="explain", more=""):
    """Write the policy ``minimal`` with one more check, and return its path."""
    text = shipped()["minimal"].read_text(encoding="utf-8")
    check = f'[checks.mine]\nmetric = "{metric}"\nstatistic = "difference"\nlimit = {limit}\n'
    check += f'effect = "{effect}"\n{more}\n[[requirements]]'
    text = text.replace("[[requirements]]", check, 1)
    text = text.replace('checks = ["selection_gap"', 'checks = ["mine", "selection_gap"')
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def asked(made, check="mine"):
    table = made.table("checks")
    return table[table["check"] == check].set_index("group")


def at_need(rows, **more):
    given = {"decision": "got", "selected": "yes", "outcome": "benefit", "need": "need"}
    return auditkit.audit(None, rows, attributes=["g"], stage="sandbox", **given | more)


def at_scores(rows, **more):
    given = {"label": "y", "positive": 1, "decision": "d", "score": "s", "outcome": "benefit"}
    return auditkit.audit(None, rows, attributes=["group"], stage="sandbox", **given | more)


def limits(x, n, alpha):
    """Clopper and Pearson's limits from the Beta distribution."""
    return beta.ppf(alpha, x, n - x + 1), beta.isf(alpha, x + 1, n - x)


def longer_side(x1, n1, x2, n2, alpha):
    """The longer half-width of MOVER's bounds of a difference of two rates."""
    (l1, u1), (l2, u2) = limits(x1, n1, alpha), limits(x2, n2, alpha)
    p1, p2 = x1 / n1, x2 / n2
    return max(np.hypot(p1 - l1, u2 - p2), np.hypot(u1 - p1, p2 - l2))


# ---------------------------------------------------------------------------------------- by hand


def test_selection_at_equal_need_by_hand(tmp_path):
    """Mantel and Haenszel: 40 of 60 against 30 of 60, and 20 of 40 against 60 of 80."""
    rows = people(("a", 1, 40, 20), ("b", 1, 30, 30), ("a", 2, 20, 20), ("b", 2, 60, 20))
    row = asked(at_need(rows, policy=policy(tmp_path, "selection_at_equal_need"))).loc["a"]
    w1, w2 = 60 * 60 / 120, 40 * 80 / 120
    share = np.array([w1, w2]) / (w1 + w2)
    estimate = share @ [40 / 60 - 30 / 60, 20 / 40 - 60 / 80]
    side = [longer_side(40, 60, 30, 60, LOW), longer_side(20, 40, 60, 80, LOW)]
    half = np.sqrt(share**2 @ np.square(side))
    assert row["estimate"] == pytest.approx(estimate)
    assert row["lower"] == pytest.approx(estimate - half)
    assert row["level_lower"] == pytest.approx(1 - LOW)
    # selection_gap is one more comparison: two groups that mirror each other are one of each check
    side = [longer_side(40, 60, 30, 60, 0.025), longer_side(20, 40, 60, 80, 0.025)]
    assert row["level_upper"] == pytest.approx(1 - 0.025)
    assert row["upper"] == pytest.approx(estimate + np.sqrt(share**2 @ np.square(side)))
    assert row["outcome"] == "indeterminate"
    assert row["n"] == 100


def test_calibration_by_hand(tmp_path):
    """At .25: 30 of 100 against 20 of 100; at .75: 80 of 100 against 75 of 100."""
    cells = {("a", 0.25): 30, ("b", 0.25): 20, ("a", 0.75): 80, ("b", 0.75): 75}
    rows = pd.DataFrame(
        [
            (group, s, int(k < y), int(s > 0.5))
            for (group, s), y in cells.items()
            for k in range(100)
        ],
        columns=["group", "s", "y", "d"],
    )
    row = asked(at_scores(rows, policy=policy(tmp_path, "calibration"))).loc["a"]
    side = [longer_side(30, 100, 20, 100, LOW), longer_side(80, 100, 75, 100, LOW)]
    half = np.sqrt(np.square(side).sum()) / 2
    assert row["estimate"] == pytest.approx(0.075)
    assert row["upper"] == pytest.approx(0.075 + half)
    assert row["outcome"] == "indeterminate"
    assert row["worse_off"] == "a"  # scored too low, so selected less


@pytest.mark.parametrize(("outcome", "worse"), [("benefit", "b"), ("burden", "rest")])
def test_who_is_worse_off_turns_with_the_outcome(tmp_path, outcome, worse):
    use = policy(tmp_path, "calibration")
    made = at_scores(drawn(3, 20_000, lift=0.12), policy=use, outcome=outcome)
    row = asked(made).loc["b"]
    assert (row["outcome"], row["worse_off"]) == ("breach", worse)
    assert {f.effect for f in made.findings if f.check == "mine"} == {"explain"}


def test_page_1_leads_with_the_largest_harm_whatever_its_kind(tmp_path):
    rows = drawn(3, 20_000, lift=0.15)
    rows["d"] = np.random.default_rng(0).integers(0, 2, len(rows))
    made = at_scores(rows, policy="icrc")
    lead = " ".join(worst_off_words(made.record))
    assert "b (group): recorded outcome at like scores, +1" in lead
    assert "beyond the limit. Worse off: this group" in lead
    lines = [(line.what, line.limit) for line in verdict_lines(made.record)]
    assert ("recorded outcome at like scores", "limit 5 points; to be explained") in lines


def test_scores_that_mean_the_same_are_within(tmp_path):
    made = at_scores(drawn(1, 20_000, digits=2), policy=policy(tmp_path, "calibration"))
    assert set(asked(made)["outcome"]) == {"within"}
    wide = at_scores(drawn(2, 400, digits=2), policy=policy(tmp_path, "calibration"))
    assert set(asked(wide)["outcome"]) == {"indeterminate"}


def test_within_wants_every_band_of_need_that_has_enough_people(tmp_path):
    use = policy(tmp_path, "selection_at_equal_need")
    even = people(*[(g, level, 6000, 4000) for g in "ab" for level in range(10)])
    assert set(asked(at_need(even, policy=use))["outcome"]) == {"within"}
    odd = people(*[(g, level, 6000, 4000) for g in "ab" for level in range(8)],
                 ("a", 8, 4500, 5500), ("b", 8, 6000, 4000),
                 ("a", 9, 7500, 2500), ("b", 9, 6000, 4000))  # fmt: skip
    row = asked(at_need(odd, policy=use)).loc["a"]
    assert row["estimate"] == pytest.approx(0)
    assert row["outcome"] == "indeterminate"
    assert row["lower"] < -0.15  # the band that judged, so that the bar agrees with the answer
    assert "not shown to be in every band" in row["note"]


def test_few_people_are_never_within_and_can_be_a_breach(tmp_path):
    use = policy(tmp_path, "selection_at_equal_need", limit=0.9)
    rows = people(("a", 1, 3, 3), ("b", 1, 500, 500), ("c", 1, 500, 500))
    row = asked(at_need(rows, policy=use)).loc["a"]
    assert row["outcome"] == "indeterminate"
    assert "30 wanted" in row["note"]
    use = policy(tmp_path, "selection_at_equal_need")
    rows = people(("a", 1, 0, 12), ("b", 1, 900, 100), ("c", 1, 900, 100))
    assert asked(at_need(rows, policy=use)).loc["a", "outcome"] == "breach"


def test_few_clusters_are_never_within(tmp_path):
    use = policy(tmp_path, "selection_at_equal_need", limit=0.9)
    rows = people(*[(g, level, 600, 400) for g in "ab" for level in range(3)])
    rows = rows.sample(frac=1, random_state=1, ignore_index=True)
    few, many = (rows.assign(site=np.arange(len(rows)) % k) for k in (5, 60))
    row = asked(at_need(few, policy=use, cluster="site")).loc["a"]
    assert row["outcome"] == "indeterminate"
    assert "5 clusters, at least 8 wanted" in row["note"]
    assert asked(at_need(many, policy=use, cluster="site")).loc["a", "outcome"] == "within"


# -------------------------------------------------------------------------------- blocking is left


def test_checks_that_do_not_block_leave_the_comparisons_that_do_as_they_are(tmp_path):
    rows = drawn(3, 4000, lift=0.1)
    plain = at_scores(rows, policy="minimal")
    more = at_scores(rows, policy=policy(tmp_path, "calibration"))
    assert more.record.policy.hypotheses == plain.record.policy.hypotheses == 3
    kept = more.table("checks").query("check != 'mine'").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, plain.table("checks"))
    assert more.disposition == plain.disposition


def test_icrc_asks_both_and_holds_nothing_back_by_them():
    asks = {"benefit": ["equal_need_gap", "calibration_gap"], "burden": ["calibration_gap"]}
    for outcome, names in asks.items():
        checks = {c.name: c for c in read_policy(plan(outcome=outcome)).checks}
        assert [name for name in ("equal_need_gap", "calibration_gap") if name in checks] == names
        assert {checks[name].effect for name in names} == {"explain"}
        assert {checks[name].limit for name in names} == {0.05}


# ------------------------------------------------------------------------------------ bad policies


@pytest.mark.parametrize(
    ("metric", "effect", "statistic", "words"),
    [
        ("calibratio", "explain", "difference", "Did you mean 'calibration'?"),
        ("calibration", "block_unless_within", "difference", "'block_unless_within', but how"),
        ("calibration", "explain", "ratio", "is a gap already"),
        (
            "brier_score",
            "explain",
            "difference",
            "rates and 'selection_at_equal_need', 'calibration'; 'brier_score'",
        ),
    ],
)
def test_a_check_that_cannot_be_made_is_one_clear_error(tmp_path, metric, effect, statistic, words):
    use = policy(tmp_path, metric, effect=effect)
    if statistic == "ratio":
        text = (tmp_path / "mine.toml").read_text(encoding="utf-8")
        start = text.index("[checks.mine]")
        mine = text[start:].replace('"difference"\nlimit = 0.05', '"ratio"\nlimit = 1.25', 1)
        mine = mine.replace('"explain"', '"explain"\ngap_floor = 0.0', 1)
        (tmp_path / "mine.toml").write_text(text[:start] + mine, encoding="utf-8")
    with pytest.raises(PolicyError) as error:
        at_scores(drawn(1, 100), policy=use)
    assert words in str(error.value)
    assert "Check 'mine'" in str(error.value)


def test_an_effect_that_blocks_at_another_level_of_risk_is_refused_at_every_one(tmp_path):
    text = shipped()["icrc"].read_text(encoding="utf-8")
    start = text.index("[checks.calibration_gap]")
    level = 'effect = { low = "note", medium = "explain", high = "block_on_breach" }'
    mine = text[start:].replace('effect = "explain"', level, 1)
    (tmp_path / "mine.toml").write_text(text[:start] + mine, encoding="utf-8")
    harmless = {"severity": "none", "likelihood": "rare", "autonomy": "inform"}
    settled = read_policy(plan("mine.toml", folder=tmp_path, **harmless))
    with pytest.raises(PolicyError, match="cannot hold a system back"):
        check_metrics(settled)


# ------------------------------------------------------------------------------------ at the limit


@pytest.mark.parametrize("comparisons", [1, 12])
@pytest.mark.parametrize(
    ("n", "rest", "p", "gap", "limit"),
    [
        (20, 200, 0.2, -0.1, 0.1),
        (20, 1000, 0.06, -0.05, 0.05),
        (20, 200, 0.06, 0.1, 0.1),
        (200, 60, 0.06, 0.1, 0.1),
        (1000, 20, 0.01, 0.1, 0.1),
        (60, 200, 0.9, 0.05, 0.05),
        (200, 200, 0.5, 0.05, 0.05),
        (60, 60, 0.5, -0.1, 0.1),
    ],
)
def test_at_the_limit_a_wrong_answer_is_rare(n, rest, p, gap, limit, comparisons):
    """Ten bands, the gap exactly at its limit in each; the cells where it was wrong most often.

    The tolerance is three standard errors of a share of 2,000 draws. From the two sides of every
    band as they are, the fifth cell is called within in 8.8 % of draws.
    """
    rng, draws, bands = np.random.default_rng(11), 2000, 10
    low, high = all_clear_level(0.05), 0.05 / comparisons
    x, y = rng.binomial(n, p + gap, (draws, bands)), rng.binomial(rest, p, (draws, bands))
    at = {alpha: gap_bounds(x, n, y, rest, alpha) for alpha in (low, high)}
    found = []
    for k, gaps in enumerate(x / n - y / rest):
        bounds = {a: Bounds(b.lower[k], b.upper[k]) for a, b in at.items()}
        one = Bands(gaps, np.ones(bands), bounds.__getitem__, np.zeros(bands, bool))
        found.append(judge_gap(*one.whole(low), *one.whole(high), limit))
    for wrong, allowed in ((Outcome.WITHIN, 0.05), (Outcome.BREACH, high)):
        share = np.mean([outcome is wrong for outcome in found])
        assert share <= allowed + 3 * np.sqrt(allowed * (1 - allowed) / draws)
