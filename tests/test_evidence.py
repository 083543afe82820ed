"""Rows from anywhere become the same counts; what cannot be counted is said, all at once."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, PlanError


def audit(data, **changes):
    asked = {
        "decision": "chosen",
        "label": "need",
        "positive": 1,
        "outcome": "benefit",
        "attributes": ["group"],
        "policy": "minimal",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def rates(made):
    return made.record.measurements


@pytest.mark.parametrize("suffix", ["csv", "parquet", "csv.gz"])
def test_a_file_gives_what_the_frame_gives(twelve, tmp_path, suffix):
    path = tmp_path / f"rows.{suffix}"
    twelve.to_parquet(path) if suffix == "parquet" else twelve.to_csv(path, index=False)
    made, expected = audit(path).record, audit(twelve).record
    assert made.measurements == expected.measurements
    assert made.checks == expected.checks
    assert made.provenance.digests.decisions == expected.provenance.digests.decisions


def test_content_digest_ignores_the_order_of_rows_and_sees_a_changed_decision(twelve):
    digests = [
        audit(frame).record.provenance.digests
        for frame in (
            twelve,
            twelve.sample(frac=1, random_state=1),
            twelve.assign(chosen=twelve["chosen"].to_numpy()[::-1]),
        )
    ]
    assert digests[0] == digests[1]
    assert digests[0].data == digests[2].data
    assert digests[0].decisions != digests[2].decisions


@pytest.mark.parametrize(
    "kind",
    [
        lambda s: s.astype(float),
        lambda s: s.astype("Int64"),
        lambda s: s.astype(bool),
        lambda s: s.astype(str),
        lambda s: s.astype("category"),
        lambda s: s.astype(object),
    ],
    ids=["float", "Int64", "bool", "text", "category", "object"],
)
def test_the_type_of_a_column_does_not_change_the_numbers(twelve, kind):
    changed = twelve.assign(need=kind(twelve["need"]), chosen=kind(twelve["chosen"]))
    positive = True if changed["need"].dtype == bool else 1
    assert rates(audit(changed, positive=positive)) == rates(audit(twelve))


def test_series_are_matched_by_index_not_by_place(twelve):
    shuffled = twelve["chosen"].sample(frac=1, random_state=3)
    assert rates(audit(twelve.drop(columns="chosen"), decision=shuffled)) == rates(audit(twelve))


def test_a_sliced_frame_is_audited_as_it_is(twelve):
    part = twelve[twelve["need"] == 1]
    again = audit(part.reset_index(drop=True), selected=1)
    assert rates(audit(part, decision=part["chosen"], selected=1)) == rates(again)


def test_attributes_may_be_series(twelve):
    made = audit(twelve.drop(columns="group"), attributes=[twelve["group"]])
    assert rates(made) == rates(audit(twelve))


class TestRefused:
    """Each of these is one clear error that names the column, the value or count, and the fix."""

    def check(self, words, data, error=DataError, **changes):
        with pytest.raises(error) as caught:
            audit(data, **changes)
        assert len(caught.value.problems) == 1, caught.value.problems
        for word in words:
            assert word in str(caught.value)

    def test_text_labels_without_positive(self, twelve):
        words = ["data.positive is missing", "'need'"]
        self.check(words, twelve, PlanError, positive=None)

    def test_a_positive_label_that_never_occurs(self, twelve):
        data = twelve.assign(need=twelve["need"].map({1: "Yes", 0: "No"}))
        words = ["'yes' never occurs", "'need'", "'No' in 4 rows, 'Yes' in 8 rows"]
        self.check(words, data, positive="yes", selected=1)

    def test_probabilities_as_decisions(self, twelve):
        data = twelve.assign(chosen=np.linspace(0.05, 0.95, 12))
        self.check(["probabilities or scores, not decisions", "above = 0.5"], data)

    def test_decisions_in_other_words_than_the_label(self, twelve):
        data = twelve.assign(chosen=twelve["chosen"].map({1: "in", 0: "out"}))
        self.check(
            ["'in' in 5 rows, 'out' in 7 rows", "not the label's values", "selected = "], data
        )

    def test_a_decision_that_no_row_has(self, twelve):
        self.check(
            ["selected names 'yes'", "never holds", "'0' in 7 rows, '1' in 5 rows"],
            twelve,
            selected="yes",
        )

    def test_a_misaligned_index(self, twelve):
        other = twelve["chosen"].set_axis(range(5, 17))
        words = ["12 rows", "5 rows of the data have no decision"]
        self.check(words, twelve.drop(columns="chosen"), decision=other)

    def test_a_repeated_index(self, twelve):
        other = twelve["chosen"].set_axis([0] * 12)
        self.check(["repeated values"], twelve.drop(columns="chosen"), decision=other)

    def test_a_bare_array_beside_a_frame(self, twelve):
        words = ["ndarray", "Series with the index"]
        self.check(words, twelve, decision=twelve["chosen"].to_numpy())

    def test_an_unbinned_numeric_attribute(self, many):
        words = ["'age' holds 74 different numbers, from 16 to 89", "bins = ["]
        ask = {"attributes": ["age"], "label": "in_need", "positive": "yes"}
        self.check(words, many, **ask)

    def test_a_continuous_label(self, twelve):
        data = twelve.assign(need=np.linspace(0, 3, 12))
        self.check(["'need' has 12 different values", "binary"], data, positive=0, selected=1)

    def test_three_classes(self, twelve):
        data = twelve.assign(need=["a", "b", "c"] * 4)
        self.check(
            ["3 different values", "'a' in 4 rows, 'b' in 4 rows"], data, positive="a", selected=1
        )

    def test_a_missing_column_names_the_nearest(self, twelve):
        self.check(
            ["'grop' is not in the data. Did you mean 'group'?"], twelve, attributes=["grop"]
        )

    def test_an_empty_table(self, twelve):
        self.check(["have no rows"], twelve.iloc[:0])

    def test_an_attribute_without_any_value(self, twelve):
        words = ["'group' has no recorded value in 12 rows", "not_collected"]
        self.check(words, twelve.assign(group=None))

    def test_no_decision_at_all(self, twelve):
        self.check(["no decision in column 'chosen'", "12 rows"], twelve.assign(chosen=None))

    def test_mixed_types(self, twelve):
        data = twelve.assign(group=pd.Series([1, "1"] * 6, dtype=object))
        self.check(["'group' mixes types", "6 of type int", "6 of type str"], data)

    def test_values_that_differ_in_case_or_spaces(self, twelve):
        data = twelve.assign(group=["Female", "female", " Female"] * 4)
        words = ["' Female', 'Female', 'female'", "merge = "]
        self.check(words, data)

    def test_a_level_that_is_a_word_of_the_tables(self, twelve):
        self.check(["'rest' is a word of the tables"], twelve.assign(group=["rest", "b"] * 6))

    def test_a_level_with_the_sign_of_crossings(self, twelve):
        self.check(["'a*b' holds '*'"], twelve.assign(group=["a*b", "b"] * 6))

    def test_an_identifier_as_attribute(self):
        rows = pd.DataFrame(
            {"group": [f"household {i}" for i in range(600)], "need": [0, 1] * 300, "chosen": 1}
        )
        self.check(["600 values", "looks like an identifier"], rows)

    def test_text_in_a_binned_column(self, twelve):
        data = twelve.assign(group=["12", "x", "40", "-"] * 3)
        words = ["'group' is binned, but 6 rows"]
        self.check(words, data, attributes=[Attribute("group", bins=[18])])

    def test_an_unknown_reference(self, twelve):
        words = ["no group 'c' to be the reference", "'a' in 6 rows"]
        self.check(words, twelve, attributes=[Attribute("group", reference="c")])

    def test_two_columns_of_one_name(self, twelve):
        self.check(
            ["more than one column named 'group'"], pd.concat([twelve, twelve[["group"]]], axis=1)
        )

    def test_neither_model_nor_decision(self, twelve):
        self.check(["Decisions come from one place"], twelve, PlanError, decision=None)

    def test_all_problems_at_once(self, twelve):
        data = twelve.assign(group=["A", "a"] * 6, need=["Yes", "No"] * 6)
        with pytest.raises(DataError) as caught:
            audit(data, positive="yes", selected=1)
        assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read|no rows"),
        (b"group,need,chosen\n", "no rows"),
        (b"group,need,chosen\n\xff\xfe,1,1\na,1,0\n", "UTF-8"),
        (b"PAR1 but nothing else", "not a Parquet file"),
        (b"group,group,need,chosen\na,b,1,1\n", "names the column 'group' 2 times"),
    ],
)
def test_a_damaged_file_is_one_clear_error_without_a_row_of_it(tmp_path, content, words):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        audit(path)
    assert str(tmp_path) not in str(caught.value)


def test_only_the_empty_cell_is_missing(tmp_path):
    path = tmp_path / "rows.csv"
    cells = ["NA", "None", "N/A", "null", ""]
    lines = [f"{cell},{i % 2},{(i // 2) % 2}" for i, cell in enumerate(cells * 4)]
    path.write_text("group,need,chosen\n" + "\n".join(lines), encoding="utf-8")
    made = audit(path)
    sizes = made.table("groups").query("attribute == 'group'").set_index("group")["rows"]
    assert sizes.to_dict() == {"N/A": 4, "NA": 4, "None": 4, "null": 4, "(not recorded)": 4}
    assert any("may stand for a missing value" in note for note in made.record.notes)


def test_codes_keep_their_leading_zeros(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("group,need,chosen\n01,1,1\n1,1,0\n01,0,0\n1,0,1\n", encoding="utf-8")
    groups = audit(path).table("groups").query("attribute == 'group'")["group"].tolist()
    assert sorted(groups) == ["01", "1"]


def test_one_column_may_have_two_readings(many, tmp_path):
    path = tmp_path / "rows.csv"
    many.to_csv(path, index=False)
    made = audit(
        path,
        label="in_need",
        positive="yes",
        attributes=[Attribute("band", column="age", bins=[31, 61]), "gender"],
    )
    sizes = made.table("groups").query("attribute == 'band'")
    assert sizes["group"].tolist() == ["<31", "[31,61)", ">=61"]
    expected = [
        (many["age"] < 31).sum(),
        many["age"].between(31, 60).sum(),
        (many["age"] > 60).sum(),
    ]
    assert sizes["rows"].tolist() == expected


def test_merges_are_carried_out_and_told(twelve):
    data = twelve.assign(group=["Female", "female", "male"] * 4)
    made = audit(data, attributes=[Attribute("group", merge={"female": ["Female", "female"]})])
    assert set(made.table("groups")["group"]) == {"(all)", "female", "male"}
    assert "'Female', 'female' were counted as 'female'" in made.record.notes[0]


def test_a_category_without_rows_is_a_group_with_none(twelve):
    data = twelve.assign(group=pd.Categorical(twelve["group"], categories=["a", "b", "c"]))
    row = (
        audit(data)
        .table("measurements")
        .query("metric == 'selection_rate' and group == 'c'")
        .iloc[0]
    )
    assert (row["n"], row["status"]) == (0, "undefined")
    assert np.isnan(row["estimate"])


class TestExclusions:
    def test_a_missing_decision_is_disclosed_by_group(self, twelve):
        made = audit(twelve.assign(chosen=[1, None, 1, 0, 1, 0, None, None, 0, 0, 0, 0]))
        table = made.table("exclusions")
        assert table.query("attribute == '(all)'")["rows"].tolist() == [3]
        by_group = table.query("attribute == 'group'").set_index("group")["rows"].to_dict()
        assert by_group == {"a": 1, "b": 2}
        rows = made.record.rows
        assert (rows.read, rows.used) == (12, 9)
        missing = made.table("measurements").query("metric == 'missing_decision_rate'")
        assert missing.set_index("group")["numerator"].to_dict() == {"(all)": 3, "a": 1, "b": 2}

    def test_a_missing_label_leaves_error_metrics_only(self, twelve):
        made = audit(twelve.assign(need=[None, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, None]))
        table = made.table("measurements").set_index(["metric", "group"])["n"]
        assert table["selection_rate", "(all)"] == 12
        assert table["accuracy", "(all)"] == 10
        assert set(made.table("exclusions")["scope"]) == {"error_metrics"}

    def test_missing_groups_are_a_group_of_their_own(self, twelve):
        made = audit(twelve.assign(group=["a"] * 5 + [None] * 3 + ["b"] * 4))
        table = (
            made.table("measurements").query("metric == 'selection_rate'").set_index("group")["n"]
        )
        assert table.to_dict() == {"(all)": 12, "a": 5, "b": 4, "(not recorded)": 3}
        rest = made.table("disparities").query(
            "metric == 'selection_rate' and against == 'rest' and statistic == 'difference'"
        )
        assert rest["group"].tolist() == ["a", "b", "(not recorded)"]
        assert (
            "(not recorded)"
            not in made.table("disparities").query("against == 'range'")["note"].sum()
        )
