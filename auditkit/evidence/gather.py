"""Plan and inputs become evidence: counts, exclusions, notes, and rows to explain."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, PlanError, listed
from auditkit.evidence.counts import MOST_CELLS, Counts, GroupTable, Tally, add, tabulate, tally
from auditkit.evidence.models import Scorer, load_model, selects, text_features
from auditkit.evidence.quality import UNPARSABLE, Levels, Quality, examine, exclusions
from auditkit.evidence.sample import Reservoir, Sample, finish
from auditkit.evidence.sources import Source, numbers, open_source, source_file, texts
from auditkit.plan import Above, Attribute, AuditPlan
from auditkit.results import Exclusion, SourceFile

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd

Progress = Callable[[str, int, int | None], None]
"""Called with a step's name, how much is done, and of how much if that is known."""


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


def gather(plan: AuditPlan, data: Any, model: Any, progress: Progress) -> Evidence:  # noqa: ANN401
    """Read, score if there is a model, and count.

    Raises
    ------
    PlanError, DataError, ModelError
        What cannot be audited, and how to mend it.
    """
    scorer = load_model(model, plan) if model is not None else None
    if (scorer is None) == (plan.data.decision is None):
        raise PlanError(
            "Decisions come from one place: either data.decision names a column, or there is a "
            "model. Give one of the two."
        )
    source = open_source(data, _columns(plan, scorer))
    keys = _keys(plan, source, scorer)
    reservoir = None
    if scorer is None:
        counted = _counted(source, keys, progress)
    else:
        reservoir = Reservoir(plan.explain.rows, plan.audit.seed) if plan.explain.rows else None
        counted, scorer = _scored(plan, source, keys, scorer, reservoir, progress)
    quality = _examined(plan, source, keys, counted, model=scorer is not None)
    assert counted is not None  # noqa: S101  (an unmanageable tally was refused by _examined)
    counts = quality.counts(counted)
    groups = tabulate(counts, min(plan.groups.intersections, len(counts.attributes)))
    model_files = (source_file("model", model),) if isinstance(model, Path) else ()
    return Evidence(
        counts=counts,
        groups=groups,
        exclusions=exclusions(plan, counts),
        notes=(*quality.notes, *_too_good(counts)),
        files=(*source.files, *model_files),
        scorer=scorer,
        sample=finish(reservoir, quality, groups) if reservoir is not None else None,
    )


def _too_good(counts: Counts) -> tuple[str, ...]:
    """Note decisions that agree with every recorded outcome: few systems do, but a leak does."""
    (right_no, missed, wrongly, right_yes) = counts.table.sum(axis=0)[[0, 3, 1, 4]].tolist()
    if missed or wrongly or not (right_no and right_yes):
        return ()
    return (
        "Every decision agrees with the recorded outcome. Look whether the decision was copied "
        "from the label, or the label from the decision: such data say nothing about errors.",
    )


def _columns(plan: AuditPlan, scorer: Scorer | None) -> list[str]:
    named = [attribute.column for attribute in plan.measured]
    named += [name for name in (plan.data.label, plan.data.decision) if name is not None]
    return named + list(scorer.features if scorer is not None else ())


def _keys(plan: AuditPlan, source: Source, scorer: Scorer | None) -> "dict[str, nw.Expr]":
    """Spell attributes, label and decision as text columns ``a0``, ``a1``, ..., ``y``, ``d``."""
    import narwhals.stable.v2 as nw

    plain = [a.column for a in plan.measured if a.bins is None]
    cut = isinstance(plan.data.selected, Above)
    plain += [plan.data.label] if plan.data.label is not None else []
    plain += [plan.data.decision] if plan.data.decision is not None and not cut else []
    spelled = texts(source, plain)
    keys = {
        f"a{i}": _binned(source, a) if a.bins is not None else spelled[a.column]
        for i, a in enumerate(plan.measured)
    }
    nothing = nw.lit(None).cast(nw.String)
    keys["y"] = spelled[plan.data.label] if plan.data.label is not None else nothing
    if scorer is None:
        assert plan.data.decision is not None  # noqa: S101
        keys["d"] = _above(source, plan) if cut else spelled[plan.data.decision]
    return keys


def _binned(source: Source, attribute: Attribute) -> "nw.Expr":
    """Name the bin each number lies in; the lower edge belongs to the bin."""
    import narwhals.stable.v2 as nw

    value, unparsable = numbers(source, attribute.column)
    assert attribute.bins is not None  # noqa: S101
    groups = attribute.groups_of_bins
    bins = nw.lit(groups[0])
    for cut, group in zip(attribute.bins, groups[1:], strict=True):
        bins = nw.when(value >= cut).then(nw.lit(group)).otherwise(bins)
    named = nw.when(~value.is_null()).then(bins)
    return nw.when(unparsable).then(nw.lit(UNPARSABLE)).otherwise(named)


def _above(source: Source, plan: AuditPlan) -> "nw.Expr":
    import narwhals.stable.v2 as nw

    assert plan.data.decision is not None  # noqa: S101
    assert isinstance(plan.data.selected, Above)  # noqa: S101
    value, unparsable = numbers(source, plan.data.decision)
    side = nw.when(value > plan.data.selected.above).then(nw.lit("true")).otherwise(nw.lit("false"))
    known = nw.when(~value.is_null()).then(side)
    return nw.when(unparsable).then(nw.lit(UNPARSABLE)).otherwise(known)


def _counted(source: Source, keys: "Mapping[str, nw.Expr]", progress: Progress) -> Tally | None:
    counted = tally(source.frame.select(**keys), list(keys))
    if counted is not None:
        progress("counting", sum(counted.values()), sum(counted.values()))
    return counted


def _scored(
    plan: AuditPlan,
    source: Source,
    keys: "Mapping[str, nw.Expr]",
    scorer: Scorer,
    reservoir: Reservoir | None,
    progress: Progress,
) -> tuple[Tally, Scorer]:
    """Score batch by batch and add up the counts; protected columns are not given to the model."""
    import narwhals.stable.v2 as nw

    total: Tally = {}
    done = 0
    attributes = [key for key in keys if key.startswith("a")]
    for cells, rows in _batches(plan, source, keys, scorer):
        scorer = scorer if scorer.unit else scorer.with_unit(rows)
        batch = cells.assign(d=selects(scorer, plan, rows))
        batch["d"] = batch["d"].astype("str")
        counted = tally(nw.from_native(batch).lazy(), [*keys, "d"])
        add(total, counted or {})
        if reservoir is not None:
            reservoir.add(cells[attributes], rows, scorer.output(rows))
        done += len(rows)
        progress("scoring", done, None)
    progress("scoring", done, done)
    return total, scorer


def _batches(
    plan: AuditPlan, source: Source, keys: "Mapping[str, nw.Expr]", scorer: Scorer
) -> "Iterator[tuple[pd.DataFrame, pd.DataFrame]]":
    """Read batches of key texts and of features as the model was fitted on them."""
    import narwhals.stable.v2 as nw
    import numpy as np

    kinds = _readings(plan, source, scorer) if source.text else {}
    features = {
        f"f{i}": numbers(source, name)[0] if kinds.get(name) == "number" else nw.col(name)
        for i, name in enumerate(scorer.features)
    }
    for batch in source.batches(source.frame.select(**keys, **features)):
        chunk = batch.reset_index(drop=True)
        rows = chunk[list(features)].set_axis(list(scorer.features), axis=1)
        for name in rows.columns[[kinds.get(name) == "text" for name in rows.columns]]:
            rows[name] = rows[name].astype(object).where(rows[name].notna(), np.nan)
        yield chunk[list(keys)], rows


def _readings(plan: AuditPlan, source: Source, scorer: Scorer) -> dict[str, str]:
    """Say how each feature in a file of text is read: as declared, as fitted, or as it parses.

    Raises
    ------
    DataError
        A column is read as numbers but holds other text, or is a mixture nobody declared.
    """
    import narwhals.stable.v2 as nw

    declared = plan.model.features if isinstance(plan.model.features, Mapping) else {}
    told: dict[str, str] = {**text_features(scorer.model), **declared}
    sums: dict[str, nw.Expr] = {}
    for i, name in enumerate(scorer.features):
        value, unparsable = numbers(source, name)
        sums |= {f"n{i}": ~value.is_null(), f"t{i}": unparsable}
    frame = source.frame.select(**{k: e.cast(nw.Int64) for k, e in sums.items()})
    totals = frame.select(*(nw.col(k).sum() for k in sums)).collect("pandas").to_native().iloc[0]
    problems = []
    out: dict[str, str] = {}
    for i, name in enumerate(scorer.features):
        parsed, other = int(totals[f"n{i}"] or 0), int(totals[f"t{i}"] or 0)
        out[name] = told.get(name) or ("text" if other and not parsed else "number")
        if out[name] == "number" and other:
            problems.append(
                f"Column '{name}' is read by the model as a number, but {other} of "
                f"{parsed + other} values are not numbers. Mend or empty those cells, or declare "
                f'it: [model.features] {name} = "text".'
            )
    if problems:
        raise DataError(*problems)
    return out


def _examined(
    plan: AuditPlan,
    source: Source,
    keys: "Mapping[str, nw.Expr]",
    counted: Tally | None,
    *,
    model: bool,
) -> Quality:
    """Look at the levels of each key; if the joint table is too large, count each key by itself."""
    names = [*keys, "d"] if model else list(keys)
    if counted is not None:
        columns: list[Levels] = [{} for _ in names]
        for cell, n in counted.items():
            for levels, text in zip(columns, cell, strict=True):
                levels[text] = levels.get(text, 0) + n
    else:
        columns = [_levels(source, key, spelled) for key, spelled in keys.items()]
    quality = examine(plan, columns, [_declared(source, a) for a in plan.measured], model=model)
    if counted is None:
        raise DataError(
            f"The attributes {listed(quality.attributes)} together have more than 500,000 "
            f"different combinations. Declare fewer, or merge and bin their values."
        )
    return quality


def _levels(source: Source, key: str, spelled: "nw.Expr") -> Levels:
    """Count the texts of one key alone; half a million of them are enough to refuse it."""
    import narwhals.stable.v2 as nw

    grouped = source.frame.select(**{key: spelled}).group_by(key).agg(nw.len().alias("n"))
    table = grouped.head(MOST_CELLS).collect("pandas").to_native()
    texts = [text if isinstance(text, str) else None for text in table[key]]
    return dict(zip(texts, table["n"].tolist(), strict=True))


def _declared(source: Source, attribute: Attribute) -> list[str]:
    """List the categories that a column declares, whether or not a row has them."""
    native = source.frame.to_native()
    if source.connection is not None or attribute.bins is not None:
        return []
    categories = getattr(native[attribute.column].dtype, "categories", None)
    return [] if categories is None else [str(level) for level in categories]
