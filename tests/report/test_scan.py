"""The section that tells the scan of all rates."""

from dataclasses import replace

import pytest

from auditkit.report.story.parts import Paragraph, Table
from auditkit.report.story.scan import scan
from auditkit.results import Spread, Status


def spread(metric, p, adjusted):
    return Spread(
        metric, "gender", 2, 400, "women", "men", 0.2, 0.04, 0.13, p, adjusted, 8, Status.OK
    )


@pytest.fixture
def scanned(record):
    rows = [("selection_rate", 0.2, 1.0), ("false_negative_rate", 1e-9, 2e-8)]
    return replace(record, spreads=tuple(spread(*row) for row in rows))


def test_what_differs_beyond_chance_is_listed_and_everything_is_counted(scanned):
    (section,) = scan(scanned)
    said, *_, table = section.blocks
    assert isinstance(said, Paragraph)
    assert said.text.startswith("2 comparisons")
    assert "1 of them show" in said.text
    assert isinstance(table, Table)
    ((_, by, groups, apart, chance, typical, alone),) = table.rows
    assert (by.text, groups.text, groups.detail) == ("gender", "women", "lowest: men")
    assert (apart.text, chance.text, typical.text) == ("20.0", "4.0", "13.0")
    assert alone.text.startswith("under 0.1")


def test_without_a_comparison_there_is_no_section_and_without_a_finding_no_table(scanned):
    assert scan(replace(scanned, spreads=())) == ()
    (section,) = scan(replace(scanned, spreads=scanned.spreads[:1]))
    assert not [block for block in section.blocks if isinstance(block, Table)]
