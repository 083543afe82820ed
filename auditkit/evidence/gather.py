"""Plan and inputs become evidence: counts, exclusions, notes, and rows to explain."""

import functools
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, PlanError, listed
from auditkit.evidence import spark
from auditkit.evidence.amounts import UNIT, Amounts, counted, weighted
from auditkit.evidence.classes import ClassCounts, refuse_many_classes
from auditkit.evidence.clusters import Clusters, by_cluster, clusters
from auditkit.evidence.counts import (
    MOST_CELLS,
    NO,
    UNKNOWN,
    YES,
    Counts,
    Errors,
    Gathered,
    GroupTable,
    Tally,
    levels,
    outcome_cells,
    refuse_fine_crossings,
    tabulate,
    tally,
)
from auditkit.evidence.design import Design, design_of
from auditkit.evidence.histograms import Cells
from auditkit.evidence.keys import (
    DECISION,
    LABEL,
    NEED,
    PREDICTED,
    RECORDED,
    Key,
    keys_of,
    unusable_type,
    with_run,
)
from auditkit.evidence.levels import Levels
from auditkit.evidence.loading import load_model
from auditkit.evidence.models import Scorer
from auditkit.evidence.needs import NeedBands, need_bands, with_need
from auditkit.evidence.opening import open_source
from auditkit.evidence.predictions import AmountColumns
from auditkit.evidence.quality import Quality, examine, exclusions
from auditkit.evidence.residuals import Residuals, residuals
from auditkit.evidence.sample import Reservoir, Sample, finish
from auditkit.evidence.scores import (
    ScoreColumn,
    ScoreCounts,
    ScoreTally,
    score_counts,
    scores_by_need,
)
from auditkit.evidence.scoring import Progress, predicted_in_batches, scored_in_batches
from auditkit.evidence.sources import Source, collected, plainly
from auditkit.evidence.together import Together, counted_together, scores_of
from auditkit.evidence.totals import refuse_totals
from auditkit.evidence.wide import is_wide, read_wide, refuse_other_case
from auditkit.metrics.registry import rates
from auditkit.plan import Attribute, AuditPlan
from auditkit.results import Exclusion, SourceFile

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd

DECIDED_ONCE = (
    "Decisions come from one place: data.decision names a column, or there is a model, or the "
    "source is a table of counts with the columns attribute, group, tp, fp, fn and tn. Give one of "
    "them."
)
SCORED_ONCE = (
    "data.score names a column, but the scores of a model are the probabilities it gives. Remove "
    "data.score, or audit the columns of decisions and scores without the model."
)


@dataclass(frozen=True)
class Evidence:
    """What was read, in the form that everything downstream is derived from."""

    counts: Counts
    groups: GroupTable
    exclusions: tuple[Exclusion, ...]
    notes: tuple[str, ...]
    files: tuple[SourceFile, ...]
    scorer: Scorer | None
    sample: Sample | None
    labelled: bool
    """Whether an outcome is recorded, so that decisions can be wrong."""
    unmatched: tuple[int, int] = (0, 0)
    unexplained: str = ""
    scores: ScoreCounts | None = None
    paired: Counts | None = None
    """Both decisions about each row, where a baseline is declared."""
    seeds: tuple[Counts, ...] = ()
    """The same with the decisions of each other training run."""
    classes: ClassCounts | None = None
    """Recorded and decided class of each row, where the task is multiclass."""
    needs: NeedBands | None = None
    """How need is put into bands, where it has a column of its own."""
    scores_by_need: ScoreCounts | None = None
    """Scores of the groups of single attributes by fine band of need, unknown last."""
    residuals: Residuals | None = None
    """Errors and predictions, where an amount is predicted."""

    def close(self) -> None:
        """Let go of the process that holds the model, if one does: nobody asks it any more."""
        if self.scorer is not None:
            self.scorer.close()


@plainly()
def gather(
    plan: AuditPlan,
    data: Any,  # noqa: ANN401
    model: Any,  # noqa: ANN401
    progress: Progress,
    protected: Any = None,  # noqa: ANN401
) -> Evidence:
    """Read, score if there is a model, and count.

    Raises
    ------
    PlanError, DataError, ModelError
        What cannot be audited, and how to mend it.
    """
    with ExitStack() as after:
        return _gathered(plan, data, model, progress, protected, after)


def _gathered(
    plan: AuditPlan,
    data: Any,  # noqa: ANN401
    model: Any,  # noqa: ANN401
    progress: Progress,
    protected: Any,  # noqa: ANN401
    after: ExitStack,
) -> Evidence:
    scorer = load_model(model, plan) if model is not None else None
    if scorer is None:
        _refuse_model_keys(plan)
    else:
        after.push(functools.partial(_closed, scorer))
    if scorer is None and plan.data.decision is None:
        return _of_table(plan, open_source(plan, data, protected, ()))
    if scorer is not None and plan.data.decision is not None:
        raise PlanError(DECIDED_ONCE)
    if scorer is not None and plan.data.score is not None:
        raise PlanError(SCORED_ONCE)
    source = open_source(plan, data, protected, _columns(plan, scorer))
    keys = keys_of(plan, source, decided=scorer is None)
    if plan.data.cluster is not None and (bad := unusable_type(source, plan.data.cluster)):
        raise DataError(bad)
    amounts = _amounts(plan, source)
    bands = None
    if plan.data.need_apart is not None:
        bands = need_bands(plan, source, amounts)
        keys, amounts = with_need(plan, source, keys, amounts, bands)
    taken = _taken(plan, source, keys, amounts, scorer, model, progress, after)
    found, gathered, seen = taken.found, taken.gathered, taken.seen
    scorer, reservoir, columns = taken.scorer, taken.reservoir, taken.amounts
    quality = _examined(plan, source, gathered, found, model=scorer is not None, bands=bands)
    assert found is not None  # noqa: S101  (an unmanageable tally was refused by _examined)
    counts = quality.counts(found, amounts)
    paired = quality.paired(found, amounts) if plan.data.baseline is not None else None
    seeds = tuple(_other_run(plan, source, keys, amounts, bands, run) for run in plan.data.seeds)
    depth = min(plan.groups.intersections, len(counts.attributes))
    refuse_fine_crossings(counts, depth)
    classes = _classes(source, gathered, quality, found, depth)
    groups = tabulate(counts, depth, _design(source, gathered, quality, counts, depth))
    if plan.data.count is not None:
        _refuse_totals(counts, groups)
    cells = Cells(gathered.keys, gathered.amounts, quality, counts, groups)
    errors = residuals(columns, cells, seen) if columns is not None else None
    if errors is not None:
        groups = replace(groups, errors=Errors(plan.data.tolerance, errors.one_prediction))
    scores = _scores(taken, cells)
    by_need = None
    if bands is not None and scores is not None:
        by_need = _scores_by_need(taken, replace(cells, by=NEED))
    opened = scorer.file if scorer is not None else None
    return Evidence(
        counts=counts,
        groups=groups,
        exclusions=(*exclusions(plan, counts, paired), *(scores.exclusions if scores else ())),
        notes=(
            *source.notes,
            *([opened.note] if opened is not None and opened.note else []),
            *quality.notes,
            *(errors.notes if errors is not None else (*_agreement(counts), *_one_sided(counts))),
            *(scores.notes if scores else ()),
        ),
        files=(*source.digests(), *([opened.source] if opened is not None else [])),
        unmatched=(source.unmatched, source.unmatched_protected),
        unexplained=spark.UNEXPLAINED if source.engine == "pyspark" else "",
        scorer=scorer,
        sample=finish(reservoir, quality, groups) if reservoir is not None else None,
        labelled=plan.data.recorded is not None,
        scores=scores,
        paired=paired,
        seeds=seeds,
        classes=classes,
        needs=bands,
        scores_by_need=by_need,
        residuals=errors,
    )


def _closed(scorer: Scorer, failed: type[BaseException] | None, *_: object) -> None:
    """Let go of a model that nobody will ask any more."""
    if failed is not None:
        scorer.close()


def _refuse_model_keys(plan: AuditPlan) -> None:
    """Refuse what speaks of a model where there is none."""
    said = {"features": "columns", "classes": "labels"}
    for key, what in said.items():
        if getattr(plan.model, key) is not None:
            raise PlanError(f"model.{key} names the {what} of a model, but there is no model.")


@dataclass(frozen=True)
class _Taken:
    """What the one pass over the rows gave: sums by key, and what was kept beside them."""

    found: Tally | None
    gathered: Gathered
    scorer: Scorer | None
    seen: "dict[str, pd.Series[Any]]"
    scored: ScoreTally
    reservoir: Reservoir | None = None
    amounts: AmountColumns | None = None
    column: ScoreColumn | None = None
    together: Together | None = None


def _taken(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer | None,
    model: Any,  # noqa: ANN401
    progress: Progress,
    after: ExitStack,
) -> _Taken:
    """Count the rows where they are, or as the model scores them batch by batch."""
    seen: dict[str, pd.Series[Any]] = {}
    scored, columns, column = ScoreTally(), None, None
    reservoir = None
    if plan.data.amounts:
        if scorer is not None:
            reservoir = Reservoir(plan.explain.rows, plan.audit.seed)
        columns, gathered, scorer = _amounts_of(
            plan, source, keys, amounts, scorer, reservoir, progress
        )
    elif scorer is None:
        gathered = Gathered(source.frame, keys, amounts, plan.data.cluster, source.connection)
        if plan.data.score is not None:
            limits = plan.data.score_range or (0.0, 1.0)
            column = ScoreColumn(source, plan.data.score, *limits)
    elif source.engine == "pyspark":
        gathered, column = spark.scored(plan, source, keys, amounts, scorer, model, after)
    else:
        reservoir = Reservoir(plan.explain.rows, plan.audit.seed)
        of_batches = scored_in_batches(
            plan, source, keys, amounts, scorer, reservoir, scored, progress
        )
        return _Taken(*of_batches, seen, scored, reservoir)
    together = counted_together(gathered, column, seen) if column is not None else None
    if together is not None:
        found: Tally | None = together.tally
    else:
        found = tally(gathered.frame, gathered.keys, gathered.amounts, seen)
    if found is not None:
        _refuse_samples(plan, source, gathered, found)
        people = sum(sums[0] for sums in found.values())
        progress("counting", people, people)
    return _Taken(found, gathered, scorer, seen, scored, reservoir, columns, column, together)


def _refuse_samples(plan: AuditPlan, source: Source, gathered: Gathered, found: Tally) -> None:
    """Refuse a query or view whose rows are others each time it is asked.

    Clusters, scores, need and other runs are counted in passes of their own.

    Raises
    ------
    DataError
        A second count is not the first.
    """
    data = plan.data
    several = data.cluster or data.score or data.need or data.amounts or data.seeds
    kept = source.engine not in ("ibis", "duckdb") or source.connection is not None
    if kept or not several:
        return
    if tally(gathered.frame, gathered.keys, gathered.amounts) != found:
        raise DataError(
            "The data gave other rows when they were counted a second time: a query that draws a "
            "sample, or a table that is being written to. Save the rows in a table or a file "
            "first, and audit that."
        )


def _other_run(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    bands: NeedBands | None,
    column: str,
) -> Counts:
    """Count the decisions of another training run beside those of the audited one."""
    beside = plan.data.model_copy(update={"baseline": column})
    plan = plan.model_copy(update={"data": beside})
    gathered = Gathered(source.frame, with_run(plan, source, keys, column), amounts)
    found = tally(gathered.frame, gathered.keys, amounts)
    quality = _examined(plan, source, gathered, found, model=False, bands=bands)
    assert found is not None  # noqa: S101  (an unmanageable tally was refused by _examined)
    return quality.paired(found, amounts)


def _classes(
    source: Source, gathered: Gathered, quality: Quality, found: Tally, depth: int
) -> ClassCounts | None:
    """Count recorded and decided classes, and clusters as each class sees them.

    Raises
    ------
    DataError
        The groups and pairs of classes are more than anybody can look at.
    """
    if quality.classes is None:
        return None
    classes = quality.by_class(found, gathered.amounts)
    refuse_many_classes(classes, depth)
    if gathered.cluster is None:
        return classes
    totals = by_cluster(gathered)
    seen = (
        _clusters(totals, quality.against_all(place), classes.counts, depth)
        for place in range(len(classes.names))
    )
    return replace(classes, clusters=tuple(seen))


def _amounts_of(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer | None,
    reservoir: Reservoir | None,
    progress: Progress,
) -> tuple[AmountColumns, Gathered, Scorer | None]:
    """Put predicted amounts beside the recorded ones: those of a column, or of a model."""
    label, tolerance = plan.data.label or "", plan.data.tolerance
    told = (f"Column '{plan.data.decision}'", f"Label column '{label}'")
    if scorer is None or reservoir is None:
        columns = AmountColumns(source, plan.data.decision or "", label, tolerance, told)
        gathered = Gathered(source.frame, keys, amounts, plan.data.cluster, source.connection)
    else:
        told = ("The model's prediction", told[1])
        held, gathered, scorer = predicted_in_batches(
            plan, source, keys, amounts, scorer, reservoir, progress
        )
        columns = AmountColumns(held, PREDICTED, RECORDED, tolerance, told)
    recorded, side = columns.keys()
    keyed = replace(gathered, keys={**gathered.keys, LABEL: recorded, DECISION: side})
    return columns, keyed, scorer


def _refuse_totals(counts: Counts, groups: GroupTable) -> None:
    """Refuse lines of totals among counts."""
    for attribute in counts.attributes:
        places = groups.of(attribute)
        refuse_totals(attribute, [groups.names[i][1] for i in places], groups.own[places])


def _scores(taken: _Taken, cells: Cells) -> ScoreCounts | None:
    """Count the declared scores, or those of a model that gives probabilities."""
    if taken.column is None:
        return taken.scored.counts(cells)
    if taken.together is not None:
        return scores_of(taken.together, taken.column, cells)
    return score_counts(taken.column, cells, taken.seen)


def _scores_by_need(taken: _Taken, cells: Cells) -> ScoreCounts | None:
    """Count the same scores by band of need, of attributes alone: crossings are not ranked."""
    alone = replace(cells, groups=tabulate(cells.counts, 1))
    if taken.column is None:
        return taken.scored.counts(alone)
    return scores_by_need(taken.column, alone, taken.seen)


def _of_table(plan: AuditPlan, source: Source) -> Evidence:
    """Take counts as they were published, where neither decisions nor a model are given."""
    refuse_other_case(source)
    if not is_wide(source) or plan.data.amounts:
        raise PlanError(DECIDED_ONCE)
    given = [name for name in ROWS_ONLY if getattr(plan.data, name) not in (None, ())]
    if given := [*given, *(["need"] * (plan.data.need_apart is not None))]:
        raise PlanError(
            *(
                f"data.{name} says something of rows, but the source is a table of counts by "
                f"attribute and group. Take it out, or give the rows."
                for name in given
            )
        )
    if plan.data.several_classes:
        raise PlanError(
            "The task is multiclass, but a table of counts with tp, fp, fn and tn has two values. "
            "Give counts by recorded and decided class, with data.count naming how many people "
            "each line stands for."
        )
    if plan.groups.intersections > 1:
        raise PlanError(
            f"groups.intersections is {plan.groups.intersections}, but a table of counts by "
            f"attribute and group does not say who is in two groups. Set it to 1."
        )
    counts, groups, notes = read_wide(plan, source)
    return Evidence(counts, groups, (), notes, source.digests(), None, None, labelled=True)


ROWS_ONLY = (
    "selected",
    "weight",
    "cluster",
    "strata",
    "count",
    "control",
    "baseline",
    "seeds",
    "score",
    "quota",
    "key",
    "protected_source",
)
"""Keys of the plan that say something of rows, and nothing of a table of counts."""


def _agreement(counts: Counts) -> tuple[str, ...]:
    """Note decisions that agree with every recorded outcome, or with none.

    Few systems never err, but a leak does not; none that is used always errs, but labels read in
    reverse do.
    """
    (right_no, missed, wrongly, right_yes) = counts.table.sum(axis=0)[[0, 3, 1, 4]].tolist()
    if missed and wrongly and not (right_no or right_yes):
        return (
            "No decision agrees with the recorded outcome. Look whether data.positive or "
            "data.selected names the other value: one of the two is read in reverse.",
        )
    if missed or wrongly or not (right_no and right_yes):
        return ()
    return (
        "Every decision agrees with the recorded outcome. Look whether the decision was copied "
        "from the label, or the label from the decision: such data say nothing about errors.",
    )


def _one_sided(counts: Counts) -> tuple[str, ...]:
    """Note outcomes that are recorded much less often on one side of the decision."""
    cells = counts.table.sum(axis=0).reshape(3, 3)[:, :UNKNOWN]
    recorded, people = cells[:UNKNOWN].sum(axis=0).tolist(), cells.sum(axis=0).tolist()
    if not all(people) or not any(recorded):
        return ()
    shares = [seen / of for seen, of in zip(recorded, people, strict=True)]
    if min(shares) >= max(shares) / 2:
        return ()
    return (
        f"Outcomes are recorded of {recorded[YES]:,} of {people[YES]:,} rows that were selected, "
        f"and of {recorded[NO]:,} of {people[NO]:,} that were not. Rates over both stand on those "
        f"alone, unless weights make up for it: no all-clear rests on them, and where one side has "
        f"no recorded outcome they do not exist.",
    )


def _columns(plan: AuditPlan, scorer: Scorer | None) -> list[str]:
    named = [attribute.column for attribute in plan.measured]
    data = plan.data
    drawn = (data.weight, data.cluster, data.strata, data.count, data.control)
    decided = (data.label, data.decision, data.baseline, data.score, data.need)
    named += [name for name in (*decided, *drawn, *data.seeds) if name]
    return named + list(scorer.features if scorer is not None else ())


def _amounts(plan: AuditPlan, source: Source) -> Amounts:
    if plan.data.count is not None:
        return counted(source, plan.data.count)
    return weighted(source, plan.data.weight) if plan.data.weight is not None else UNIT


def _design(
    source: Source, gathered: Gathered, quality: Quality, counts: Counts, depth: int
) -> Design | None:
    """Say how the rows were drawn, if the plan declares weights, clusters or strata."""
    if gathered.cluster is None:
        return design_of(counts, None)
    return design_of(counts, _clusters(gathered, quality, counts, depth))


def _clusters(
    gathered: Gathered,
    quality: Quality,
    counts: Counts,
    depth: int,
) -> Clusters:
    """Count who was drawn together, with the outcomes that ``quality`` reads."""
    assert gathered.cluster is not None  # noqa: S101
    cells = outcome_cells()
    masks = {mask.tobytes(): mask for mask in (rate.masks(cells)[1] for rate in rates().values())}
    return clusters(
        gathered.frame,
        gathered.keys,
        gathered.amounts,
        gathered.cluster,
        quality,
        counts,
        depth,
        list(masks.values()),
        gathered.connection,
    )


def _examined(
    plan: AuditPlan,
    source: Source,
    gathered: Gathered,
    found: Tally | None,
    *,
    model: bool,
    bands: NeedBands | None = None,
) -> Quality:
    """Look at the levels of each key; if the joint table is too large, count each key by itself."""
    keys = gathered.keys
    if found is not None:
        columns = levels(found, keys)
    else:
        columns = {name: _levels(gathered.frame, key) for name, key in keys.items()}
    declared = [_declared(source, a) for a in plan.measured]
    places = bands.places if bands is not None else None
    quality = examine(plan, columns, declared, model=model, needs=places)
    if found is None:
        raise DataError(
            f"The attributes {listed(quality.attributes)} together have more than 500,000 "
            f"different combinations. Declare fewer, or merge and bin their values."
        )
    return quality


def _levels(frame: "nw.LazyFrame[Any]", key: Key) -> Levels:
    """Count the texts of one key alone; half a million of them are enough to refuse it."""
    import narwhals.stable.v2 as nw

    grouped = frame.select(k=key.expression).group_by("k").agg(nw.len().alias("n"))
    table = collected(grouped.head(MOST_CELLS))
    out: Levels = {}
    for text, n in zip(key.spelled(table["k"]), table["n"].tolist(), strict=True):
        out[text] = out.get(text, 0) + int(n)
    return out


def _declared(source: Source, attribute: Attribute) -> list[str]:
    """List the categories that a column declares, whether or not a row has them."""
    native = source.frame.to_native()
    if not source.is_pandas or attribute.bins is not None:
        return []
    categories = getattr(native[attribute.column].dtype, "categories", None)
    return [] if categories is None else [str(level) for level in categories]
