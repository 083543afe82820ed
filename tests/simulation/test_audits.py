"""Whole audits of groups that are treated alike, and of one that is not, drawn many times.

Counts are drawn, not rows, so that a thousand audits take seconds; that they are the audits that
rows would have given is a test of its own. Seeds are fixed: a share here is a figure, not luck.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, selection_rate

import auditkit
from auditkit.disparity import compare
from auditkit.evidence.counts import Counts, tabulate
from auditkit.judge.checks import judge
from auditkit.judge.family import detectable_gaps, hypotheses
from auditkit.metrics.registry import rates
from auditkit.metrics.standardised import STANDARDISED
from auditkit.plan import AuditPlan, make_plan
from auditkit.policy.schema import Policy, read_policy
from auditkit.results import RANGE, REST, Check, Disparity, Outcome, round_floats

POLICIES = ("icrc", "minimal")
"""As shipped; icrc without answers is at its highest level of risk."""

FIVE = (500, 250, 150, 70, 30)
NINE = (600,) * 9
RATES = list(rates("binary"))


@dataclass(frozen=True)
class World:
    """How often the recorded outcome is positive, missed if so, and selected if not."""

    need: float
    missed: float
    wrongly: float

    def cells(self) -> list[float]:
        """Probabilities of the nine outcome cells; nothing is missing."""
        no, yes = 1 - self.need, self.need
        right = [no * (1 - self.wrongly), no * self.wrongly, 0.0]
        return [*right, yes * self.missed, yes * (1 - self.missed), 0.0, 0.0, 0.0, 0.0]


ORDINARY = World(need=0.4, missed=0.3, wrongly=0.15)
WORLDS = (
    ORDINARY,
    World(need=0.2, missed=0.5, wrongly=0.1),
    World(need=0.6, missed=0.1, wrongly=0.05),
    World(need=0.1, missed=0.05, wrongly=0.02),
)


def plan(policy: str, attributes: tuple[str, ...] = ("group",)) -> AuditPlan:
    return make_plan(
        {
            "data": {"label": "y", "positive": "yes", "decision": "d", "outcome": "benefit"},
            "attributes": {name: {"column": name} for name in attributes},
            "groups": {"intersections": len(attributes)},
            "policy": {"use": policy},
        }
    )


def of_groups(table: np.ndarray) -> Counts:
    """One attribute whose groups have these outcome cells, shape (groups, 9)."""
    levels = tuple("abcdefghi"[: len(table)])
    return Counts(("group",), (levels,), np.arange(len(table))[:, None], table)


def drawn(seed: int, world: World, sizes: tuple[int, ...] = FIVE) -> Counts:
    rng = np.random.default_rng(seed)
    return of_groups(rng.multinomial(sizes, world.cells()))


def checked(counts: Counts, policy: Policy, depth: int = 1) -> tuple[Check, ...]:
    groups = tabulate(counts, depth)
    family = hypotheses(groups, policy, labelled=True)
    return judge(groups, policy, family, {}, labelled=True, outcome="benefit")


def ranges(counts: Counts) -> list[Disparity]:
    rows = compare(tabulate(counts, 1), plan("minimal"), 30, {})
    return [d for d in rows if d.against == RANGE and d.statistic == "difference"]


# ------------------------------------------------------------------ the chain is the audit


def spread(counts: Counts) -> pd.DataFrame:
    words = ("no", "yes", None)
    rows = [
        (group, words[cell // 3], words[cell % 3])
        for group, cells in zip(counts.levels[0], counts.table, strict=True)
        for cell, n in enumerate(cells)
        for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=["group", "y", "d"])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("policy", POLICIES)
def test_drawn_counts_give_the_audit_that_rows_give(policy, seed):
    counts = drawn(seed, ORDINARY)
    record = auditkit.audit(
        None, spread(counts), decision="d", label="y", positive="yes", outcome="benefit",
        attributes=["group"], policy=policy,
    ).record  # fmt: skip

    settled, groups = read_policy(plan(policy)), tabulate(counts, 1)
    family = hypotheses(groups, settled, labelled=True)
    gaps = detectable_gaps(groups, settled, family, labelled=True)
    checks = judge(groups, settled, family, gaps, labelled=True, outcome="benefit")
    of_rates = [c for c in record.checks if c.metric not in STANDARDISED]
    assert [c for c in round_floats(checks) if c.metric not in STANDARDISED] == of_rates
    assert round_floats(compare(groups, plan(policy), 30, gaps)) == record.disparities

    outcomes = [(check.outcome, check.lower, check.upper) for check in checks]
    quick = [(check.outcome, check.lower, check.upper) for check in checked(counts, settled)]
    assert quick == outcomes  # what a gap would have been found decides nothing


# ------------------------------------------------------------------ no true gap


def breached(policy: str, world: World, audits: int) -> int:
    """Count the audits of equal groups in which some check of the policy is a breach."""
    settled = read_policy(plan(policy))
    found = (checked(drawn(seed, world), settled) for seed in range(audits))
    return sum(any(c.outcome is Outcome.BREACH for c in checks) for checks in found)


def above_zero(world: World, audits: int) -> dict[str, int]:
    """Count by metric the audits of equal groups in which the range is said to exceed 0."""
    count = dict.fromkeys(RATES, 0)
    for seed in range(audits):
        for row in ranges(drawn(seed, world)):
            count[row.metric] += row.lower is not None and row.lower > 0
    return count


@pytest.mark.parametrize("policy", POLICIES)
def test_without_a_gap_at_most_one_audit_in_twenty_finds_a_breach(policy):
    assert breached(policy, ORDINARY, 1000) <= 50


def test_without_a_gap_the_range_of_each_metric_reaches_0_in_19_audits_of_20():
    count = above_zero(ORDINARY, 1000)
    assert max(count.values()) <= 50
    assert max(count.values()) > 0  # a bound that never left 0 would say nothing


@pytest.mark.simulation
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_without_a_gap_in_other_worlds_few_audits_find_a_breach(world, policy):
    assert breached(policy, world, 4000) <= 0.05 * 4000


@pytest.mark.simulation
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_without_a_gap_in_other_worlds_the_range_reaches_0(world):
    assert max(above_zero(world, 4000).values()) <= 0.05 * 4000


@pytest.mark.simulation
@pytest.mark.parametrize("policy", POLICIES)
def test_without_a_gap_in_crossings_few_audits_find_a_breach(policy):
    settled = read_policy(plan(policy, ("group", "other")))
    codes = np.array([(i, j) for i in range(3) for j in range(4)])
    sizes = np.outer([500, 300, 60], [0.4, 0.3, 0.2, 0.1]).astype(int).ravel()
    found = 0
    for seed in range(2000):
        table = np.random.default_rng(seed).multinomial(sizes, ORDINARY.cells())
        counts = Counts(("group", "other"), (tuple("abc"), tuple("wxyz")), codes, table)
        outcomes = {check.outcome for check in checked(counts, settled, depth=2)}
        found += Outcome.BREACH in outcomes
    assert found <= 0.05 * 2000


def test_without_a_gap_the_percentile_bootstrap_of_fairlearn_is_always_above_0():
    above = 0
    for seed in range(8):
        rows = spread(drawn(seed, ORDINARY))
        frame = MetricFrame(
            metrics={"selection": selection_rate, "missed": false_negative_rate},
            y_true=rows["y"] == "yes",
            y_pred=rows["d"] == "yes",
            sensitive_features=rows["group"],
            n_boot=40,
            ci_quantiles=[0.025, 0.975],
            random_state=seed,
        )
        above += int((frame.difference_ci()[0] > 0).sum())
    # a largest minus a smallest is never below 0, and a resample of it hardly ever on it
    assert above == 2 * 8


# ------------------------------------------------------------------ one favoured group


def favoured() -> np.ndarray:
    """Cell probabilities of nine groups of 300 in need each: one at FNR 5 %, eight at 30 %."""
    others = [World(0.5, 0.30, 0.15).cells()] * 8
    return np.array([World(0.5, 0.05, 0.15).cells(), *others])


@pytest.mark.parametrize("policy", POLICIES)
def test_one_favoured_group_at_expected_counts_is_found(policy):
    expected = np.rint(favoured() * 600).astype(int)
    record = auditkit.audit(
        None, spread(of_groups(expected)), decision="d", label="y", positive="yes",
        outcome="benefit", attributes=["group"], policy=policy,
    ).record  # fmt: skip
    of_need = {
        c.group: c for c in record.checks
        if c.metric == "false_negative_rate" and c.statistic == "difference"
    }  # fmt: skip
    assert of_need["a"].n == 300
    assert of_need["a"].estimate == pytest.approx(-0.25)
    assert (of_need["a"].outcome, of_need["a"].worse_off) == ("breach", REST)
    # 0.30 - (0.05 + 7 * 0.30) / 8: each of the eight alone is hardly behind its rest
    assert of_need["b"].estimate == pytest.approx(0.03125)
    assert of_need["b"].outcome != "breach"


def all_within(policy: str, audits: int) -> int:
    """Count the audits of the favoured group in which no check is anything but within."""
    settled, clear = read_policy(plan(policy)), 0
    for seed in range(audits):
        table = np.random.default_rng(seed).multinomial(NINE, favoured())
        outcomes = {check.outcome for check in checked(of_groups(table), settled)}
        clear += outcomes <= {Outcome.WITHIN, Outcome.NOT_APPLICABLE}
    return clear


@pytest.mark.parametrize("policy", POLICIES)
def test_one_favoured_group_is_never_all_within(policy):
    assert all_within(policy, 100) == 0


@pytest.mark.simulation
@pytest.mark.parametrize("policy", POLICIES)
def test_one_favoured_group_is_never_all_within_in_many_audits(policy):
    assert all_within(policy, 4000) == 0


def test_nine_equal_groups_can_be_all_within():
    # so that the test above could fail: the same sizes, without the favoured group
    settled = read_policy(plan("minimal"))
    alike = World(0.5, 0.1, 0.1)
    outcomes = [{c.outcome for c in checked(drawn(seed, alike, NINE), settled)} for seed in
                range(20)]  # fmt: skip
    assert sum(found == {Outcome.WITHIN} for found in outcomes) >= 15
