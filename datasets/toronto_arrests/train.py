"""Split the Toronto arrests in two halves and fit the model that the example audit looks at.

Run as a script it writes ``train.csv``, ``test.csv`` and ``model.skops`` beside itself::

    python datasets/toronto_arrests/train.py
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LABEL = "released"
NUMBERS = ["year", "age", "checks"]
TEXTS = ["employed", "citizen"]
FEATURES = ["year", "age", "employed", "citizen", "checks"]
"""What the model reads: neither colour nor sex."""


def is_test(row: int, line: str) -> bool:
    """Say whether a line of ``arrests.csv`` is held out; ``row`` counts from 1 below the header.

    Nearly half of the lines repeat another line, so the row number enters the digest: otherwise
    all arrests that look alike would land on the same side.
    """
    return hashlib.sha256(f"{row},{line}".encode()).digest()[0] < 128


def split(arrests: str) -> tuple[str, str]:
    """Deal the lines of ``arrests.csv`` into training and test, each in their first order.

    Returns
    -------
    train, test : str
        CSV texts, each with the header.
    """
    header, *lines = arrests.splitlines()
    held_out = [is_test(row, line) for row, line in enumerate(lines, start=1)]
    train = (line for line, out in zip(lines, held_out, strict=True) if not out)
    test = (line for line, out in zip(lines, held_out, strict=True) if out)
    return _csv(header, train), _csv(header, test)


def _csv(header: str, lines: Iterable[str]) -> str:
    return "\n".join([header, *lines]) + "\n"


def fit(train: Path) -> Any:  # noqa: ANN401
    """Fit the model to a training file.

    Returns
    -------
    sklearn.pipeline.Pipeline
        ``predict_proba`` of ``No`` and ``Yes`` from the columns ``FEATURES``.
    """
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pd.read_csv(train)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encode = ColumnTransformer([("text", one_hot, TEXTS), ("number", "passthrough", NUMBERS)])
    # Small trees and no early stopping: with 2,600 rows a larger model only memorises, and a
    # validation split would bring a second source of randomness.
    boost = HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        learning_rate=0.08,
        early_stopping=False,
        random_state=0,
    )
    return Pipeline([("encode", encode), ("boost", boost)]).fit(rows[FEATURES], rows[LABEL])


def write(folder: Path = FOLDER) -> None:
    """Write ``train.csv``, ``test.csv`` and ``model.skops`` into ``folder``."""
    from zipfile import ZIP_DEFLATED

    import skops.io

    train, test = split((FOLDER / "arrests.csv").read_text(encoding="utf-8"))
    for name, text in (("train.csv", train), ("test.csv", test)):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    skops.io.dump(fit(folder / "train.csv"), folder / "model.skops", compression=ZIP_DEFLATED)


if __name__ == "__main__":
    write()
    print(f"Wrote train.csv, test.csv and model.skops into {FOLDER}")
