"""The same rows give the same counts from every kind of source, and stay where they are."""

import pytest

from auditkit.evidence.gather import gather
from tests.evidence.conftest import plan_of


def gathered(data, protected=None, **changes):
    return gather(plan_of(**changes), data, None, lambda *_: None, protected)


def numbers(evidence):
    counts = evidence.counts
    return {
        "levels": counts.levels,
        "codes": counts.codes.tolist(),
        "table": counts.table.tolist(),
        "weight": counts.weight.tolist(),
        "square": counts.square.tolist(),
        "digest": counts.digest(decisions=True),
        "notes": evidence.notes,
        "exclusions": evidence.exclusions,
    }


@pytest.fixture(scope="session")
def expected(households):
    return numbers(gathered(households))


def polars_of(place):
    import polars as pl

    return pl.read_parquet(place / "households.parquet")


def arrow_of(place):
    import pyarrow.parquet

    return pyarrow.parquet.read_table(place / "households.parquet")


def arrow_dataset(place):
    import pyarrow.dataset

    return pyarrow.dataset.dataset(place / "parts")


def relation(place):
    import duckdb

    return duckdb.connect().read_parquet(str(place / "households.parquet"))


def ibis_table(place):
    import ibis

    return ibis.duckdb.connect().read_parquet(place / "households.parquet")


LOCAL = {
    "csv": lambda place: str(place / "households.csv"),
    "parquet": lambda place: place / "households.parquet",
    "folder": lambda place: place / "parts",
    "polars": polars_of,
    "polars lazy": lambda place: polars_of(place).lazy(),
    "arrow": arrow_of,
    "arrow dataset": arrow_dataset,
    "duckdb relation": relation,
    "duckdb file": lambda place: (str(place / "households.duckdb"), "households"),
    "duckdb schema": lambda place: (str(place / "households.duckdb"), "field.visits"),
    "ibis table": ibis_table,
    "sqlite": lambda place: (f"sqlite:///{place}/households.sqlite", "households"),
    "sqlite query": lambda place: (
        f"sqlite:///{place}/households.sqlite",
        "select * from households where id >= 0",
    ),
}
DATABASE = {
    "postgresql": "households",
    "postgresql schema": "field.visits",
    "postgresql query": "WITH h AS (SELECT * FROM households) SELECT * FROM h",
}
SPARK = ["spark parquet", "spark folder", "spark frame"]


@pytest.fixture
def source(request, place):
    """Data of a kind, and the table in it."""
    kind = request.param
    if kind in DATABASE:
        return request.getfixturevalue("postgresql"), DATABASE[kind]
    if kind in SPARK:
        session = request.getfixturevalue("spark")
        name = "parts" if kind == "spark folder" else "households.parquet"
        if kind == "spark frame":
            return session.read.parquet(str(place / name)), None
        return f"spark:{place / name}", None
    made = LOCAL[kind](place)
    return made if isinstance(made, tuple) else (made, None)


@pytest.mark.parametrize("source", [*LOCAL, *DATABASE, *SPARK], indirect=True)
def test_every_source_gives_the_same_numbers(source, expected):
    data, table = source
    found = numbers(gathered(data, table=table))
    assert found == expected
