"""Budgets and cuts as they are told: the numbers of the record, and who can be left out."""

import re
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import PlanError
from auditkit.evidence import scores as counting
from auditkit.report import figures, html, story
from auditkit.report.story import budgets, words
from auditkit.report.story.parts import Evidence, Table
from tests.report.test_wording import BANNED


def texts(part):
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from texts(item)
    elif is_dataclass(part):
        for field in fields(part):
            yield from texts(getattr(part, field.name))


def audited(**given_):
    """1,500 people: those of 61 and over have lower scores, and nine districts are many."""
    rng = np.random.default_rng(9)
    n = 1500
    old = rng.random(n) < 0.3
    need = rng.random(n) < 0.35
    score = np.clip(np.where(need, 0.6, 0.3) - 0.15 * old + rng.normal(0, 0.15, n), 0, 1)
    score = np.where(rng.random(n) < 0.02, np.nan, score.round(given_.pop("digits", 2)))
    frame = pd.DataFrame(
        {
            "age": np.where(old, "61 and over", "#under | 61"),
            "district": rng.integers(1, 10, n).astype(str),
            "need": np.where(need, "yes", "no"),
            "d": np.where(score > 0.5, "yes", "no"),
            "score": score,
        }
    )
    usual = {"label": "need", "positive": "yes", "decision": "d", "selected": "yes",
             "score": "score", "outcome": "benefit", "attributes": ["age", "district"],
             "quota": 400}  # fmt: skip
    return auditkit.audit(None, frame, **{**usual, **given_}).record


@pytest.fixture(scope="module")
def made():
    return audited()


def section(record):
    [found] = [s for s in story.sections(record) if s.id == "budgets"]
    return found


def pairs(record, kind):
    return [b for b in section(record).blocks if isinstance(b, Evidence) and b.chart.kind == kind]


def test_nothing_is_told_without_scores(made):
    assert "budgets" not in {s.id for s in story.sections(audited(score=None, quota=None))}
    only = section(audited(quota=None))
    assert only.title == "If the cut were another"
    assert [s.id for s in story.sections(made)].index("budgets") == 5


def test_who_gets_no_place_is_told_in_a_sentence(made):
    said = "\n".join(texts(section(made)))
    whole = next(b for b in made.budgets if b.deployed and b.group == "(all)")
    share = words.percent(whole.exclusion_error)
    assert f"With 400 places, {share} of the people recorded as need = yes get none." in said
    for b in made.budgets:
        if b.deployed and b.attribute == "age":
            assert f"{b.group}: {words.percent(b.exclusion_error)}" in said
    assert f"{whole.unscored} people have no score, get no place and count among" in said


def test_tables_hold_what_the_record_holds(made):
    [first, _] = pairs(made, "budgets")
    names = [c.name for c in first.table.columns]
    assert names == ["Places", "everyone", "61 and over", "#under | 61"]
    rows = {row[0].text.split(" ")[0]: row for row in first.table.rows}
    own = [b for b in made.budgets if b.attribute in ("(all)", "age")]
    assert len(rows) == 13
    for b in own:
        cell = rows[words.count(b.places)][
            names.index("everyone" if b.group == "(all)" else b.group)
        ]
        assert cell.text == words.percent(b.exclusion_error)
    assert [r[0].text for r in first.table.rows if "◂" in r[0].text] == ["400 ◂ the budget"]
    [declared] = [
        b
        for b in section(made).blocks
        if isinstance(b, Table) and b.caption == "400 places, by age"
    ]
    for row, b in zip(declared.rows, (b for b in own if b.deployed), strict=True):
        told = [cell.text for cell in row]
        assert told[5:7] == [
            words.percent(b.exclusion_error), words.rate_span(b.lower, b.upper, True),
        ]  # fmt: skip


def test_the_figure_draws_the_record_and_marks_what_is_in_use(made):
    for kind, mark in (("budgets", 400), ("cuts", made.system.cut)):
        figure = figures.swept(made, kind, "age")
        plane = figure.axes[1]
        lines = {tuple(line.get_xdata()): line for line in plane.lines}
        assert (mark, mark) in lines
        drawn = [line for line in plane.lines if len(line.get_xdata()) > 2]
        rows = made.budgets if kind == "budgets" else made.cuts
        for line, group in zip(drawn, ("(all)", "61 and over", "#under | 61"), strict=True):
            own = [r for r in rows if r.group == group]
            share = [
                r.exclusion_error if kind == "budgets" else 1 - r.true_positive_rate for r in own
            ]
            assert line.get_ydata() == pytest.approx([100 * s for s in share])
        said = " ".join(t.get_text() for axes in figure.axes for t in axes.texts)
        assert f"n {next(b.positives for b in made.budgets if b.group == '61 and over')}" in said
    with pytest.raises(PlanError, match="no budgets by 'sex'"):
        figures.swept(made, "budgets", "sex")


def test_of_many_groups_those_with_most_people_are_drawn(made):
    found = budgets.sweep(made, "budgets", "district")
    assert (len(found.lines), found.left_out) == (7, 3)
    assert pairs(made, "budgets")[1].chart.note.startswith("3 more groups")
    sizes = {b.group: b.positives for b in made.budgets if b.attribute == "district"}
    drawn = {line.group for line in found.lines} - {"(all)"}
    assert min(sizes[g] for g in drawn) >= max(sizes[g] for g in set(sizes) - drawn)


@pytest.mark.parametrize(
    ("change", "words_"),
    [
        ({}, "of all numbers that part the two has the fewest digits"),
        ({"decision": "score", "selected": {"above": 0.5}}, "The plan selects people with a score"),
        ({"decision": "need"}, "The decisions are not a cut of this score"),
    ],
)
def test_how_the_cut_is_known_is_told(change, words_):
    if change.get("decision") == "need":
        change = {"decision": "age", "selected": "61 and over", "attributes": ["district"]}
    record = audited(**change)
    said = "\n".join(texts(section(record)))
    assert words_ in said
    assert ("◂ in use" in said) == (record.system.cut is not None)


VARIANTS = {
    "benefit": {},
    "burden": {"outcome": "burden"},
    "unlabelled": {"label": None, "positive": None},
    "exact": {"quota": 1},
    "binned": {"digits": 9},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_pages_are_whole_and_promise_nothing(monkeypatch, name):
    if name == "binned":
        monkeypatch.setattr(counting, "MOST_VALUES", 50)
    record = audited(**VARIANTS[name])
    said = "\n".join(texts(section(record)))
    assert not re.search(r"\b(None|nan|NaN|inf)\b", said)
    page = html.page(record)
    assert {b: m[0] for b in BANNED if (m := re.search(b, page, re.IGNORECASE))} == {}
    assert page.count('role="img"') > 3
    assert page == html.page(record)
    told = {
        "benefit": "of the people recorded as need = yes get none",
        "burden": "go to people not recorded as need = yes",
        "unlabelled": "of the people get one",
        "exact": "With 1 place, ",
        "binned": "in the bin of scores below it",
    }
    assert told[name] in said
    assert ("recorded as" in said) == (name != "unlabelled")
