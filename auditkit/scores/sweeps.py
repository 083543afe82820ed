"""Scores of groups become what other budgets, and other cuts of the score, would give them.

A budget selects the highest scores of the whole population: one cut for everybody, whatever the
group. People without a score get no place. Attributes are looked at, their crossings are not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.errors import DataError, PlanError
from auditkit.evidence.gather import Evidence
from auditkit.evidence.scores import ScoreCounts
from auditkit.inference.design import enough, kish_size, share_effective
from auditkit.measure import NO_LABEL, number
from auditkit.metrics.histogram import Histogram
from auditkit.metrics.thresholds import (
    ROUNDING,
    Between,
    LastPlace,
    Places,
    Ranking,
    Sweep,
    fewest_digits,
    last_place,
    threshold_sweep,
)
from auditkit.plan import Above, AuditPlan
from auditkit.results import CROSS, Budget, Cut, CutBasis, Status
from auditkit.scores.measured import UNDER_CLUSTERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = range(-8, 5)
"""Budgets are the declared one times the fourth root of 2 to these powers: a quarter to twice."""
MOST_CUTS = 20
"""Steps of the grid of cuts over the scores that were seen, at most."""
ANYBODY, POSITIVE = [0, 1, 2], [1]
"""Rows of a histogram: recorded outcomes."""


# ------------------------------------------------------------------------------------ the own cut


def deployed_cut(plan: AuditPlan, evidence: Evidence) -> tuple[float | None, CutBasis]:
    """Say above which score people are selected, if decisions follow a cut of the score.

    The plan may declare it on the score itself. Else the scores tell: if every selected row lies
    above every other one, any number from the highest score of the others on parts the two. The one
    of fewest digits is taken, since either end may be the score of one person.
    """
    from math import isnan

    scores, data = evidence.scores, plan.data
    if scores is None:
        return None, CutBasis.UNKNOWN
    of_score = evidence.scorer is not None or data.decision == data.score
    if isinstance(data.selected, Above) and of_score:
        return data.selected.above, CutBasis.DECLARED
    ends = scores.extremes
    if ends is None or isnan(ends.lowest_selected) or isnan(ends.highest_other):
        return None, CutBasis.UNKNOWN
    if ends.selected_unscored or ends.lowest_selected <= ends.highest_other:
        return None, CutBasis.NOT_A_CUT
    return fewest_digits(ends.highest_other, ends.lowest_selected), CutBasis.INFERRED


# ---------------------------------------------------------------------------------------- budgets


def budgets(plan: AuditPlan, evidence: Evidence, floor: int) -> tuple[Budget, ...]:
    """Say what the declared number of places, and others around it, would give every group.

    Parameters
    ----------
    plan : AuditPlan
        With a quota; without one there is nothing to say.
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.

    Raises
    ------
    PlanError, DataError
        The model gives no probabilities; there are more places than people with a score.
    """
    quota = plan.data.quota
    if quota is None:
        return ()
    if evidence.scores is None:
        raise PlanError(
            f"data.quota gives {quota:,} places to the highest scores, but the model gives no "
            f"probabilities here. Remove data.quota, or audit its decisions with a score column."
        )
    everyone = evidence.scores.histograms[0]
    ranked = float(everyone.weight.sum()) * (1 + ROUNDING)
    if quota > ranked:
        held = f"{int(everyone.people.sum()):,} people with a decision and a score"
        held += f", whose weights sum to {ranked:,.1f}" if plan.data.weight is not None else ""
        raise DataError(
            f"data.quota gives {quota:,} places, but there are only {held}. If these rows are a "
            f"sample, give the places that its share of the population gets, or weights that sum "
            f"to the population."
        )
    clustered = plan.data.cluster is not None
    ends = [(k, last_place(everyone, k)) for k in range_of_budgets(quota, ranked)]
    return tuple(
        row
        for group in _groups(evidence)
        for row in Allotment(group, evidence.labelled, floor, clustered, quota).rows(ends)
    )


def range_of_budgets(quota: int, ranked: float) -> list[int]:
    """List whole budgets from a quarter of the declared one to twice it, no more than people.

    >>> range_of_budgets(100, 150.0)
    [25, 30, 35, 42, 50, 59, 71, 84, 100, 119, 141, 150]
    """
    near = (int(quota * 2 ** (step / 4) + 0.5) for step in STEPS)
    return sorted({quota, *(min(max(k, 1), int(ranked)) for k in near)})


@dataclass(frozen=True)
class Group:
    """The scores of a group: its histogram, and who has none."""

    attribute: str
    name: str
    scores: ScoreCounts
    place: int

    @property
    def histogram(self) -> Histogram:
        """People with a score."""
        return self.scores.histograms[self.place]

    @property
    def people(self) -> "NDArray[np.int64]":
        """People with a decision by recorded outcome, scored or not, shape (3,)."""
        scored: NDArray[np.int64] = self.histogram.people.sum(axis=1)
        return scored + self.scores.unscored[self.place].people

    @property
    def weight(self) -> "Floats":
        """Their sums of weights, shape (3,)."""
        scored: Floats = self.histogram.weight.sum(axis=1)
        return scored + self.scores.unscored[self.place].weight

    @property
    def square(self) -> "Floats":
        """Their sums of squared weights, shape (3,)."""
        scored: Floats = self.histogram.square.sum(axis=1)
        return scored + self.scores.unscored[self.place].square

    def worth(self, floor: int, labelled: bool) -> tuple[Status, str]:
        """Say what a share of the people with the positive recorded outcome is worth."""
        people, weight = int(self.people[1]), float(self.weight[1])
        among = "people with the positive recorded outcome"
        if not labelled:
            return Status.NOT_APPLICABLE, NO_LABEL
        if not people:
            return Status.UNDEFINED, f"no {among} to count"
        if not weight > 0:
            return Status.UNDEFINED, f"the weights of all {people} {among} are 0"
        alone = float(kish_size(weight, self.square[1], people))
        return enough(people, alone, among, floor)


def _groups(evidence: Evidence) -> Iterator[Group]:
    """List everybody and the groups of each attribute."""
    assert evidence.scores is not None  # noqa: S101
    for place, (attribute, name) in enumerate(evidence.groups.names):
        if CROSS not in attribute:
            yield Group(attribute, name, evidence.scores, place)


@dataclass(frozen=True)
class Allotment:
    """The places of one group under many budgets, about to be told."""

    group: Group
    labelled: bool
    floor: int
    clustered: bool
    quota: int

    def rows(self, ends: list[tuple[int, LastPlace]]) -> Iterator[Budget]:
        """Tell each budget, given where it ends in the ranking of everybody."""
        ranking = Ranking.of(self.group.histogram)
        for places, last in ends:
            yield self._row(places, ranking.places(last))

    def _row(self, places: int, given: Places) -> Budget:
        group, deployed = self.group, places == self.quota
        people, positives = int(group.people.sum()), int(group.people[1])
        everybody, positive = float(group.weight.sum()), float(group.weight[1])
        selected, (fewest, most) = float(given.expected.sum()), given.between(ANYBODY)
        status, note = group.worth(self.floor, self.labelled)
        missed, least, largest = self._missed(given, positive)
        wrong = given.wrongly() if self.labelled else (float("nan"),) * 3
        lower, upper, effective = None, None, None
        if deployed and missed is not None and least is not None and largest is not None:
            if self.clustered:
                note = "; ".join(filter(None, (note, UNDER_CLUSTERS)))
            else:
                lower, upper, effective = self._interval(given, missed, least, largest)
        return Budget(
            places=places,
            cut=given.last.cut,
            attribute=group.attribute,
            group=group.name,
            selected=selected,
            selection_rate=selected / everybody if everybody > 0 else None,
            exclusion_error=missed,
            exclusion_lower=least,
            exclusion_upper=largest,
            inclusion_error=number(wrong[0]),
            deployed=deployed,
            n=people,
            positives=positives,
            status=status,
            note=note,
            at_cut=given.last.share,
            selected_lower=fewest,
            selected_upper=most,
            inclusion_lower=number(wrong[1]),
            inclusion_upper=number(wrong[2]),
            lower=lower,
            upper=upper,
            unscored=int(group.scores.unscored[group.place].people.sum()),
            effective_n=effective,
        )

    def _missed(
        self, given: Places, positive: float
    ) -> tuple[float, float, float] | tuple[None, None, None]:
        """Share of the people with the positive outcome without a place: expected, least, most."""
        if not self.labelled or not positive > 0:
            return None, None, None
        fewest, most = given.between(POSITIVE)
        reached = (float(given.expected[1]), most, fewest)
        expected, least, largest = (min(max(1 - k / positive, 0.0), 1.0) for k in reached)
        return expected, least, largest

    def _interval(
        self, given: Places, missed: float, least: float, largest: float
    ) -> tuple[float | None, float | None, float | None]:
        """Give the 95 % interval of the share without a place, and the people it stands on.

        Wilson's (1927), at the effective size where people are weighted; the cut is taken as fixed.
        A draw among equal scores is part of it. In a bin the order is not drawn but unknown: there
        the interval runs from the lower limit of the least share to the upper one of the largest.
        """
        from auditkit.inference.intervals import wilson

        group = self.group
        people, total = int(group.people[1]), float(group.weight[1])
        reached = float(given.square[1] + given.last.share * given.tied_square[1])
        n = share_effective(missed, float(group.square[1]) - reached, reached, total, people)
        ends = (least, largest) if given.last.right > given.last.left else (missed, missed)
        lower, upper = (wilson(p * n, n) for p in ends)
        return number(float(lower.lower)), number(float(upper.upper)), n if n != people else None


# ------------------------------------------------------------------------------------------- cuts


def cuts(plan: AuditPlan, evidence: Evidence, floor: int) -> tuple[Cut, ...]:
    """Compute the rates of every group at a grid of cuts, the one in use among them.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
        With scores; without them there is nothing to cut.
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    if evidence.scores is None:
        return ()
    everyone = evidence.scores.histograms[0]
    seen = everyone.people.any(axis=0)  # a row of counts may stand for nobody
    if not seen.any():
        return ()
    own, _ = deployed_cut(plan, evidence)
    grid = grid_of_cuts(float(everyone.left[seen][0]), float(everyone.right[seen][-1]))
    at = sorted({*grid, *(() if own is None else (own,))})
    rows: list[Cut] = []
    for group in _groups(evidence):
        unscored = evidence.scores.unscored[group.place]
        swept = threshold_sweep(group.histogram, at, strict=True, unscored=unscored)
        status, note = group.worth(floor, evidence.labelled)
        rows += _cut_rows(group, swept, own, evidence.labelled, status, note)
    return tuple(rows)


def grid_of_cuts(low: float, high: float) -> list[float]:
    """List neat cuts, at most 21, over the scores from ``low`` to ``high``.

    Neighbours are 1, 2 or 5 times a power of ten apart.

    >>> grid_of_cuts(0.02, 0.31)[:3], len(grid_of_cuts(0.0, 1.0)), grid_of_cuts(7.0, 7.0)
    ([0.02, 0.04, 0.06], 21, [7.0])
    """
    from fractions import Fraction
    from math import ceil, floor, log10

    if not high > low:
        return [low]
    power = floor(log10((high - low) / MOST_CUTS))
    first, last = Fraction(str(low)), Fraction(str(high))
    steps = [Fraction(10) ** (power + more) * k for more in (0, 1) for k in (1, 2, 5)]
    grids = ((s, range(ceil(first / s), floor(last / s) + 1)) for s in steps)
    step, places = next(grid for grid in grids if len(grid[1]) <= MOST_CUTS + 1)
    return [float(step * k) for k in places]


def _cut_rows(
    group: Group, swept: Sweep, own: float | None, labelled: bool, status: Status, note: str
) -> Iterator[Cut]:
    people = group.people
    for k, cut in enumerate(swept.cuts.tolist()):
        selection = _at(swept.selection_rate, k)
        reached = _at(swept.true_positive_rate, k) if labelled else NOTHING
        wrongly = _at(swept.false_positive_rate, k) if labelled else NOTHING
        yield Cut(
            cut=cut,
            attribute=group.attribute,
            group=group.name,
            selection_rate=selection[0],
            true_positive_rate=reached[0],
            false_positive_rate=wrongly[0],
            deployed=cut == own,
            n=int(people.sum()),
            positives=int(people[1]),
            negatives=int(people[0]),
            status=status,
            note=note,
            selection_lower=selection[1],
            selection_upper=selection[2],
            true_positive_lower=reached[1],
            true_positive_upper=reached[2],
            false_positive_lower=wrongly[1],
            false_positive_upper=wrongly[2],
        )


NOTHING = (None, None, None)
"""No rate, and no bounds of it."""


def _at(rate: Between, k: int) -> tuple[float | None, float | None, float | None]:
    """Return the middle of what a rate can be at cut ``k``, the least and the most."""
    least, most = number(float(rate.lower[k])), number(float(rate.upper[k]))
    if least is None or most is None:
        return NOTHING
    return (least + most) / 2, least, most
