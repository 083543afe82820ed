"""Traps of honest model files: where a file says less than a reader might think.

Each decided otherwise than the model itself once, without a word.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

import auditkit
from auditkit import DataError, ModelError

ROWS = 800


@pytest.fixture
def people():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "g": rng.choice(["f", "m"], ROWS),
            "severity": rng.integers(1, 6, ROWS),
            "region": rng.choice([10, 20, 30, 40], ROWS),
            "place": rng.choice(["north", "south"], ROWS),
            "constant": 1.0,
            "a": rng.normal(size=ROWS),
        }
    )
    need = rows["region"].isin([10, 40]) * 2.0 - 1 + (rows["severity"] - 3) * 0.5
    return rows.assign(y=np.where(need + 0.3 * rng.normal(size=ROWS) > 0, "yes", "no"))


def audit(path, data, **changes):
    asked = {"label": "y", "positive": "yes", "outcome": "benefit", "attributes": ["g"]}
    asked |= {"policy": "minimal", "explain": {"rows": 0}}
    return auditkit.audit(path, data, **asked | changes)


def counted(made, metric="selection_rate"):
    rows = made.record.measurements
    return {m.group: m.numerator for m in rows if m.metric == metric}


def expected(data, decided):
    chosen = data.loc[np.asarray(decided).astype(str) == "yes", "g"].value_counts()
    return {"(all)": int(chosen.sum()), **{g: int(chosen.get(g, 0)) for g in "fm"}}


class TestLightGBM:
    """Its file holds the levels of categories, but not of which columns they are."""

    @pytest.fixture
    def told(self, people, tmp_path):
        lightgbm = pytest.importorskip("lightgbm")

        def told(frame, **fit):
            model = lightgbm.LGBMClassifier(n_estimators=9, verbose=-1, n_jobs=1)
            model.fit(frame, people["y"], **fit).booster_.save_model(tmp_path / "m")
            found = audit(tmp_path / "m", people, classes=["no", "yes"])
            assert counted(found) == expected(people, model.predict(frame))

        return told

    def test_categories_of_texts(self, people, told):
        told(people[["place", "a"]].astype({"place": "category"}))
        told(people[["a", "place", "severity"]].astype({"place": "category"}))

    def test_categories_of_numbers_where_nothing_else_could_be_meant(self, people, told):
        told(people[["a", "region"]].astype({"region": "category"}))

    def test_an_ordered_category_beside_a_column_of_codes(self, people, told):
        frame = people[["severity", "region", "a"]]
        frame = frame.assign(severity=pd.Categorical(frame["severity"], ordered=True))
        with pytest.raises(ModelError, match="does not say which they are"):
            told(frame, categorical_feature=["region"])

    def test_a_column_that_is_the_same_in_every_row(self, people, told):
        frame = people[["severity", "region", "constant", "a"]]
        frame = frame.assign(
            severity=pd.Categorical(frame["severity"], ordered=True),
            region=frame["region"].astype("category"),
        )
        with pytest.raises(ModelError, match="does not say which they are"):
            told(frame)

    def test_levels_of_which_the_rows_hold_none(self, people, tmp_path):
        lightgbm = pytest.importorskip("lightgbm")
        frame = people[["place", "a"]].astype({"place": "category"})
        model = lightgbm.LGBMClassifier(n_estimators=9, verbose=-1).fit(frame, people["y"])
        model.booster_.save_model(tmp_path / "m")
        other = people.assign(place=people["place"].str.upper())
        with pytest.raises(ModelError, match="'place' by categories of which the data hold none"):
            audit(tmp_path / "m", other, classes=["no", "yes"])


class TestCatBoost:
    """It spells truths as 0 and 1, and keeps only hashes of its categories."""

    def test_truths_as_categories(self, people, tmp_path):
        catboost = pytest.importorskip("catboost")
        rows = people.assign(poor=people["severity"] > 3)
        model = catboost.CatBoostClassifier(iterations=20, verbose=0, allow_writing_files=False)
        model.fit(rows[["a", "poor"]], rows["y"], cat_features=["poor"])
        model.save_model(tmp_path / "m")
        known = expected(rows, model.predict(rows[["a", "poor"]]))
        rows.to_parquet(tmp_path / "rows.parquet")
        for data in (rows, tmp_path / "rows.parquet"):
            assert counted(audit(tmp_path / "m", data)) == known
        rows.to_csv(tmp_path / "rows.csv", index=False)
        with pytest.raises(ModelError, match="true and false as categories"):
            audit(tmp_path / "m", tmp_path / "rows.csv")


class TestOnnx:
    """One matrix is read as the inputs of single columns are; it computes in single precision."""

    @pytest.fixture
    def saved(self, tmp_path):
        skl2onnx = pytest.importorskip("skl2onnx")
        pytest.importorskip("onnxruntime")

        def saved(model, kind, width, **options):
            types = getattr(skl2onnx.common.data_types, f"{kind}TensorType")
            graph = skl2onnx.to_onnx(
                model, initial_types=[("X", types([None, width]))], options=options
            )
            (tmp_path / "m").write_bytes(graph.SerializeToString())
            return tmp_path / "m"

        return saved

    def test_an_empty_whole_number_has_no_decision(self, people, saved):
        names = ["severity", "region"]
        model = DecisionTreeClassifier(max_depth=4).fit(people[names].to_numpy(), people["y"])
        rows = people.astype({"severity": float})
        rows.loc[people["g"] == "f", "severity"] = np.nan
        made = audit(saved(model, "Int64", 2), rows, features=names)
        women = int((people["g"] == "f").sum())
        missing = counted(made, "missing_decision_rate")
        assert missing == {"(all)": women, "f": women, "m": 0}

    def test_codes_stay_texts_and_empty_ones_have_no_decision(self, people, saved, tmp_path):
        rng = np.random.default_rng(2)
        code = rng.choice(["01", "02", "1"], ROWS)
        rows = people.assign(
            code=code, y=np.where((code == "01") ^ (rng.random(ROWS) < 0.1), "yes", "no")
        )
        names = ["code", "place"]
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
        model.fit(rows[names].to_numpy(), rows["y"])
        path = saved(model, "String", 2)
        known = expected(rows, model.predict(rows[names].to_numpy()))
        rows.to_csv(tmp_path / "rows.csv", index=False)
        for data in (rows, tmp_path / "rows.csv"):
            assert counted(audit(path, data, features=names)) == known
        rows.loc[:9, "code"] = None
        made = audit(path, rows, features=names)
        assert counted(made, "missing_decision_rate")["(all)"] == 10

    @pytest.mark.parametrize("cut", [0.3, 0.4, 0.6, 0.7])
    def test_a_probability_at_the_cut_is_not_above_it(self, people, saved, cut):
        names = ["severity", "region"]
        model = RandomForestClassifier(10, max_depth=3, random_state=0)
        model.fit(people[names], people["y"])
        path = saved(model, "Float", 2, zipmap=False)
        import onnxruntime

        session = onnxruntime.InferenceSession(path.read_bytes())
        own = session.run(None, {"X": people[names].to_numpy(np.float32)})[1][:, 1]
        made = audit(path, people, features=names, selected={"above": cut})
        assert counted(made)["(all)"] == int((own > cut).sum())

    def test_a_forest_whose_probabilities_end_a_little_beyond_one(self, people, saved):
        names = ["severity", "region", "a"]
        model = RandomForestClassifier(30, random_state=0).fit(
            people[names][:300], people["y"][:300]
        )
        made = audit(saved(model, "Float", 3, zipmap=False), people, features=names)
        theirs = expected(people, model.predict(people[names]))
        assert abs(counted(made)["(all)"] - theirs["(all)"]) <= 5


def test_a_function_over_text_is_told_how_columns_are_read(people, tmp_path):
    rng = np.random.default_rng(3)
    rows = people.assign(code=rng.choice(["01", "02", "03"], ROWS))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    asked = {"classes": ["no", "yes"]}

    def function(frame):
        return np.where((frame["code"] == "01") | (frame["a"] > 1), "yes", "no")

    with pytest.raises(DataError, match="'code' holds numbers, but the model is a function"):
        audit(function, tmp_path / "rows.csv", features=["code", "a"], **asked)
    read = {"code": "text", "a": "number"}
    known = expected(rows, function(rows))
    for data in (rows, tmp_path / "rows.csv"):
        assert counted(audit(function, data, features=read, **asked)) == known


@pytest.mark.parametrize("layout", ["json", "ubj"])
def test_both_layouts_of_xgboost_say_with_which_version_they_were_saved(people, tmp_path, layout):
    xgboost = pytest.importorskip("xgboost")
    path = tmp_path / f"m.{layout}"
    model = xgboost.XGBClassifier(n_estimators=2).fit(people[["a"]], people["y"] == "yes")
    model.save_model(path)
    now, content = [int(part) for part in xgboost.__version__.split(".")[:3]], path.read_bytes()
    spelled = {
        "json": lambda v: b'"version":[%d,%d,%d]' % tuple(v),
        "ubj": lambda v: b"version[#L" + bytes(7) + b"\x03i%ci%ci%c" % tuple(v),
    }[layout]
    assert content.count(spelled(now)) == 1
    path.write_bytes(content.replace(spelled(now), spelled([3, 1, 9])))
    made = audit(path, people, classes=["no", "yes"])
    assert made.record.model_file.saved_with == "XGBoost 3.1.9"


def test_what_a_function_masks_is_no_decision(people):
    def function(frame):
        return np.ma.masked_array(np.where(frame["a"] > 0, "yes", "no"), mask=frame["a"] > 1)

    def chance(frame):
        return np.ma.masked_array(np.where(frame["a"] > 0, 0.9, 0.1), mask=frame["a"] > 1)

    gone = int((people["a"] > 1).sum())
    for model, more in (
        (function, {"classes": ["no", "yes"]}),
        (chance, {"selected": {"above": 0.5}}),
    ):
        made = audit(model, people, features=["a"], **more)
        assert counted(made, "missing_decision_rate")["(all)"] == gone


def test_a_function_of_the_place_in_the_batch_is_found(people):
    def function(frame):
        return np.where(np.asarray(frame.index) % 2 == 0, "yes", "no")

    made = audit(function, people, features=["a"], classes=["no", "yes"])
    changed = {row.check: row.changed for row in made.record.determinism}
    assert changed["again"] == 0
    assert min(changed["order"], changed["alone"]) > 0
