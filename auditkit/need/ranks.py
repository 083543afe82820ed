"""Who comes first when one of two people has more need: ranking by score, across groups.

A system that puts the most urgent first ranks a person with more need above one with less, whatever
groups they are of. Both ways round the share of such pairs ranked rightly should be the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import GroupTable, tabulate
from auditkit.evidence.gather import Evidence
from auditkit.inference.design import enough, kish_size, standardised_size
from auditkit.inference.intervals import Bounds, mover_difference
from auditkit.inference.scores import auc_interval
from auditkit.measure import number
from auditkit.metrics.histogram import Histogram
from auditkit.plan import AuditPlan
from auditkit.results import NOT_RECORDED, REST, NeedRank, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

IN_NEED, BY_BANDS = "in_need", "bands"
CLUSTERED = "intervals of rankings under clusters are not computed yet"
NO_PAIR = "there are no two bands of need in which both sides have people with a score"


def need_ranks(plan: AuditPlan, evidence: Evidence, floor: int) -> tuple[NeedRank, ...]:
    """Compare who is ranked first; nothing without scores, or where need has no own column.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Fewest people of either need on either side that are worth a conclusion.
    """
    scores, bands = evidence.scores_by_need, evidence.needs
    if scores is None or bands is None:
        return ()
    groups = tabulate(evidence.counts, 1)
    fine = len(bands.names)
    kinds: list[tuple[str, list[int]]] = []
    if bands.first_in_need is not None:
        kinds.append((IN_NEED, [int(k >= bands.first_in_need) for k in range(fine)]))
    if fine > 2 or not kinds:
        kinds.append((BY_BANDS, list(range(fine))))
    clustered = plan.data.cluster is not None
    rows: list[NeedRank] = []
    for name, places in kinds:
        for attribute in groups.attributes():
            rows += _of_attribute(
                name, attribute, groups, scores.histograms, places, floor, clustered=clustered
            )
    return tuple(rows)


@dataclass(frozen=True)
class Ranked:
    """People of one side by need and score, on a grid of scores that both sides share.

    Attributes
    ----------
    people : ndarray of int, shape (B,)
        People at each need.
    weight, square : ndarray of float, shape (B, V)
        Sums of weights, and of their squares, at each need and score.
    """

    people: "NDArray[np.int64]"
    weight: "Floats"
    square: "Floats"

    def plus(self, other: "Ranked") -> "Ranked":
        """Put two sets of people together."""
        return Ranked(
            self.people + other.people, self.weight + other.weight, self.square + other.square
        )

    @property
    def total(self) -> "Floats":
        """Weight at each need, shape (B,)."""
        total: Floats = self.weight.sum(axis=1)
        return total

    @property
    def share(self) -> "Floats":
        """Share of the people at each need who have each score, shape (B, V); 0 over nobody."""
        import numpy as np

        total = self.total[:, None]
        return np.divide(self.weight, total, out=np.zeros_like(self.weight), where=total > 0)

    @property
    def below(self) -> "Floats":
        """Share of the people at each need below each score, those at it by half, shape (B, V)."""
        share = self.share
        found: Floats = share.cumsum(axis=1) - share / 2
        return found

    @property
    def effective(self) -> "Floats":
        """How many people drawn alone those at each need tell as much as (Kish, 1965)."""
        return kish_size(self.total, self.square.sum(axis=1), self.people)


def _of_attribute(
    comparison: str,
    attribute: str,
    groups: GroupTable,
    histograms: tuple[Histogram, ...],
    places: list[int],
    floor: int,
    *,
    clustered: bool,
) -> Iterator[NeedRank]:
    import numpy as np

    recorded = groups.of(attribute)
    named = [i for i, (a, g) in enumerate(groups.names) if a == attribute and g != NOT_RECORDED]
    if len(recorded) < 2:
        return
    grid = np.unique(np.concatenate([histograms[i].left for i in recorded]))
    wide = np.zeros(len(grid), dtype=bool)
    sides = {}
    for i in recorded:
        at = np.searchsorted(grid, histograms[i].left)
        wide[at] |= histograms[i].wide
        sides[i] = _ranked(histograms[i], at, len(grid), places)
    everybody = sides[recorded[0]]
    for i in recorded[1:]:
        everybody = everybody.plus(sides[i])
    for i in named:
        own = sides[i]
        rest = Ranked(
            everybody.people - own.people,
            np.maximum(everybody.weight - own.weight, 0.0),
            np.maximum(everybody.square - own.square, 0.0),
        )
        yield _row(comparison, groups.names[i], own, rest, wide, floor, clustered=clustered)


def _ranked(histogram: Histogram, at: "NDArray[np.int64]", size: int, places: list[int]) -> Ranked:
    """Put people on a grid of scores, at their need; those of unknown need are left out."""
    import numpy as np

    bands = 1 + max(places)
    people = np.zeros(bands, dtype=np.int64)
    weight, square = np.zeros((bands, size)), np.zeros((bands, size))
    for kind, place in enumerate(places):
        people[place] += histogram.people[kind].sum()
        np.add.at(weight[place], at, histogram.weight[kind])
        np.add.at(square[place], at, histogram.square[kind])
    return Ranked(people, weight, square)


@dataclass(frozen=True)
class Order:
    """Pairs of needs, higher and lower, and how often the person with more need comes first.

    Attributes
    ----------
    pairs : ndarray of float, shape (B, B)
        Share of each pair (higher, lower) among the common ones; 0 elsewhere.
    own, rest : float
        How often the group's person with more need comes before the rest's with less; the reverse.
    own_variance, rest_variance, covariance : float
        Linearised.
    error : float
        What counting in bins can have moved the difference by, at most.
    """

    pairs: "Floats"
    common: float
    own: float
    rest: float
    own_variance: float
    rest_variance: float
    covariance: float
    error: float

    def sizes(self, side: Ranked) -> tuple[float, float]:
        """Say how many people drawn alone a side tells as much as: with more need, with less."""
        more, less = self.pairs.sum(axis=1), self.pairs.sum(axis=0)
        return standardised_size(more, side.effective), standardised_size(less, side.effective)


def order_of(own: Ranked, rest: Ranked, wide: "NDArray[np.bool_]") -> Order | None:
    """Rank pairs across groups, standardised over the pairs of needs that both have; or ``None``.

    Each pair of needs counts by the pairs of people that group and rest together have of it. The
    variance is that of sums of placements (DeLong, DeLong and Clarke-Pearson, 1988).
    """
    import numpy as np

    total = own.total + rest.total
    size = len(total)
    higher = np.tri(size, k=-1)
    pairs = higher * np.outer(total, total)
    both = (own.total > 0) & (rest.total > 0)
    common = pairs * np.outer(both, both)
    if not common.sum() > 0:
        return None
    share = common / common.sum()
    first, second = own.share @ rest.below.T, rest.share @ own.below.T
    ties = (own.share[:, wide] @ rest.share[:, wide].T, rest.share[:, wide] @ own.share[:, wide].T)
    # what a person of either side adds by the score: as the one with more need, and with less
    up_own, down_own = share @ rest.below, share.T @ (1 - rest.below)
    up_rest, down_rest = share @ own.below, share.T @ (1 - own.below)
    a = _spread(own, up_own, up_own) + _spread(rest, down_rest, down_rest)
    b = _spread(rest, up_rest, up_rest) + _spread(own, down_own, down_own)
    c = _spread(own, up_own, down_own) + _spread(rest, up_rest, down_rest)
    return Order(
        share,
        float(common.sum() / pairs.sum()),
        float((share * first).sum()),
        float((share * second).sum()),
        a,
        b,
        c,
        float(sum((share * t).sum() for t in ties) / 2),
    )


def _spread(side: Ranked, one: "Floats", other: "Floats") -> float:
    """Covariance of two means of placements over the people at each need, summed over needs."""
    import numpy as np

    share, total = side.share, side.total
    a = one - (share * one).sum(axis=1, keepdims=True)
    b = other - (share * other).sum(axis=1, keepdims=True)
    sums = (side.square * a * b).sum(axis=1)
    n = side.people.astype(np.float64)
    grown = np.where(n > 1, n / np.maximum(n - 1, 1), 1.0)
    found = np.divide(sums * grown, total**2, out=np.zeros_like(total), where=total > 0)
    return float(found.sum())


def _limits(order: Order, own: Ranked, rest: Ranked) -> tuple[Bounds, float]:
    """Bound the difference; also give the correlation of the two shares.

    Of two needs the four sets of people are disjoint, so the shares are independent: each has the
    score-type interval of an AUC (Newcombe, 2006), put together by MOVER. Of more needs people are
    in both shares: each has an interval on the scale of logits from its linearised variance, put
    together with their correlation; where nothing varies, the score-type one at all its people.
    """
    import numpy as np

    sizes = {"own": order.sizes(own), "rest": order.sizes(rest)}
    values = [np.asarray(order.own), np.asarray(order.rest)]
    score = [
        auc_interval(values[0], sizes["own"][0], sizes["rest"][1]),
        auc_interval(values[1], sizes["rest"][0], sizes["own"][1]),
    ]
    if len(own.people) == 2:
        return mover_difference(values[0], score[0], values[1], score[1]), 0.0
    bounds = [
        _on_logits(float(p), v) or s
        for p, v, s in zip(values, (order.own_variance, order.rest_variance), score, strict=True)
    ]
    spread = (order.own_variance * order.rest_variance) ** 0.5
    rho = min(max(order.covariance / spread, -1.0), 1.0) if spread > 0 else 0.0
    return mover_difference(values[0], bounds[0], values[1], bounds[1], rho), rho


def _on_logits(p: float, variance: float) -> Bounds | None:
    """Two-sided 95 % interval of a share from its variance; ``None`` where nothing varies."""
    from math import exp, log

    import numpy as np

    if not (0 < p < 1 and variance > 0):
        return None
    centre, half = log(p / (1 - p)), 1.959963984540054 * variance**0.5 / (p * (1 - p))
    ends = (1 / (1 + exp(-(centre + sign * half))) for sign in (-1, 1))
    return Bounds(*(np.asarray(end) for end in ends))


def _row(
    comparison: str,
    name: tuple[str, str],
    own: Ranked,
    rest: Ranked,
    wide: "NDArray[np.bool_]",
    floor: int,
    *,
    clustered: bool,
) -> NeedRank:
    import numpy as np

    order = order_of(own, rest, wide)
    if order is None:
        return NeedRank(
            comparison, *name, REST, None, None, None, None, None, None,
            int(own.people.sum()), int(rest.people.sum()), Status.UNDEFINED, NO_PAIR,
        )  # fmt: skip
    bounds, _ = _limits(order, own, rest)
    high, low = (order.pairs > 0).any(axis=1), (order.pairs > 0).any(axis=0)
    used = high | low
    tells, fewest = min(
        (size, int(side.people[at].sum()))
        for side in (own, rest)
        for size, at in zip(order.sizes(side), (high, low), strict=True)
    )
    status, few = enough(fewest, tells, "people of one need on one side", floor)
    notes = [few] if few else []
    if clustered:
        notes.append(CLUSTERED)
    if order.error > 0:
        notes.append(f"counted in bins: at most {order.error:.2g} from the exact value")
    gap = order.own - order.rest
    ends = (
        max(float(bounds.lower) - order.error, -1.0),
        min(float(bounds.upper) + order.error, 1.0),
    )
    lower, upper = (None, None) if clustered else (number(ends[0]), number(ends[1]))
    return NeedRank(
        comparison=comparison,
        attribute=name[0],
        group=name[1],
        against=REST,
        estimate=number(gap),
        lower=lower,
        upper=upper,
        own_first=number(order.own),
        rest_first=number(order.rest),
        common=order.common,
        n=int(np.sum(own.people[used])),
        rest_n=int(np.sum(rest.people[used])),
        status=status,
        note="; ".join(notes),
    )
