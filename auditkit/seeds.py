"""How far rates and gaps hang on the training run: the same system, trained with other seeds."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditkit.baseline import Pair, pair
from auditkit.evidence.counts import GroupTable, paired_cells, tabulate
from auditkit.evidence.design import design_of
from auditkit.evidence.gather import Evidence
from auditkit.measure import Tallied, counted, measurable, number, tallied, worth
from auditkit.metrics.registry import Metric, rates
from auditkit.plan import AuditPlan
from auditkit.results import ALL, SeedSpread, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def over_seeds(plan: AuditPlan, evidence: Evidence, floor: int) -> tuple[SeedSpread, ...]:
    """Tell the lowest and highest of every rate of decisions, and of its gap, over training runs.

    A range over a few runs is what was seen, not a bound on what another run would give.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    runs, labelled = evidence.seeds, evidence.labelled
    tables = [tabulate(counts, plan.depth, design_of(counts, None)) for counts in runs]
    rows: list[SeedSpread] = []
    for metric in rates().values():
        if runs and "selected" in metric.needs and measurable(metric, labelled=labelled):
            pairs = [pair(table, metric, floor, clustered=False) for table in tables]
            rows += _rows(evidence.groups, metric, pairs, floor)
    return tuple(rows)


def _rows(
    groups: GroupTable, metric: Metric, pairs: Sequence[Pair], floor: int
) -> Iterator[SeedSpread]:
    import numpy as np

    audited = tallied(groups, metric)
    own = np.stack([audited.own.rate, *(pair.baseline.own.rate for pair in pairs)])
    gaps = own - np.stack([audited.rest.rate, *(pair.baseline.rest.rate for pair in pairs)])
    changed = np.mean([_changed(pair, metric) for pair in pairs], axis=0)
    for i, (attribute, group) in enumerate(groups.names):
        status, note = _worth(audited, pairs, i, floor)
        compared = attribute != ALL
        yield SeedSpread(
            metric.name,
            attribute,
            group,
            len(own),
            int(audited.own.people[i]),
            number(own[0, i]),
            number(own[:, i].min()),
            number(own[:, i].max()),
            number(gaps[0, i]) if compared else None,
            number(gaps[:, i].min()) if compared else None,
            number(gaps[:, i].max()) if compared else None,
            number(changed[i]),
            status,
            note,
        )


def _worth(audited: Tallied, pairs: Sequence[Pair], i: int, floor: int) -> tuple[Status, str]:
    """Say what a range is worth: no more than that of the run with the fewest decisions."""
    status, note = worth(audited.own, i, floor)
    if status is not Status.OK:
        return status, note
    runs = [worth(run.baseline.own, i, floor) for run in pairs]
    if poor := next((why for found, why in runs if found is not Status.OK), ""):
        return Status.INSUFFICIENT, f"in another run: {poor}"
    known = [
        run.baseline for run in pairs if run.shared
    ]  # else who is counted follows from decisions
    for theirs, ours, who in (
        ([run.own for run in known], audited.own, "these people"),
        ([run.rest for run in known], audited.rest, "everyone else"),
    ):
        missing = max((int(ours.people[i] - side.people[i]) for side in theirs), default=0)
        if missing > 0:
            return status, f"another run has no decision about {missing} of {who}"
    return status, ""


def _changed(pair: Pair, metric: Metric) -> "Floats":
    """Share of the people of a rate about whom the two runs differ, shape (G,)."""
    import numpy as np

    ours, theirs = paired_cells()
    (part, among), (part_, among_) = (metric.masks(cells) for cells in (ours, theirs))
    both = among & among_
    if not pair.shared:
        return np.full(len(pair.groups.names), np.nan)
    return counted(pair.groups, (part != part_) & both, both).own.rate
