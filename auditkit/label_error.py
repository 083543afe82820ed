"""How wrong the recorded outcomes would have to be for a gap to lie on the other side of its limit.

Two kinds of error are asked about, for rates among people with (or without) the recorded outcome.

``any``: some labels are wrong, whichever do most. Flipping a label moves a person between two cells
of the same decision, so a rate after j flips of one kind and k - j of another is a Moebius function
of j: it is monotone, and its extremes lie where one kind is used up first.

``unrelated``: a share f of the people who truly belong to the other class are recorded in this one,
whatever was decided on them. With phi = f / (1 - f), x of n recorded in this class and y of m in
the other, the rate without that error is (x - phi y) / (n - phi m) (Bross, 1954; phi m labels are
wrong). The reverse error, people of this class who are recorded in the other, takes the same share
of x and of n, and leaves the rate as it is. The rate moves ever faster with phi, so the fewest
wrong labels are all on one side, until that side has no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import GroupTable, outcome_cells
from auditkit.inference.gates import NOISE
from auditkit.metrics.registry import Metric, metrics
from auditkit.metrics.standardised import STANDARDISED
from auditkit.results import ALL, Check, LabelError, Outcome, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ANY, UNRELATED = "any", "unrelated"
GRID = 256
NEVER = "no such error moves the gap across its limit"
WEIGHTED = "people are weighted, so their labels cannot be counted one by one"


@dataclass(frozen=True)
class Cells:
    """People of one side: ``hit`` and ``miss`` make the rate, ``other_*`` are the other class.

    Flipping a label moves a person from ``hit`` to ``other_hit`` or back, or likewise for misses:
    the decision stays.
    """

    hit: int
    miss: int
    other_hit: int
    other_miss: int

    @classmethod
    def of(cls, metric: Metric, row: "NDArray[np.int64]") -> "Cells":
        """Take the four cells of a metric from a row of nine."""
        outcomes = outcome_cells()
        part, among = metric.masks(outcomes)
        hits = {bool(s) for s in outcomes.selected[part]}
        known = outcomes.labelled & outcomes.decided
        same = outcomes.selected if hits == {True} else ~outcomes.selected
        return cls(
            int(row[part].sum()),
            int(row[among & ~part].sum()),
            int(row[known & ~among & same].sum()),
            int(row[known & ~among & ~same].sum()),
        )

    @property
    def rate(self) -> float:
        """The rate, with somebody in its denominator."""
        return self.hit / (self.hit + self.miss)

    @property
    def labels(self) -> int:
        """Recorded labels."""
        return self.hit + self.miss + self.other_hit + self.other_miss

    def without(self, phi: float) -> float | None:
        """Give the rate without errors that are unrelated to the decision; None over nobody."""
        n = self.hit + self.miss - phi * (self.other_hit + self.other_miss)
        return (self.hit - phi * self.other_hit) / n if n > NOISE else None

    @property
    def most(self) -> float:
        """The largest phi at which no cell would have held fewer than nobody."""
        pairs = ((self.hit, self.other_hit), (self.miss, self.other_miss))
        return min((here / there for here, there in pairs if there), default=0.0)

    def phi_at(self, rate: float) -> float | None:
        """Find the phi at which the rate without error is the one given; None if there is none."""
        other = self.other_hit + self.other_miss
        down = self.other_hit - rate * other
        if not down:
            return None
        phi = (self.hit - rate * (self.hit + self.miss)) / down
        return phi if 0 <= phi <= self.most and self.without(phi) is not None else None

    def wrong(self, phi: float) -> float:
        """Count the wrong labels that phi stands for."""
        return phi * (self.other_hit + self.other_miss)


def label_errors(
    groups: GroupTable, checks: Sequence[Check], *, weighted: bool
) -> tuple[LabelError, ...]:
    """Find the fewest wrong labels that move each judged gap to the other side of its limit.

    Parameters
    ----------
    groups : GroupTable
    checks : sequence of Check
        As judged; those on a difference of rates among people with, or without, the recorded
        outcome are asked about.
    weighted : bool
        Whether people are weighted; then nothing is counted.
    """
    places = {named: i for i, named in enumerate(groups.names)}
    asked = []
    for check in checks:
        if check.metric in STANDARDISED:
            continue
        metric = metrics()[check.metric]
        if (
            check.statistic != "difference"
            or check.attribute == ALL
            or check.outcome is Outcome.NOT_APPLICABLE
            or not _of_one_class(metric)
        ):
            continue
        i = places[check.attribute, check.group]
        own, rest = (Cells.of(metric, table[i]) for table in (groups.own, groups.rest))
        asked.append((check, own, rest))
    searched = [(c, o, r) for c, o, r in asked if c.estimate is not None and not weighted]
    found = fewest_flips(
        [own for _, own, _ in searched],
        [rest for *_, rest in searched],
        [check.limit for check, *_ in searched],
    )
    flips = dict(zip((id(check) for check, *_ in searched), found, strict=True))
    return tuple(
        row
        for check, own, rest in asked
        for row in _rows(check, own, rest, flips.get(id(check)), weighted)
    )


def _of_one_class(metric: Metric) -> bool:
    """Whether a rate is among people of one recorded outcome, and counts one decision of them."""
    if metric.counts is None or "actual" not in metric.needs:
        return False
    outcomes = outcome_cells()
    part, among = metric.masks(outcomes)
    classes = {bool(a) for a in outcomes.actual[among]}
    return len(classes) == 1 and len({bool(s) for s in outcomes.selected[part]}) == 1


def _rows(
    check: Check, own: Cells, rest: Cells, flips: float | None, weighted: bool
) -> Iterator[LabelError]:
    total = own.labels + rest.labels
    for error in (ANY, UNRELATED):
        labels: float | None = None
        if check.estimate is None:
            status, note = Status.UNDEFINED, check.note
        elif weighted:
            status, note = Status.NOT_APPLICABLE, WEIGHTED
        else:
            labels = flips if error == ANY else _fewest_unrelated(own, rest, check.limit)
            missed = labels is None
            status, note = (Status.UNDEFINED, NEVER) if missed else (Status.OK, "")
        yield LabelError(
            metric=check.metric,
            attribute=check.attribute,
            group=check.group,
            against=check.against,
            error=error,
            estimate=check.estimate,
            limit=check.limit,
            labels=labels,
            labels_of=total,
            share=None if labels is None else labels / total,
            check=check.check,
            outcome=check.outcome,
            status=status,
            note=note,
        )


def fewest_flips(
    own: Sequence[Cells], rest: Sequence[Cells], limits: Sequence[float]
) -> list[float | None]:
    """Count the fewest labels that put each gap beyond its limit, or within it if it is beyond."""
    import numpy as np

    gap = np.array([a.rate - b.rate for a, b in zip(own, rest, strict=True)])
    limit = np.array(limits)
    beyond = np.abs(gap) > limit + NOISE
    fewest = np.full(len(gap), np.inf)
    one, other = _Sides.of(own), _Sides.of(rest)
    for up, down, higher in ((one, other, gap > 0), (other, one, gap <= 0)):
        # a gap that is beyond comes back from one side: the lower rate less the higher one has to
        # reach minus the limit; a gap within can leave on either side
        wanted = np.where(beyond, np.where(higher, np.inf, -limit), limit + 2 * NOISE)
        fewest = np.fmin(fewest, _flips(up, down, wanted))
    return [None if np.isinf(k) else float(k) for k in fewest]


@dataclass(frozen=True)
class _Sides:
    """Cells of P sides, each of shape (P, 1)."""

    hit: "Floats"
    miss: "Floats"
    other_hit: "Floats"
    other_miss: "Floats"

    @classmethod
    def of(cls, cells: Sequence[Cells]) -> "_Sides":
        import numpy as np

        table = np.array([(c.hit, c.miss, c.other_hit, c.other_miss) for c in cells], dtype=float)
        return cls(*table.reshape(-1, 4).T[..., None])

    def flips(self, up: bool) -> "tuple[Floats, Floats]":
        """Count the flips that raise (or lower) each rate: those that join, and that leave."""
        # up: a hit joins from the other class, or a miss leaves; down: a miss joins, a hit leaves
        return (self.other_hit, self.miss) if up else (self.other_miss, self.hit)

    def reach(self, k: "Floats", up: bool) -> "Floats":
        """Find the highest (or lowest) rates after ``k`` flips, shape (P, K), at most all."""
        import numpy as np

        join, leave = self.flips(up)
        rates = []
        for joined in (np.minimum(k, join), k - np.minimum(k, leave)):
            left = k - joined
            n = self.hit + self.miss + joined - left
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = (self.hit + (joined if up else -left)) / n
            # nobody is left where the last of a rate of 0 (or of 1) has gone
            rates.append(np.where(n > 0, rate, self.hit / (self.hit + self.miss)))
        return np.maximum(*rates) if up else np.minimum(*rates)


def _flips(up: _Sides, down: _Sides, gap: "Floats") -> "Floats":
    """Count the fewest flips after which the rates of ``up`` minus those of ``down`` are ``gap``.

    Of so many flips of one side each, the other side needs some number. Where there are more than
    256 to look at, a grid of so many is, and then ever finer ones around the best: exact up to
    there, and beyond it but for a flip or so. Infinity where no flips do; shape (P,).
    """
    import numpy as np

    first, last = np.zeros_like(up.hit), sum(up.flips(True))
    grid = np.linspace(0, 1, GRID + 1)
    while True:
        k = np.rint(first + (last - first) * grid)
        total = k + _needed(down, up.reach(k, True) - gap[:, None])
        best = total.argmin(axis=1)[:, None]
        if (last - first <= GRID).all():
            return np.take_along_axis(total, best, axis=1)[:, 0]
        first = np.take_along_axis(k, np.maximum(best - 2, 0), axis=1)
        last = np.take_along_axis(k, np.minimum(best + 2, GRID), axis=1)


def _needed(down: _Sides, rate: "Floats") -> "Floats":
    """Count the fewest flips that lower rates to others, by halving; infinity if none do."""
    import numpy as np

    most = sum(down.flips(False))
    low, high = np.full(rate.shape, -1.0), np.broadcast_to(most + 1, rate.shape)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = (middle >= 0) & (down.reach(np.maximum(middle, 0), False) <= rate + NOISE)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(high > most, np.inf, high)


def _fewest_unrelated(own: Cells, rest: Cells, limit: float) -> float | None:
    """Count the fewest labels whose error, unrelated to the decision, puts the gap on its limit."""
    found: list[float] = []
    for edge in (limit, -limit):
        for before in ((0.0, 0.0), (own.most, 0.0), (0.0, rest.most)):
            found += _solved(own, rest, edge, before)
    return min(found, default=None)


def _solved(own: Cells, rest: Cells, edge: float, before: tuple[float, float]) -> Iterator[float]:
    """Solve for the error of one side at which the gap is ``edge``, given that of the other."""
    own_rate, rest_rate = own.without(before[0]), rest.without(before[1])
    if not before[0] and rest_rate is not None:
        phi = own.phi_at(rest_rate + edge)
        if phi is not None:
            yield own.wrong(phi) + rest.wrong(before[1])
    if not before[1] and own_rate is not None:
        phi = rest.phi_at(own_rate - edge)
        if phi is not None:
            yield own.wrong(before[0]) + rest.wrong(phi)
