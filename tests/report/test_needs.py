"""The report at equal need: gaps as people, what unreliable need leaves, and no word too many."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.errors import PlanError


def rows(n=6000, seed=5):
    rng = np.random.default_rng(seed)
    weak = rng.random(n) < 0.3
    need = np.round(np.clip(rng.normal(4, 1.6, n) + 0.6 * weak, 0, 10), 1)
    chance = np.clip(0.1 + 0.09 * need - 0.12 * weak, 0, 1)
    got = np.where(rng.random(n) < chance, "yes", "no")
    return pd.DataFrame({"disability": np.where(weak, "yes", "no"), "need": need, "got": got})


def audited(data, **more):
    asked = {"decision": "got", "selected": "yes", "outcome": "benefit", "need": "need"}
    return auditkit.audit(
        None, data, attributes=["disability"], policy="icrc", date="2026-11-24", **asked | more
    )


def test_the_section_tells_the_gap_in_people_and_its_limits():
    made = audited(rows())
    page = made.files()["report.html"]
    row = next(r for r in made.record.equal_need if (r.group, r.band) == ("yes", "(pooled)"))
    assert f"about {round(10_000 * abs(row.estimate)):,} fewer are selected" in page
    assert "same recorded need" in page
    assert "How reliably need was measured is not declared" in page
    assert "A test that finds no difference does not show that the gaps are equal" in page
    assert "impartiality by need: not measured" not in page
    assert made.files() == made.files()


def test_unreliable_need_is_told_and_so_is_a_tie():
    page = audited(rows(), need_reliability=0.8).files()["report.html"]
    assert "reliability of 0.8" in page
    assert "Gap without it" in page
    data = rows()
    data["got"] = np.where(np.arange(len(data)) % 2, "yes", "no")
    assert (
        "these data do not tell whether fewer or more are" in audited(data).files()["report.html"]
    )


def test_ranks_and_need_at_the_same_score_are_told():
    data = rows()
    data["score"] = np.clip(0.1 + 0.09 * data["need"] - 0.1 * (data["disability"] == "yes"), 0, 1)
    page = audited(data, score="score", in_need={"above": 5}).files()["report.html"]
    assert "One in need and one not" in page
    assert "One in a higher band of need than the other" in page
    assert "Mean need at the same score" in page
    assert "Does more need come first" not in audited(data).files()["report.html"]


def test_levels_in_words_say_what_is_not_measured():
    data = rows()
    data["need"] = np.where(data["need"] > 4, "<much>", "little")
    made = audited(data, need_order=["little", "<much>"], in_need=["<much>"])
    page = made.files()["report.html"]
    assert "&lt;much&gt;" in page
    assert "need is declared in levels, which cannot be added up" in page
    assert "need has 2 levels: each is a band" in page


def test_the_figure_is_drawn_by_an_attribute():
    made = audited(rows())
    assert made.figure("equal_need", by="disability").axes
    with pytest.raises(PlanError, match="There is nothing named 'equal_need'"):
        audited(rows(), need=None).figure("equal_need", by="disability")
