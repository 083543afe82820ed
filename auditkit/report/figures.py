"""Figures of an audit: what each shows, drawn from the record alone.

Every figure draws the interval and states n, and stands beside a table with the same numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from auditkit.errors import PlanError
from auditkit.report.drawing import (
    AXIS_FITS,
    BAND,
    BOTTOM,
    GROUP_MARKERS,
    INK,
    LEFT,
    LINE,
    MARKERS,
    PAPER,
    PLANE,
    SIDE,
    SMALL,
    SOFT,
    TONES,
    WIDTH,
    blank_axes,
    draw_dots,
    draw_strokes,
    ends_of,
    explain_axis,
    figure_kind,
    figure_of,
    mark_ticks,
    short,
    stretch,
    styled,
    write,
)
from auditkit.report.story import beside as together
from auditkit.report.story import (
    budgets,
    calibration,
    comparisons,
    measures,
    needs,
    quality_of_explanation,
    reliance,
    words,
)
from auditkit.report.story import flips as told
from auditkit.report.story import proxies as stand_ins
from auditkit.report.story.gaps import GapRow, directions, gap_rows
from auditkit.results import SAMPLING, Attribution, AuditRecord, BaselineRate, Flip, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of a figure: its label, what stands at its end, and where its mark and lines lie."""

    label: str
    end: str
    value: float | None = None
    thin: tuple[float, float] | None = None
    thick: tuple[float, float] | None = None
    tone: str = "accent"
    reason: str = ""


def gaps(record: AuditRecord, check: str, attribute: str) -> "Figure":
    """Draw each group's gap to everyone else against the limit of one check.

    The shaded band is the limit, the thick bar the one-sided bounds that judge, the thin line the
    95 % interval; the marker's shape is the outcome. A group that could not be judged is shown as a
    gap with the reason. Of more than 40 groups, the 40 with the largest harm are drawn.

    Raises
    ------
    PlanError
        The record has no such check on the attribute.
    """
    rows = gap_rows(record, check, attribute)[: comparisons.MOST_DRAWN]
    if not rows:
        raise PlanError(f"The check '{check}' has no group of '{attribute}' to draw.")
    scale, limit = rows[0].scale, rows[0].check.limit
    low, high = (scale.drawn(edge) for edge in scale.band(limit))
    marks = [_gap_mark(row) for row in rows]
    unit = {"points": "percentage points", "times": "times the rate of the rest"}.get(scale.kind)
    with styled():
        axes = _lines(marks, [low, high], log=scale.kind == "times")
        axes.axvspan(low, high, color=BAND, lw=0, zorder=0)
        axes.axvline(scale.drawn(scale.parity), color=SOFT, lw=1, dashes=(3, 3), zorder=1)
        explain_axis(
            axes,
            f"{unit or 'gap'}; shaded: limit {scale.limit(limit)}",
            directions(rows),
        )
    return figure_of(axes)


def rates(record: AuditRecord, metric: str, attribute: str) -> "Figure":
    """Draw a metric's estimate and 95 % interval in each group, with everyone's as a dashed line.

    Raises
    ------
    PlanError
        The metric was not measured on the attribute.
    """
    found = comparisons.unstratified(record, metric, attribute)
    measured = comparisons.worst_first(found, record)[: comparisons.MOST_DRAWN]
    if not measured:
        raise PlanError(f"'{metric}' was not measured on any group of '{attribute}'.")
    shares = measures.is_share(record, metric)
    factor = 100.0 if shares else 1.0
    marks = [
        Mark(
            label=short(words.group(m.group)),
            end=f"n {words.count(m.n)} · {words.rate(m.estimate, shares)}"
            if m.estimate is not None
            else f"n {words.count(m.n)}: no rate",
            value=None if m.estimate is None else factor * m.estimate,
            thin=ends_of(lambda x: factor * x, m.lower, m.upper),
        )
        for m in measured
    ]
    everyone = comparisons.overall(record, metric)
    middle = everyone.estimate if everyone else None
    said = f"; dashed: everyone, {words.rate(middle, shares)}" if middle is not None else ""
    with styled():
        # At least ten points wide, so that chance does not look like a chasm.
        around = [] if middle is None else [factor * middle - 5, factor * middle + 5]
        axes = _lines(marks, around if shares else [])
        if middle is not None:
            axes.axvline(factor * middle, color=SOFT, lw=1.2, dashes=(4, 3), zorder=1)
        explain_axis(axes, f"{'per cent' if shares else 'value'}{said}")
    return figure_of(axes)


def beside(record: AuditRecord, metric: str, attribute: str) -> "Figure":
    """Draw a rate of the system and of what is decided today in each group, with 95 % intervals.

    A dot is the system's rate, a square below it today's, so that neither needs its colour. The
    groups that the system leaves most worse off come first; at most 40 are drawn.

    Raises
    ------
    PlanError
        The record has no baseline, or no such rate of the attribute.
    """
    rows = together.rows_of(record, metric, attribute)[: comparisons.MOST_DRAWN]
    if not rows:
        raise PlanError(f"'{metric}' was not set beside a baseline on any group of '{attribute}'.")
    height, top = 1.45, 0.85  # of a row: each group, and the two shapes above them
    sides = [side for row in rows for side in _sides(row)]
    values = [value for value, _ in sides if value is not None]
    middle = sum(values) / len(values) if values else 0.0
    ends = [end for _, interval in sides for end in interval or ()]
    with styled():
        # at least ten points wide, so that chance does not look like a chasm
        axes = blank_axes(top + height * len(rows), [*values, middle - 5, middle + 5], ends=ends)
        for shape, said, x in (("system", "the system", 0.015), ("today", "today", 0.34)):
            marker, colour, size = SHAPES[shape]
            place = {"transform": axes.get_yaxis_transform(), "clip_on": False}
            draw_dots(axes, [(x, 0.3)], marker, colour, size, **place)
            write(axes, x + 0.03, 0.3, said, fontsize=SMALL)
        for at, row in enumerate(rows):
            _two(axes, row, top + at * height)
        explain_axis(axes, f"per cent; lines: {words.INTERVAL}s")
    return figure_of(axes)


SHAPES = {"system": ("o", TONES["accent"], 8.5), "today": ("s", SOFT, 7.5)}
"""Marker, colour and size of the two decisions about the same people."""


def _sides(row: BaselineRate) -> list[tuple[float | None, tuple[float, float] | None]]:
    """Give the two rates and their intervals in per cent, the system's first."""
    return [
        (None if value is None else 100 * value, ends_of(lambda x: 100 * x, lower, upper))
        for value, lower, upper in (
            (row.estimate, row.lower, row.upper),
            (row.baseline, row.baseline_lower, row.baseline_upper),
        )
    ]


def _two(axes: "Axes", row: BaselineRate, top: float) -> None:
    """Draw one group: its name and difference, the system's line, and today's below it."""
    change = words.POINTS.value(row.change)
    end = f"n {words.count(row.n)}" + (f" · {change}" if row.change is not None else "")
    write(axes, 0.0, top + 0.3, short(words.group(row.group)))
    write(axes, 1.0, top + 0.3, end, ha="right", fontsize=SMALL)
    for place, shape, (value, interval) in zip((0.7, 1.06), SHAPES, _sides(row), strict=True):
        if interval is not None:
            line = [(top + place, interval)]
            draw_strokes(axes, line, axes.get_xlim(), color=INK, lw=1.5, zorder=3)
        if value is not None:
            draw_dots(axes, [(value, top + place)], *SHAPES[shape])


def attributions(record: AuditRecord, attribute: str) -> "Figure":
    """Draw the mean attribution of each input in each group of an attribute, with 95 % intervals.

    The inputs with the largest mean absolute attribution come first, with the ranks that they can
    have over everyone; a shape marks each group. At most 8 inputs and 6 groups are drawn.

    Raises
    ------
    PlanError
        The attribute has no attributions.
    """
    cells = reliance.by_cell(record, attribute)
    if not cells:
        raise PlanError(f"There are no attributions by '{attribute}' to draw.")
    groups = reliance.groups_of(record, attribute)[: reliance.MOST_GROUPS]
    named = [f for f in reliance.features(record, attribute) if f != SAMPLING]
    inputs = named[: reliance.MOST_FEATURES]
    drawn = [a for (f, g), a in cells.items() if f in inputs and g in groups]
    spread = [e for a in drawn for e in (a.mean, a.lower, a.upper) if e is not None]
    ranked = {
        a.feature: quality_of_explanation.rank(a) for a in quality_of_explanation.everyone(record)
    }
    step = 0.4  # of a row, for each group of an input
    height = 0.62 + step * len(groups)
    with styled():
        axes = blank_axes(height * len(inputs) + step * len(groups) + 0.3, [*spread, 0.0])
        axes.axvline(0, color=SOFT, lw=1, dashes=(3, 3), zorder=1)
        _legend(axes, [(g, max(a.n for a in cells.values() if a.group == g)) for g in groups], step)
        top = step * len(groups) + 0.2
        for at, feature in enumerate(inputs):
            block = [cells.get((feature, group)) for group in groups]
            _input(axes, feature, block, top + at * height, step)
            if feature in ranked:
                end = f"rank {ranked[feature]}"
                write(axes, 1.0, top + at * height + 0.3, end, ha="right", fontsize=SMALL)
        unit = f"mean attribution, {measures.unit(record.system, record.explanation.unit)}"
        explain_axis(axes, unit, ("← lowers the output", "raises it →"))
    return figure_of(axes)


def flips(record: AuditRecord, attribute: str) -> "Figure":
    """Draw how each group shifts where the model is told another: the share selected, or the mean.

    The thin line is the 95 % interval; a pair of which too little is known has its reason instead.
    Of more than 40 pairs, 40 are drawn.

    Raises
    ------
    PlanError
        The attribute is no input of the model.
    """
    rows = told.drawn(record, attribute)[: comparisons.MOST_DRAWN]
    if not rows:
        raise PlanError(f"'{attribute}' is no input of the model, so there are no flips to draw.")
    amount = rows[0].unit == told.AMOUNT
    marks = [_flip_mark(row, 1.0 if amount else 100.0) for row in rows]
    axis, ends = "shift in points", ("← fewer selected", "more selected →")
    if amount:
        axis = f"shift of the mean prediction, {measures.units(record.system)}"
        ends = ("← less", "more →")
    with styled():
        axes = _lines(marks, [0.0] if amount else [-5.0, 5.0])  # at least ten points wide
        axes.axvline(0, color=SOFT, lw=1, dashes=(3, 3), zorder=1)
        explain_axis(axes, axis, ends)
    return figure_of(axes)


def _flip_mark(row: Flip, factor: float) -> Mark:
    label, n = short(told.pair(row)), f"n {words.count(row.n)}"
    size, lower, upper = told.shift(row)
    if size is None or row.status is not Status.OK:
        return Mark(label, n, reason="too few rows, or answers, to draw")
    return Mark(
        label,
        f"{n} · {told.shift_words(row)}",
        factor * size,
        ends_of(lambda x: factor * x, lower, upper),
    )


def proxies(record: AuditRecord, attribute: str) -> "Figure":
    """Draw how well each input tells the group of an attribute that it tells best.

    As times in 100 that it tells which of two people is of the group, with 95 % intervals; dashed
    is what a coin gets. A round dot was shown to be beyond chance, a diamond was not. At most 12
    inputs are drawn, and all of them together.

    Raises
    ------
    PlanError
        No input has a number for a group of the attribute.
    """
    rows = [p for p in stand_ins.lines(record, attribute) if p.estimate is not None]
    if not rows:
        raise PlanError(f"There are no proxies by '{attribute}' to draw.")
    marks = [
        Mark(
            label=short(f"{stand_ins.input_words(p.feature)}: {words.group(p.group)}"),
            end=f"n {words.count(p.n)} · {stand_ins.times(p.estimate)} of 100",
            value=100 * (p.estimate or 0.0),
            thin=ends_of(lambda x: 100 * x, p.lower, p.upper),
            tone="accent" if stand_ins.named(p) else "unsure",
        )
        for p in rows
    ]
    with styled():
        axes = _lines(marks, [float(stand_ins.COIN), 100.0])
        axes.axvline(stand_ins.COIN, color=SOFT, lw=1.2, dashes=(4, 3), zorder=1)
        explain_axis(axes, f"right, times in 100; lines: {words.INTERVAL}s")
    return figure_of(axes)


AXES = {
    "budgets": "places",
    "cuts": "selected: a score above",
    "calibration": "score; on the dashed line it agrees with what was recorded",
}


def swept(record: AuditRecord, kind: str, attribute: str) -> "Figure":
    """Draw a share of each group over the number of places, or over the cut of the score.

    ``kind`` is ``budgets``, ``cuts`` or ``calibration``: what was recorded over the score, with its
    interval, beside the line on which both agree. The number or cut in use is marked; where those
    who tie have to be drawn, or a bin hides their order, a band shows what that can change. Of more
    than 6 groups the 6 with most people are drawn.

    Raises
    ------
    PlanError
        There is nothing of the kind by the attribute.
    """
    calibrated = kind == calibration.KIND
    found = (
        calibration.curves(record, attribute)
        if calibrated
        else budgets.sweep(record, kind, attribute)
    )
    if found is None:
        raise PlanError(f"There is no {kind} by '{attribute}' to draw.")
    return _shares(found, budgets.MARKED.get(kind, ""), AXES[kind], diagonal=calibrated)


def at_equal_need(record: AuditRecord, attribute: str) -> "Figure":
    """Draw the share selected of each group over the bands of need, from least to most.

    Of more than 6 groups the 6 with most people are drawn.

    Raises
    ------
    PlanError
        Need has no column of its own, or there is no such attribute.
    """
    found = needs.lines(record, attribute)
    if found is None:
        raise PlanError(f"There are no bands of need by '{attribute}' to draw.")
    return _shares(found, "", "band of need; 1 is the least need", first=1)


def _shares(
    found: budgets.Sweep, marked: str, axis: str, first: int = 0, *, diagonal: bool = False
) -> "Figure":
    """Draw lines of shares with their names above; the stroke of everyone is the first of all."""
    step = 0.3  # inches of a line of the legend
    legend = step * len(found.lines) + 0.3
    height = legend + PLANE + BOTTOM
    with styled():
        figure = figure_kind()(figsize=(WIDTH, height), facecolor=PAPER)
        above = 1 - legend / height
        top = figure.add_axes((SIDE / WIDTH, above, 1 - 2 * SIDE / WIDTH, legend / height))
        top.set(xlim=(0, 1), ylim=(legend / step, 0))
        top.set_axis_off()
        width = 1 - (LEFT + 2 * SIDE) / WIDTH
        box = (LEFT / WIDTH, BOTTOM / height, width, PLANE / height)
        axes = figure.add_axes(box, facecolor="none")
        _plane(axes, found, marked)
        if diagonal:
            axes.plot([0, 1], [0, 100], color=INK, lw=1, dashes=(4, 3), zorder=2)
        for row, line in enumerate(found.lines):
            _sample(top, row, row + first, line)
            _curve(axes, row + first, line)
        write(
            top,
            0.0,
            len(found.lines) + 0.45,
            short(f"% of {found.share}", AXIS_FITS),
            fontsize=SMALL,
            color=SOFT,
        )
        explain_axis(axes, axis)
    return figure


def _gap_mark(row: GapRow) -> Mark:
    check, drawn = row.check, row.scale.drawn
    label, n = short(row.group), f"n {words.count(check.n)}"
    if check.estimate is None and row.judged:
        return Mark(label, n, reason=f"{row.look.text}: {row.gap}".removesuffix(f": {words.DASH}"))
    if check.estimate is None or not row.judged:
        return Mark(label, n, reason=f"{words.NOT_ASSESSED.symbol} {row.reason}")
    interval = row.disparity
    return Mark(
        label=label,
        end=f"{n} · {row.gap}",
        value=drawn(check.estimate),
        thin=ends_of(drawn, interval.lower, interval.upper) if interval else None,
        thick=ends_of(drawn, check.lower, check.upper),
        tone=row.look.tone,
    )


def _lines(marks: Sequence[Mark], spread: Sequence[float], log: bool = False) -> "Axes":
    """Lay out one row for each mark: its label above, its bar and lines below."""
    values = [m.value for m in marks if m.value is not None]
    ends = [e for m in marks for e in (*(m.thin or ()), *(m.thick or ()))]
    axes = blank_axes(len(marks), [*spread, *values], log, ends)
    low, high = axes.get_xlim()
    for at, mark in enumerate(marks):
        write(axes, 0.0, at + 0.3, mark.label)
        write(axes, 1.0, at + 0.3, mark.end, ha="right", fontsize=SMALL)
        if mark.reason:
            write(axes, 0.0, at + 0.72, mark.reason, fontsize=SMALL, color=SOFT)
    for tone, colour in TONES.items():
        drawn = [(at + 0.72, m) for at, m in enumerate(marks) if m.tone == tone]
        bars = [(y, m.thick) for y, m in drawn if m.thick]
        draw_strokes(axes, bars, (low, high), color=colour, lw=8, alpha=0.35, zorder=2)
        thin = [(y, m.thin) for y, m in drawn if m.thin]
        draw_strokes(axes, thin, (low, high), color=INK, lw=1.5, zorder=3)
        dots = [(min(max(m.value, low), high), y) for y, m in drawn if m.value is not None]
        draw_dots(axes, dots, MARKERS[tone], colour, 8.5)
    return axes


def _legend(axes: "Axes", groups: Sequence[tuple[str, int]], step: float) -> None:
    """List the groups above the inputs, each with its shape and its n."""
    for at, (group, n) in enumerate(groups):
        y = 0.3 + step * at
        place = {"transform": axes.get_yaxis_transform(), "clip_on": False}
        draw_dots(axes, [(0.015, y)], GROUP_MARKERS[at], TONES["accent"], 7, **place)
        write(axes, 0.045, y, short(words.group(group)), fontsize=SMALL)
        write(axes, 1.0, y, f"n {words.count(n)} explained", ha="right", fontsize=SMALL)


def _input(
    axes: "Axes", feature: str, block: Sequence[Attribution | None], top: float, step: float
) -> None:
    """Draw one input: its name, and a line below it for each group."""
    write(axes, 0.0, top + 0.3, short(words.plain(feature)), weight="bold")
    for at, found in enumerate(block):
        if found is None or found.mean is None:
            continue
        y = top + 0.62 + step * (at + 0.2)
        interval = ends_of(float, found.lower, found.upper)
        if interval is not None:
            draw_strokes(axes, [(y, interval)], axes.get_xlim(), color=INK, lw=1.5, zorder=3)
        draw_dots(axes, [(found.mean, y)], GROUP_MARKERS[at], TONES["accent"], 7)


def _plane(axes: "Axes", found: budgets.Sweep, marked: str) -> None:
    """Set up shares in per cent over places or cuts, and mark what is in use."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    xs = [x for line in found.lines for x in line.xs]
    highest = max(e for line in found.lines for s in line.shares for e in s if e is not None)
    axes.set_xlim(*stretch(xs, [], log=False))
    axes.set_ylim(0, min(100.0, 10 * math.ceil(10 * highest + 0.5)))
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    mark_ticks(axes, log=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}".replace("-", "−")))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(axis="y", colors=SOFT, labelcolor=INK, labelsize=SMALL, length=0)
    axes.grid(axis="y", color=LINE, lw=0.8)
    axes.set_axisbelow(True)
    if found.mark is not None:
        axes.axvline(found.mark, color=INK, lw=1.4, dashes=(4, 3), zorder=2)
        middle = sum(axes.get_xlim()) / 2
        side, gap = ("left", 5) if found.mark < middle else ("right", -5)
        axes.annotate(
            f"{marked}: {found.mark:,.6g}".replace("-", "−"), (found.mark, 1), (gap, -7),
            xycoords=("data", "axes fraction"), textcoords="offset points", ha=side, va="center",
            fontsize=SMALL, color=INK, parse_math=False, zorder=5,
        )  # fmt: skip


def _stroke(at: int) -> dict[str, Any]:
    """Tell lines apart by shape, by dashes and only then by colour; everyone's has no shape."""
    if at == 0:
        return {"color": SOFT, "lw": 2.2, "linestyle": (0, (1, 1.2))}
    dashes: tuple[Any, ...] = ("-", "-", (0, (5, 2)), (0, (5, 2)), (0, (2, 2)), (0, (2, 2)))
    colour = (TONES["accent"], TONES["unsure"])[at % 2 - 1]
    return {
        "color": colour, "lw": 1.6, "linestyle": dashes[at - 1], "marker": GROUP_MARKERS[at - 1],
        "markersize": 5.5, "markeredgecolor": PAPER, "markeredgewidth": 0.7,
    }  # fmt: skip


def _sample(axes: "Axes", row: int, at: int, line: budgets.Line) -> None:
    """Name a line above the plane, with a piece of it and its n."""
    y = row + 0.5
    axes.plot([0.0, 0.04, 0.08], [y, y, y], clip_on=False, **_stroke(at))
    label = "everyone" if at == 0 else short(words.group(line.group))
    write(axes, 0.11, y, label, fontsize=SMALL)
    write(axes, 1.0, y, f"n {words.count(line.n)}", ha="right", fontsize=SMALL)


def _curve(axes: "Axes", at: int, line: budgets.Line) -> None:
    """Draw a line, and a band where a share is not known exactly."""
    known = [(x, s) for x, s in zip(line.xs, line.shares, strict=True) if s[0] is not None]
    xs = [x for x, _ in known]
    ys, low, high = ([100 * cast("float", s[k]) for _, s in known] for k in range(3))
    axes.plot(xs, ys, zorder=3, **_stroke(at))
    if any(b - a > 0.1 for a, b in zip(low, high, strict=True)):
        axes.fill_between(xs, low, high, color=_stroke(at)["color"], alpha=0.15, lw=0, zorder=1)
