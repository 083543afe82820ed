"""A model scores the rows batch by batch, and each batch is counted before the next is read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from auditkit.errors import DataError
from auditkit.evidence.amounts import Amounts
from auditkit.evidence.counts import Gathered, Tally, add, tally
from auditkit.evidence.encoders import Fitted, fitted_columns, hides_encoders
from auditkit.evidence.keys import (
    CLUSTER,
    DECISION,
    LABEL,
    PREDICTED,
    RECORDED,
    Key,
    attribute_names,
    expressions,
)
from auditkit.evidence.models import Scorer, selects
from auditkit.evidence.sample import Reservoir
from auditkit.evidence.scores import ScoreTally
from auditkit.evidence.sources import Source, collected, numbers, ones
from auditkit.plan import AuditPlan

if TYPE_CHECKING:
    from typing import Any

    import narwhals.stable.v2 as nw
    import pandas as pd

Progress = Callable[[str, int, int | None], None]
"""Called with a step's name, how much is done, and of how much if that is known."""

PROBABLE = ("log-odds", "probability")
"""Units of a model that gives probabilities."""


MOST_PREDICTED = 10_000_000
"""Rows whose predicted amounts are held at once: 1.5 GB with two attributes, as measured."""


def scored_in_batches(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer,
    reservoir: Reservoir | None,
    scored: ScoreTally,
    progress: Progress,
) -> tuple[Tally, Gathered, Scorer]:
    """Score batch by batch and add up the counts; protected columns are not given to the model."""
    import narwhals.stable.v2 as nw
    import pandas as pd

    total: Tally = {}
    done = 0
    totals: list[pd.DataFrame] = []
    attributes = list(attribute_names(keys))
    ready = {name: Key(nw.col(name)) for name in (*keys, DECISION)}
    columns = {name: nw.col(name) for name in amounts.expressions} or {"n": nw.col("n")}
    needs = {name: nw.col(name) for name in amounts.need}
    sums = replace(amounts, expressions=columns, need=needs)
    for batch, rows in _batches(plan, source, keys, amounts, scorer):
        scorer = scorer if scorer.unit else scorer.with_unit(rows)
        batch[DECISION] = pd.Series(selects(scorer, plan, rows), dtype=object)
        add(total, tally(nw.from_native(batch).lazy(), ready, sums) or {})
        chance = scorer.probability(rows) if scorer.unit in PROBABLE else None
        if chance is not None:
            scored.add(batch, ready, chance, sums)
        if plan.data.cluster is not None:
            by = [CLUSTER, *ready]
            totals.append(batch.groupby(by, dropna=False, sort=False)[list(columns)].sum())
        if reservoir is not None:
            output = chance if scorer.unit == "probability" else None
            output = scorer.output(rows) if output is None else output
            reservoir.add(batch[attributes], rows, output)
        done += len(rows)
        progress("scoring", done, None)
    progress("scoring", done, done)
    frame = pd.concat(totals).reset_index() if totals else pd.DataFrame()
    cluster = CLUSTER if totals else None
    return total, Gathered(nw.from_native(frame).lazy(), ready, sums, cluster), scorer


def predicted_in_batches(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer,
    progress: Progress,
) -> tuple[Source, Gathered]:
    """Predict an amount batch by batch, and hold it beside the recorded one and the keys.

    Features are let go with their batch. What is held of a row are its groups and two numbers: how
    errors are to be counted is known only when the last of them is. They are therefore bounded.

    Raises
    ------
    DataError
        The label holds something that is not a finite number; there are too many rows to be held;
        or Spark holds them.
    """
    import narwhals.stable.v2 as nw
    import pandas as pd

    if source.engine == "pyspark":
        raise DataError(
            "The rows are held by Spark, where this version asks no model for amounts. Write its "
            "predictions into a column, and name that as data.decision."
        )
    recorded, unreadable = numbers(source, plan.data.label or "")
    seen = source.frame.select(n=ones(unreadable))
    bad = collected(seen.select(nw.col("n").sum(), nw.len().alias("rows"))).iloc[0]
    if (rows_in := int(bad["rows"])) > MOST_PREDICTED:
        raise DataError(
            f"The data have {rows_in:,} rows, but a model is asked for the amounts of at most "
            f"{MOST_PREDICTED:,}, because they are held in memory until the last is known. Write "
            f"its predictions into a column, and name that as data.decision: a column is counted "
            f"where it is, however long."
        )
    if strange := int(bad["n"] or 0):
        raise DataError(
            f"Label column '{plan.data.label}' holds recorded amounts, but {strange} rows hold "
            f"something that is not a finite number. The task is regression. Mend or empty those "
            f"cells."
        )
    parts, done = [], 0
    named = {name: key for name, key in keys.items() if name != LABEL}
    for batch, rows in _batches(plan, source, named, amounts, scorer, {RECORDED: recorded}):
        batch[PREDICTED] = scorer.amounts(rows)
        batch[RECORDED] = batch[RECORDED].astype("float64")
        parts.append(batch)
        done += len(rows)
        progress("scoring", done, None)
    progress("scoring", done, done)
    frame = nw.from_native(pd.concat(parts, ignore_index=True)).lazy()
    ready = {name: Key(nw.col(name)) for name in (*named, LABEL)}
    columns = {name: nw.col(name) for name in amounts.expressions}
    cluster = CLUSTER if plan.data.cluster is not None else None
    held = Source(frame, tuple(parts[0].columns))
    return held, Gathered(frame, ready, replace(amounts, expressions=columns), cluster)


def _batches(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer,
    more: "Mapping[str, nw.Expr] | None" = None,
) -> "Iterator[tuple[pd.DataFrame, pd.DataFrame]]":
    """Read batches of key texts and amounts, and of features as the model was fitted on them."""
    import narwhals.stable.v2 as nw

    fitted = fitted_columns(scorer.model, scorer.features)
    kinds = _readings(plan, source, scorer, fitted) if source.text else {}
    features = {
        f"f{i}": _reading(source, name, kinds.get(name, ""))
        for i, name in enumerate(scorer.features)
    }
    beside = {**expressions(keys), **(amounts.expressions or {"n": nw.lit(1)}), **amounts.need}
    beside |= more or {}
    if plan.data.cluster is not None:
        beside[CLUSTER] = nw.col(plan.data.cluster)
    for batch in source.batches(source.frame.select(**beside, **features)):
        chunk = batch.reset_index(drop=True)
        rows = chunk[list(features)].set_axis(list(scorer.features), axis=1)
        if not source.is_pandas:  # one kind of missing text; the model may know another
            for name in rows.columns[[_is_text(rows[name]) for name in rows.columns]]:
                missing = fitted[name].missing if name in fitted else float("nan")
                rows[name] = rows[name].astype(object).where(rows[name].notna(), missing)
        cells = chunk[list(beside)]
        yield cells.assign(**{name: key.spelled(cells[name]) for name, key in keys.items()}), rows


def _is_text(column: "pd.Series[Any]") -> bool:
    import pandas as pd

    return column.dtype == object or pd.api.types.is_string_dtype(column.dtype)


def _reading(source: Source, name: str, kind: str) -> "nw.Expr":
    import narwhals.stable.v2 as nw

    if kind == "number":
        return numbers(source, name)[0]
    if kind == "truth":
        is_true = nw.col(name).str.to_lowercase() == "true"
        return nw.when(~nw.col(name).is_null()).then(is_true.cast(nw.Float64))
    return nw.col(name)


def _readings(
    plan: AuditPlan, source: Source, scorer: Scorer, fitted: Mapping[str, Fitted]
) -> dict[str, str]:
    """Say how each feature in a file of text is read: as declared, as fitted, or as it parses.

    Returns
    -------
    dict
        ``number``, ``text``, or ``truth`` for a column of true and false.

    Raises
    ------
    DataError
        A column is read as numbers but holds other text, is a mixture nobody declared, or is of
        digits while the model has an encoder that may know them as text.
    """
    import narwhals.stable.v2 as nw

    declared = plan.model.features if isinstance(plan.model.features, Mapping) else {}
    told = {**{name: column.kind for name, column in fitted.items()}, **declared}
    sums: dict[str, nw.Expr] = {}
    for i, name in enumerate(scorer.features):
        value, unparsable = numbers(source, name)
        truth = nw.col(name).str.to_lowercase().is_in(["true", "false"]).fill_null(value=False)
        sums |= {f"n{i}": ~value.is_null(), f"t{i}": unparsable, f"b{i}": truth}
    frame = source.frame.select(**{k: ones(e) for k, e in sums.items()})
    totals = collected(frame.select(*(nw.col(k).sum() for k in sums))).iloc[0]
    problems = []
    unclear = hides_encoders(scorer.model, scorer.features)
    out: dict[str, str] = {}
    for i, name in enumerate(scorer.features):
        parsed, other, truths = (int(totals[f"{kind}{i}"] or 0) for kind in "ntb")
        only_truth = 0 < truths == other and not parsed and told.get(name) != "text"
        out[name] = told.get(name) or ("text" if other and not parsed else "number")
        if only_truth:
            out[name] = "truth"
        elif out[name] == "number" and other:
            problems.append(
                f"Column '{name}' is read by the model as a number, but {other} of "
                f"{parsed + other} values are not numbers. Mend or empty those cells, or declare "
                f'it: [model.features] {name} = "text".'
            )
        elif unclear and parsed and name not in told:
            problems.append(
                f"Column '{name}' holds numbers, but the model has an encoder whose columns cannot "
                f"be told, and it may know them as text. Declare how it is read: [model.features] "
                f'{name} = "number" or {name} = "text".'
            )
    if problems:
        raise DataError(*problems)
    return out
