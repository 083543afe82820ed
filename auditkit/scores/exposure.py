"""Who stands high on the list that a budget is given out by, and who low.

The list ranks everybody by score, the highest first. A rank r has the exposure ``1 / log2(1 + r)``:
what is high on a list is looked at first, and served first. Those with one score, or in one bin of
scores, stand in an order that is drawn.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditkit.disparity import ONE_GROUP
from auditkit.evidence.gather import Evidence
from auditkit.inference.design import enough, kish_size
from auditkit.inference.scores import mean_interval, mean_variance
from auditkit.measure import number
from auditkit.metrics.exposure import exposure_to
from auditkit.metrics.histogram import Histogram
from auditkit.plan import AuditPlan
from auditkit.results import ALL, CROSS, NOT_RECORDED, Exposure, Status
from auditkit.scores.measured import UNDER_CLUSTERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def exposures(plan: AuditPlan, evidence: Evidence, floor: int) -> tuple[Exposure, ...]:
    """Tell the mean exposure of every group of an attribute; nothing without a quota.

    The interval is Student's, the ranks being taken as fixed, as is the cut of a budget.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest number of people that is worth a conclusion.
    """
    if plan.data.quota is None or evidence.scores is None:
        return ()
    ranked = _Ranks(evidence.scores.histograms[0])
    names = evidence.groups.names
    found = [
        _Exposed(ranked, histogram)
        for (attribute, _), histogram in zip(names, evidence.scores.histograms, strict=True)
        if CROSS not in attribute
    ]
    single = [name for name in names if CROSS not in name[0]]
    return tuple(_rows(single, found, floor, clustered=plan.data.cluster is not None))


class _Ranks:
    """The exposure of every score: on average over those who have it, and the sum of all before."""

    def __init__(self, everybody: Histogram) -> None:
        import numpy as np

        weight = everybody.weight.sum(axis=0)
        self.left = everybody.left
        self.before = weight[::-1].cumsum()[::-1] - weight
        total = exposure_to(self.before + weight) - exposure_to(self.before)
        self.each = np.divide(total, weight, out=np.zeros_like(weight), where=weight > 0)
        self.through = self.before + weight


class _Exposed:
    """What is summed of a group: people, weight, exposure, and what the draw can make of it."""

    def __init__(self, ranks: _Ranks, own: Histogram) -> None:
        import numpy as np

        at = np.searchsorted(ranks.left, own.left)
        weight, square = own.weight.sum(axis=0), own.square.sum(axis=0)
        self.people = int(own.people.sum())
        self.weight = float(weight.sum())
        self.effective = float(kish_size(self.weight, square.sum(), self.people))
        each = ranks.each[at]
        self.sum = float((weight * each).sum())
        before, through = ranks.before[at], ranks.through[at]
        self.most = float((exposure_to(before + weight) - exposure_to(before)).sum())
        self.least = float((exposure_to(through) - exposure_to(through - weight)).sum())
        self.mean = self.sum / self.weight if self.weight > 0 else float("nan")
        spread = float((square * (each - self.mean) ** 2).sum()) if self.weight > 0 else 0.0
        self.variance = (
            mean_variance(spread, self.weight, self.people) if self.weight > 0 else float("nan")
        )


def _rows(
    names: list[tuple[str, str]], found: list[_Exposed], floor: int, *, clustered: bool
) -> Iterator[Exposure]:
    whole = found[0]
    for (attribute, group), own in zip(names, found, strict=True):
        others = [
            one
            for name, one in zip(names, found, strict=True)
            if name[0] == attribute and name[1] not in (group, NOT_RECORDED)
        ]
        rest = sum(one.weight for one in others)
        of_rest = sum(one.sum for one in others) / rest if rest > 0 else float("nan")
        status, note = _worth(own, floor, alone=attribute != ALL and not others)
        bounds = mean_interval(own.mean, own.variance, own.people)
        known = not clustered and own.variance > 0
        if clustered and status is not Status.UNDEFINED:
            note = "; ".join(part for part in (note, UNDER_CLUSTERS) if part)
        yield Exposure(
            attribute,
            group,
            own.people,
            own.weight / whole.weight if whole.weight > 0 else None,
            own.sum / whole.sum if whole.sum > 0 else None,
            number(own.mean),
            number(float(bounds.lower)) if known else None,
            number(float(bounds.upper)) if known else None,
            own.least / own.weight if own.weight > 0 else None,
            own.most / own.weight if own.weight > 0 else None,
            number(of_rest),
            own.mean / of_rest if of_rest > 0 and own.weight > 0 else None,
            status,
            note,
        )


def _worth(own: _Exposed, floor: int, *, alone: bool) -> tuple[Status, str]:
    if not own.weight > 0:
        return Status.UNDEFINED, "nobody of the group has a score"
    status, note = enough(own.people, own.effective, "people with a score", floor)
    return (Status.NOT_APPLICABLE, ONE_GROUP) if alone and status is Status.OK else (status, note)
