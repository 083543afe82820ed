"""The system beside what is decided today, as it is told and drawn."""

import re

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import PlanError
from auditkit.report import figures, html, story
from auditkit.report.story import beside, words
from auditkit.report.story.parts import Bullets, Evidence, Heading, Paragraph, Table
from auditkit.results import Status
from tests.report.test_figures import spans
from tests.report.test_story import section, texts
from tests.report.test_wording import BANNED


def rows(seed=3, n=3000):
    """Planted: today misses 30 % in either group; the system misses 45 % of the old, 15 % else."""
    rng = np.random.default_rng(seed)
    age = rng.choice(["old", "young"], n, p=[0.3, 0.7])
    need = rng.random(n) < 0.5
    draw = rng.random(n)  # one draw, so that both decisions agree for most people
    before = np.where(need, draw > 0.3, draw > 0.9)
    now = np.where(need, draw > np.where(age == "old", 0.45, 0.15), draw > 0.9)
    yes = np.array(["no", "yes"])
    frame = pd.DataFrame(
        {
            "age": age,
            "gender": rng.choice(["female", "male"], n),
            "in_need": yes[need.astype(int)],
            "cash": yes[now.astype(int)],
            "caseworker": yes[before.astype(int)],
        }
    )
    frame.loc[:6, "caseworker"] = None
    return frame


def audit(frame, **changes):
    asked = {
        "label": "in_need", "positive": "yes", "decision": "cash", "outcome": "benefit",
        "attributes": ["age", "gender"], "baseline": "caseworker", "intersections": 2, **changes,
    }  # fmt: skip
    return auditkit.audit(None, frame, **asked)


@pytest.fixture(scope="module")
def made():
    return audit(rows())


def said(record):
    return "\n".join(texts(section(record, "beside")))


def test_there_is_no_section_without_a_baseline(record):
    assert "beside" not in {s.id for s in story.sections(record)}
    with pytest.raises(PlanError, match="not set beside a baseline"):
        figures.beside(record, "false_negative_rate", "age")


def test_the_verdict_is_of_the_system_alone_and_that_is_said(made):
    (caution,) = [
        b.text for b in section(made.record, "beside").blocks
        if isinstance(b, Paragraph) and b.kind == "caution"
    ]  # fmt: skip
    assert caution.startswith("The verdict is of the system alone")
    assert "2,993 people who have both decisions; 7 with" in said(made.record)


def test_the_planted_groups_are_named_with_their_numbers(made):
    bullets = next(b for b in section(made.record, "beside").blocks if isinstance(b, Bullets))
    worse, better = bullets.items[:2]
    old, young = (
        next(r for r in made.record.baseline
             if (r.metric, r.group) == ("false_negative_rate", group))
        for group in ("old", "young")
    )  # fmt: skip
    assert worse.startswith("Worse off than today: old (age), ")
    assert f"{words.percent(old.estimate)} instead of {words.percent(old.baseline)}" in worse
    span = words.Scale("points").span(old.change_lower, old.change_upper)
    assert f"{100 * old.change:+.1f} points ({span})" in worse
    assert "young" not in worse.replace("old × ", "")
    assert better.startswith("Better off than today: ")
    assert words.percent(young.estimate) in better
    assert 0.1 < old.change < 0.2


def test_for_a_burden_the_wrongly_burdened_come_first_and_more_is_worse():
    frame = rows()
    frame["in_need"] = frame["in_need"].map({"yes": "no", "no": "yes"})  # now selection is wrong
    made = audit(frame, outcome="burden")
    headings = [b.text for b in section(made.record, "beside").blocks if isinstance(b, Heading)]
    assert headings[0].startswith("Burdened without recorded outcome")
    bullets = next(b for b in section(made.record, "beside").blocks if isinstance(b, Bullets))
    assert "young (age)" in bullets.items[0]  # selected more often than today
    assert "old (age)" in bullets.items[1]


def test_few_people_can_show_harm_but_no_improvement():
    frame = rows(n=400)
    frame["age"] = np.where(frame.index < 40, "old", "young")
    frame.loc[frame["age"] == "old", ["in_need", "cash", "caseworker"]] = ["yes", "no", "yes"]
    few = frame[(frame["age"] == "young") | (frame.index % 2 == 0)]
    for decisions, place in ((["cash", "caseworker"], 0), (["caseworker", "cash"], None)):
        turned = few.rename(columns=dict(zip(["cash", "caseworker"], decisions, strict=True)))
        made = audit(turned, intersections=1)
        row = next(r for r in made.record.baseline
                   if (r.metric, r.group) == ("false_negative_rate", "old"))  # fmt: skip
        assert row.status is Status.INSUFFICIENT
        bullets = next(b for b in section(made.record, "beside").blocks if isinstance(b, Bullets))
        named = [i for i, item in enumerate(bullets.items) if "old (age)" in item]
        assert len(named) == 1
        text = bullets.items[named[0]]
        assert text.startswith("Worse off" if place == 0 else "Cannot tell")


def test_every_number_of_the_tables_is_that_of_the_record(made):
    blocks = section(made.record, "beside").blocks
    tables = [b.table if isinstance(b, Evidence) else b for b in blocks
              if isinstance(b, Evidence | Table)]  # fmt: skip
    grouped = [t for t in tables if len(t.columns) == 7]
    metrics = beside.told_metrics(made.record)
    assert metrics[0] == "false_negative_rate"
    assert len(grouped) == 2 * len(metrics)
    points = words.Scale("points")
    seen = 0
    for metric in metrics:
        for attribute in ("age", "gender"):
            found = grouped[seen]
            seen += 1
            for row, cells in zip(
                beside.rows_of(made.record, metric, attribute), found.rows, strict=True
            ):
                assert [c.text for c in cells] == [
                    row.group, words.count(row.n), words.percent(row.estimate),
                    words.percent(row.baseline), points.value(row.change), points.value(row.gap),
                    points.value(row.baseline_gap),
                ]  # fmt: skip
                assert cells[4].detail == points.span(row.change_lower, row.change_upper)


def test_the_figure_draws_both_rates_and_their_intervals(made):
    figure = figures.beside(made.record, "false_negative_rate", "age")
    drawn = spans(figure, 1.5)
    found = beside.rows_of(made.record, "false_negative_rate", "age")
    assert [r.group for r in found] == ["old", "young"]  # the most worse off first
    expected = [
        bounds for r in found
        for bounds in ((r.lower, r.upper), (r.baseline_lower, r.baseline_upper))
    ]  # fmt: skip
    assert [line[1:] for line in drawn] == [
        pytest.approx((100 * low, 100 * high)) for low, high in expected
    ]
    for at, shape in enumerate(("o", "s")):
        xs = [
            line.get_xdata()[0] for line in figure.axes[0].lines
            if line.get_marker() == shape and line.get_transform() == figure.axes[0].transData
        ]  # fmt: skip
        rates = [(r.estimate, r.baseline)[at] for r in found]
        assert sorted(xs) == pytest.approx(sorted(100 * rate for rate in rates))
    assert made.figure("baseline", by="age").axes


def test_the_page_says_nothing_it_must_not(made):
    page = html.page(made.record)
    assert not [b for b in BANNED if re.search(b, page, re.IGNORECASE)]
    assert "for paired rates (1998, method 10)" in page
    assert page.count('id="beside"') == 1


@pytest.mark.parametrize(
    ("more", "why"),
    [({"cluster": "site"}, "drawn in clusters"), ({"weight": "w"}, "are weighted")],
)
def test_numbers_without_an_interval_say_why_once(more, why):
    frame = rows().assign(w=1.0 + np.arange(3000) % 3, site=np.arange(3000) % 40)
    made = audit(frame, **more)
    assert said(made.record).count(why) == 1
    assert not [b for b in section(made.record, "beside").blocks if isinstance(b, Bullets)]


def test_without_a_recorded_outcome_the_selected_are_compared():
    made = audit(rows(), label=None, positive=None, selected="yes")
    headings = [b.text for b in section(made.record, "beside").blocks if isinstance(b, Heading)]
    assert headings[0] == "Selected"
    assert "Worse off than today: old (age)" in said(made.record)
