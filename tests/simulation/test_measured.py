"""The quick form of every simulation; ``make simulate`` runs the full ones and writes the table."""

import re
from pathlib import Path

import pytest

from tests.simulation import coverage, designs, explanations, limits, policies, programme, table

DOCUMENT = Path(__file__).parents[2] / "auditkit" / "docs" / "statistics.md"
JOBS = [*limits.JOBS, *coverage.JOBS, *designs.JOBS, *explanations.JOBS]
CELLS = (("high", 2, 100), ("medium", 5, 100), ("low", 12, 30), ("low", 2, 1000))


def told():
    """What the rows of the document say was measured, and what was found, by their first cell."""
    text = DOCUMENT.read_text(encoding="utf-8")
    inside = text.split(table.BEGIN)[1].split(table.END)[0]
    rows = re.findall(r"^\| (.*) \|$", inside, re.MULTILINE)
    return {row.split(" | ")[0]: row.split(" | ")[-1] for row in rows}


def hold(rows):
    assert rows
    for row in rows:
        assert row.holds, row
        assert row.what in told(), "run make simulate: the document does not hold this row"


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_small_grid_keeps_what_is_promised(job):
    hold(job(False))


@pytest.fixture(scope="module")
def cells():
    return [policies.of(*where, full=False) for where in CELLS]


def test_audits_under_the_shipped_policy_keep_what_is_promised(cells):
    hold(policies.rows(cells, *policies.QUICK))


def test_the_shipped_policy_does_find_and_clear_what_is_there(cells):
    # so that the test above could fail: audits that say nothing would pass it
    large = cells[-1].share
    assert large["twice the limit: gap found"] == 1
    assert large["no gap: gap within"] > 0.9
    assert large["not ready"] == 0
    assert cells[0].share["not ready"] == 1


def test_the_planted_disparities_of_a_few_seeds_are_in_their_intervals():
    hold(programme.rows([audit for job in programme.JOBS[:2] for audit in job(False)]))


def test_without_declaring_weights_or_households_intervals_and_gates_are_off():
    by_outcome, apart = (
        designs.shares(name, 300)
        for name in ("weights that go with the outcome", "households of 5, each of one group")
    )
    for seen in (by_outcome, apart):
        assert seen["gap"][1] < 0.88 < seen["gap"][0]
        assert seen["within"][1] > seen["within"][0] + 0.03


def test_every_row_of_the_document_is_kept_and_every_cell_of_the_policy_told():
    rows = told()
    assert not [what for what, found in rows.items() if "not kept" in found]
    text = DOCUMENT.read_text(encoding="utf-8")
    for level, groups, n in policies.CELLS:
        assert f"\n| {level} | {groups} | {n:,} | " in text
