"""The same rows give the same counts from every kind of source, and stay where they are."""

import pandas as pd
import pytest

import auditkit
from auditkit import DataError
from auditkit.evidence.gather import gather
from auditkit.metrics.distribution import SUMS
from auditkit.plan import make_plan
from tests.evidence.conftest import (
    DATABASE,
    ENGINES,
    LOCAL,
    ROWS,
    SPARK,
    gathered,
    numbers,
    plan_of,
)


@pytest.fixture(scope="session")
def expected(households):
    return numbers(gathered(households))


@pytest.fixture(scope="session")
def once():
    """Remember what the frame itself says, which is the same beside every source."""
    held = {}

    def get(name, make):
        if name not in held:
            held[name] = make()
        return held[name]

    return get


@pytest.mark.parametrize("source", [*LOCAL, *DATABASE, *SPARK], indirect=True)
def test_every_source_gives_the_same_numbers(source, expected):
    data, table = source
    found = numbers(gathered(data, table=table))
    assert found == expected


@pytest.mark.parametrize("most", [65_536, 100], ids=["exact", "bins"])
@pytest.mark.parametrize("source", ENGINES, indirect=True)
def test_every_source_gives_the_same_scores(source, households, most, monkeypatch, once):
    monkeypatch.setattr("auditkit.evidence.scores.MOST_VALUES", most)
    scored = {"score": "weight", "score_range": [0, 16]}
    data, table = source
    expected = once(("scores", most), lambda: gathered(households, **scored).scores)
    found = gathered(data, table=table, **scored).scores
    assert found.exclusions == expected.exclusions
    assert found.notes == expected.notes
    for one, other in zip(found.histograms, expected.histograms, strict=True):
        for name in ("left", "right", "people", "weight", "square"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()


def predicted(data, table=None, **given):
    """Evidence of an amount that is predicted of every household."""
    asked = {"label": "weight", "decision": "age", "task": "regression", "tolerance": 30.5}
    plan = make_plan(
        {
            "data": {**asked, "outcome": "burden", "table": table, **given},
            "attributes": {"region": {}, "size": {}, "registered": {}},
            "groups": {"intersections": 2},
        }
    )
    found = gather(plan, data, None, silent)
    spread = [
        (name, one.left.tolist(), one.right.tolist(), [getattr(one, s).tolist() for s in SUMS])
        for name, groups in found.residuals.spread.items()
        for one in groups
    ]
    return found.counts.table.tolist(), found.notes, found.exclusions, spread


@pytest.mark.parametrize("most", [65_536, 50], ids=["exact", "bins"])
@pytest.mark.parametrize("weight", [None, "weight"], ids=["alone", "weighted"])
@pytest.mark.parametrize("source", ENGINES, indirect=True)
def test_every_source_gives_the_same_errors(source, households, weight, most, monkeypatch, once):
    monkeypatch.setattr("auditkit.evidence.predictions.MOST_VALUES", most)
    data, table = source
    expected = once(("errors", most, weight), lambda: predicted(households, weight=weight))
    assert any("in bins" in note for note in expected[1]) == (most == 50)
    assert predicted(data, table, weight=weight) == expected


@pytest.mark.parametrize("source", ENGINES, indirect=True)
def test_every_source_gives_the_same_need(source, households, once):
    asked = {
        "need": "id",
        "in_need": {"above": ROWS // 2},
        "score": "weight",
        "score_range": [0, 16],
    }
    data, table = source
    expected = once("need", lambda: gathered(households, **asked))
    found = gathered(data, table=table, **asked)
    assert numbers(found) == numbers(expected)
    assert found.needs == expected.needs
    assert found.counts.needs.tolist() == expected.counts.needs.tolist()
    for name, sums in expected.counts.need_sums.items():
        assert found.counts.need_sums[name].tolist() == sums.tolist()
    histograms = (found.scores_by_need.histograms, expected.scores_by_need.histograms)
    for one, other in zip(*histograms, strict=True):
        for name in ("left", "right", "people", "weight", "square"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()


@pytest.mark.parametrize("source", ENGINES, indirect=True)
def test_every_source_gives_the_same_pairs_of_decisions(source, households, expected, once):
    data, table = source
    expected_pairs = once("pairs", lambda: pairs(gathered(households, baseline="before")))
    found = gathered(data, table=table, baseline="before")
    assert pairs(found) == expected_pairs
    alone = numbers(found)
    without = [e for e in alone.pop("exclusions") if e.scope != "baseline"]
    assert without == list(expected["exclusions"])
    assert alone == {name: expected[name] for name in alone}


def pairs(evidence):
    paired = evidence.paired
    left_out = [e for e in evidence.exclusions if e.scope == "baseline"]
    assert left_out
    parts = (paired.codes, paired.table, paired.weight, paired.square)
    return paired.levels, [part.tolist() for part in parts], left_out


def drawn(data, **changes):
    """What the design of the households says, every person drawn alone within a district."""
    plan = plan_of(cluster="id", strata="district", **changes)
    kept = {name: plan.attributes[name] for name in ("region", "age")}
    design = gather(plan.model_copy(update={"attributes": kept}), data, None, silent).groups.design
    pairs = (design.products.first, design.products.second, design.products.value)
    products = sorted(zip(*(part.tolist() for part in pairs), strict=True))
    touched = {key: table.tolist() for key, table in design.touched.items()}
    return products, design.units.tolist(), touched


def silent(*_):
    pass


@pytest.mark.parametrize("source", ENGINES, indirect=True)
def test_every_source_gives_the_same_design(source, households, once):
    data, table = source
    assert drawn(data, table=table) == once("design", lambda: drawn(households))


class TestNoRowLeavesTheEngine:
    """What a driver hands over for a column of decisions is one row for each cell of the count."""

    @pytest.fixture
    def cells(self, households):
        ages = pd.cut(households["age"].astype(float), [0, 18, 31, 61, 200], right=False)
        keys = ["district", "size", "registered", "region", "band", "need", "chosen"]
        table = households.assign(band=ages.astype(object)).groupby(keys, dropna=False)
        return len(table.size())

    def check(self, fetched, cells):
        *rest, most = sorted(fetched)
        assert most == cells < ROWS / 5
        assert sum(rest) < ROWS / 100  # names of tables, columns and functions; totals of weights

    def test_postgresql(self, monkeypatch, postgresql, cells):
        import psycopg

        fetched = []
        execute = psycopg.Cursor.execute

        def counted(cursor, *args, **options):
            out = execute(cursor, *args, **options)
            fetched.append(max(0, cursor.rowcount))  # what the server sent, read or not
            return out

        monkeypatch.setattr(psycopg.Cursor, "execute", counted)
        for other in ("stream", "copy"):
            monkeypatch.setattr(psycopg.Cursor, other, None)
        gathered(postgresql, table="households")
        self.check(fetched, cells)

    def test_sqlite(self, monkeypatch, place, cells):
        import sqlite3

        fetched = []

        class Cursor(sqlite3.Cursor):
            def __next__(self):
                row = super().__next__()
                fetched[-1] += 1
                return row

            def execute(self, *args):
                fetched.append(0)
                return super().execute(*args)

            def fetchall(self):
                return list(self)

        class Connection(sqlite3.Connection):
            def cursor(self):
                return super().cursor(Cursor)

            def execute(self, *args):
                return self.cursor().execute(*args)

        connect = sqlite3.connect
        monkeypatch.setattr(
            sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k)
        )
        gathered(f"sqlite:///{place}/households.sqlite", table="households")
        self.check(fetched, cells)

    @pytest.mark.parametrize("kind", ["csv", "folder", "duckdb file", "arrow"])
    def test_duckdb(self, monkeypatch, place, cells, kind):
        import duckdb

        fetched = []
        names = ("df", "fetchall", "to_arrow_reader", "to_arrow_table")
        kind_of = duckdb.DuckDBPyRelation
        whole = {name: getattr(kind_of, name) for name in names if hasattr(kind_of, name)}

        def counting(name):
            def counted(relation, *args, **options):
                fetched.append(len(whole["fetchall"](relation)))
                return whole[name](relation, *args, **options)

            return counted

        try:
            for name in whole:
                monkeypatch.setattr(duckdb.DuckDBPyRelation, name, counting(name))
        except TypeError:
            pytest.skip("the relations of DuckDB 1 are compiled and cannot be watched")
        made = LOCAL[kind](place)
        data, table = made if isinstance(made, tuple) else (made, None)
        gathered(data, table=table)
        self.check(fetched, cells)

    def test_spark(self, monkeypatch, spark, place, cells):
        from pyspark.sql.classic.dataframe import DataFrame

        fetched = []
        to_pandas = DataFrame.toPandas

        def counted(frame):
            table = to_pandas(frame)
            fetched.append(len(table))
            return table

        monkeypatch.setattr(DataFrame, "toPandas", counted)
        for other in ("collect", "toArrow", "toLocalIterator", "take", "head"):
            monkeypatch.setattr(DataFrame, other, None)
        gathered(spark.read.parquet(str(place / "households.parquet")))
        self.check(fetched, cells)


class TestFoldersThroughSpark:
    """Spark reads a folder as the other readers do, or refuses it as they do."""

    @staticmethod
    def counted(folder, attribute="gender"):
        plan = make_plan(
            {
                "data": {"decision": "sel", "selected": "yes", "label": "need", "positive": "yes",
                         "outcome": "benefit"},
                "attributes": {attribute: {}},
            }
        )  # fmt: skip
        found = []
        for source in (str(folder), f"spark:{folder}"):
            evidence = gather(plan, source, None, silent)
            sums = evidence.counts.table.sum(axis=1).tolist()
            told = dict(zip(evidence.counts.codes[:, 0].tolist(), sums, strict=True))
            names = evidence.counts.levels[0]
            found.append({names[code]: n for code, n in told.items()})
        return found

    @pytest.fixture
    def rows(self, spark):
        return pd.DataFrame(
            {"gender": ["f", "m"] * 20, "need": ["yes", "no"] * 20, "sel": ["yes", "no"] * 20}
        )

    def test_folders_within_are_read(self, rows, tmp_path):
        (tmp_path / "more").mkdir()
        rows.to_parquet(tmp_path / "a.parquet")
        rows.to_parquet(tmp_path / "more" / "b.parquet")
        assert self.counted(tmp_path) == [{"f": 40, "m": 40}] * 2

    def test_a_value_in_the_name_of_a_folder_is_no_column(self, rows, tmp_path):
        for code in ("01", "1"):
            (tmp_path / f"code={code}").mkdir()
            rows.assign(code=code).to_parquet(tmp_path / f"code={code}" / "x.parquet")
        assert self.counted(tmp_path, "code") == [{"01": 40, "1": 40}] * 2

    def test_a_file_without_a_column_is_refused(self, rows, tmp_path):
        rows.to_parquet(tmp_path / "a.parquet")
        rows.drop(columns="need").to_parquet(tmp_path / "b.parquet")
        with pytest.raises(DataError, match="'need' is missing in 1 of the 2 files"):
            gather(plan_of(), f"spark:{tmp_path}", None, silent)


@pytest.mark.parametrize("text", ["1e-400", "9e-324"])
def test_postgresql_tells_a_number_too_small_for_a_float_as_others_do(postgresql, text):
    def sizes(of):
        query = (
            f"select case when k = 1 then '{of}' else '20' end as age, "
            f"case when k < 90 then 'yes' else 'no' end as d from generate_series(1, 200) as k"
        )
        made = auditkit.audit(
            None, postgresql, table=query, decision="d", selected="yes", outcome="benefit",
            attributes=[auditkit.Attribute("age", bins=[18])], policy="minimal",
        )  # fmt: skip
        return {g.group: g.rows for g in made.record.groups if g.attribute == "age"}

    with pytest.raises(auditkit.DataError, match="'age' is binned, but 1 rows hold something"):
        sizes(text)
    assert sizes("1e-323") == {"<18": 1, ">=18": 199}
