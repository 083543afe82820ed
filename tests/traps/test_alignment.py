"""Traps of kind F: rows, columns and keys that are matched by place instead of by name."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError, ModelError
from auditkit.results import ALL, NOT_RECORDED
from tests.traps.test_dirty_groups import accounted, audit, sizes


def gap(made):
    table = made.table("disparities").query(
        "metric == 'selection_rate' and against == 'rest' and statistic == 'difference'"
    )
    return table.set_index("group")["estimate"].to_dict()


def test_series_in_another_order_are_matched_by_index():
    """F1: by place the difference is 0, by index it is 1."""
    rows = pd.DataFrame({"chosen": [1, 1, 0, 0], "need": [1, 1, 1, 0]})
    group = pd.Series(["a", "b", "a", "b"], index=[0, 2, 1, 3], name="group")
    made = audit(rows, attributes=[group])
    assert gap(made) == {"a": 1.0, "b": -1.0}


def test_an_array_beside_a_frame_is_refused(twelve):
    """F2: nobody knows in which order it is."""
    with pytest.raises(DataError, match="decision is a ndarray"):
        audit(twelve, decision=twelve["chosen"].to_numpy())


def test_a_sliced_frame_is_its_own_rows(twelve):
    """F3."""
    part = twelve[twelve["need"] == 1]
    made = audit(part, decision=part["chosen"], selected=1)
    assert sizes(made) == {"a": 4, "b": 4}
    with pytest.raises(DataError, match="0 rows of the data have no decision, 4 of decision no"):
        audit(part, decision=twelve["chosen"], selected=1)


class TestKeys:
    """F4: a join never makes rows, and never loses any."""

    @pytest.fixture
    def sides(self, twelve):
        data = twelve.drop(columns="group").assign(id=[f"{i:02}" for i in range(12)])
        return data, pd.DataFrame({"id": data["id"], "group": twelve["group"]})

    def test_a_key_that_occurs_twice(self, sides):
        data, protected = sides
        with pytest.raises(DataError, match="the protected source 2 rows share 1") as caught:
            audit(data, protected=pd.concat([protected, protected[3:4]]), key="id")
        assert "'03'" not in str(caught.value)

    def test_rows_without_a_match_stay(self, sides):
        data, protected = sides
        made = audit(data, protected=protected[::-1][:9], key="id")
        assert sizes(made) == {"a": 3, "b": 6, NOT_RECORDED: 3}
        assert made.record.rows.unmatched == 3
        assert made.record.rows.unmatched_protected == 0

    def test_rows_that_belong_to_nobody_make_none(self, sides):
        data, protected = sides
        made = audit(data[:8].copy(), protected=protected, key="id")
        assert sizes(made) == {"a": 6, "b": 2}
        assert made.record.rows.unmatched_protected == 4

    def test_missing_keys_do_not_meet(self, sides):
        data, protected = sides
        for missing in (None, ""):
            one = data.assign(id=data["id"].where(data.index != 0, missing))
            other = protected.assign(id=protected["id"].where(protected.index != 0, missing))
            made = audit(one, protected=other, key="id")
            assert sizes(made) == {"a": 5, "b": 6, NOT_RECORDED: 1}
            assert made.record.rows.unmatched_protected == 1

    def test_keys_keep_their_leading_zeros(self, sides, tmp_path):
        data, protected = sides
        data.to_csv(tmp_path / "data.csv", index=False)
        short = protected.assign(id=protected["id"].str.lstrip("0").replace("", "0"))
        short.to_csv(tmp_path / "protected.csv", index=False)
        made = audit(tmp_path / "data.csv", protected=tmp_path / "protected.csv", key="id")
        assert sizes(made) == {"b": 2, NOT_RECORDED: 10}

    def test_numbers_and_text_are_compared_as_text(self, sides):
        data, protected = sides
        data = data.assign(id=range(12))
        protected = protected.assign(id=[str(i) for i in range(12)])
        assert sizes(audit(data, protected=protected, key="id")) == {"a": 6, "b": 6}


class TestColumns:
    """F6 and F8: a model gets its columns by name, and the report says if one is protected."""

    @pytest.fixture
    def rows(self):
        rng = np.random.default_rng(5)
        rows = pd.DataFrame({"x": rng.normal(size=400), "z": rng.normal(size=400)})
        rows["group"] = rng.integers(0, 2, 400)
        return rows.assign(need=(rows["x"] > 0).astype(int))

    def score(self, rows, model, **changes):
        asked = {"label": "need", "positive": 1, "outcome": "benefit", "attributes": ["group"]}
        made = auditkit.audit(model, rows, **{**asked, "policy": "minimal", **changes})
        accounted(made)
        table = made.table("measurements").query(f"metric == 'accuracy' and group == '{ALL}'")
        return made, table["estimate"].iloc[0]

    def test_reordered_columns(self, rows):
        from sklearn.linear_model import LogisticRegression

        named = LogisticRegression().fit(rows[["x", "z"]], rows["need"])
        assert self.score(rows[["z", "group", "need", "x"]], named)[1] > 0.95
        bare = LogisticRegression().fit(rows[["x", "z"]].to_numpy(), rows["need"])
        with pytest.raises(ModelError, match="fitted without column names"):
            self.score(rows, bare)
        assert self.score(rows, bare, features=["x", "z"])[1] > 0.95

    @pytest.mark.parametrize("reads", [True, False])
    def test_a_protected_column_that_the_model_reads(self, rows, reads):
        from sklearn.linear_model import LogisticRegression

        features = ["x", "group"] if reads else ["x", "z"]
        made, _ = self.score(rows, LogisticRegression().fit(rows[features], rows["need"]))
        (info,) = made.record.attributes
        assert info.model_input is reads
