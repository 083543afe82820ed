"""What cannot be opened is told in our own words; no password is kept, repeated or asked for."""

import json
import sqlite3

import duckdb
import pandas as pd
import pytest

import auditkit
from auditkit import DataError, MissingExtra, PlanError
from auditkit.plan import make_plan
from tests.evidence.conftest import gathered

PLAN = {"outcome": "benefit", "decision": "d", "selected": 1}


def audit(data, **changes):
    asked = {"decision": "chosen", "selected": 1, "outcome": "benefit", "attributes": ["group"]}
    return auditkit.audit(None, data, **{**asked, "policy": "minimal", **changes})


@pytest.fixture
def sqlite(tmp_path, twelve):
    with sqlite3.connect(tmp_path / "aid.sqlite") as connection:
        twelve.to_sql("people", connection, index=False)
        twelve[:0].to_sql("nobody", connection, index=False)
    connection.close()
    return f"sqlite:///{tmp_path}/aid.sqlite"


@pytest.fixture
def database(tmp_path, twelve):
    with duckdb.connect(tmp_path / "it's aid.duckdb") as connection:
        connection.execute('create table "people; of x" as select * from twelve')
        connection.from_df(twelve[:0]).create("nobody")
    return tmp_path / "it's aid.duckdb"


class TestPasswords:
    URLS = (
        "postgresql://me:hunter2@host/aid",
        "postgresql://host/aid?user=me&password=hunter2",
        "postgresql://host/aid?sslpassword=hunter2",
        "postgresql://me:hunter2#x@host/aid",
        "host=h password=hunter2",
    )

    @pytest.mark.parametrize("url", URLS)
    @pytest.mark.parametrize("key", ["source", "protected_source"])
    def test_a_plan_with_a_password_is_refused_and_not_repeated(self, url, key):
        data = {**PLAN, "key": "id", key: url}
        with pytest.raises(PlanError, match=f"data: {key} ") as caught:
            make_plan({"data": data, "attributes": {"g": {}}})
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("url", URLS)
    def test_so_it_is_from_python(self, url, twelve):
        for data, protected in ((url, None), (twelve, url)):
            with pytest.raises(PlanError) as caught:
                audit(data, protected=protected, key="id")
            assert "hunter2" not in str(caught.value)

    def test_a_failed_connection_does_not_quote_its_url(self):
        with pytest.raises(DataError, match=r"PostgreSQL database cannot be opened") as caught:
            audit("postgresql://someone@127.0.0.1:1/secret_base", table="people")
        assert not {"someone", "127.0.0.1", "secret_base"} & set(str(caught.value).split())

    def test_nothing_of_the_place_is_in_the_record(self, postgresql):
        evidence = gathered(postgresql, table="households")
        (file,) = evidence.files
        assert file.name == "table households of a postgresql database"
        assert (file.role, file.sha256, file.bytes) == ("data", "", 0)


class TestDatabases:
    def test_the_report_does_not_call_a_table_a_file(self, sqlite):
        import ibis

        table = ibis.sqlite.connect(sqlite.removeprefix("sqlite:///")).table("people")
        made = audit(table)
        (source,) = json.loads(made.files()["audit.json"])["provenance"]["source"]
        assert source["name"] == "a table of a sqlite database"
        assert made.files()["report.html"].count("not a file") == 2
        table.get_backend().disconnect()

    def test_a_table_has_to_be_named(self, sqlite, database):
        with pytest.raises(DataError, match=r"name the table in data.table. Tables: .*'people'"):
            audit(sqlite)
        with pytest.raises(DataError, match=r"'it's aid.duckdb' is a database: name the table"):
            audit(database)

    def test_an_unknown_table(self, sqlite, database):
        with pytest.raises(DataError, match=r"no table 'peopel' .* Did you mean 'people'"):
            audit(sqlite, table="peopel")
        with pytest.raises(DataError, match=r"no table 'nobdy' .* Did you mean 'nobody'"):
            audit(database, table="nobdy")

    def test_names_are_not_read_as_sql(self, database):
        assert audit(str(database), table="people; of x").record.rows.read == 12
        with pytest.raises(DataError, match=r"There is no table"):
            audit(str(database), table='people"; drop table nobody; --')

    def test_a_table_without_rows(self, sqlite, database):
        for place in (sqlite, database):
            with pytest.raises(DataError, match=r"no rows"):
                audit(place, table="nobody")

    @pytest.mark.parametrize(
        "query", ["select * from people; drop table people", "select nothing from people"]
    )
    def test_a_query_that_is_not_one_is_refused(self, sqlite, query):
        with pytest.raises(DataError, match=r"The query in data.table cannot be opened"):
            audit(sqlite, table=query)
        assert audit(sqlite, table="people").record.rows.read == 12

    @pytest.mark.parametrize(
        "query",
        [
            "select * from households; drop table households",
            "with gone as (delete from households returning *) select * from gone",
            "select h.*, nextval('counter') from households h",
        ],
    )
    def test_a_query_cannot_write(self, postgresql, query):
        import psycopg

        with psycopg.connect(postgresql) as connection:
            connection.execute("create sequence if not exists counter")
        with pytest.raises(DataError, match=r"cannot be read or counted|cannot be opened"):
            gathered(postgresql, table=query)
        with psycopg.connect(postgresql) as connection:
            assert connection.execute("select count(*) from households").fetchone() == (20_000,)
            assert connection.execute("select is_called from counter").fetchone() == (False,)

    def test_a_table_of_a_single_file(self, tmp_path, twelve):
        twelve.to_csv(tmp_path / "rows.csv", index=False)
        with pytest.raises(DataError, match=r"'rows.csv' holds a single table. Leave it out"):
            audit(tmp_path / "rows.csv", table="people")
        with pytest.raises(DataError, match=r"the data are a DataFrame. Leave it out"):
            audit(twelve, table="people")

    @pytest.mark.parametrize("url", ["https://host/rows.csv", "s3://bucket/rows", "mysql://h/d"])
    def test_other_places_are_not_opened(self, url):
        with pytest.raises(DataError, match=r"not opened by auditkit. Download the file"):
            audit(url)

    def test_a_file_that_is_no_database(self, tmp_path):
        (tmp_path / "x.sqlite").write_text("group,need\n" * 100)
        with pytest.raises(DataError, match=r"'x.sqlite' is not a SQLite database"):
            audit(f"sqlite:///{tmp_path}/x.sqlite", table="people")
        with pytest.raises(DataError, match=r"'y.sqlite' does not exist"):
            audit(f"sqlite:///{tmp_path}/y.sqlite", table="people")

    def test_paths_start_in_the_folder_of_the_plan(self, sqlite, tmp_path):
        (tmp_path / "audit.toml").write_text(
            '[data]\nsource = "sqlite:///aid.sqlite"\ntable = "people"\ndecision = "chosen"\n'
            'selected = 1\noutcome = "benefit"\n[attributes.group]\n[policy]\nuse = "minimal"\n'
        )
        made = auditkit.run(tmp_path / "audit.toml")
        assert made.record.rows.read == 12
        assert made.record.provenance.source[0].name == "table people of aid.sqlite"

    def test_an_extra_that_is_missing_is_named(self, sqlite, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        for data, extra in ((sqlite, "sql"), ("spark:rows.parquet", "spark")):
            with pytest.raises(MissingExtra, match=rf"pip install 'auditkit\[{extra}\]'"):
                audit(data, table=None)


class TestFiles:
    def test_nothing_else_can_be_opened(self, tmp_path, twelve):
        twelve.to_csv(tmp_path / "secret.csv", index=False)
        with duckdb.connect(tmp_path / "x.duckdb") as connection:
            connection.execute(
                f"create view people as select * from read_csv('{tmp_path}/secret.csv')"
            )
        with pytest.raises(DataError):
            audit(tmp_path / "x.duckdb", table="people")

    def test_a_folder_without_parquet(self, tmp_path):
        with pytest.raises(DataError, match=r"holds no Parquet file"):
            audit(tmp_path)

    def test_a_part_with_other_columns(self, tmp_path, twelve):
        twelve.to_parquet(tmp_path / "a.parquet")
        twelve.drop(columns="group").to_parquet(tmp_path / "b.parquet")
        with pytest.raises(DataError, match="'group' is missing in 1 of the 2 files"):
            audit(tmp_path)

    def test_the_digest_of_a_folder_sees_every_part(self, tmp_path, twelve):
        twelve.to_parquet(tmp_path / "a.parquet")
        twelve.to_parquet(tmp_path / "b.parquet")
        (one,) = audit(tmp_path).record.provenance.source
        assert one.name == f"{tmp_path.name} (2 Parquet files)"
        twelve[::-1].to_parquet(tmp_path / "b.parquet")
        (two,) = audit(tmp_path).record.provenance.source
        assert one.sha256 != two.sha256

    def test_other_unicode_forms_are_counted_and_told(self, tmp_path):
        rows = ["e\u0301,1", "\u00e9,0", "e\u0301,1", "b,0", "b,1"]
        (tmp_path / "rows.csv").write_text("group,chosen\n" + "\n".join(rows), encoding="utf-8")
        made = audit(tmp_path / "rows.csv")
        assert "Column 'group': 2 rows spell their value in another Unicode form" in str(
            made.record.notes
        )
        sizes = made.table("groups").query("attribute == 'group'").set_index("group")["rows"]
        assert sizes.to_dict() == {"b": 2, "\u00e9": 3}

    def test_empty_text_is_missing_in_a_frame_too(self, twelve):
        made = audit(twelve.assign(group=["a"] * 5 + [""] * 3 + ["b"] * 4))
        sizes = made.table("groups").query("attribute == 'group'").set_index("group")["rows"]
        assert sizes.to_dict() == {"a": 5, "b": 4, "(not recorded)": 3}


@pytest.mark.parametrize("frame", [pd.Series([1]), object(), 3])
def test_what_is_no_table(frame):
    with pytest.raises(DataError, match=r"The data are a .* Give a pandas DataFrame, or the path"):
        audit(frame)
