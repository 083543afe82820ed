"""Stand-ins with the attributes the explain room asks for, and small seeded data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class StandIn:
    """A scorer written for the tests, so that they do not depend on how models are loaded."""

    model: Any
    features: tuple[str, ...]
    unit: str
    positive_is_first: bool = False
    places: tuple[int, ...] | None = None
    given: Callable[[pd.DataFrame], np.ndarray] | None = None

    def output(self, rows):
        if self.given is not None:
            return np.asarray(self.given(rows), dtype=np.float64)
        if self.unit == "probability":
            return self.model.predict_proba(rows)[:, 0 if self.positive_is_first else 1]
        margin = np.asarray(self.model.decision_function(rows), dtype=np.float64)
        return -margin if self.positive_is_first else margin


@dataclass(frozen=True)
class Contrast:
    attribute: str
    group: str
    members: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True)
class Sample:
    rows: pd.DataFrame
    stratum: np.ndarray
    strata_rows: np.ndarray
    strata_output: np.ndarray
    contrasts: tuple[Contrast, ...]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Boosting on a few hundred rows is many times slower on two threads of a busy machine."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def scorer():
    """Make a scorer of a fitted model: ``scorer(model, frame, unit, positive_is_first)``."""

    def make(model, frame, unit="log-odds", positive_is_first=False):
        return StandIn(model, tuple(frame.columns), unit, positive_is_first)

    return make


@pytest.fixture(scope="session")
def function():
    """Make a scorer of a plain function of a frame: ``function(f, columns)``."""

    def make(f, columns, unit="probability"):
        return StandIn(object(), tuple(columns), unit, given=f)

    return make


@pytest.fixture(scope="session")
def contrast():
    return Contrast


@pytest.fixture(scope="session")
def sample():
    """Make a sample of outputs: groups ``a`` and ``b`` are the even and the odd strata."""

    def make(stratum, strata_rows, strata_output):
        even = np.arange(len(strata_rows)) % 2 == 0
        everybody, nobody = np.ones_like(even), np.zeros_like(even)
        contrasts = (
            Contrast("(all)", "(all)", everybody, nobody),
            Contrast("side", "a", even, ~even),
            Contrast("side", "b", ~even, even),
        )
        return Sample(
            pd.DataFrame(index=range(len(stratum))),
            np.asarray(stratum),
            np.asarray(strata_rows),
            np.asarray(strata_output, dtype=float),
            contrasts,
        )

    return make


@pytest.fixture(scope="session")
def people():
    """600 rows with numbers, text of few and of many levels, and missing values; and a label."""
    rng = np.random.default_rng(7)
    n = 600
    rows = pd.DataFrame(
        {
            "age": rng.normal(40, 12, n),
            "income": rng.lognormal(5, 1, n),
            "size": rng.integers(1, 9, n),
            "region": rng.choice(["north", "south", "east"], n),
            "camp": rng.choice([f"camp {i}" for i in range(12)], n),
        }
    )
    push = (rows["age"] > 45) * (rows["region"] == "north") + 0.3 * rows["size"]
    push += np.where(rows["camp"].str[-1].isin(["1", "3"]), 1.0, 0.0)
    rows.loc[rng.random(n) < 0.1, "income"] = np.nan
    rows.loc[rng.random(n) < 0.1, "region"] = None
    label = (push + rng.logistic(size=n) > 2).astype(int)
    return rows, label


@pytest.fixture(scope="session")
def categories(people):
    """The same rows with text as pandas categories."""
    rows, label = people
    return rows.astype({"region": "category", "camp": "category"}), label
