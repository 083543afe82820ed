"""Published intervals, to their printed decimals; a method that is not ours is a skip that says so.

The source of each row is named in the file, beside its figures.
"""

import csv

import pytest

from auditkit.inference.intervals import clopper_pearson, difference, wilson
from tests.truth.test_published import HERE, TRUTH, absent

OURS = {
    "wilson": lambda counts, level: wilson(*counts, level),
    "clopper_pearson": lambda counts, level: clopper_pearson(*counts, (1 - level) / 2),
    "newcombe": lambda counts, level: difference(*counts, level=level),
}
NOT_OURS = {
    "wilson_cc": "no continuity correction: gates use exact limits where an error must be bounded",
    "miettinen_nurminen": "differences are MOVER's, whose limits are those of the two rates",
    "mee": "differences are MOVER's, whose limits are those of the two rates",
    "wald": "too short next to 0 and 1, and of no width at 0 of n",
    "agresti_caffo": "differences are MOVER's, whose limits are those of the two rates",
}


def published():
    if not HERE:
        return []
    with (TRUTH / "intervals.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def told(row):
    return f"{row['method']} {row['x1']}/{row['n1']}" + f" {row['x2']}/{row['n2']}" * bool(
        row["n2"]
    )


@absent
@pytest.mark.parametrize("row", published(), ids=told)
def test_published_interval_to_its_printed_decimals(row):
    if row["method"] in NOT_OURS:
        pytest.skip(f"{row['method']}: {NOT_OURS[row['method']]}")
    counts = [int(row[name]) for name in ("x1", "n1", "x2", "n2") if row[name]]
    found = OURS[row["method"]](counts, float(row["level"]))
    half = 0.5 * 10 ** -int(row["decimals"]) + 1e-10
    assert found.lower == pytest.approx(float(row["lower"]), abs=half)
    assert found.upper == pytest.approx(float(row["upper"]), abs=half)


@absent
def test_every_interval_of_ours_is_published_here():
    assert OURS.keys() | NOT_OURS.keys() == {row["method"] for row in published()}
