"""The same inputs give the same bytes, whatever the engine does at the same time."""

import numpy as np
import pandas as pd
import pytest

import auditkit


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    rng = np.random.default_rng(3)
    n = 300_000  # more than one of the engine's row groups, so that threads share the work
    frame = pd.DataFrame(
        {
            "g": rng.choice(["a", "b", "c"], n),
            "age": rng.integers(16, 90, n),
            "y": rng.integers(0, 2, n),
            "d": rng.integers(0, 2, n),
            "w": rng.gamma(2.0, 1.7, n),
            "house": rng.integers(0, n // 3, n),
        }
    )
    frame["owed"] = rng.gamma(2.0, 50.0, n)
    frame["told"] = frame["owed"] * rng.lognormal(0.0, 0.1, n)
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    frame.to_parquet(path, row_group_size=20_000)
    return path


def written(path, threads, monkeypatch, **changes):
    import duckdb

    connect = duckdb.connect

    def limited(*args, **kwargs):
        kwargs["config"] = {**kwargs.get("config", {}), "threads": str(threads)}
        return connect(*args, **kwargs)

    monkeypatch.setattr(duckdb, "connect", limited)
    asked = {"label": "y", "positive": 1, "decision": "d", "weight": "w", "cluster": "house"}
    made = auditkit.audit(
        None, path, outcome="benefit", intersections=2, policy="minimal", date="2026-11-24",
        attributes=["g", auditkit.Attribute("age", bins=[30, 60])], **{**asked, **changes},
    )  # fmt: skip
    monkeypatch.setattr(duckdb, "connect", connect)
    return made.files()


@pytest.mark.parametrize("weight", [None, "w"])
def test_the_number_of_threads_changes_no_byte_of_a_regression(rows, monkeypatch, weight):
    asked = {"label": "owed", "positive": None, "decision": "told", "task": "regression",
             "tolerance": 9.5, "weight": weight, "cluster": None}  # fmt: skip
    one = written(rows, 1, monkeypatch, **asked)
    assert "in bins of width" in one["audit.json"]
    for threads in (2, 4):
        assert written(rows, threads, monkeypatch, **asked) == one


def test_the_number_of_threads_changes_no_byte(rows, monkeypatch):
    one = written(rows, 1, monkeypatch)
    for threads in (2, 4):
        assert written(rows, threads, monkeypatch) == one
