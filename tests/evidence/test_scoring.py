"""A model sees the same rows from every source, a batch at a time."""

import functools
import gc
import json
import tempfile

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import ModelError
from auditkit.evidence import held
from auditkit.evidence.models import Scorer
from auditkit.evidence.sources import Source
from tests.evidence.conftest import DATABASE, LOCAL, ROWS, gathered, numbers

BATCH = 8192
BATCHES = Source.batches


@pytest.fixture(scope="module")
def model(households):
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    features = households[["age", "size", "district", "region"]].astype({"age": float})
    text = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder = make_column_transformer((text, ["region"]), remainder="passthrough")
    forest = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    old = (features["age"].fillna(20) > 40) | (features["region"] == "Basel")
    return make_pipeline(encoder, forest).fit(features, old.map({True: "yes", False: "no"}))


def scored(model, data, table=None):
    evidence = gathered(data, model=model, decision=None, selected=None, table=table)
    sample = evidence.sample
    return {
        **numbers(evidence),
        "rows": sample.rows.astype(object).where(sample.rows.notna(), None).to_numpy().tolist(),
        "stratum": sample.stratum.tolist(),
        "output": sample.strata_output.tolist(),
    }


@pytest.fixture(scope="module")
def expected(model, households):
    return scored(model, households.astype({"age": float}))


@pytest.mark.parametrize("source", [*LOCAL, *DATABASE], indirect=True)
def test_every_source_gives_the_same_numbers(source, model, expected, monkeypatch):
    monkeypatch.setattr("auditkit.evidence.sources.Source.batches.__defaults__", (BATCH,))
    sizes = []
    decide = Scorer.decide
    monkeypatch.setattr(
        Scorer, "decide", lambda s, rows: sizes.append(len(rows)) or decide(s, rows)
    )
    data, table = source
    assert scored(model, data, table) == expected
    assert max(sizes) <= BATCH
    assert sum(sizes) == ROWS


def test_spark_scores_on_its_workers(model, expected, spark, place, tmp_path, monkeypatch):
    import skops.io
    from pyspark.sql.classic.dataframe import DataFrame

    fetched = []
    to_pandas = DataFrame.toPandas

    def watched(frame):
        fetched.append(len(table := to_pandas(frame)))
        return table

    monkeypatch.setattr(DataFrame, "toPandas", watched)
    skops.io.dump(model, tmp_path / "model.skops")
    evidence = gathered(
        f"spark:{place}/households.parquet",
        model=tmp_path / "model.skops",
        decision=None,
        selected=None,
    )
    found = numbers(evidence)
    assert found["scores"] is not None
    assert found == {name: expected[name] for name in found}
    assert not spark.sparkContext._jsc.getPersistentRDDs()  # what was scored is let go
    assert max(fetched) < ROWS / 5
    assert evidence.sample is None
    assert "Spark" in evidence.unexplained
    assert [file.role for file in evidence.files] == ["data", "model"]


def test_spark_pairs_its_decisions_with_a_baseline(model, households, spark, place, tmp_path):
    import skops.io

    skops.io.dump(model, tmp_path / "model.skops")
    asked = {"decision": None, "selected": None, "baseline": "before"}
    local = households.assign(
        age=households["age"].astype(float),
        before=households["before"].map({True: "yes", False: "no"}),
    )
    local.to_parquet(tmp_path / "households.parquet", index=False)
    place_of = f"spark:{tmp_path}/households.parquet"
    found = gathered(place_of, model=tmp_path / "model.skops", **asked).paired
    expected = gathered(local, model=model, **asked).paired
    for name in ("codes", "table", "weight", "square"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


def test_spark_refuses_a_model_in_memory(model, spark, place):
    with pytest.raises(ModelError, match=r"Save it with skops.io.dump"):
        gathered(f"spark:{place}/households.parquet", model=model, decision=None, selected=None)


def test_a_model_on_spark_is_reported_without_explanation(spark, twelve, tmp_path):
    import skops.io
    from sklearn.tree import DecisionTreeClassifier

    rows = twelve.assign(x=twelve["chosen"])
    rows.to_parquet(tmp_path / "rows.parquet")
    fitted = DecisionTreeClassifier(random_state=0).fit(rows[["x"]], rows["need"])
    skops.io.dump(fitted, tmp_path / "model.skops")
    made = auditkit.audit(
        tmp_path / "model.skops", f"spark:{tmp_path}/rows.parquet", label="need", positive=1,
        outcome="benefit", attributes=["group"], policy="minimal",
    )  # fmt: skip
    assert made.record.explanation.status == "not_applicable"
    assert "held by Spark" in made.record.explanation.note
    assert "held by Spark" in made.files()["report.html"]


@pytest.mark.parametrize("more", [{}, {"cluster": "home", "weight": "w"}])
def test_predicted_amounts_are_written_down_batch_by_batch_and_removed(tmp_path, monkeypatch, more):
    """The same bytes whatever the batches, no more than one of them in memory, no file left."""
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"g": rng.choice(["a", "b", None], 600), "x": rng.normal(size=600)})
    rows = rows.assign(home=np.arange(600) // 3, w=rng.integers(1, 4, 600) / 2)
    rows["owed"] = 3 * rows["x"] + rng.normal(size=600)
    rows.loc[5, "owed"] = None
    known = rows.dropna(subset=["owed"])
    model = LinearRegression().fit(known[["x"]], known["owed"])
    rows.to_parquet(tmp_path / "rows.parquet")
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    largest = []
    add = held.Held.add
    monkeypatch.setattr(
        held.Held, "add", lambda self, batch: largest.append(len(batch)) or add(self, batch)
    )

    def told(data, size):
        batches = functools.partialmethod(BATCHES, size=size)
        monkeypatch.setattr(Source, "batches", batches)
        audit = auditkit.audit(
            model, data, label="owed", task="regression", tolerance=1.0, outcome="benefit",
            attributes=["g"], policy="minimal", **more,
        )  # fmt: skip
        record = json.loads(audit.files()["audit.json"])
        return {name: record[name] for name in ("measurements", "disparities", "exclusions")}

    whole = told(rows, 1000)
    assert largest == [600]
    assert told(rows, 7) == whole
    assert max(largest[1:]) == 7
    assert told(tmp_path / "rows.parquet", 100) == whole
    gc.collect()
    assert not list(private.iterdir())
