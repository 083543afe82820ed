"""Traps of where rows live: no engine reads a cell otherwise, no join hides that it failed."""

import re
import sqlite3

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError
from auditkit.evidence.gather import gather
from auditkit.plan import NUMBER, canonical, make_plan


@pytest.fixture
def rows():
    rng = np.random.default_rng(2)
    yes = ["yes", "no"]
    frame = pd.DataFrame({"y": rng.choice(yes, 200), "d": rng.choice(yes, 200)})
    return frame.assign(
        id=[f"k{i}" for i in range(200)], age=[str(17 + i % 60) for i in range(200)]
    )


def audit(data, **changes):
    asked = {"label": "y", "positive": "yes", "decision": "d", "attributes": ["g"]}
    return auditkit.audit(None, data, outcome="benefit", policy="minimal", **{**asked, **changes})


def kept(frame, kind, folder, name="rows"):
    """Keep the rows in a kind of source: the data, and the table in it."""
    if kind == "csv":
        frame.to_csv(folder / f"{name}.csv", index=False)
        return folder / f"{name}.csv", None
    if kind == "sqlite":
        connection = sqlite3.connect(folder / f"{name}.db")
        frame.to_sql("t", connection, index=False)
        connection.close()
        return f"sqlite:///{folder}/{name}.db", "t"
    if kind == "polars":
        return pytest.importorskip("polars").from_pandas(frame), None
    return frame, None


KINDS = ["pandas", "csv", "sqlite", "polars"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blank", ["\u00a0", "\u2009", "\x0b", "\x1c"], ids=ascii)
def test_a_blank_that_engines_see_otherwise_makes_no_number(rows, tmp_path, kind, blank):
    # SQLite read 20 behind a no-break space as 0: people of 20 were counted as under 18
    rows.loc[[5, 6], "age"] = f"{blank}20"
    data, table = kept(rows, kind, tmp_path)
    with pytest.raises(DataError, match="'age' is binned, but 2 rows hold something"):
        audit(data, table=table, attributes=[auditkit.Attribute("age", bins=[18, 61])])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_small_for_a_float_is_no_number(rows, tmp_path, kind):
    rows.loc[5, "age"] = "1e-400"  # 0 on most engines, and PostgreSQL fails on it
    data, table = kept(rows, kind, tmp_path)
    with pytest.raises(DataError, match="'age' is binned, but 1 rows hold something"):
        audit(data, table=table, attributes=[auditkit.Attribute("age", bins=[18, 61])])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["\t20 ", "20\r\n", "20.", "+20", "2e1"])
def test_a_number_is_read_alike_everywhere(rows, tmp_path, kind, text):
    rows["age"] = [text if i % 2 else "17" for i in range(200)]
    data, table = kept(rows, kind, tmp_path)
    made = audit(data, table=table, attributes=[auditkit.Attribute("age", bins=[18, 61])])
    sizes = {g.group: g.rows for g in made.record.groups if g.attribute == "age"}
    assert sizes == {"<18": 100, "[18,61)": 100, ">=61": 0}


def test_postgresql_takes_the_pattern_of_a_number():
    assert all(int(most) <= 255 for most in re.findall(r",(\d+)\}", NUMBER.pattern))
    assert NUMBER.fullmatch("9" * 300)


def test_zero_has_no_sign():
    assert [canonical(zero) for zero in ("-0.0", "-0.00", "0.0", -0.0, 0)] == ["0"] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_join_that_matches_nobody_is_no_attribute_that_was_not_collected(rows, tmp_path, kind):
    apart = pd.DataFrame({"id": [f"K{i}" for i in range(200)], "g": ["f", "m"] * 100})
    if kind == "sqlite":
        data, table = kept(rows, kind, tmp_path)
        connection = sqlite3.connect(tmp_path / "rows.db")
        apart.to_sql("apart", connection, index=False)
        connection.close()
        beside = {"protected": data, "protected_table": "apart", "table": table}
    else:
        data, _ = kept(rows, kind, tmp_path)
        beside = {"protected": kept(apart, kind, tmp_path, "apart")[0]}
    with pytest.raises(DataError, match="none of the 200 rows of the data has a match") as caught:
        audit(data, key="id", **beside)
    assert "not_collected" not in str(caught.value)
    assert "k1 " not in str(caught.value).replace("k1 and K1", "")


def test_two_databases_are_not_one(rows, tmp_path):
    apart = pd.DataFrame({"id": rows["id"], "g": ["f", "m"] * 100})
    data, table = kept(rows, "sqlite", tmp_path)
    protected, beside = kept(apart, "sqlite", tmp_path, "apart")
    with pytest.raises(DataError, match="are in two databases"):
        audit(data, table=table, protected=protected, protected_table=beside, key="id")


def test_a_number_beyond_whole_numbers_is_only_a_large_weight(rows):
    made = audit(
        rows.assign(w=1e50), weight="w", attributes=[auditkit.Attribute("age", bins=[18, 61])]
    )
    assert made.record.rows.used == 200


def test_rows_of_sqlite_without_a_cluster_are_counted(rows, tmp_path):
    """SQLite knows no NaN by name."""
    home = pd.Series(range(200), dtype="float64") // 4
    data, table = kept(rows.assign(g="a", home=home.where(home > 0)), "sqlite", tmp_path)
    with pytest.raises(DataError, match="'home' names clusters, but 4 rows have none"):
        audit(data, table=table, cluster="home")


@pytest.mark.parametrize("kind", ["pandas", "csv", "sqlite"])
def test_hundreds_of_values_are_no_chain_of_conditions(tmp_path, kind):
    # one condition nested in the next per value: SQLite gave up at 20, Python at 300
    values, n = 320, 3_200
    frame = pd.DataFrame(
        {
            "site": [f"s{i % values}" for i in range(n)],
            "sel": ["yes" if i % 3 else "no" for i in range(n)],
            "house": [f"h{i % values}" for i in range(n)],
            "score": [i % 7 / 10 for i in range(n)],
        }
    )
    data, table = kept(frame, kind, tmp_path)
    asked = {"decision": "sel", "selected": "yes", "outcome": "benefit", "cluster": "house"}
    plan = make_plan(
        {
            "data": {**asked, "score": "score", **({} if table is None else {"table": table})},
            "attributes": {"site": {}},
            "policy": {"use": "minimal"},
        }
    )
    groups = gather(plan, data, None, lambda *_: None).groups
    assert groups.own[groups.names.index(("site", "s7"))].sum() == 10


@pytest.mark.parametrize("column", ["score", "age", "w"])
def test_text_in_a_column_of_numbers_of_sqlite_is_no_number(tmp_path, column):
    connection = sqlite3.connect(tmp_path / "rows.db")
    connection.execute("create table t (g text, y text, score real, age integer, w real)")
    cells = [["f", "yes", 0.4, 30, 1.0], ["m", "no", 0.6, 40, 1.0]] * 50
    cells[0] = list(cells[0])
    cells[0][["g", "y", "score", "age", "w"].index(column)] = "Amina"
    connection.executemany("insert into t values (?, ?, ?, ?, ?)", cells)
    connection.commit()
    connection.close()
    with pytest.raises(DataError, match=f"'{column}' holds text in 1 rows") as error:
        audit(
            f"sqlite:///{tmp_path}/rows.db", table="t", decision="score", selected={"above": 0.5},
            attributes=["g", auditkit.Attribute("age", bins=[35])], weight="w",
        )  # fmt: skip
    assert "Amina" not in str(error.value)


def parts(folder, *frames):
    for i, frame in enumerate(frames):
        frame.to_parquet(folder / f"{i}.parquet", index=False)
    return folder


def test_parts_of_a_folder_of_other_types_are_not_cast(tmp_path):
    frame = pd.DataFrame({"g": ["f", "m"] * 50, "y": ["yes", "no"] * 50, "s": [0.4, 0.6] * 50})
    asked = {"decision": "s", "selected": {"above": 0.7}, "attributes": ["g"]}
    for i, order in enumerate(([0, 1], [1, 0])):
        (folder := tmp_path / str(i)).mkdir()
        both = [frame.assign(s=1), frame]
        made = audit(parts(folder, *(both[k] for k in order)), **asked)
        found = made.table("measurements").query("metric == 'selection_rate' and group == 'f'")
        assert found["numerator"].tolist() == [50]
    (folder := tmp_path / "codes").mkdir()
    codes = [frame.assign(g=["01", "1"] * 50), frame.assign(g=[1, 2] * 50)]
    with pytest.raises(DataError, match=r"'g' is not of one type in the 2 files"):
        audit(parts(folder, *codes), **asked)
    (folder := tmp_path / "case").mkdir()
    with pytest.raises(DataError, match="differ only in case"):
        audit(parts(folder, frame, frame.assign(G="x")), **asked)


@pytest.mark.parametrize(
    "source",
    [
        "spark:s3a://AKIA:TOPSECRET@bucket/x.parquet",
        "spark:jdbc:postgresql://u:TOPSECRET@h/d",
        "spark:s3a://b/x?X-Amz-Signature=TOPSECRET",
        "postgresql://u@h/d?apikey=TOPSECRET",
        "postgresql:/auditor:TOPSECRET@host",
        "postgresql//auditor:TOPSECRET@host",
        "md:aid?motherduck_token=TOPSECRET",
        "sqlite:///a.db?key=TOPSECRET",
        "sqlite:///a.db?key=TOPSECRET/b",
        "s3://b/key=3/x?token=TOPSECRET",
    ],
)
def test_a_credential_in_a_source_is_never_repeated(source):
    with pytest.raises(auditkit.PlanError, match="holds a password") as error:
        audit(source)
    assert "TOPSECRET" not in str(error.value)


def test_a_folder_named_by_a_column_is_no_credential(rows, tmp_path, monkeypatch):
    (folder := tmp_path / "key=3").mkdir()
    rows.assign(g=["f", "m"] * 100).to_parquet(folder / "x.parquet")
    monkeypatch.chdir(tmp_path)
    assert audit("key=3/x.parquet").record.rows.read == 200


@pytest.mark.parametrize("more", [{"cluster": "id"}, {"score": "s"}], ids=str)
def test_a_query_that_draws_a_sample_each_time_is_refused(rows, tmp_path, more):
    duckdb = pytest.importorskip("duckdb")
    frame = rows.assign(g=["f", "m"] * 100, s=0.5)
    connection = duckdb.connect()
    connection.register("frame", frame)
    connection.execute("create table t as select * from frame")
    with pytest.raises(DataError, match="other rows when they were counted a second time"):
        audit(connection.sql("select * from t where random() < 0.5"), **more)
    audit(connection.sql("select * from t where id < 'k5'"), **more)  # the same rows each time
    place, _ = kept(frame, "sqlite", tmp_path)
    with pytest.raises(DataError, match="other rows when they were counted a second time"):
        audit(place, table="select * from t order by random() limit 90", **more)
