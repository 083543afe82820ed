"""Weights and households: intervals and gates where people were not drawn one by one and alike.

Group a is drawn with one true rate and group b with another. Each design is judged twice: as it was
drawn, and as if people had been drawn one by one.
"""

from dataclasses import dataclass

import numpy as np

from auditkit.evidence.counts import Counts, GroupTable, tabulate
from auditkit.evidence.design import design_of
from auditkit.judge.checks import judge
from auditkit.judge.family import hypotheses
from auditkit.plan import make_plan
from auditkit.policy.schema import read_policy
from auditkit.results import Outcome
from tests.simulation.measured import Job, Row, percent
from tests.simulation.test_clusters import counted, intervals

LIMIT, P = 0.10, 0.3
SIZE = 5
ALIKE = 0.3
"""Correlation of two people of a household."""


@dataclass(frozen=True)
class Sample:
    """Two groups as they were drawn, and the same as if drawn one by one."""

    declared: GroupTable
    silent: GroupTable


def weighted(rng: np.random.Generator, own: float, other: float) -> Sample:
    """1,200 people of group a, 2,000 of b, with weights that vary by a factor of ten and more."""
    sizes, p = np.array([1200, 2000]), np.array([own, other])
    return _weighted(sizes, rng.lognormal(0, 0.7, sizes.sum()), np.repeat(p, sizes), rng)


def unequal(rng: np.random.Generator, own: float, other: float) -> Sample:
    """1,200 and 2,000 people; half of either stand for three; in a they are selected more often."""
    sizes, p = np.array([1200, 2000]), np.array([own, other])
    weight = np.where(np.arange(sizes.sum()) % 2, 3.0, 1.0)
    # the weighted mean of the two halves is the rate asked for: p + (3 * .025 - .075) / 4
    tilt = np.where(weight == 3, 0.025, -0.075)
    tilt[sizes[0] :] = 0  # only group a: a tilt alike in both would leave the gap as it is
    return _weighted(sizes, weight, np.repeat(p, sizes) + tilt, rng)


def _weighted(sizes, weight, p, rng: np.random.Generator) -> Sample:
    cell = 9 * np.repeat([0, 1], sizes) + 6 + (rng.random(len(p)) < p)
    people, total, square = (
        np.bincount(cell, v, 18).reshape(2, 9) for v in (np.ones(len(p)), weight, weight**2)
    )
    given = (("group",), (("a", "b"),), np.array([[0], [1]]), people.astype(np.int64))
    with_weights = Counts(*given, weight=total, square=square)
    return Sample(
        tabulate(with_weights, 1, design_of(with_weights, None)), tabulate(Counts(*given), 1)
    )


def households(rng: np.random.Generator, own: float, other: float) -> Sample:
    """400 households of group a and 600 of b, of 5 people whose selection goes together."""
    number = np.array([400, 600])
    group = np.repeat(np.repeat([0, 1], number)[:, None], SIZE, axis=1)
    return _of_households(rng, group, np.array([own, other]))


def mixed(rng: np.random.Generator, own: float, other: float) -> Sample:
    """1,000 households of 5, with people of both groups in each."""
    group = np.tile([0, 0, 1, 1, 1], (1000, 1))
    return _of_households(rng, group, np.array([own, other]))


def _of_households(rng: np.random.Generator, group: np.ndarray, p: np.ndarray) -> Sample:
    # with probability ALIKE ** .5 a person follows the household, whose draw is one for everybody
    shared, single = rng.random((len(group), 1)), rng.random(group.shape)
    follows = rng.random(group.shape) < ALIKE**0.5
    chosen = np.where(follows, shared, single) < p[group]
    return Sample(*(counted(group, chosen, clustered=c) for c in (True, False)))


DESIGNS = {
    "unequal weights": weighted,
    "weights that go with the outcome": unequal,
    "households of 5, each of one group": households,
    "households of 5, groups mixed": mixed,
}

POLICY = read_policy(
    make_plan(
        {
            "data": {"decision": "d", "selected": "yes", "outcome": "benefit"},
            "attributes": {"group": {"column": "group"}},
            "policy": {"use": "minimal"},
        }
    )
)


def outcome(table: GroupTable) -> Outcome:
    """Judge the gap of group a against a limit of 10 points, under the shipped policy minimal."""
    family = hypotheses(table, POLICY, labelled=False)
    checks = judge(table, POLICY, family, {}, labelled=False, outcome="benefit")
    return next(c.outcome for c in checks if c.group == "a" and c.metric == "selection_rate")


def shares(name: str, draws: int) -> dict[str, np.ndarray]:
    """Shares of the draws, as declared and not: covered, cleared at the limit, condemned there."""
    draw = DESIGNS[name]
    rng = np.random.default_rng(list(DESIGNS).index(name))
    found = {key: np.zeros(2) for key in ("rate", "gap", "within", "breach")}
    for k in range(draws):
        own = P + (LIMIT, -LIMIT)[k % 2]
        sample = draw(rng, own, P)
        for place, table in enumerate((sample.declared, sample.silent)):
            rate, gap = intervals(table)
            judged = outcome(table)
            found["rate"][place] += rate[0] <= own <= rate[1]
            found["gap"][place] += gap[0] <= own - P <= gap[1]
            found["within"][place] += judged is Outcome.WITHIN
            found["breach"][place] += judged is Outcome.BREACH
    return {key: count / draws for key, count in found.items()}


def design(name: str, *, full: bool) -> list[Row]:
    """Hold one design to 93 to 97 % of intervals and 5 % of errors at the limit."""
    draws = 4000 if full else 200
    seen = shares(name, draws)
    error = 3 * (0.05 * 0.95 / draws) ** 0.5
    rate, gap, within, breach = (seen[key] for key in ("rate", "gap", "within", "breach"))
    how = f"{draws:,} draws, standard error {percent(error / 3, 1)}"
    without = f"; undeclared {percent(rate[1], 1)} and {percent(gap[1], 1)}"
    gates = f"; undeclared {percent(within[1], 1)} and {percent(breach[1], 1)}"
    return [
        Row(
            f"95 % intervals of a rate and a gap: {name}",
            draw_of(name), how, "93 to 97 %, and three standard errors",
            f"{percent(rate[0], 1)} and {percent(gap[0], 1)}{without}",
            all(0.93 - error <= float(s[0]) <= 0.97 + error for s in (rate, gap)),
        ),
        Row(
            f"Wrong all-clear, wrong breach at the limit of 10 points: {name}",
            "the same, group a above and below", how,
            f"at most {percent(0.05 + error, 1)} each: 5 % and three standard errors",
            f"{percent(within[0], 1)} and {percent(breach[0], 1)}{gates}",
            max(within[0], breach[0]) <= 0.05 + error,
        ),
    ]  # fmt: skip


def draw_of(name: str) -> str:
    return " ".join((DESIGNS[name].__doc__ or "").split()).rstrip(".")


JOBS = [Job(name, design, (name,)) for name in DESIGNS]
