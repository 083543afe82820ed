"""Figures of an audit: the only door to matplotlib.

Every figure draws the interval and states n, and stands beside a table with the same numbers. It
is drawn at the width of a telephone, and its colours are a palette that the page can change.
"""

import math
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

from auditkit.errors import PlanError
from auditkit.report.story import beside as together
from auditkit.report.story import (
    budgets,
    calibration,
    comparisons,
    measures,
    needs,
    reliance,
    words,
)
from auditkit.report.story.gaps import GapRow, directions, gap_rows
from auditkit.report.vector import inline
from auditkit.results import SAMPLING, Attribution, AuditRecord, BaselineRate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE, PAPER, BAND = "#1b1f24", "#57606a", "#c9d1d9", "#ffffff", "#e3e8ed"
TONES = {"within": "#0b6e4f", "breach": "#a8321a", "unsure": "#8a5a00", "accent": "#1f4e79"}
PALETTE = {"ink": INK, "soft": SOFT, "line": LINE, "paper": PAPER, "band": BAND, **TONES}
"""The name of each colour in the page's style sheet, and its value on white paper."""

MARKERS = {"within": "o", "breach": "^", "unsure": "D", "accent": "o"}
GROUP_MARKERS = ("o", "^", "s", "D", "v", "P")

# 340 pixels of a telephone show text of 12 points, drawn at this width, at 11 pixels.
WIDTH, SIDE = 5.2, 0.1
ROW, TOP, BOTTOM = 0.47, 0.06, 0.68
TEXT, SMALL = 12, 11
AXIS_FITS = 60  # characters of what an axis shows
PLANE, LEFT = 2.6, 0.5  # height of a plane, and room for the numbers beside it
LABEL_FITS = 34  # characters of a name that leave room for n and the gap


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
    with _styled():
        axes = _lines(marks, [low, high], log=scale.kind == "times")
        axes.axvspan(low, high, color=BAND, lw=0, zorder=0)
        axes.axvline(scale.drawn(scale.parity), color=SOFT, lw=1, dashes=(3, 3), zorder=1)
        _explain_axis(
            axes,
            f"{unit or 'gap'}; shaded: limit {scale.limit(limit)}",
            directions(rows),
        )
    return _figure_of(axes)


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
            label=_label(words.group(m.group)),
            end=f"n {words.count(m.n)} · {words.rate(m.estimate, shares)}"
            if m.estimate is not None
            else f"n {words.count(m.n)}: no rate",
            value=None if m.estimate is None else factor * m.estimate,
            thin=_pair(lambda x: factor * x, m.lower, m.upper),
        )
        for m in measured
    ]
    everyone = comparisons.overall(record, metric)
    middle = everyone.estimate if everyone else None
    said = f"; dashed: everyone, {words.rate(middle, shares)}" if middle is not None else ""
    with _styled():
        # At least ten points wide, so that chance does not look like a chasm.
        around = [] if middle is None else [factor * middle - 5, factor * middle + 5]
        axes = _lines(marks, around if shares else [])
        if middle is not None:
            axes.axvline(factor * middle, color=SOFT, lw=1.2, dashes=(4, 3), zorder=1)
        _explain_axis(axes, f"{'per cent' if shares else 'value'}{said}")
    return _figure_of(axes)


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
    with _styled():
        # at least ten points wide, so that chance does not look like a chasm
        axes = _blank(top + height * len(rows), [*values, middle - 5, middle + 5], ends=ends)
        for shape, said, x in (("system", "the system", 0.015), ("today", "today", 0.34)):
            marker, colour, size = SHAPES[shape]
            place = {"transform": axes.get_yaxis_transform(), "clip_on": False}
            _dots(axes, [(x, 0.3)], marker, colour, size, **place)
            _text(axes, x + 0.03, 0.3, said, fontsize=SMALL)
        for at, row in enumerate(rows):
            _two(axes, row, top + at * height)
        _explain_axis(axes, f"per cent; lines: 95{words.THIN}% intervals")
    return _figure_of(axes)


SHAPES = {"system": ("o", TONES["accent"], 8.5), "today": ("s", SOFT, 7.5)}
"""Marker, colour and size of the two decisions about the same people."""


def _sides(row: BaselineRate) -> list[tuple[float | None, tuple[float, float] | None]]:
    """Give the two rates and their intervals in per cent, the system's first."""
    return [
        (None if value is None else 100 * value, _pair(lambda x: 100 * x, lower, upper))
        for value, lower, upper in (
            (row.estimate, row.lower, row.upper),
            (row.baseline, row.baseline_lower, row.baseline_upper),
        )
    ]


def _two(axes: "Axes", row: BaselineRate, top: float) -> None:
    """Draw one group: its name and difference, the system's line, and today's below it."""
    change = words.POINTS.value(row.change)
    end = f"n {words.count(row.n)}" + (f" · {change}" if row.change is not None else "")
    _text(axes, 0.0, top + 0.3, _label(words.group(row.group)))
    _text(axes, 1.0, top + 0.3, end, ha="right", fontsize=SMALL)
    for place, shape, (value, interval) in zip((0.7, 1.06), SHAPES, _sides(row), strict=True):
        if interval is not None:
            line = [(top + place, interval)]
            _strokes(axes, line, axes.get_xlim(), color=INK, lw=1.5, zorder=3)
        if value is not None:
            _dots(axes, [(value, top + place)], *SHAPES[shape])


def attributions(record: AuditRecord, attribute: str) -> "Figure":
    """Draw the mean attribution of each input in each group of an attribute, with 95 % intervals.

    The inputs with the largest mean absolute attribution come first; a shape marks each group. At
    most 8 inputs and 6 groups are drawn.

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
    step = 0.4  # of a row, for each group of an input
    height = 0.62 + step * len(groups)
    with _styled():
        axes = _blank(height * len(inputs) + step * len(groups) + 0.3, [*spread, 0.0])
        axes.axvline(0, color=SOFT, lw=1, dashes=(3, 3), zorder=1)
        _legend(axes, [(g, max(a.n for a in cells.values() if a.group == g)) for g in groups], step)
        top = step * len(groups) + 0.2
        for at, feature in enumerate(inputs):
            block = [cells.get((feature, group)) for group in groups]
            _input(axes, feature, block, top + at * height, step)
        unit = f"mean attribution, {words.plain(record.explanation.unit)}"
        _explain_axis(axes, unit, ("← lowers the output", "raises it →"))
    return _figure_of(axes)


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
    with _styled():
        figure = _kind()(figsize=(WIDTH, height), facecolor=PAPER)
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
        _text(
            top,
            0.0,
            len(found.lines) + 0.45,
            _label(f"% of {found.share}", AXIS_FITS),
            fontsize=SMALL,
            color=SOFT,
        )
        _explain_axis(axes, axis)
    return figure


def svg(figure: "Figure", title: str, description: str = "") -> str:
    """Write a figure as SVG to stand inside an HTML page: the same bytes each time.

    It has a title and a description for those who cannot see it, ids that no other figure of the
    page has, colours that follow the page, text as text, and no address of anything outside.
    """
    out = StringIO()
    with _styled(salt=title):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return inline(out.getvalue(), title, description, PALETTE)


# ------------------------------------------------------------------------------------------ marks


def _gap_mark(row: GapRow) -> Mark:
    check, drawn = row.check, row.scale.drawn
    label, n = _label(row.group), f"n {words.count(check.n)}"
    if check.estimate is None and row.judged:
        return Mark(label, n, reason=f"{row.look.text}: {row.gap}".removesuffix(f": {words.DASH}"))
    if check.estimate is None or not row.judged:
        return Mark(label, n, reason=f"{words.NOT_ASSESSED.symbol} {row.reason}")
    interval = row.disparity
    return Mark(
        label=label,
        end=f"{n} · {row.gap}",
        value=drawn(check.estimate),
        thin=_pair(drawn, interval.lower, interval.upper) if interval else None,
        thick=_pair(drawn, check.lower, check.upper),
        tone=row.look.tone,
    )


def _pair(
    drawn: Callable[[float], float], lower: float | None, upper: float | None
) -> tuple[float, float] | None:
    """Turn an interval into its two ends; one without an end runs out of the figure."""
    if lower is None and upper is None:
        return None
    return (
        -math.inf if lower is None else drawn(lower),
        math.inf if upper is None else drawn(upper),
    )


def _label(text: str, fits: int = LABEL_FITS) -> str:
    """Cut a name that would run into what stands at the end of its line; the table has it whole."""
    width = 0
    bare = text.replace(words.ISOLATE, "").replace(words.END_ISOLATE, "")
    for at, character in enumerate(bare):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > fits:
            return bare[: at - 1].rstrip() + "…"
    return bare


# ------------------------------------------------------------------------------------------- axes


@contextmanager
def _styled(salt: str = "") -> Iterator[None]:
    """Draw alike whatever the user's own style is, and write alike each time."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcParams.update(
            {
                "text.usetex": False,
                "font.family": ["sans-serif"],
                "svg.fonttype": "none",
                "svg.hashsalt": salt,
            }
        )
        # Names may be of any script: the reader's fonts set them, not those matplotlib knows.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _blank(
    rows: float, values: Sequence[float], log: bool = False, ends: Sequence[float] = ()
) -> "Axes":
    """Make a figure as high as its rows, with one axis below, around values and interval ends."""
    height = TOP + ROW * rows + BOTTOM
    figure = _kind()(figsize=(WIDTH, height), facecolor=PAPER)
    box = (SIDE / WIDTH, BOTTOM / height, 1 - 2 * SIDE / WIDTH, ROW * rows / height)
    axes = figure.add_axes(box, facecolor="none")
    axes.set(ylim=(rows, 0), yticks=[])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.set_xlim(*_window(values, ends, log))
    if log:
        axes.set_xscale("log")
    _ticks(axes, log)
    return axes


@cache
def _kind() -> "type[Figure]":
    from matplotlib.figure import Figure

    class Drawing(Figure):
        """A figure that a notebook shows by itself, whether or not pyplot was imported."""

        def _repr_html_(self) -> str:
            drawn = svg(self, str(self.get_label()))
            return f'<div style="max-width:33rem">{drawn}</div>'

    return Drawing


def _window(values: Sequence[float], ends: Sequence[float], log: bool) -> tuple[float, float]:
    """Find the stretch to show; on a log axis a far end of an interval is cut off."""
    known = [x for x in values if math.isfinite(x) and (x > 0 or not log)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    ends = [x for x in ends if math.isfinite(x)]
    if log:
        low = max(min([low, *ends]), low / 3)
        high = min(max([high, *ends]), high * 3)
        margin = (high / low) ** 0.06
        return low / margin, high * margin
    low, high = min([low, *ends]), max([high, *ends])
    margin = 0.06 * (high - low) or 1
    return low - margin, high + margin


def _ticks(axes: "Axes", log: bool) -> None:
    """Mark round numbers, none so near an end that its label would leave the figure."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = axes.get_xlim()
    if log:
        near = [0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 4]
        far = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
        round_numbers = near if high / low < 6 else far
        ease = (high / low) ** 0.05
        low, high = low * ease, high / ease
    else:
        round_numbers = list(MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high))
        ease = 0.05 * (high - low)
        low, high = low + ease, high - ease
    axes.xaxis.set_major_locator(FixedLocator([x for x in round_numbers if low <= x <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    axes.tick_params(axis="x", colors=SOFT, labelcolor=INK, labelsize=SMALL, length=3)


def _tick(value: float, _: int | None) -> str:
    return f"{value:g}".replace("-", words.MINUS)


def _text(axes: "Axes", x: float, y: float, text: str, **style: Any) -> None:  # noqa: ANN401
    """Write text at a share of the width and a row; never read as mathematics."""
    kept = {"fontsize": TEXT, "color": INK, "va": "center", "ha": "left", **style}
    transform = axes.get_yaxis_transform()
    axes.text(x, y, text, transform=transform, parse_math=False, zorder=5, **kept)


def _explain_axis(axes: "Axes", label: str, ends: tuple[str, str] = ("", "")) -> None:
    """Say below the axis what it measures and which way is which."""
    below = -41 if any(ends) else -27  # points under the axis
    for text, x, y, ha, color in (
        (ends[0], 0.0, -26, "left", INK),
        (ends[1], 1.0, -26, "right", INK),
        (label, 0.5, below, "center", SOFT),
    ):
        axes.annotate(
            text, (x, 0), (0, y), xycoords="axes fraction", textcoords="offset points",
            ha=ha, va="center", fontsize=SMALL, color=color, parse_math=False,
        )  # fmt: skip


def _lines(marks: Sequence[Mark], spread: Sequence[float], log: bool = False) -> "Axes":
    """Lay out one row for each mark: its label above, its bar and lines below."""
    values = [m.value for m in marks if m.value is not None]
    ends = [e for m in marks for e in (*(m.thin or ()), *(m.thick or ()))]
    axes = _blank(len(marks), [*spread, *values], log, ends)
    low, high = axes.get_xlim()
    for at, mark in enumerate(marks):
        _text(axes, 0.0, at + 0.3, mark.label)
        _text(axes, 1.0, at + 0.3, mark.end, ha="right", fontsize=SMALL)
        if mark.reason:
            _text(axes, 0.0, at + 0.72, mark.reason, fontsize=SMALL, color=SOFT)
    for tone, colour in TONES.items():
        drawn = [(at + 0.72, m) for at, m in enumerate(marks) if m.tone == tone]
        bars = [(y, m.thick) for y, m in drawn if m.thick]
        _strokes(axes, bars, (low, high), color=colour, lw=8, alpha=0.35, zorder=2)
        thin = [(y, m.thin) for y, m in drawn if m.thin]
        _strokes(axes, thin, (low, high), color=INK, lw=1.5, zorder=3)
        dots = [(min(max(m.value, low), high), y) for y, m in drawn if m.value is not None]
        _dots(axes, dots, MARKERS[tone], colour, 8.5)
    return axes


def _strokes(
    axes: "Axes",
    spans: Sequence[tuple[float, tuple[float, float]]],
    window: tuple[float, float],
    **style: Any,  # noqa: ANN401
) -> None:
    """Draw all horizontal lines of one style as a single path, each cut at the window."""
    xs: list[float] = []
    ys: list[float] = []
    for y, (lower, upper) in spans:
        xs += [max(lower, window[0]), min(upper, window[1]), math.nan]
        ys += [y, y, math.nan]
    if xs:
        axes.plot(xs, ys, solid_capstyle="butt", **style)


def _dots(
    axes: "Axes",
    dots: Sequence[tuple[float, float]],
    marker: str,
    colour: str,
    size: float,
    **style: Any,  # noqa: ANN401
) -> None:
    if dots:
        xs, ys = zip(*dots, strict=True)
        kept: dict[str, Any] = {
            "markeredgecolor": PAPER,
            "markeredgewidth": 1,
            "zorder": 4,
            **style,
        }
        axes.plot(xs, ys, marker, color=colour, markersize=size, linestyle="none", **kept)


# ----------------------------------------------------------------------------------- attributions


def _legend(axes: "Axes", groups: Sequence[tuple[str, int]], step: float) -> None:
    """List the groups above the inputs, each with its shape and its n."""
    for at, (group, n) in enumerate(groups):
        y = 0.3 + step * at
        place = {"transform": axes.get_yaxis_transform(), "clip_on": False}
        _dots(axes, [(0.015, y)], GROUP_MARKERS[at], TONES["accent"], 7, **place)
        _text(axes, 0.045, y, _label(words.group(group)), fontsize=SMALL)
        _text(axes, 1.0, y, f"n {words.count(n)} explained", ha="right", fontsize=SMALL)


def _input(
    axes: "Axes", feature: str, block: Sequence[Attribution | None], top: float, step: float
) -> None:
    """Draw one input: its name, and a line below it for each group."""
    _text(axes, 0.0, top + 0.3, _label(words.plain(feature)), weight="bold")
    for at, found in enumerate(block):
        if found is None or found.mean is None:
            continue
        y = top + 0.62 + step * (at + 0.2)
        interval = _pair(float, found.lower, found.upper)
        if interval is not None:
            _strokes(axes, [(y, interval)], axes.get_xlim(), color=INK, lw=1.5, zorder=3)
        _dots(axes, [(found.mean, y)], GROUP_MARKERS[at], TONES["accent"], 7)


# ------------------------------------------------------------------------------- budgets and cuts


def _plane(axes: "Axes", found: budgets.Sweep, marked: str) -> None:
    """Set up shares in per cent over places or cuts, and mark what is in use."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    xs = [x for line in found.lines for x in line.xs]
    highest = max(e for line in found.lines for s in line.shares for e in s if e is not None)
    axes.set_xlim(*_window(xs, [], log=False))
    axes.set_ylim(0, min(100.0, 10 * math.ceil(10 * highest + 0.5)))
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    _ticks(axes, log=False)
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
    label = "everyone" if at == 0 else _label(words.group(line.group))
    _text(axes, 0.11, y, label, fontsize=SMALL)
    _text(axes, 1.0, y, f"n {words.count(line.n)}", ha="right", fontsize=SMALL)


def _curve(axes: "Axes", at: int, line: budgets.Line) -> None:
    """Draw a line, and a band where a share is not known exactly."""
    known = [(x, s) for x, s in zip(line.xs, line.shares, strict=True) if s[0] is not None]
    xs = [x for x, _ in known]
    ys, low, high = ([100 * cast("float", s[k]) for _, s in known] for k in range(3))
    axes.plot(xs, ys, zorder=3, **_stroke(at))
    if any(b - a > 0.1 for a, b in zip(low, high, strict=True)):
        axes.fill_between(xs, low, high, color=_stroke(at)["color"], alpha=0.15, lw=0, zorder=1)


def _figure_of(axes: "Axes") -> "Figure":
    return cast("Figure", axes.get_figure())
