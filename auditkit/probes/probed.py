"""Evidence becomes the two tables that say how the model behaves beyond the evaluation rows.

Which rows were kept is a matter of their keys, the smallest of each group first, so the first rows
of a group are a simple random sample of the group's rows. Every share is taken over such rows
alone: the sample as a whole is not self-weighting, and crossed groups have no such rows.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.gather import Evidence
from auditkit.evidence.models import Scorer, selects
from auditkit.evidence.sample import A_GROUP, Sample
from auditkit.evidence.scoring import Progress
from auditkit.inference.design import enough
from auditkit.plan import AuditPlan
from auditkit.probes.altered import Altered, altered
from auditkit.probes.asking import Asker, Decided, GoneError
from auditkit.probes.determinism import determinism, undetermined
from auditkit.results import CROSS, Determinism, Probe, Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Places = Mapping[tuple[str, str], NDArray[np.intp]]

MOST_ASKED = 2_000_000
"""Altered rows that the model is asked about: with many columns, fewer rows of each group."""
FEWEST = 50
"""Rows of a group that are asked about at least, however many columns there are."""
MOST_PROBES = 3
"""Probes of one column."""
GONE = "the model fails, also on a row as it is that it had decided among others"
UNTOLD = (
    "{} rows counted as failed were asked about only together with others: failing rows are looked "
    "for in a limited number of calls"
)


def probed(
    plan: AuditPlan, evidence: Evidence, floor: int, tell: Progress
) -> tuple[tuple[Determinism, ...], tuple[Probe, ...]]:
    """Ask the model again about sampled rows, as they are and with one cell altered.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest number of rows that is worth a conclusion.
    tell : callable
        Told of every probe.

    Returns
    -------
    determinism : tuple of Determinism
        Empty without a model.
    probes : tuple of Probe
        By column, probe and group.
    """
    scorer, sample = evidence.scorer, evidence.sample
    if scorer is None:
        return (), ()
    if sample is None:
        why = "this version keeps no sample of rows that Spark has"
        return undetermined(Status.NOT_APPLICABLE, why), ()
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1):
        # encoders warn of what they do not know, which is what is asked here
        warnings.simplefilter("ignore")
        again = determinism(scorer, plan, sample.rows)
        failed = any(row.check == "again" and row.changed is None for row in again)
        if failed or plan.data.amounts:  # where nobody is decided about, no decision can change
            return again, ()
        return again, tuple(_probes(plan, scorer, sample, floor, tell))


@dataclass(frozen=True)
class _Base:
    """Rows of the sample that are asked about, and what they are told as they are.

    Attributes
    ----------
    rows : DataFrame, shape (n, p)
        The sample.
    decided : ndarray, shape (n,)
        ``None`` where there is no decision, or nobody was asked.
    groups : mapping
        Places in the sample of each group's rows, those with the smallest keys first.
    """

    rows: "pd.DataFrame"
    decided: "NDArray[np.object_]"
    groups: "Places"

    def alterable(self, feature: str) -> "Places":
        """Places of each group's rows that have a decision and a value to alter."""
        import numpy as np

        has = self.rows[feature].notna().to_numpy() & (self.decided != np.array(None))
        return {group: rows[has[rows]] for group, rows in self.groups.items()}

    def altered(self, places: "NDArray[np.intp]", column: Altered) -> "pd.DataFrame":
        """Give rows with the column as the probe leaves it."""
        cells = column.cells.iloc[places]
        return self.rows.iloc[places].assign(**{column.feature: cells})


def _base(plan: AuditPlan, scorer: Scorer, sample: Sample) -> _Base | None:
    """Decide the rows to probe as they are; none where the model fails on them."""
    import numpy as np

    places = rows_of_groups(sample)
    many, probes = A_GROUP, MOST_PROBES * len(scorer.features)
    while many > FEWEST and len(_union(places)) * probes > MOST_ASKED:
        many = max(FEWEST, many // 2)
        places = _first(places, many)
    decided = np.full(len(sample.rows), None, dtype=object)
    asked = _union(places)
    try:
        decided[asked] = selects(scorer, plan, sample.rows.iloc[asked])
    except ModelError:
        return None
    return _Base(sample.rows, decided, places)


def rows_of_groups(sample: Sample) -> "Places":
    """Place the rows of each group of a single attribute, a simple random sample of the group.

    All of a group's rows with a small enough key were kept, whatever their other groups; the first
    in order of key are therefore drawn from the group alone. ``(all)`` is such a group too.
    """
    import numpy as np

    return {
        (c.attribute, c.group): np.flatnonzero(c.members[sample.stratum])[:A_GROUP]
        for c in sample.contrasts
        if CROSS not in c.attribute
    }


def _first(places: "Places", most: int) -> "Places":
    return {group: rows[:most] for group, rows in places.items()}


def _union(places: "Places") -> "NDArray[np.intp]":
    import numpy as np

    return np.unique(np.concatenate([*places.values()]))


def _probes(
    plan: AuditPlan, scorer: Scorer, sample: Sample, floor: int, tell: Progress
) -> Iterator[Probe]:
    import numpy as np

    base = _base(plan, scorer, sample)
    if base is None:
        return
    sound = np.flatnonzero(base.decided != np.array(None))[:1]
    if not len(sound):
        return  # nothing is decided, so nothing can change
    asker, gone = Asker(scorer, plan, sample.rows.iloc[sound]), False
    for done, column in enumerate(altered(scorer, sample.rows), 1):
        groups = base.alterable(column.feature)
        places, found = _union(groups), None
        try:
            if len(places) and not gone:
                found = asker.whole(base.altered(places, column))
                if found is None:  # enough for a conclusion: each is a call where all of them fail
                    groups = _first(groups, floor)
                    places = _union(groups)
                    found = asker.by_halves(base.altered(places, column))
        except GoneError:
            gone, found = True, None
        yield from _by_group(base, column, groups, places, found, floor)
        tell("probing", done, None)


def _by_group(
    base: _Base,
    column: Altered,
    groups: "Places",
    places: "NDArray[np.intp]",
    found: Decided | None,
    floor: int,
) -> Iterator[Probe]:
    """Count what became of the rows of each group; ``found`` is of ``places``, in their order."""
    import numpy as np

    from auditkit.inference.intervals import wilson

    n = len(base.rows)
    label = np.full(n, None, dtype=object)
    failed, untold = np.zeros((2, n), dtype=bool)
    if found is not None:
        label[places], failed[places], untold[places] = found.label, found.failed, found.untold
    raised = failed | untold
    unanswered = (label == np.array(None)) & ~raised
    changed = (label != base.decided) & ~unanswered & ~raised
    for (attribute, group), of in groups.items():
        status, note = enough(len(of), len(of), "sampled rows with a value to alter", floor)
        if not len(of):
            status, note = Status.UNDEFINED, "no sampled row has a decision and a value to alter"
        elif found is None:
            status, note = Status.UNDEFINED, GONE
        elif unsure := int(untold[of].sum()):
            status, note = Status.UNDEFINED, UNTOLD.format(unsure)
        asked = of if found is not None else of[:0]
        others, none, fails = (int(part[asked].sum()) for part in (changed, unanswered, raised))
        share = lower = upper = None
        if status is not Status.UNDEFINED:
            otherwise = others + none + fails
            share, bounds = otherwise / len(of), wilson(otherwise, len(of))
            lower, upper = float(bounds.lower), float(bounds.upper)
        yield Probe(
            column.feature, column.probe, attribute, group, len(asked), others, none, fails,
            share, lower, upper, status, note,
        )  # fmt: skip
