"""Proxies as they are told: sentence, table and figure say the same, and nobody is inferred."""

import re
from dataclasses import replace

import pytest

from auditkit.errors import PlanError
from auditkit.report import drawing, figures, html
from auditkit.report.story import proxies as told
from auditkit.report.story import words
from auditkit.report.story.parts import Bullets, Evidence, Heading, Paragraph, Table
from auditkit.report.story.reliance import inputs, relies
from auditkit.results import PROXIES, TOGETHER, Proxy, Status

BANNED = (r"\bfair", r"\bproves?\b", r"\bcauses?\b", "importance", "significan", "guarante")


def row(feature, group="female", estimate=0.83, p=0.001, **more):
    found = Proxy(
        "gender", group, feature, "auc", estimate, estimate - 0.05, estimate + 0.04, 300,
        p, p, 0.4, -0.6, -1.5, "log-odds", Status.OK, "",
    )  # fmt: skip
    return replace(found, **more)


def without(feature=PROXIES, left=0.25):
    return row(
        feature, estimate=-1.5 - left, statistic="gap_through", p_value=None, adjusted_p=None
    )


ROWS = (
    row("district", "male", 0.83),
    row("district", "female", 0.83, n=200),
    row("rooms", estimate=0.56, p=0.4),
    replace(row("age"), estimate=None, lower=None, upper=None, p_value=None, adjusted_p=None,
            status=Status.NOT_APPLICABLE, note="the attribute itself is this input"),
    row(TOGETHER, estimate=0.88, share_of_output=1.0),
    without(left=-0.4),
)  # fmt: skip


@pytest.fixture
def told_record(small):
    return replace(small, proxies=ROWS)


def of(record, kind):
    return [b for b in told.stand_in(record) if isinstance(b, kind)]


def test_sentence_table_and_figure_say_the_same(told_record):
    (bullets,) = of(told_record, Bullets)
    assert bullets.items == (
        f"Gender: of two people, one of the group female and one of everyone else, district tells "
        f"which is which 83 times in 100 ({words.INTERVAL} 78 to 87; a coin 50). "
        f"40.0{words.THIN}% of all attributions go to it, and −0.6 of the group's gap of −1.5 in "
        f"mean output (log-odds) goes through it. Were district alike for everybody, −1.1 of that "
        f"gap would go ({words.INTERVAL} −1.15 to −1.06).",
    )
    (evidence,) = of(told_record, Evidence)
    cells = {r[0].text: [(c.text, c.detail) for c in r[1:]] for r in evidence.table.rows}
    assert list(cells) == ["all inputs together", "district", "rooms", "age"]
    assert cells["district"][:3] == [("female", "n 200"), ("83", "78 to 87"), ("yes", "")]
    assert cells["district"][4][0] == "−0.6000 of −1.5000"
    assert cells["rooms"][2][0] == "not shown"
    assert cells["age"][:3] == [("–", "")] * 3
    figure = figures.proxies(told_record, "gender")
    texts = re.findall(r">([^<>]+)</text>", drawing.svg(figure, "t"))
    assert "district: female" in texts
    assert "n 200 · 83 of 100" in texts
    assert "rooms: female" in texts
    assert not any(t.startswith("age") for t in texts)


def test_not_an_input_names_the_strongest_proxy(told_record):
    said = next(s for s in inputs(told_record) if s.startswith("Gender"))
    assert said.startswith(
        "Gender is not an input of the model. That is not the same as no influence: other inputs "
        "stand in for it. The one that tells it best: of two people"
    )
    assert "district tells which is which 83 times in 100" in said


def test_an_input_that_is_left_out_could_still_be_told(told_record):
    rows = tuple(replace(r, attribute="age", group=">=61") for r in ROWS)
    said = next(s for s in inputs(replace(told_record, proxies=rows)) if s.startswith("Age"))
    assert said.startswith(
        "Age is an input of the model. Left out, it could still be told by others: of two people, "
        "one of the group 61 and over and one of everyone else, district tells which is which 83"
    )
    bare = next(s for s in inputs(replace(told_record, proxies=())) if s.startswith("Age"))
    assert bare == "Age is an input of the model."


def test_where_only_all_together_tell_that_is_said(told_record):
    rows = (row("rooms", estimate=0.51, p=1.0), row(TOGETHER, estimate=0.88))
    record = replace(told_record, proxies=rows)
    said = next(s for s in inputs(record) if s.startswith("Gender"))
    assert "No single one was shown to, but of two people" in said
    assert "all inputs together tell which is which 88 times in 100" in said
    (bullets,) = of(record, Bullets)
    assert "attributions" not in bullets.items[0]


def test_where_nothing_was_shown_there_is_no_figure_and_no_all_clear(told_record):
    record = replace(told_record, proxies=(row("rooms", estimate=0.52, p=0.9),))
    said = next(s for s in inputs(record) if s.startswith("Gender"))
    assert said.endswith("stand in for it, though none was shown to with these rows.")
    assert not of(record, Evidence)
    assert len(of(record, Table)) == 1
    assert "a low figure is no all-clear" in of(record, Paragraph)[0].text
    few = replace(ROWS[0], status=Status.INSUFFICIENT, adjusted_p=None, note="5 people")
    unknown = replace(told_record, proxies=(few,))
    said = next(s for s in inputs(unknown) if s.startswith("Gender"))
    assert said.endswith("no influence: other inputs may stand in for it.")


def test_it_is_part_of_what_the_model_relies_on(told_record, small):
    blocks = relies(told_record).blocks
    assert Heading("Inputs that tell who is in which group") in blocks
    assert any(told.NOBODY in getattr(b, "text", "") for b in blocks)
    assert Paragraph(told.NOT_LOOKED) in relies(replace(small, proxies=())).blocks
    bare = replace(small, system=replace(small.system, model=""))
    assert told.stand_in(bare) == ()


def test_many_inputs_are_cut_in_table_and_figure_alike(told_record):
    many = tuple(row(f"x{i:03}", estimate=0.9 - i / 1000) for i in range(200))
    record = replace(told_record, proxies=(*many, row(TOGETHER)))
    (evidence,) = of(record, Evidence)
    shown = [r[0].text for r in evidence.table.rows]
    assert shown == ["all inputs together", *(f"x{i:03}" for i in range(12))]
    assert "12 of 200 inputs are shown" in evidence.table.note
    svg = drawing.svg(figures.proxies(record, "gender"), "t")
    assert "x011" in svg
    assert "x012" not in svg


def test_names_of_strangers_stay_text_and_nothing_promises_too_much(told_record):
    hostile = replace(told_record, proxies=(row("<script>alert(1)</script>"), *ROWS))
    page = html.page(hostile)
    assert "<script>" not in page
    said = html.page(told_record)
    assert not [b for b in BANNED if re.search(b, said, re.IGNORECASE)]


def test_what_cannot_be_drawn_is_refused(told_record):
    with pytest.raises(PlanError, match="no proxies by 'age'"):
        figures.proxies(told_record, "age")
