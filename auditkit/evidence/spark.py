"""Spark: Parquet read by it, and frames of it that are handed over."""

from pathlib import Path

from auditkit.errors import DataError
from auditkit.evidence.sources import Source, digested, needs
from auditkit.results import SourceFile

PREFIX = "spark:"


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
    if "://" in place:
        file = SourceFile(role, "Parquet read through Spark", "", 0)
    else:
        path = (folder / place).resolve()
        if not path.exists():
            raise DataError(f"Data file '{path.name}' does not exist where the plan points.")
        place, file = path.as_uri(), digested(role, path)
    try:
        rows = SparkSession.builder.getOrCreate().read.parquet(place)
    except Exception as error:  # noqa: BLE001  (Java may raise anything, and quote rows)
        raise DataError(
            f"Spark cannot read the Parquet of data.source ({type(error).__name__}). Check that it "
            f"is Parquet, and that a Java and a Spark session can be started."
        ) from None
    return Source(nw.from_native(rows).lazy(), tuple(rows.columns), files=(file,))
