"""A model scores the rows batch by batch, and each batch is counted before the next is read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.errors import DataError, ModelError
from auditkit.evidence.amounts import Amounts
from auditkit.evidence.counts import Gathered, Tally, add, tally
from auditkit.evidence.encoders import Fitted, fitted_columns, hides_encoders
from auditkit.evidence.held import Held
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
from auditkit.evidence.losses import loss, predicted, recorded_of, unit_of_loss
from auditkit.evidence.models import PROBABLE, Decide, Scorer, selects
from auditkit.evidence.sample import Reservoir
from auditkit.evidence.scores import ScoreTally
from auditkit.evidence.sources import Source, collected, numbers, ones
from auditkit.plan import AuditPlan

if TYPE_CHECKING:
    from typing import Any

    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Progress = Callable[[str, int, int | None], None]
"""Called with a step's name, how much is done, and of how much if that is known."""


def scored_in_batches(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer,
    reservoir: Reservoir,
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
        decided = selects(scorer, plan, rows)
        batch[DECISION] = pd.Series(decided, dtype=object)
        add(total, tally(nw.from_native(batch).lazy(), ready, sums) or {})
        chance = None
        if scorer.unit in PROBABLE and scorer.places is None:
            chance = scorer.probability(rows)
            scored.add(batch, ready, chance, sums)
        if plan.data.cluster is not None:
            by = [CLUSTER, *ready]
            totals.append(batch.groupby(by, dropna=False, sort=False)[list(columns)].sum())
        told = _told(scorer, rows, decided, chance)
        recorded = off = None
        if plan.data.recorded is not None:
            recorded = recorded_of(batch[LABEL].where(batch[DECISION].notna()), plan)
            off = loss(told.predicted, recorded, unit_of_loss(scorer))
        reservoir.add(batch[attributes], rows, told.output, recorded, off)
        done += len(rows)
        progress("scoring", done, None)
    progress("scoring", done, done)
    if scorer.places is not None and not reservoir.finite:
        scorer = replace(scorer, unit="decision")  # all that such a model can be asked for
    frame = pd.concat(totals).reset_index() if totals else pd.DataFrame()
    cluster = CLUSTER if totals else None
    return total, Gathered(nw.from_native(frame).lazy(), ready, sums, cluster), scorer


@dataclass(frozen=True)
class _Told:
    """What is explained of rows, and what is held against the recorded outcome; shapes (n,)."""

    output: "NDArray[np.float64]"
    predicted: "NDArray[np.float64]"


def _told(
    scorer: Scorer,
    rows: "pd.DataFrame",
    decided: "NDArray[np.object_]",
    chance: "NDArray[np.float64] | None",
) -> _Told:
    """Give the model's output, asking it no more than is needed.

    Of several classes verdicts rest on decisions alone: where the model fails to give anything
    else, there is no output, and nothing is explained.
    """
    import numpy as np

    if scorer.places is None:
        is_positive = (decided == scorer.classes[scorer.positive]).astype(np.float64)
        if scorer.unit == "decision":
            return _Told(is_positive, is_positive)
        if chance is None:
            return _Told(scorer.output(rows), is_positive)
        return _Told(chance if scorer.unit == "probability" else scorer.output(rows), chance)
    if scorer.unit == "decision":
        positives = [scorer.classes[place] for place in scorer.positives]
        selects, right = np.isin(decided, scorer.explained), np.isin(decided, positives)
        return _Told(selects.astype(np.float64), right.astype(np.float64))
    try:
        return _Told(scorer.output(rows), predicted(scorer, rows))
    except ModelError:
        nothing = np.full(len(rows), np.nan)
        return _Told(nothing, nothing)


def predicted_in_batches(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer,
    reservoir: Reservoir,
    progress: Progress,
) -> tuple[Source, Gathered, Scorer]:
    """Predict an amount batch by batch, and write it down beside the recorded one and the keys.

    How errors are to be counted is known only when the last of them is, so they are read again.
    What is written of a row are its groups and two numbers, into a private file that goes when they
    are counted. Rows to explain are kept in that pass.

    Raises
    ------
    DataError
        The label holds something that is not a finite number, or Spark holds the rows.
    """
    import narwhals.stable.v2 as nw

    if source.engine == "pyspark":
        raise DataError(
            "The rows are held by Spark, where this version asks no model for amounts. Write its "
            "predictions into a column, and name that as data.decision."
        )
    recorded, unreadable = numbers(source, plan.data.label or "")
    strange = collected(source.frame.select(n=ones(unreadable)).select(nw.col("n").sum()))
    if bad := int(strange["n"].iloc[0] or 0):
        raise DataError(
            f"Label column '{plan.data.label}' holds recorded amounts, but {bad} rows hold "
            f"something that is not a finite number. The task is regression. Mend or empty those "
            f"cells."
        )
    held, done = Held(), 0
    attributes = list(attribute_names(keys))
    named = {name: key for name, key in keys.items() if name != LABEL}
    texts = [*named, *([CLUSTER] if plan.data.cluster is not None else [])]
    for batch, rows in _batches(plan, source, named, amounts, scorer, {RECORDED: recorded}):
        scorer = scorer if scorer.unit else scorer.with_unit(rows)
        batch[PREDICTED] = told = scorer.amounts(rows)
        batch[RECORDED] = batch[RECORDED].astype("float64")
        recorded_here = batch[RECORDED].to_numpy(dtype="float64", na_value=float("nan"))
        off = loss(told, recorded_here, unit_of_loss(scorer))
        reservoir.add(batch[attributes], rows, told, recorded_here, off)
        if CLUSTER in texts:
            batch[CLUSTER] = Key(nw.col(CLUSTER)).spelled(batch[CLUSTER])
        held.add(batch.astype(dict.fromkeys(texts, "string")))
        done += len(rows)
        progress("scoring", done, None)
    progress("scoring", done, done)
    ready = {name: Key(nw.col(name)) for name in (*named, LABEL)}
    columns = {name: nw.col(name) for name in amounts.expressions}
    cluster = CLUSTER if plan.data.cluster is not None else None
    rows_held, sums = held.source(), replace(amounts, expressions=columns)
    counted = Gathered(rows_held.frame, ready, sums, cluster, held.connection)
    return rows_held, counted, scorer


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
    why = (
        "the model is a function, of which nobody can tell how it reads them"
        if isinstance(scorer.model, Decide)
        else "the model has an encoder whose columns cannot be told"
    )
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
                f"Column '{name}' holds numbers, but {why}, and it may know them as text. Declare "
                f"how it is read: [model.features] "
                f'{name} = "number" or {name} = "text".'
            )
    if problems:
        raise DataError(*problems)
    return out
