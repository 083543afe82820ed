"""One pass over keys and scores counts what two passes do, or leaves it to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.evidence import gather, together
from auditkit.evidence.scores import FIRST_ROWS, MOST_VALUES

ROWS = FIRST_ROWS + 20_000


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    score = rng.random(ROWS)
    assert len(np.unique(score[:FIRST_ROWS])) > MOST_VALUES
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b", ""], ROWS),
            "h": rng.choice([1.0, 2.5, np.nan], ROWS),
            "y": rng.integers(0, 2, ROWS),
            "d": (score > 0.5).astype(int),
            "s": np.where(rng.random(ROWS) < 0.01, np.nan, score),
            "w": rng.integers(1, 5, ROWS) / 4,
        }
    )


def told(rows: pd.DataFrame, path: Path, **more: Any) -> tuple[str, bool]:
    """Audit a file; tell the record, and whether one pass was enough."""
    rows.to_parquet(path)
    enough = []
    counted = together.counted_together

    def watched(*args: Any) -> Any:
        enough.append(counted(*args))
        return enough[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "counted_together", watched)
        audit = auditkit.audit(
            None, path, label="y", positive=1, decision="d", score="s", outcome="benefit",
            attributes=["g", "h"], intersections=2, policy="minimal", **more,
        )  # fmt: skip
    return audit.files()["audit.json"], enough[0] is not None


def apart(rows: pd.DataFrame, path: Path, **more: Any) -> str:
    """Audit a file in two passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "FIRST_ROWS", 0)  # so that a look at the first rows shows nothing
        said, once = told(rows, path, **more)
    assert not once
    return said


@pytest.mark.parametrize("more", [{}, {"weight": "w"}])
def test_one_pass_counts_what_two_do(
    rows: pd.DataFrame, tmp_path: Path, more: dict[str, str]
) -> None:
    said, once = told(rows, tmp_path / "rows.parquet", **more)
    assert once
    assert said == apart(rows, tmp_path / "rows.parquet", **more)


@pytest.mark.parametrize(
    ("column", "value"), [("g", "c"), ("y", np.nan), ("d", np.nan), ("h", 7.0)]
)
def test_a_value_of_later_rows_alone_is_counted(
    rows: pd.DataFrame, tmp_path: Path, column: str, value: object
) -> None:
    late = rows.astype({"y": "float64", "d": "float64"})
    late.loc[late.index[-1], column] = value
    said, once = told(late, tmp_path / "rows.parquet")
    assert not once
    assert said == apart(late, tmp_path / "rows.parquet")
