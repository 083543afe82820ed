"""A model sees the same rows from every source, a batch at a time."""

import pytest

from auditkit.evidence.models import Scorer
from tests.evidence.conftest import DATABASE, LOCAL, ROWS, gathered, numbers

BATCH = 8192


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
