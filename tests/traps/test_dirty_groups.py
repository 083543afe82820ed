"""Traps of kind A: values of groups that are missing, dirty, or look alike.

Every audit accounts for its rows: read = used + excluded, and each group has its share.
"""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError
from auditkit.results import ALL, NOT_RECORDED


def audit(data, **changes):
    asked = {
        "decision": "chosen",
        "label": "need",
        "positive": 1,
        "outcome": "benefit",
        "attributes": ["group"],
        "policy": "minimal",
    }
    made = auditkit.audit(None, data, **{**asked, **changes})
    accounted(made)
    return made


def accounted(made):
    """Assert that no row is lost or counted twice, over all rows and in each attribute."""
    record = made.record
    left_out = [e.rows for e in record.exclusions if (e.attribute, e.scope) == (ALL, "all")]
    assert record.rows.read == record.rows.used + sum(left_out)
    for attribute in {g.attribute for g in record.groups} - {ALL}:
        assert sum(g.rows for g in record.groups if g.attribute == attribute) == record.rows.read


def sizes(made, attribute="group"):
    return {g.group: g.rows for g in made.record.groups if g.attribute == attribute}


class TestMissing:
    """A1 to A3: without a recorded group, in any container, is a group of its own."""

    VALUES = ("a", "a", "a", "b", "b", None, None)

    @pytest.fixture
    def rows(self):
        return pd.DataFrame({"need": [1, 0, 1, 1, 0, 1, 0], "chosen": [1, 0, 0, 1, 0, 1, 1]})

    @pytest.mark.parametrize(
        "kind",
        [
            list,
            lambda v: np.array(v, dtype=object),
            lambda v: np.array([np.nan if x is None else x for x in v], dtype=object),
            lambda v: pd.Series(v, dtype="str"),
            lambda v: pd.Series(v, dtype="string"),
            pd.Categorical,
            lambda v: ["" if x is None else x for x in v],
        ],
        ids=["list", "array", "nan", "str", "string", "categorical", "empty text"],
    )
    def test_every_container_says_the_same(self, rows, kind):
        made = audit(rows.assign(group=kind(list(self.VALUES))))
        assert sizes(made) == {"a": 3, "b": 2, NOT_RECORDED: 2}
        table = made.table("measurements").query("metric == 'selection_rate'")
        assert table.set_index("group")["n"].to_dict() == {ALL: 7, "a": 3, "b": 2, NOT_RECORDED: 2}

    def test_every_engine_says_the_same(self, rows, tmp_path):
        import duckdb
        import polars as pl

        frame = rows.assign(group=list(self.VALUES))
        frame.to_csv(tmp_path / "rows.csv", index=False)
        frame.to_parquet(tmp_path / "rows.parquet")
        kinds = [frame, tmp_path / "rows.csv", tmp_path / "rows.parquet", pl.from_pandas(frame)]
        kinds.append(duckdb.connect().read_parquet(str(tmp_path / "rows.parquet")))
        for data in kinds:
            assert sizes(audit(data)) == {"a": 3, "b": 2, NOT_RECORDED: 2}


def test_missing_features_remove_nobody():
    """A4: dropping the rows whose feature is missing turns the finding round."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = pd.DataFrame(
        {
            "group": [1, 1, 1, 0, 0, 0, 1, 0],
            "need": [1, 1, 0, 0, 0, 1, 1, 1],
            "x": [1.0, 1.0, 0.0, np.nan, np.nan, 1.0, 1.0, 1.0],
        }
    )
    model = HistGradientBoostingClassifier(min_samples_leaf=1).fit(rows[["x"]], rows["need"])
    made = auditkit.audit(
        model, rows, label="need", positive=1, outcome="benefit", attributes=["group"],
        policy="minimal",
    )  # fmt: skip
    accounted(made)
    assert made.record.rows.used == 8
    rate = made.table("measurements").query("metric == 'selection_rate'").set_index("group")
    assert rate.loc["0", "estimate"] / rate.loc["1", "estimate"] == pytest.approx(2 / 3)


def test_words_that_some_readers_take_for_missing(tmp_path):
    """A7: Namibia's NA, the religion None, N/A and null are values; only the empty cell is not."""
    words = ["NA", "None", "N/A", "null", ""]
    lines = [f"{word},{i % 2},{i % 3 % 2}" for i, word in enumerate(words * 4)]
    (tmp_path / "rows.csv").write_text("group,need,chosen\n" + "\n".join(lines))
    made = audit(tmp_path / "rows.csv")
    assert sizes(made) == {"N/A": 4, "NA": 4, "None": 4, "null": 4, NOT_RECORDED: 4}
    assert any("may stand for a missing value" in note for note in made.record.notes)


def test_leading_zeros_are_kept(tmp_path, twelve):
    """A8: administrative codes 01 and 1 are two places."""
    twelve.assign(group=["01", "1"] * 6).to_csv(tmp_path / "rows.csv", index=False)
    assert sizes(audit(tmp_path / "rows.csv")) == {"01": 6, "1": 6}


def test_spellings_of_one_group(twelve):
    """A9: case and spaces do not make three groups; a declared merge makes one and is told."""
    data = twelve.assign(group=["Female", "female", " Female"] * 4)
    with pytest.raises(DataError, match="differ only in case, spaces"):
        audit(data)
    merge = {"women": ["Female", "female", " Female"]}
    made = audit(data, attributes=[Attribute("group", merge=merge)])
    assert sizes(made) == {"women": 12}
    assert any("were counted as 'women'" in note for note in made.record.notes)


def test_unicode_forms_of_one_group(twelve):
    """One name in two Unicode forms prints alike, so it is one group, and that is told."""
    made = audit(twelve.assign(group=["Montr\u00e9al", "Montre\u0301al", "Basel"] * 4))
    assert sizes(made) == {"Basel": 4, "Montr\u00e9al": 8}
    assert any("4 rows spell their value in another Unicode form" in n for n in made.record.notes)


def test_types_that_print_alike(twelve):
    """A10: 1 and '1' in one column."""
    data = twelve.assign(group=pd.Series([1, "1"] * 6, dtype=object))
    with pytest.raises(DataError, match=r"'group' mixes types \(6 of type int, 6 of type str\)"):
        audit(data)


def test_a_declared_category_without_rows(twelve):
    """A12: it is listed with nobody in it, and not judged."""
    made = audit(twelve.assign(group=pd.Categorical(twelve["group"], categories=["a", "b", "c"])))
    assert sizes(made) == {"a": 6, "b": 6, "c": 0}
    cell = made.table("measurements").query("group == 'c' and metric == 'selection_rate'").iloc[0]
    assert (cell["n"], cell["status"]) == (0, "undefined")


def test_a_range_that_a_spreadsheet_made_a_date(twelve):
    """A13: 5-9 became 9-May."""
    made = audit(twelve.assign(group=["10-17", "9-May", "18-59"] * 4))
    assert any("'9-May' may be a range that a spreadsheet" in note for note in made.record.notes)


@pytest.mark.parametrize("engine", ["pandas", "csv", "polars"])
def test_raw_ages_need_bins(many, tmp_path, engine):
    """A14: each year would be a group of its own."""
    import polars as pl

    many.to_csv(tmp_path / "rows.csv", index=False)
    data = {"pandas": many, "csv": tmp_path / "rows.csv", "polars": pl.from_pandas(many)}[engine]
    with pytest.raises(DataError, match=r"'age' holds 74 different numbers, from 16 to 89.*bins"):
        audit(data, label="in_need", positive="yes", attributes=["age"])


def test_a_group_that_the_data_do_not_have(twelve):
    """A15: a declared label without rows is listed, and cannot be judged to be within a limit."""
    labels = {"m": "unaccompanied minors"}
    made = audit(twelve, attributes=[Attribute("group", labels=labels)])
    assert sizes(made) == {"a": 6, "b": 6, "unaccompanied minors": 0}
    outcomes = made.table("checks").query("group == 'unaccompanied minors'")["outcome"]
    assert len(outcomes)
    assert "within" not in set(outcomes)
