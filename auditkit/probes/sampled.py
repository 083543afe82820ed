"""Rows drawn from each group are asked about with one column's cells taken from other rows.

What is put into a cell is always a cell of a sampled row, so it is of the type and the spelling
that the model knows. Which row it comes from is settled by content and seed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.models import Scorer
from auditkit.evidence.sample import A_GROUP, Sample
from auditkit.plan import Above, AuditPlan
from auditkit.probes.asking import Asker, Decided, GoneError
from auditkit.probes.probed import rows_of_groups
from auditkit.results import ALL, CROSS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from auditkit.probes.probed import Places

MOST_ASKED = 100_000
"""Altered rows that each kind of intervention asks about: a few seconds with a slow forest."""
FEWEST = 50
"""Rows of a group that are asked about at least, however many groups and columns there are."""
CALLS = 1_000
"""Calls in which failing rows are looked for, for each table of interventions."""
EVERYONE = (ALL, ALL)


@dataclass(frozen=True)
class Asked:
    """Rows that were asked about altered, shape (n,): their places in the sample, and answers.

    ``most`` is how many rows of a group were wanted at most.
    """

    places: "NDArray[np.intp]"
    told: Decided
    most: int


Build = Callable[[int, bool], "tuple[NDArray[np.intp], NDArray[np.intp]]"]
"""Places of the rows to ask about, at most so many a group, and where each one's cell comes from.

The second argument is true where failing rows are looked for, and each row is asked about once.
"""


@dataclass(frozen=True)
class Sampled:
    """Rows of the sample, what they are told as they are, and where each group's rows are.

    Attributes
    ----------
    rows : DataFrame, shape (n, p)
    before : Decided
        Of all n rows.
    selecting : frozenset of str
        Decisions that select.
    groups, rests : mapping
        Places of the rows of each group of a single attribute, and of its rest: each a simple
        random sample, those with the smallest keys first. ``(all)`` has no rest.
    sizes : mapping
        Rows of the data in each group.
    """

    asker: Asker
    rows: "pd.DataFrame"
    before: Decided
    selecting: frozenset[str]
    groups: "Places"
    rests: "Places"
    sizes: Mapping[tuple[str, str], int]
    seed: int
    unit: str
    floor: int

    @property
    def amounts(self) -> bool:
        """Whether an amount is predicted, and nobody is selected."""
        return self.asker.plan.data.amounts

    @property
    def least(self) -> float:
        """The size of an output that rounding is held against at least.

        An amount may be in any unit, so what is small of it hangs on how large amounts are.
        """
        import numpy as np

        if not self.amounts:
            return 1.0
        return float(np.nan_to_num(np.abs(self.before.output), posinf=0.0).max(initial=0.0))

    @property
    def decided(self) -> "NDArray[np.bool_]":
        """Which rows have a decision, or a predicted amount, as they are; shape (n,)."""
        import numpy as np

        found: NDArray[np.bool_] = self.before.label != np.array(None)
        return found

    def selects(self, label: "NDArray[np.object_]") -> "NDArray[np.bool_]":
        """Say which decisions select, shape (n,)."""
        import numpy as np

        known: NDArray[np.bool_] = label != np.array(None)
        return known & np.isin(label.astype(str), [*self.selecting])

    def afresh(self) -> "Sampled":
        """Give the same rows with all calls for failing ones left to make."""
        return replace(self, asker=replace(self.asker, calls=CALLS))

    def shuffled(self, places: "NDArray[np.intp]", *of: object) -> "NDArray[np.intp]":
        """Put places into an order drawn by the seed and by what it is for."""
        import hashlib

        import numpy as np

        digest = hashlib.sha256(repr(of).encode()).digest()
        return np.random.default_rng([self.seed, *digest[:8]]).permutation(places)

    def ask(self, feature: str, many: int, build: Build) -> Asked | None:
        """Ask about altered rows, and fewer of them where the model fails; none where it is gone.

        Parameters
        ----------
        feature : str
            The column whose cells are put in.
        many : int
            Rows of a group.
        build : callable
        """
        places, donors = build(many, False)
        try:
            if (told := self.asker.whole(self._altered(feature, places, donors))) is not None:
                return Asked(places, told, many)
            few = min(many, self.floor)  # enough for a conclusion: each may be a call
            places, donors = build(few, True)
            return Asked(places, self.asker.by_halves(self._altered(feature, places, donors)), few)
        except GoneError:
            return None

    def _altered(
        self, feature: str, places: "NDArray[np.intp]", donors: "NDArray[np.intp]"
    ) -> "pd.DataFrame":
        rows = self.rows.iloc[places].assign(**{feature: self.rows[feature].iloc[donors].array})
        return rows.reset_index(drop=True)  # an index tells nothing of a person


def sampled(plan: AuditPlan, scorer: Scorer, sample: Sample, floor: int) -> Sampled | None:
    """Decide the sampled rows as they are; none where the model fails, or decides nothing."""
    import numpy as np

    asker = Asker(scorer, plan, sample.rows.iloc[:1], CALLS, outputs=scorer.unit != "decision")
    try:
        before = asker.whole(sample.rows.reset_index(drop=True))
    except (ModelError, GoneError):
        return None
    if before is None:
        return None
    sound = np.flatnonzero(before.label != np.array(None))[:1]
    if not len(sound):
        return None
    asker.sound = sample.rows.iloc[sound]
    single = [c for c in sample.contrasts if CROSS not in c.attribute]
    return Sampled(
        asker=asker,
        rows=sample.rows,
        before=before,
        selecting=selecting(plan),
        groups=rows_of_groups(sample),
        rests={
            (c.attribute, c.group): np.flatnonzero(c.rest[sample.stratum])[:A_GROUP]
            for c in single
            if c.rest.any()
        },
        sizes={(c.attribute, c.group): int(sample.strata_rows[c.members].sum()) for c in single},
        seed=plan.audit.seed,
        unit=scorer.unit if scorer.unit != "decision" else "",
        floor=floor,
    )


def selecting(plan: AuditPlan) -> frozenset[str]:
    """Name the decisions of a model that select."""
    chosen = plan.data.selected
    return frozenset(("true",) if isinstance(chosen, Above) else chosen or plan.data.positives)


def affordable(cost: Callable[[int], int]) -> int:
    """Find how many rows of a group can be asked about; ``cost`` is of rows that so many make."""
    many = A_GROUP
    while many > FEWEST and cost(many) > MOST_ASKED:
        many = max(FEWEST, many // 2)
    return many


def union(places: Iterable["NDArray[np.intp]"], many: int) -> "NDArray[np.intp]":
    """Gather the first rows of several groups, each once."""
    import numpy as np

    return np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *(p[:many] for p in places)]))
