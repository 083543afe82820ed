"""The Toronto arrests are the published rows, and the example model can be made again."""

import hashlib
import importlib.util
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io

from auditkit.plan import read_plan

FOLDER = Path(__file__).parents[2] / "datasets" / "toronto_arrests"


def load():
    spec = importlib.util.spec_from_file_location("toronto_arrests_train", FOLDER / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load()


def read_model(folder):
    path = folder / "model.skops"
    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


@pytest.fixture(scope="module")
def arrests():
    return pd.read_csv(FOLDER / "arrests.csv")


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toronto_arrests")
    script.write(folder)
    return folder


def test_the_rows_are_the_published_ones(arrests):
    assert arrests.shape == (5226, 8)
    assert Counter(arrests["released"]) == {"Yes": 4334, "No": 892}
    assert Counter(arrests["colour"]) == {"White": 3938, "Black": 1288}
    assert arrests.notna().all(axis=None)


def test_the_data_card_states_digests_and_counts(arrests):
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    digests = dict(re.findall(r"\| `(\w+\.csv)` \|.*\| `([0-9a-f]{64})` \|", card))
    assert set(digests) == {"arrests.csv", "train.csv", "test.csv"}
    for name, digest in digests.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
    assert all(f"| `{column}` |" in card for column in arrests)
    for column in ("released", "colour", "sex", "employed", "citizen"):
        levels = Counter(arrests[column]).items()
        assert all(f"{level} {rows:,}" in card for level, rows in levels)
    assert f"{arrests.duplicated(keep=False).sum():,} rows equal another row" in card


def test_the_card_states_how_many_test_rows_look_like_a_training_row():
    train, test = (pd.read_csv(FOLDER / name) for name in ("train.csv", "test.csv"))
    known = set(train.itertuples(index=False, name=None))
    alike = sum(row in known for row in test.itertuples(index=False, name=None))
    assert f"{alike:,} of the {len(test):,}" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_row_is_on_one_side_of_the_split():
    lines = {
        name: (FOLDER / f"{name}.csv").read_text().splitlines()[1:]
        for name in ("arrests", "train", "test")
    }
    assert Counter(lines["train"]) + Counter(lines["test"]) == Counter(lines["arrests"])
    held_out = [script.is_test(i, line) for i, line in enumerate(lines["arrests"], start=1)]
    assert sum(held_out) == len(lines["test"])
    assert 0.47 < np.mean(held_out) < 0.53


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_training_again_writes_the_same_rows(rewritten, name):
    assert (rewritten / name).read_bytes() == (FOLDER / name).read_bytes()


def test_training_again_gives_the_same_predictions(rewritten, arrests):
    old, new = (read_model(folder).predict_proba(arrests[script.FEATURES])
                for folder in (FOLDER, rewritten))  # fmt: skip
    np.testing.assert_allclose(old, new, rtol=0, atol=1e-12)
    assert np.unique(old).size > 100


def test_the_model_is_small_and_reads_neither_colour_nor_sex():
    assert (FOLDER / "model.skops").stat().st_size < 300_000
    features = list(read_model(FOLDER).feature_names_in_)
    assert features == script.FEATURES
    assert not {"colour", "sex", "released"} & set(features)


def test_the_plan_fits_the_data_and_the_model():
    plan = read_plan(FOLDER / "audit.toml")
    test = pd.read_csv(FOLDER / plan.data.source)
    assert list(plan.model.features) == script.FEATURES
    assert plan.data.positive in set(test[plan.data.label])
    assert [attribute.column for attribute in plan.measured] == ["colour", "sex", "age"]


def test_the_cut_selects_nearest_to_as_many_as_were_released():
    train = pd.read_csv(FOLDER / "train.csv")
    score = read_model(FOLDER).predict_proba(train[script.FEATURES])[:, 1]
    released = (train["released"] == "Yes").mean()
    cuts = np.arange(1, 100) / 100
    miss = [abs((score > cut).mean() - released) for cut in cuts]
    assert read_plan(FOLDER / "audit.toml").data.selected.above == cuts[np.argmin(miss)]


def test_black_people_who_were_released_are_missed_more_often_as_the_card_says():
    test = pd.read_csv(FOLDER / "test.csv")
    cut = read_plan(FOLDER / "audit.toml").data.selected.above
    missed = read_model(FOLDER).predict_proba(test[script.FEATURES])[:, 1] <= cut
    released = test["released"] == "Yes"
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for colour in ("Black", "White"):
        group = released & (test["colour"] == colour)
        assert f"{colour} {missed[group].sum()} of {group.sum():,}" in card
