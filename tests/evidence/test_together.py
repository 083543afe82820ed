"""Keys and bins of scores in one pass give what two passes give, or nothing at all."""

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import DataError
from auditkit.evidence import gather as gathering
from auditkit.evidence import scores, together
from auditkit.evidence.amounts import UNIT
from auditkit.evidence.gather import gather
from auditkit.plan import make_plan

ROWS, FIRST = 3000, 500


@pytest.fixture
def few(monkeypatch):
    """Count in bins from 100 values on, and call 500 rows the first."""
    monkeypatch.setattr(scores, "MOST_VALUES", 100)
    for module in (scores, together):
        monkeypatch.setattr(module, "FIRST_ROWS", FIRST)


def rows(parted: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    score = rng.random(ROWS)
    noise = 0 if parted else rng.normal(0, 0.1, ROWS)
    return pd.DataFrame(
        {
            "region": rng.choice(["n", "s", "e", None], ROWS),
            "district": rng.choice([1.0, 2.0, np.nan], ROWS),
            "need": rng.choice(["yes", "no", None], ROWS, p=[0.4, 0.5, 0.1]),
            "chosen": score + noise > 0.4,
            "score": score,
            "people": rng.integers(0, 4, ROWS),
            "weight": rng.random(ROWS) + 0.5,
        }
    )


def late(column, value):
    """Write a value that the first rows do not have."""

    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[ROWS - 5 :, column] = value
        return frame.infer_objects()

    return change


def unscored(frame):
    frame.loc[frame.index % 7 == 0, "score"] = np.nan
    return frame


def undecided(frame):
    frame["chosen"] = frame["chosen"].map({True: "true", False: "false"})
    frame.loc[frame.index % 9 == 0, "chosen"] = None
    return frame


def evidence(path, **data):
    plan = make_plan(
        {
            "data": {
                "label": "need", "positive": "yes", "decision": "chosen", "outcome": "benefit",
                "selected": "true", "score": "score", **data,
            },
            "attributes": {"region": {}, "district": {}},
            "groups": {"intersections": 2},
        },
        folder=None,
    )  # fmt: skip
    return gather(plan, path, None, lambda *_: None)


def told(found):
    """Everything that is counted; where decisions part the scores only if they do."""
    ends = found.scores.extremes
    parted = ends and ends.lowest_selected > ends.highest_other
    return (
        found.counts.digest(decisions=True),
        found.scores.digest(),
        [str(outcomes) for outcomes in found.scores.unscored],
        found.exclusions,
        found.notes,
        ends if parted else None,
    )


SAME = {
    "as it is": (lambda f: f, {}),
    "weights": (lambda f: f, {"weight": "weight"}),
    "people": (lambda f: f, {"count": "people"}),
    "unscored": (unscored, {}),
    "undecided": (undecided, {}),
    "other range": (lambda f: f.assign(score=f["score"] * 7 - 2), {"score_range": [-2, 5]}),
    "strata": (lambda f: f.assign(s=f.index % 3), {"strata": "s", "weight": "weight"}),
}
APART = {
    "late region": late("region", "w"),
    "late district": late("district", 9.0),
    "missing only later": lambda f: f.assign(
        region=f["region"].where(f["region"].notna() | (f.index > FIRST), "n")
    ),
}


def counted(path, monkeypatch, **data):
    """Gather, and tell whether one pass was enough."""
    used = []

    def spied(*arguments):
        used.append(together.counted_together(*arguments))
        return used[-1]

    with monkeypatch.context() as patched:
        patched.setattr(gathering, "counted_together", spied)
        return evidence(path, **data), used[-1] is not None


@pytest.mark.parametrize("parted", [True, False])
@pytest.mark.parametrize("case", [*SAME, *APART])
def test_one_pass_gives_what_two_give(case, parted, few, tmp_path, monkeypatch):
    change, data = SAME.get(case) or (APART[case], {})
    path = tmp_path / "rows.parquet"
    change(rows(parted)).to_parquet(path, row_group_size=FIRST)
    one, used = counted(path, monkeypatch, **data)
    # which rows an engine calls the first is its own affair, so late ones may be among them
    assert used or case in APART
    monkeypatch.setattr(gathering, "counted_together", lambda *_: None)
    two = evidence(path, **data)
    assert told(one) == told(two)
    if used and not parted:
        assert one.scores.extremes is None
    if parted and case == "as it is":
        assert one.scores.extremes.lowest_selected > 0.4 > one.scores.extremes.highest_other


def test_a_value_that_the_first_rows_lack_is_counted_in_two_passes(few, tmp_path, monkeypatch):
    tally = together.tally

    def lacking(frame, keys, amounts=UNIT, seen=None):
        found = tally(frame, keys, amounts, seen)
        if seen is not None:
            seen["a0"] = seen["a0"][seen["a0"] != "s"]
        return found

    monkeypatch.setattr(together, "tally", lacking)
    rows().to_parquet(tmp_path / "rows.parquet")
    one, used = counted(tmp_path / "rows.parquet", monkeypatch)
    assert not used
    monkeypatch.setattr(gathering, "counted_together", lambda *_: None)
    assert told(one) == told(evidence(tmp_path / "rows.parquet"))


@pytest.mark.parametrize("score", [1.5, -0.1, np.inf])
def test_scores_outside_their_range_are_refused(score, few, tmp_path, monkeypatch):
    frame = rows()
    frame.loc[ROWS - 3, "score"] = score
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="Column 'score' holds scores"):
        evidence(tmp_path / "rows.parquet")


def test_too_many_cells_are_counted_apart(few, tmp_path, monkeypatch):
    monkeypatch.setattr(together, "MOST_NUMBERS", 100)
    rows().to_parquet(tmp_path / "rows.parquet")
    _, used = counted(tmp_path / "rows.parquet", monkeypatch)
    assert not used


def test_few_values_are_counted_each(tmp_path, monkeypatch):
    rows().to_parquet(tmp_path / "rows.parquet")
    found, used = counted(tmp_path / "rows.parquet", monkeypatch)
    assert not used
    assert not found.scores.rule.binned
