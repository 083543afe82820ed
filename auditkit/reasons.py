"""What moved the model's output in one case, and the nearest change that it decides otherwise on.

For whoever handles the case, and the person it is about: nothing of it enters a record or a report.
The attributions are those of ``auditkit.explain``, held against the model's own output; a change is
only told after the model was asked about it.
"""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, PlanError, did_you_mean, listed
from auditkit.evidence.gather import gather
from auditkit.evidence.models import Scorer, selects
from auditkit.evidence.scoring import Progress
from auditkit.explain.attributions import Attributed, background, explain
from auditkit.plan import AuditPlan, canonical
from auditkit.probes.asking import Asker, GoneError
from auditkit.probes.sampled import selecting
from auditkit.results import Status

if TYPE_CHECKING:
    import pandas as pd

    from auditkit.evidence.sample import Sample

MOST_VALUES = 50
"""Values of an input that are tried: the quantiles of the sampled rows, or the commonest texts."""
MOST_TRIED = 20_000
"""Changes of two inputs that the model is asked about."""
MOST_CHANGES = 3
"""Changes that are told, nearest first, each of other inputs."""


@dataclass(frozen=True)
class Factor:
    """How far one input moved the output, from the background's mean; ``value`` is the case's."""

    feature: str
    value: object
    contribution: float


@dataclass(frozen=True)
class Change:
    """Values at which the model decides otherwise, everything else as it is in the case.

    ``distance`` is the share of the sampled rows that lie between the old value and the new one,
    summed over the inputs; of texts it is 1 each.
    """

    values: Mapping[str, object]
    decision: str
    distance: float


@dataclass(frozen=True)
class CaseReasons:
    """What the model made of one case.

    Attributes
    ----------
    decision : str or None
        What it decides; ``None`` where it decides nothing.
    selected : bool
        Whether that selects.
    output, base : float
        Its output, and the mean output over the background rows, in ``unit``.
    unit : str
    factors : tuple of Factor
        All inputs, the largest contribution first; empty where attributions are withheld. They and
        ``base`` add up to ``output``.
    changes : tuple of Change
        The nearest changes of the inputs that may change.
    actionable : tuple of str
        The inputs that were allowed to change.
    note : str
        Why something is missing.
    """

    decision: str | None
    selected: bool
    output: float
    base: float | None
    unit: str
    factors: tuple[Factor, ...]
    changes: tuple[Change, ...]
    actionable: tuple[str, ...]
    note: str


def reasons(
    plan: AuditPlan,
    data: object,
    model: object,
    protected: object,
    case: object,
    actionable: Sequence[str],
    progress: Progress,
) -> CaseReasons:
    """Explain one case against the rows of an audit.

    Parameters
    ----------
    plan : AuditPlan
    data, model, protected : object
        As the audit was given them.
    case : mapping, Series or DataFrame of one row
        The model's inputs.
    actionable : sequence of str
        Inputs that the person can change; others are never part of a change.
    progress : callable

    Raises
    ------
    PlanError, DataError, ModelError
        There is no model, it predicts amounts or its rows cannot be sampled; an input is missing in
        the case or is of another kind than in the data; ``actionable`` names no input.
    """
    with closing(gather(plan, data, model, progress, protected)) as evidence:
        scorer, sample = evidence.scorer, evidence.sample
        if scorer is None:
            raise PlanError("Reasons are a model's, but this audit has only decisions.")
        if sample is None or plan.data.amounts:
            raise PlanError(
                "Reasons are given of decisions of a model that can be asked here: not of amounts, "
                "and not on Spark."
            )
        unknown = [name for name in actionable if name not in scorer.features]
        if unknown:
            raise PlanError(
                *(
                    f"actionable names '{name}', which is no input of the model. "
                    f"{did_you_mean(name, scorer.features)}".strip()
                    for name in unknown
                )
            )
        row = _row(case, sample.rows[list(scorer.features)])
        return _told(plan, scorer, sample, row, tuple(actionable))


def _row(case: object, like: "pd.DataFrame") -> "pd.DataFrame":
    """Read a case as the model gets its rows: one row, of the same columns and kinds."""
    import pandas as pd

    if isinstance(case, pd.DataFrame):
        if len(case) != 1:
            raise DataError(f"A case is one row, but {len(case)} are given.")
        case = case.iloc[0]
    given = dict(case) if isinstance(case, Mapping | pd.Series) else None
    if given is None:
        raise DataError(
            f"A case is a {type(case).__name__}. Give a mapping of inputs to values, or one row."
        )
    if missing := [name for name in like if name not in given]:
        raise DataError(
            f"The case lacks {listed(missing)}, which the model reads. Give a value to each, or "
            f"None where there is none."
        )
    columns, problems = {}, []
    for name in like:
        column = _cell(given[name], like[name])
        if column is None:
            problems.append(
                f"The case's '{name}' is a {type(given[name]).__name__} that does not fit the "
                f"column's type, {like[name].dtype}, or its categories. Give a value of that kind."
            )
        columns[name] = column
    if problems:
        raise DataError(*problems)
    return pd.DataFrame(columns)


def _cell(value: object, like: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """Put a value into a column of the kind of another; none where it would become another value.

    As a whole number 3.7 would become 3, and as a truth any text would be true.
    """
    import numpy as np
    import pandas as pd

    if np.ndim(value):  # type: ignore[arg-type]
        return None
    try:
        column = pd.Series([value], dtype=object).astype(like.dtype)
    except (TypeError, ValueError, OverflowError):
        return None
    missing = bool(pd.isna(value))  # type: ignore[call-overload]
    if missing or column.isna().iloc[0]:
        return column if missing and column.isna().iloc[0] else None
    kind = like.dtype
    if pd.api.types.is_integer_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return column if canonical(column.iloc[0]) == canonical(value) else None
    if isinstance(kind, np.dtype) and kind.hasobject:
        texts = like.dropna().map(lambda held: isinstance(held, str))
        strange = not texts.any() if isinstance(value, str) else len(texts) and texts.all()
        return None if strange else column
    return column


def _told(
    plan: AuditPlan,
    scorer: Scorer,
    sample: "Sample",
    row: "pd.DataFrame",
    actionable: tuple[str, ...],
) -> CaseReasons:
    import pandas as pd

    behind = background(
        sample.rows, plan.explain.background, plan.audit.seed, weights=sample.weight
    )
    # with others, so that what is allowed of single precision is measured on a spread of outputs
    rows = pd.concat([row, behind[list(row.columns)]], ignore_index=True)
    found = explain(
        scorer, rows, behind, perturbation=plan.explain.perturbation, seed=plan.audit.seed
    )
    decision = selects(scorer, plan, row)[0]
    chosen = decision in selecting(plan)
    changes: tuple[Change, ...] = ()
    if actionable and decision is not None:
        search = _Search(Asker(scorer, plan, row), sample.rows, row, selecting(plan), chosen)
        changes = search.nearest(actionable)
    return CaseReasons(
        decision=None if decision is None else str(decision),
        selected=chosen,
        output=float(found.output[0]),
        base=found.base,
        unit=found.unit,
        factors=_factors(found, row),
        changes=changes,
        actionable=actionable,
        note=found.note if found.status is not Status.OK else "",
    )


def _factors(found: Attributed, row: "pd.DataFrame") -> tuple[Factor, ...]:
    if found.values is None:
        return ()
    values = dict(zip(found.features, found.values[0].tolist(), strict=True))
    made = [
        Factor(name, row[name].iloc[0] if name in row else None, value)
        for name, value in values.items()
    ]
    return tuple(sorted(made, key=lambda f: (-abs(f.contribution), f.feature)))


@dataclass(frozen=True)
class _Search:
    """Looks for the nearest change of one or two inputs that the model decides otherwise on."""

    asker: Asker
    rows: "pd.DataFrame"
    row: "pd.DataFrame"
    selecting: frozenset[str]
    chosen: bool

    def nearest(self, actionable: tuple[str, ...]) -> tuple[Change, ...]:
        """Find changes, nearest first; of two inputs only where neither alone is enough."""
        tried = {name: self._values(name) for name in actionable}
        found = self._asked([{name: value} for name, values in tried.items() for value in values])
        enough = {name for change in found for name in change.values}
        pairs: list[dict[str, object]] = []
        for one, two in itertools.combinations(actionable, 2):
            if enough.isdisjoint((one, two)):
                some = itertools.product(tried[one], tried[two])
                pairs += [{one: first, two: second} for first, second in some]
        found += self._asked(sorted(pairs, key=self._distance)[:MOST_TRIED])
        best: dict[tuple[str, ...], Change] = {}
        for change in sorted(found, key=lambda c: (len(c.values), c.distance, str(c.values))):
            best.setdefault(tuple(change.values), change)
        return tuple(best.values())[:MOST_CHANGES]

    def _values(self, name: str) -> list[object]:
        """Values other people have: no change is told that nobody shows to be possible."""
        import pandas as pd

        column = self.rows[name].dropna()
        if pd.api.types.is_numeric_dtype(column) and column.nunique() > MOST_VALUES:
            spread = [i / (MOST_VALUES - 1) for i in range(MOST_VALUES)]
            column = column.quantile(spread, interpolation="nearest")
        held, values = self.row[name].iloc[0], column.value_counts().index[:MOST_VALUES]
        return [value for value in values if pd.isna(held) or value != held]

    def _distance(self, values: Mapping[str, object]) -> float:
        return sum(self._between(name, value) for name, value in values.items())

    def _between(self, name: str, value: object) -> float:
        import pandas as pd

        held, column = self.row[name].iloc[0], self.rows[name].dropna()
        if not pd.api.types.is_numeric_dtype(column) or pd.isna(held):
            return 1.0
        low, high = sorted((float(held), float(value)))  # type: ignore[arg-type]
        return float(((column > low) & (column < high)).mean())

    def _asked(self, changes: list[dict[str, object]]) -> list[Change]:
        """Ask the model about each change, and keep those it decides otherwise on."""
        import numpy as np

        if not changes:
            return []
        rows = self.row.iloc[np.zeros(len(changes), dtype=int)].reset_index(drop=True)
        for name in {name for change in changes for name in change}:
            values = [change.get(name, self.row[name].iloc[0]) for change in changes]
            rows[name] = _like(values, self.row[name])
        try:
            told = self.asker.by_halves(rows)
        except GoneError:
            return []
        return [
            Change(change, str(label), self._distance(change))
            for change, label in zip(changes, told.label, strict=True)
            if label is not None and (label in self.selecting) != self.chosen
        ]


def _like(values: list[object], column: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(values, dtype=object).astype(column.dtype)
