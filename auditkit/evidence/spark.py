"""Spark: Parquet read by it, and a model that its workers run where the rows are."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, ModelError
from auditkit.evidence.amounts import Amounts
from auditkit.evidence.counts import Gathered
from auditkit.evidence.files import look_at_parts
from auditkit.evidence.keys import CHANCE, CLUSTER, DECISION, Key, expressions
from auditkit.evidence.loading import load_model
from auditkit.evidence.models import PROBABLE, Scorer, selects
from auditkit.evidence.scores import ScoreColumn
from auditkit.evidence.sources import Source, digested, needs, with_nan
from auditkit.plan import AuditPlan
from auditkit.results import SourceFile

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "spark:"
UNEXPLAINED = "the rows are held by Spark, where this version explains no model output"


def open_parquet(source: str, folder: Path, role: str) -> Source:
    """Read Parquet through Spark: ``spark:households.parquet``, or a place only Spark can reach.

    Raises
    ------
    DataError
        There is no such file, or Spark cannot read it.
    MissingExtra
        Spark is not installed.
    """
    needs("pyspark", "spark", "Spark is driven")
    import narwhals.stable.v2 as nw
    from pyspark.sql import SparkSession

    place = source.removeprefix(PREFIX)
    # as every other reader: folders within, and nothing guessed from a folder's name
    options = {"recursiveFileLookup": "true"}
    if "://" in place:
        file = SourceFile(role, "Parquet read through Spark", "", 0)
    else:
        path = (folder / place).resolve()
        if not path.exists():
            raise DataError(f"Data file '{path.name}' does not exist where the plan points.")
        place, file = path.as_uri(), digested(role, path)
        look_at_parts(path)
        if path.is_dir():  # a file by itself may be called anything
            options["pathGlobFilter"] = "*.parquet"
    try:
        rows = SparkSession.builder.getOrCreate().read.options(**options).parquet(place)
    except Exception as error:  # noqa: BLE001  (Java may raise anything, and quote rows)
        raise DataError(
            f"Spark cannot read the Parquet of data.source ({type(error).__name__}). Check that it "
            f"is Parquet, and that a Java and a Spark session can be started."
        ) from None
    return Source(nw.from_native(rows).lazy(), tuple(rows.columns), files=(file,))


def scored(
    plan: AuditPlan,
    source: Source,
    keys: Mapping[str, Key],
    amounts: Amounts,
    scorer: Scorer,
    model: Any,  # noqa: ANN401
    after: ExitStack,
) -> tuple[Gathered, ScoreColumn | None]:
    """Score on the workers: each loads the model file and holds it against its digest.

    Spark keeps the keys, decisions and probabilities of its rows, so that the model is asked once,
    and lets them go with ``after``.

    Returns
    -------
    gathered : Gathered
    column : ScoreColumn or None
        The probabilities, if the model gives any.

    Raises
    ------
    ModelError
        The model is not a file that workers can load safely.
    """
    import narwhals.stable.v2 as nw
    from pyspark.sql.types import DoubleType, StringType, StructField, StructType

    if not isinstance(model, str | Path):
        raise ModelError(
            "The rows are held by Spark, whose workers load the model themselves. Save it with "
            "skops.io.dump and give the path of the file."
        )
    path = Path(model).resolve()
    assert scorer.file is not None  # noqa: S101  (it came out of that path)
    known = plan.model.model_copy(update={"sha256": scorer.file.source.sha256})
    beside = {**expressions(keys), **amounts.columns}
    if plan.data.cluster is not None:
        beside[CLUSTER] = nw.col(plan.data.cluster)
    features = {f"f{i}": nw.col(name) for i, name in enumerate(scorer.features)}
    rows = source.frame.select(**beside, **features).to_native()
    score = functools.partial(
        _score, path=path, plan=plan.model_copy(update={"model": known}), beside=tuple(beside)
    )
    given = (StructField(DECISION, StringType()), StructField(CHANCE, DoubleType()))
    fields = [*(rows.schema[name] for name in beside), *given]
    held = rows.mapInPandas(score, StructType(fields)).persist()
    after.callback(held.unpersist)
    frame = nw.from_native(held).lazy()
    ready = {name: replace(key, expression=nw.col(name)) for name, key in keys.items()}
    sums = replace(
        amounts,
        expressions={name: nw.col(name) for name in amounts.expressions},
        need={name: nw.col(name) for name in amounts.need},
    )
    cluster = CLUSTER if plan.data.cluster is not None else None
    column = ScoreColumn(Source(frame, tuple(held.columns)), CHANCE, 0.0, 1.0)
    probable = scorer.places is None and hasattr(scorer.model, "predict_proba")
    gathered = Gathered(frame, {**ready, DECISION: Key(nw.col(DECISION))}, sums, cluster)
    return gathered, column if probable else None


def _score(
    batches: "Iterator[pd.DataFrame]", *, path: Path, plan: AuditPlan, beside: Sequence[str]
) -> "Iterator[pd.DataFrame]":
    """Put decision and probability in the place of the features; this runs on a worker."""
    with closing(load_model(path, plan)) as loaded:
        scorer = loaded
        for batch in batches:
            rows = batch.drop(columns=list(beside)).apply(with_nan)
            rows = rows.set_axis(list(scorer.features), axis=1)
            chance = None
            if scorer.places is None:  # of several classes only decisions are read here
                scorer = scorer if scorer.unit else scorer.with_unit(rows)
                chance = scorer.probability(rows) if scorer.unit in PROBABLE else None
            told = {DECISION: selects(scorer, plan, rows), CHANCE: chance}
            yield batch[list(beside)].assign(**told)
