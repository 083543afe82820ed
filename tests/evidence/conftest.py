"""The same households in every kind of source, a private PostgreSQL and a Spark on one core."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from auditkit.evidence.gather import gather
from auditkit.plan import make_plan

ROWS = 20_000


def without(service: str) -> None:
    """Skip for want of a service, or fail where all services have to be there."""
    if os.environ.get("AUDITKIT_REQUIRE_SERVICES"):
        pytest.fail(f"{service} is required here and is missing")
    pytest.skip(f"{service} is not installed")


@pytest.fixture(scope="session")
def households() -> pd.DataFrame:
    """Whole numbers, fractions, booleans and text, each with missing values; some of it in NFD."""
    rng = np.random.default_rng(11)
    age = pd.Series(rng.integers(16, 90, ROWS), dtype="Int64").mask(rng.random(ROWS) < 0.02)
    region = rng.choice(
        ["Montréal", "Montre\u0301al", "Zürich", "Basel"], ROWS, p=[0.4, 0.1, 0.3, 0.2]
    )
    size = rng.choice([1.0, 2.0, 2.5], ROWS)
    in_need = rng.random(ROWS) < 0.4
    frame = pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "district": rng.integers(1, 4, ROWS),
            "size": pd.Series(size).mask(rng.random(ROWS) < 0.01),
            "registered": pd.Series(rng.random(ROWS) < 0.7, dtype="boolean").mask(
                rng.random(ROWS) < 0.03
            ),
            "region": pd.Series(region, dtype="str").mask(rng.random(ROWS) < 0.02),
            "age": age,
            "weight": rng.gamma(4.0, 0.3, ROWS),
            "need": pd.Series(np.where(in_need, "yes", "no"), dtype="str").mask(
                rng.random(ROWS) < 0.01
            ),
        }
    )  # fmt: skip
    chosen = np.where(in_need, rng.random(ROWS) < 0.7, rng.random(ROWS) < 0.1)
    frame["chosen"] = pd.Series(chosen, dtype="boolean").mask(rng.random(ROWS) < 0.02)
    before = np.where(rng.random(ROWS) < 0.6, chosen, in_need & (rng.random(ROWS) < 0.6))
    return frame.assign(before=pd.Series(before, dtype="boolean").mask(rng.random(ROWS) < 0.03))


def plan_of(**data):
    """A plan over the households that counts every kind of column, with weights."""
    return make_plan(
        {
            "data": {
                "label": "need",
                "positive": "yes",
                "decision": "chosen",
                "selected": True,
                "outcome": "benefit",
                "weight": "weight",
                **data,
            },
            "attributes": {
                "district": {},
                "size": {},
                "registered": {},
                "region": {},
                "age": {"bins": [18, 31, 61]},
            },
            "groups": {"intersections": 2},
        },
        folder=data.pop("folder", None),
    )


def gathered(data, protected=None, model=None, **changes):
    """Gather evidence of the households."""
    return gather(plan_of(**changes), data, model, lambda *_: None, protected)


def numbers(evidence):
    """Everything that has to be the same, whatever the source."""
    counts = evidence.counts
    return {
        "levels": counts.levels,
        "codes": counts.codes.tolist(),
        "table": counts.table.tolist(),
        "weight": counts.weight.tolist(),
        "square": counts.square.tolist(),
        "digest": counts.digest(decisions=True),
        "scores": evidence.scores and evidence.scores.digest(),
        "extremes": evidence.scores and evidence.scores.extremes,
        "notes": evidence.notes,
        "exclusions": evidence.exclusions,
    }


@pytest.fixture(scope="session")
def place(tmp_path_factory, households) -> Path:
    """A folder with the households in every kind of file."""
    folder = tmp_path_factory.mktemp("households")
    households.to_csv(folder / "households.csv", index=False)
    households.to_parquet(folder / "households.parquet", index=False)
    (folder / "parts" / "_asides").mkdir(parents=True)
    for start in range(0, ROWS, 7000):
        part = households[start : start + 7000]
        part.to_parquet(folder / "parts" / f"part-{start:05}.parquet", index=False)
    part.to_parquet(folder / "parts" / "_asides" / "old.parquet", index=False)
    with duckdb.connect(folder / "households.duckdb") as connection:
        connection.read_parquet(str(folder / "households.parquet")).create("households")
        connection.execute("create schema field")
        connection.table("households").create("field.visits")
    with sqlite3.connect(folder / "households.sqlite") as connection:
        write(connection, households, mark="?", boolean="BOOLEAN")
    connection.close()
    return folder


def write(connection, frame: pd.DataFrame, mark: str, boolean: str = "boolean") -> None:
    """Write the households into a database."""
    kinds = {
        "id": "integer", "district": "integer", "size": "double precision", "registered": boolean,
        "region": "text", "age": "integer", "weight": "double precision", "need": "text",
        "chosen": boolean, "before": boolean,
    }  # fmt: skip
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    cursor = connection.cursor()
    cursor.execute(f"create table households ({columns})")
    rows = [
        tuple(None if pd.isna(value) else value for value in row)
        for row in frame[list(kinds)].astype(object).itertuples(index=False, name=None)
    ]
    marks = ", ".join([mark] * len(kinds))
    cursor.executemany(f"insert into households values ({marks})", rows)
    connection.commit()


def wait_for(done: Callable[[], bool], server: subprocess.Popen) -> None:
    """Wait for a server to be ready, at most half a minute."""
    end = time.monotonic() + 30
    while not done():
        assert server.poll() is None, "the server ended at once"
        assert time.monotonic() < end, "the server is not ready after 30 s"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def postgresql(households):
    """The URL of a private PostgreSQL that holds the households and asks for a password."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or shutil.which("runuser") is None or os.geteuid() != 0:
        without("PostgreSQL with a user to run it")
    import psycopg

    folder = Path("/tmp") / f"auditkit-postgresql-{os.getpid()}"
    folder.mkdir(mode=0o755)
    shutil.chown(folder, "postgres")
    run = ["runuser", "-u", "postgres", "--"]
    port = 20_000 + os.getpid() % 30_000
    (folder / "password").write_text("not-in-any-plan\n")
    (folder / "password").chmod(0o644)
    subprocess.run(
        [*run, found[-1], "-D", folder / "data", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync",
         "--locale", "C.UTF-8", f"--pwfile={folder / 'password'}"],
        check=True, capture_output=True,
    )  # fmt: skip
    # the server ends with this process, however that ends: a killed run had left it behind
    mortal = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups",
              "--pdeathsig", "QUIT"]  # fmt: skip
    options = ["-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*mortal, found[-1].with_name("postgres"), "-D", folder / "data", *options],
            stdout=log, stderr=log,
        )  # fmt: skip
    ready = [found[-1].with_name("pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    wait_for(lambda: not subprocess.run(ready, capture_output=True).returncode, server)
    before = os.environ.get("PGPASSWORD")
    os.environ["PGPASSWORD"] = "not-in-any-plan"
    try:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        with psycopg.connect(url) as connection:
            write(connection, households, mark="%s")
            connection.execute("create schema field")
            connection.execute("create table field.visits as select * from households")
        yield url
    finally:
        if before is None:
            del os.environ["PGPASSWORD"]
        else:
            os.environ["PGPASSWORD"] = before
        server.send_signal(signal.SIGQUIT)
        server.wait()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def spark():
    """A Spark session on one core, whose workers run this Python."""
    if shutil.which("java") is None:
        without("Java")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        without("pyspark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


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

    return duckdb.read_parquet(str(place / "households.parquet"))


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
SPARK = ["spark parquet", "spark frame"]
"""Folders through Spark have tests of their own."""
ENGINES = [*LOCAL, "postgresql", "spark parquet"]
"""Every engine once where another is slow to ask: behind the door its rows are the same."""


@pytest.fixture
def source(request, place):
    """Data of a kind, and the table in it."""
    kind = request.param
    if kind in DATABASE:
        return request.getfixturevalue("postgresql"), DATABASE[kind]
    if kind in SPARK:
        session = request.getfixturevalue("spark")
        name = "households.parquet"
        if kind == "spark frame":
            return session.read.parquet(str(place / name)), None
        return f"spark:{place / name}", None
    made = LOCAL[kind](place)
    return made if isinstance(made, tuple) else (made, None)
