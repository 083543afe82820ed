"""Protected attributes that are kept apart: joined one to one, in one engine, nobody lost."""

import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, PlanError
from tests.evidence.conftest import gathered, numbers

ATTRIBUTES = ["district", "size", "registered", "region", "age"]


@pytest.fixture(scope="module")
def apart(households):
    """The households without their attributes; the attributes of most of them, and of strangers."""
    data = households.drop(columns=ATTRIBUTES)
    protected = households[["id", *ATTRIBUTES]].sample(frac=1, random_state=2)
    strangers = protected[:7].assign(id=[-1, -2, -3, -4, -5, -6, -7])
    return data, pd.concat([protected[protected["id"] % 100 != 0], strangers])


@pytest.fixture(scope="module")
def expected(households):
    lost = households["id"] % 100 == 0
    whole = households.assign(**{a: households[a].mask(lost) for a in ATTRIBUTES})
    return numbers(gathered(whole))


def check(evidence, expected, engine=None):
    found = numbers(evidence)
    (told,) = [note for note in found["notes"] if "joined by column 'id'" in note]
    assert "200 of 20,000 rows of the data have no match" in told
    assert "7 of 19,807 rows of the protected source" in told
    assert evidence.unmatched == (200, 7)
    found["notes"] = tuple(note for note in found["notes"] if note != told)
    assert found == expected


def pandas_of(frame, folder, name):
    return frame


def csv_of(frame, folder, name):
    frame.to_csv(folder / f"{name}.csv", index=False)
    return folder / f"{name}.csv"


def parquet_of(frame, folder, name):
    frame.to_parquet(folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def polars_of(frame, folder, name):
    import polars as pl

    return pl.from_pandas(frame).lazy()


def arrow_of(frame, folder, name):
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


KINDS = [pandas_of, csv_of, parquet_of, polars_of, arrow_of]


@pytest.mark.parametrize("data_kind", KINDS)
@pytest.mark.parametrize("protected_kind", KINDS)
def test_files_and_frames_join_with_each_other(
    apart, expected, tmp_path, data_kind, protected_kind
):
    data = data_kind(apart[0], tmp_path, "data")
    protected = protected_kind(apart[1], tmp_path, "protected")
    check(gathered(data, protected, key="id"), expected)


def test_two_tables_of_one_database(apart, expected, tmp_path):
    import sqlite3

    import duckdb

    frames = dict(zip(("data", "protected"), apart, strict=True))
    with duckdb.connect(tmp_path / "aid.duckdb") as connection:
        for name, frame in frames.items():
            connection.from_df(frame).create(name)
    with sqlite3.connect(tmp_path / "aid.sqlite") as connection:
        for name, frame in frames.items():
            kinds = {"registered": "BOOLEAN", "chosen": "BOOLEAN"}
            dtype = {c: k for c, k in kinds.items() if c in frame}
            frame.to_sql(name, connection, index=False, dtype=dtype)
    connection.close()
    for place in (str(tmp_path / "aid.duckdb"), f"sqlite:///{tmp_path}/aid.sqlite"):
        evidence = gathered(
            place, place, key="id", table="data", protected_source=place,
            protected_table="protected",
        )  # fmt: skip
        check(evidence, expected)
        assert [file.role for file in evidence.files] == ["data", "protected"]


def test_two_tables_of_postgresql(apart, expected, postgresql, households):
    evidence = gathered(
        postgresql,
        postgresql,
        key="id",
        table="select id, weight, need, chosen from households",
        protected_source=postgresql,
        protected_table="""
            select id, district, size, registered, region, age from households
            where id % 100 <> 0
            union all select -1 - id, district, size, registered, region, age from households
            where id < 7
        """,
    )
    check(evidence, expected)


def test_two_frames_of_spark(apart, expected, spark, tmp_path):
    paths = [str(parquet_of(frame, tmp_path, str(i))) for i, frame in enumerate(apart)]
    data, protected = (spark.read.parquet(path) for path in paths)
    check(gathered(data, protected, key="id"), expected)


def test_a_model_scores_joined_rows(apart, expected, tmp_path):
    from sklearn.tree import DecisionTreeClassifier

    data, protected = apart
    known = data.dropna(subset=["need", "chosen"])
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    model.fit(known[["weight", "id"]], known["chosen"].map({True: "yes", False: "no"}))
    asked = {"key": "id", "decision": None, "selected": None, "model": model}
    one = gathered(data, protected, **asked)
    files = [parquet_of(f, tmp_path, str(i)) for i, f in enumerate(apart)]
    assert numbers(gathered(*files, **asked)) == numbers(one)
    assert one.unmatched == (200, 7)


class TestRefused:
    """What cannot be joined is said by count, never by value."""

    def test_engines_apart(self, apart, postgresql):
        with pytest.raises(DataError, match=r"Put both in one place"):
            gathered(postgresql, apart[1], key="id", table="select id from households")

    def test_an_attribute_on_both_sides(self, apart, households):
        with pytest.raises(DataError, match=r"'district', .* both in the data and"):
            gathered(households, apart[1], key="id")

    def test_an_attribute_on_neither_side(self, apart):
        data, protected = apart
        with pytest.raises(DataError, match=r"'region' is not in the data or in the protected"):
            gathered(data, protected.drop(columns="region"), key="id")

    def test_keys_that_occur_twice(self, apart):
        data, protected = apart
        data = pd.concat([data, data[:3]])
        protected = pd.concat([protected, protected[:1], protected[:1]])
        with pytest.raises(DataError) as caught:
            gathered(data, protected, key="id")
        assert len(caught.value.problems) == 2
        assert "in the data 6 rows share 3 of its values" in caught.value.problems[0]
        assert "in the protected source 3 rows share 1" in caught.value.problems[1]

    def test_a_key_with_fractions(self, apart):
        data, protected = apart
        with pytest.raises(DataError, match=r"in the data its type is Float64"):
            gathered(data.astype({"id": float}), protected, key="id")

    def test_no_key(self, twelve):
        with pytest.raises(PlanError, match=r"protected is given without key"):
            auditkit.audit(
                None, twelve, decision="chosen", outcome="benefit", attributes=["group"],
                selected=1, protected=twelve,
            )  # fmt: skip


class TestReport:
    def audit(self, data, **changes):
        asked = {
            "decision": "chosen",
            "label": "need",
            "positive": 1,
            "outcome": "benefit",
            "attributes": ["group"],
            "policy": "minimal",
            "key": "id",
        }
        return auditkit.audit(None, data, **{**asked, **changes})

    def test_page_1_tells_who_was_lost(self, twelve):
        data = twelve.assign(id=[f"{i:02}" for i in range(12)])
        protected = data.loc[2:, ["id", "group"]]
        made = self.audit(
            data.drop(columns="group"),
            protected=pd.concat([protected, pd.DataFrame({"id": ["x"], "group": ["a"]})]),
        )
        rows = made.record.rows
        assert (rows.read, rows.used, rows.unmatched, rows.unmatched_protected) == (12, 12, 2, 1)
        sizes = made.table("groups").query("attribute == 'group'").set_index("group")["rows"]
        assert sizes.to_dict() == {"a": 4, "b": 6, "(not recorded)": 2}
        page = made.files()["report.html"]
        assert "2 rows of the data found no match in the source that keeps the protected" in page
        assert "1 row of the source that keeps the protected attributes found no match" in page

    def test_a_key_that_repeats_is_told(self, twelve):
        data = twelve.assign(id=[1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9])
        (note,) = [n for n in self.audit(data).record.notes if "declared as the key" in n]
        assert "5 rows share 2 of its values" in note
        assert not self.audit(data.assign(id=range(12))).record.notes

    def test_the_same_audit_from_one_table_or_two(self, many):
        whole = many.assign(id=range(len(many)))
        asked = {
            "label": "in_need",
            "positive": "yes",
            "attributes": ["gender", Attribute("age", bins=[31, 61])],
        }
        one = self.audit(whole, **asked).record
        two = self.audit(
            whole.drop(columns=["gender", "age"]), protected=whole[["id", "gender", "age"]], **asked
        ).record
        assert two.measurements == one.measurements
        assert two.checks == one.checks
        assert two.provenance.digests.decisions == one.provenance.digests.decisions
