"""Whole audits under the shipped icrc policy, of groups without a gap and with a known one.

Counts are drawn and go through the functions that judge every audit: ``hypotheses``, ``judge``,
``disposition``. That drawn counts give the audit that rows give is tested in ``test_audits.py``.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import product

import numpy as np

from auditkit.evidence.counts import Counts, tabulate
from auditkit.judge.checks import judge
from auditkit.judge.family import hypotheses
from auditkit.judge.outcome import disposition
from auditkit.plan import AuditPlan, make_plan
from auditkit.policy.schema import Policy, read_policy
from auditkit.results import Check, Disposition, Outcome
from tests.simulation.measured import Job, Row, percent

ANSWERS = {
    "severity": "none", "likelihood": "rare", "autonomy": "inform", "affects_people": "yes",
    "vulnerable": "no", "data_class": "none", "place": "stable", "recourse": "easy",
    "org_legal_reputational": "low",
}  # fmt: skip
LEVELS = {"low": {}, "medium": {"autonomy": "rank"}, "high": {"severity": "grave"}}
GROUPS, SIZES = (2, 5, 12), (30, 100, 1000)
MISSED, WRONGLY, OTHERS = 0.3, 0.15, 1.5
"""Missed need, wrong selection, and people not in need for each one in need."""

GAP, RATIO = "missed_need_gap", "missed_need_ratio"
SIMILAR = ("no gap", "at the limit of the gap", "at the limit of the ratio", "twice the limit")


def plan(level: str) -> AuditPlan:
    return make_plan(
        {
            "data": {"label": "y", "positive": "yes", "decision": "d", "outcome": "benefit"},
            "attributes": {"group": {"column": "group"}},
            "policy": {"use": "icrc", "answers": ANSWERS | LEVELS[level]},
        }
    )


def drawn(rng: np.random.Generator, n: int, missed: np.ndarray) -> Counts:
    """Draw n people in need of each group, who are missed that often, and 1.5 n not in need."""
    k, others = len(missed), round(OTHERS * n)
    table = np.zeros((k, 9), dtype=np.int64)
    table[:, 3], table[:, 1] = rng.binomial(n, missed), rng.binomial(others, WRONGLY, k)
    table[:, 4], table[:, 0] = n - table[:, 3], others - table[:, 1]
    return Counts(("group",), (tuple("abcdefghijkl"[:k]),), np.arange(k)[:, None], table)


def limit_of(policy: Policy, name: str) -> float:
    return next(check.limit for check in policy.checks if check.name == name)


def true_rates(policy: Policy, scenario: str, groups: int) -> np.ndarray:
    """Rates of missed need: those of all groups but the first are alike."""
    missed, limit = np.full(groups, MISSED), limit_of(policy, GAP)
    missed[0] = {
        "no gap": MISSED,
        "at the limit of the gap": MISSED + limit,
        "at the limit of the ratio": limit_of(policy, RATIO) * MISSED,
        "twice the limit": MISSED + 2 * limit,
    }[scenario]
    return missed


@dataclass(frozen=True)
class Seen:
    """Shares of the audits of one cell; ``audits`` of them, and ``disposed`` carried to the end."""

    level: str
    groups: int
    n: int
    audits: int
    share: dict[str, float]

    def told(self) -> str:
        return f"{self.groups} groups of {self.n:,}, {self.level} risk"


def told_of(checks: tuple[Check, ...], scenario: str) -> set[str]:
    """Name what one audit came to, of the things that are counted."""
    own = {c.check: c.outcome for c in checks if c.group == "a"}
    held = [c.outcome for c in checks if c.effect.warns and c.outcome != "not_applicable"]
    found = {
        "any breach": any(c.outcome is Outcome.BREACH for c in checks),
        "gap found": own[GAP] is Outcome.BREACH,
        "gap within": own[GAP] is Outcome.WITHIN,
        "ratio within": own[RATIO] is Outcome.WITHIN,
        "all within": all(outcome is Outcome.WITHIN for outcome in held),
    }
    return {f"{scenario}: {name}" for name, is_so in found.items() if is_so}


def cell(level: str, groups: int, n: int, audits: int, disposed: int) -> Seen:
    """Draw and judge the audits of one cell; the seed is made of it."""
    settled = read_policy(plan(level))
    rng = np.random.default_rng([list(LEVELS).index(level), groups, n])
    seen: Counter[str] = Counter()
    for scenario in SIMILAR:
        missed = true_rates(settled, scenario, groups)
        for audit in range(audits if scenario == "no gap" else disposed):
            table = tabulate(drawn(rng, n, missed), 1)
            family = hypotheses(table, settled, labelled=True)
            checks = judge(table, settled, family, {}, labelled=True, outcome="benefit")
            seen.update(told_of(checks, scenario))
            if scenario == "no gap" and audit < disposed:
                given, _ = disposition(checks, table, settled, family, "sandbox")
                seen["not ready"] += given is Disposition.NOT_READY
    share = {
        name: count / (audits if name.startswith("no gap") else disposed)
        for name, count in seen.items()
    }
    return Seen(level, groups, n, audits, share)


def rows(cells: list[Seen], audits: int, disposed: int) -> list[Row]:
    """Hold the worst cell to what is promised."""

    def top(name: str) -> tuple[float, str]:
        seen = max(cells, key=lambda s: s.share.get(name, 0.0))
        share = seen.share.get(name, 0.0)
        return share, f"worst {percent(share)} ({seen.told()})" if share else "never"

    grid = (
        f"{len(cells)} cells: 2, 5 and 12 groups of 30, 100 and 1,000 in need, three levels of "
        f"risk; missed need 30 %, wrong selection 15 %"
    )
    many, fewer = (
        f"{number:,} audits a cell, standard error at 5 % of "
        f"{percent((0.05 * 0.95 / number) ** 0.5, 1)}"
        for number in (audits, disposed)
    )
    parity, pt = top("no gap: any breach")
    gap, gt = top("at the limit of the gap: gap within")
    ratio, rt = top("at the limit of the ratio: ratio within")
    whole = [top(f"{scenario}: all within") for scenario in SIMILAR[1:3]]
    slack = 0.05 + 3 * (0.05 * 0.95 / disposed) ** 0.5
    asked = f"at most {percent(slack, 1)}: 5 % and three standard errors"
    of = "Policy icrc, one group exactly at the limit of the"
    return [
        Row(
            "Policy icrc, no gap: any breach in the audit", grid, many,
            "at most 5 %", pt, parity <= 0.05,
        ),
        Row(f"{of} gap: it is called within", grid, fewer, asked, gt, gap <= slack),
        Row(f"{of} ratio: it is called within", grid, fewer, asked, rt, ratio <= slack),
        Row(
            f"{of} gap, or of the ratio: everything that warns or blocks is within", grid, fewer,
            "at most 5 %", " and ".join(t for _, t in whole), max(w for w, _ in whole) <= 0.05,
        ),
    ]  # fmt: skip


HEADER = (
    "risk", "groups", "in need of each", "no gap: any breach", "no gap: not ready",
    "twice the limit: found", "at the gap limit: called within",
    "at the ratio limit: called within", "at the gap limit: whole audit within",
)  # fmt: skip


def table(cells: list[Seen]) -> list[str]:
    """Lay the cells out for a document."""
    names = (
        "no gap: any breach", "not ready", "twice the limit: gap found",
        "at the limit of the gap: gap within", "at the limit of the ratio: ratio within",
        "at the limit of the gap: all within",
    )  # fmt: skip
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    for seen in cells:
        shares = [percent(seen.share.get(name, 0.0), 1) for name in names]
        lines.append(f"| {seen.level} | {seen.groups} | {seen.n:,} | {' | '.join(shares)} |")
    return lines


CELLS = tuple(product(LEVELS, GROUPS, SIZES))
FULL, QUICK = (1000, 200), (60, 20)
QUICK_CELLS = (("high", 2, 100), ("medium", 5, 100), ("low", 12, 30))


def of(level: str, groups: int, n: int, *, full: bool) -> Seen:
    return cell(level, groups, n, *(FULL if full else QUICK))


JOBS = [Job(f"icrc at {w[0]} risk, {w[1]} groups of {w[2]:,}", of, w) for w in CELLS]
