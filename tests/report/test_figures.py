"""Figures draw the bounds that judged, the interval and n, and say what their tables say."""

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from auditkit.errors import PlanError
from auditkit.record import dumps
from auditkit.report import drawing, figures, story
from auditkit.report.story import comparisons, gaps, words
from auditkit.report.story.parts import Evidence
from auditkit.results import ALL, Outcome

CHECKS = [
    ("missed_need_gap", "age"),
    ("missed_need_ratio", "gender*age"),
    ("selection_ratio", "displacement_status"),
]
RETURNEE = "عائدون إلى ديارهم"


def all_evidence(record):
    return [b for s in story.sections(record) for b in s.blocks if isinstance(b, Evidence)]


def draw(record, chart):
    if chart.kind == "gaps":
        return figures.gaps(record, chart.subject, chart.attribute)
    if chart.kind == "rates":
        return figures.rates(record, chart.subject, chart.attribute)
    return figures.attributions(record, chart.attribute)


def written(svg):
    """Every text of a figure, and its title apart."""
    root = ET.fromstring(svg)
    return [t.text or "" for t in root.iter("text")]


def spans(figure, width):
    """The horizontal strokes of one line width: (y, lower, upper), y in rows from the top."""
    found = []
    for line in figure.axes[0].lines:
        if line.get_linewidth() == width and len(line.get_xdata()) % 3 == 0:
            xs, ys = (np.reshape(a, (-1, 3)) for a in line.get_data())
            found += [(float(y[0]), float(x[0]), float(x[1])) for x, y in zip(xs, ys, strict=True)]
    return sorted(found)


# --------------------------------------------------------------------------------- what is drawn


@pytest.mark.parametrize(("check", "attribute"), CHECKS)
def test_bars_are_the_gate_bounds_and_lines_the_intervals(record, check, attribute):
    figure = figures.gaps(record, check, attribute)
    rows = [r for r in gaps.gap_rows(record, check, attribute) if r.judged]
    window = figure.axes[0].get_xlim()
    factor = 100 if rows[0].check.statistic == "difference" else 1
    thick, thin = spans(figure, 8), spans(figure, 1.5)
    assert len(thick) == len(thin) == len(rows)
    for row, bar, line in zip(rows, thick, thin, strict=True):
        bounds = np.clip(np.array([row.check.lower, row.check.upper]) * factor, *window)
        ends = np.clip(np.array([row.disparity.lower, row.disparity.upper]) * factor, *window)
        assert bar[1:] == pytest.approx(tuple(bounds))
        assert line[1:] == pytest.approx(tuple(ends))


@pytest.mark.parametrize(("check", "attribute"), CHECKS)
def test_picture_and_verdict_agree(record, check, attribute):
    rows = [r for r in gaps.gap_rows(record, check, attribute) if r.judged]
    low, high = rows[0].scale.band(rows[0].check.limit)
    for row in rows:
        lower, upper = row.check.lower, row.check.upper
        if row.check.outcome is Outcome.BREACH:
            assert lower > high or upper < low
        elif row.check.outcome is Outcome.WITHIN:
            assert low < lower
            assert upper < high
        else:
            assert lower <= high
            assert upper >= low


def test_the_limit_is_shaded_in_both_directions(record):
    axes = figures.gaps(record, "missed_need_gap", "age").axes[0]
    box = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (box.x0, box.x1) == pytest.approx((-5, 5))


def test_the_axis_says_on_which_side_the_group_is_worse_off(record):
    missed = gaps.directions(gaps.gap_rows(record, "missed_need_gap", "age"))
    assert missed == ("← others worse off", "group worse off →")
    selected = gaps.directions(gaps.gap_rows(record, "selection_ratio", "age"))
    assert selected == ("← group worse off", "others worse off →")
    figure = figures.gaps(record, "selection_ratio", "age")
    assert set(selected) <= {t.get_text() for t in figure.axes[0].texts}
    nobody = [
        replace(r, check=replace(r.check, worse_off="")) for r in gaps.gap_rows(record, *CHECKS[0])
    ]
    assert gaps.directions(nobody) == ("← less than everyone else", "more →")


def test_the_largest_harm_is_on_top_and_the_unjudged_below(record):
    rows = gaps.gap_rows(record, "missed_need_gap", "age*displacement_status")
    judged = [row.judged for row in rows]
    assert judged == sorted(judged, reverse=True)
    sizes = [abs(r.check.estimate) for r in rows if r.judged]
    assert sizes == sorted(sizes, reverse=True)
    figure = figures.gaps(record, "missed_need_gap", "age*displacement_status")
    labels = [t for t in figure.axes[0].texts if t.get_text() == drawing.short(rows[0].group)]
    assert labels[0].get_position()[1] < 1


def test_a_group_without_an_answer_is_a_gap_with_its_reason(record):
    rows = gaps.gap_rows(record, "missed_need_gap", "displacement_status")
    svg = drawing.svg(figures.gaps(record, "missed_need_gap", "displacement_status"), "t")
    lost = [r for r in rows if not r.judged]
    assert [r.group for r in lost] == ["stateless"]
    assert "○ nobody to count" in written(svg)
    markers = [m for line in figures.gaps(record, *CHECKS[0]).axes[0].lines for m in [line]]
    assert markers
    assert len(spans(figures.gaps(record, "missed_need_gap", "displacement_status"), 8)) == len(
        rows
    ) - len(lost)


def test_shape_tells_the_outcome_without_colour(record):
    figure = figures.gaps(record, "missed_need_gap", "gender*age")
    shapes = {line.get_marker() for line in figure.axes[0].lines} - {"None", None, ""}
    tones = {r.look.tone for r in gaps.gap_rows(record, "missed_need_gap", "gender*age")}
    assert shapes == {drawing.MARKERS[tone] for tone in tones - {"none"}}
    assert len({drawing.MARKERS[t] for t in ("within", "breach", "unsure")}) == 3


def test_of_many_groups_forty_are_drawn_and_the_caption_says_so(record):
    some = [c for c in record.checks if c.check == "missed_need_gap" and c.attribute == "gender"]
    size = [g for g in record.groups if g.attribute == "gender"]
    many = tuple(
        replace(some[0], group=f"site {i}", estimate=0.01 + i / 1000, worse_off=f"site {i}")
        for i in range(50)
    )
    wide = replace(
        record,
        checks=many,
        groups=(record.groups[0], *(replace(size[0], group=c.group) for c in many)),
    )
    evidence = comparisons.evidence(wide, "missed_need_gap", "gender")
    assert "Drawn: the 40 of 50 groups furthest apart; the table has all." in evidence.chart.note
    assert len(evidence.table.rows) == 50
    texts = written(drawing.svg(draw(wide, evidence.chart), "t"))
    assert sum(t.startswith("site ") for t in texts) == 40
    assert "site 49" in texts
    assert "site 9" not in texts


def test_attributions_draw_at_most_what_the_caption_says(record):
    (evidence,) = (
        e
        for e in all_evidence(record)
        if e.chart.kind == "attributions" and e.chart.attribute == "age"
    )
    texts = written(drawing.svg(draw(record, evidence.chart), "t"))
    assert "Drawn: the 8 of 10 inputs" in evidence.chart.note
    named = {row[0].text for row in evidence.table.rows}
    assert len(named) == 10
    assert len(named & set(texts)) == 8


# ----------------------------------------------------------------- figures and tables beside them


def cells(table):
    return [c.text for row in table.rows for c in row] + [
        c.detail for row in table.rows for c in row
    ]


def test_every_figure_has_a_table_with_the_same_numbers(record):
    evidence = all_evidence(record)
    assert {e.chart.kind for e in evidence} == {"gaps", "rates", "attributions"}
    for item in evidence:
        stated = " | ".join(cells(item.table))
        texts = written(drawing.svg(draw(record, item.chart), item.chart.title))
        ends = [t for t in texts if t.startswith("n ")]
        assert ends
        for end in ends:
            for number in re.findall(r"[+−]?\d[\d,]*(?:\.\d+)?", end):
                assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d,])", stated), (end, number)


@pytest.mark.parametrize(("check", "attribute"), CHECKS)
def test_n_and_gap_stand_beside_each_group(record, check, attribute):
    texts = written(drawing.svg(figures.gaps(record, check, attribute), "t"))
    for row in gaps.gap_rows(record, check, attribute):
        n = f"n {row.check.n:,}"
        assert (f"{n} · {row.gap}" if row.judged else n) in texts
        assert drawing.short(row.group) in texts


def test_every_group_of_a_figure_is_a_row_of_its_table(record):
    for item in all_evidence(record):
        if item.chart.kind == "gaps":
            rows = gaps.gap_rows(record, item.chart.subject, item.chart.attribute)
            assert [r[0].text for r in item.table.rows] == [row.group for row in rows]


# ----------------------------------------------------------------------------------------- as svg


def test_the_same_figure_gives_the_same_bytes(record):
    def once():
        return drawing.svg(figures.gaps(record, *CHECKS[0]), "A title", "What it shows")

    assert once() == once()


def test_an_svg_has_a_name_a_description_and_nothing_from_outside(record):
    svg = drawing.svg(figures.gaps(record, *CHECKS[0]), "Gap <by> age", "Said & done")
    assert svg.startswith("<svg ")
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    named = {e.get("id"): e.text for e in root if e.tag in ("title", "desc")}
    assert [named[i] for i in root.get("aria-labelledby").split()] == [
        "Gap <by> age",
        "Said & done",
    ]
    assert "http" not in svg
    assert "<style" not in svg
    assert "xmlns" not in svg


def test_ids_are_the_figures_own_and_all_references_hold(record):
    drawn = [
        drawing.svg(draw(record, e.chart), e.chart.title, e.chart.description)
        for e in all_evidence(record)
    ]
    seen = set()
    for svg in drawn:
        ids = set(re.findall(r'\bid="([^"]+)"', svg))
        assert len(ids) == len(re.findall(r'\bid="', svg))
        assert not ids & seen
        assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg)) <= ids
        seen |= ids


def test_colours_follow_the_page_and_have_one_to_fall_back_on(record):
    svg = drawing.svg(figures.gaps(record, *CHECKS[0]), "t")
    bare = re.sub(r"var\(--\w+,#[0-9a-f]{6}\)", "", svg)
    assert not re.search(r"#[0-9a-f]{6}\b", bare)
    assert "var(--breach,#a8321a)" in svg


@pytest.mark.parametrize("kind", ["gaps", "rates", "attributions"])
def test_strangers_names_are_text_and_nothing_else(hostile, kind):
    for item in all_evidence(hostile):
        if item.chart.kind != kind or "*" in item.chart.attribute:
            continue
        svg = drawing.svg(draw(hostile, item.chart), item.chart.title, item.chart.description)
        root = ET.fromstring(svg)  # well formed, whatever the names are
        assert not list(root.iter("script"))
        texts = [t.text for t in root.iter("text")]
        if item.chart.attribute == "gender":
            assert "<script>alert(1)</script>" in texts
            assert any(r"$\frac{1}{0}$" in t for t in texts)
            assert any('id="y" #1b1f24' in t for t in texts)
        if item.chart.attribute == "displacement_status":
            assert any(t.endswith("…") for t in texts)
            assert any("a\ufffdb\ufffdc\ufffd" in t for t in texts)
            assert any(RETURNEE in t for t in texts)


def test_the_users_own_style_neither_shows_nor_changes(record):
    plain = drawing.svg(figures.gaps(record, *CHECKS[0]), "t")
    mine = {"text.usetex": True, "font.size": 40, "axes.facecolor": "red", "svg.fonttype": "path"}
    with mpl.rc_context(mine):
        assert drawing.svg(figures.gaps(record, *CHECKS[0]), "t") == plain
        assert mpl.rcParams["svg.fonttype"] == "path"


def test_pyplot_is_not_touched_and_bytes_do_not_depend_on_the_process(record, page_of, tmp_path):
    (tmp_path / "audit.json").write_text(dumps(record), encoding="utf-8")
    code = (
        "import sys, hashlib, pathlib\n"
        "from auditkit.record import loads\n"
        "from auditkit.report.html import page\n"
        "text = page(loads(pathlib.Path(sys.argv[1]).read_bytes()))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    here = hashlib.sha256(page_of(record).encode()).hexdigest()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "audit.json")],
        capture_output=True, text=True, env={"PYTHONHASHSEED": "1", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == here, done.stderr


def test_what_cannot_be_drawn_is_refused(record):
    for call in (
        lambda: figures.gaps(record, "no_such_check", "age"),
        lambda: figures.rates(record, "false_negative_rate", "no_such"),
        lambda: figures.attributions(record, "gender*age"),
    ):
        with pytest.raises(PlanError):
            call()


def test_a_ratio_of_nothing_stays_in_the_figure(record):
    checks = tuple(
        replace(c, estimate=0.0, lower=0.0, upper=None) if c.attribute == "gender" else c
        for c in record.checks
        if c.check == "missed_need_ratio"
    )
    figure = figures.gaps(replace(record, checks=checks), "missed_need_ratio", "gender")
    low, high = figure.axes[0].get_xlim()
    xs = np.concatenate(
        [line.get_xdata() for line in figure.axes[0].lines if line.get_marker() in "o^D"]
    )
    assert ((xs >= low) & (xs <= high)).all()


def test_rates_mark_everyone(record):
    figure = figures.rates(record, "false_negative_rate", "age")
    everyone = comparisons.overall(record, "false_negative_rate")
    assert everyone.attribute == ALL
    assert 100 * everyone.estimate in [line.get_xdata()[0] for line in figure.axes[0].lines]
    assert words.rate(everyone.estimate, shares=True) in " ".join(written(drawing.svg(figure, "t")))
