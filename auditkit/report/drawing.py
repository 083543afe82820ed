"""How figures are drawn: the page's colours, one style, axes, text and marks.

A figure is as wide as a telephone, and its colours are a palette that the page can change. Here
is the door to matplotlib.
"""

import math
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

from auditkit.report.story import words
from auditkit.report.vector import inline

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


@contextmanager
def styled(salt: str = "") -> Iterator[None]:
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


def svg(figure: "Figure", title: str, description: str = "") -> str:
    """Write a figure as SVG to stand inside an HTML page: the same bytes each time.

    It has a title and a description for those who cannot see it, ids that no other figure of the
    page has, colours that follow the page, text as text, and no address of anything outside.
    """
    out = StringIO()
    with styled(salt=title):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return inline(out.getvalue(), title, description, PALETTE)


@cache
def figure_kind() -> "type[Figure]":
    """Give the kind of figure that notebooks show; made when it is first asked for."""
    from matplotlib.figure import Figure

    class Drawing(Figure):
        """A figure that a notebook shows by itself, whether or not pyplot was imported."""

        def _repr_html_(self) -> str:
            drawn = svg(self, str(self.get_label()))
            return f'<div style="max-width:33rem">{drawn}</div>'

    return Drawing


def blank_axes(
    rows: float, values: Sequence[float], log: bool = False, ends: Sequence[float] = ()
) -> "Axes":
    """Make a figure as high as its rows, with one axis below, around values and interval ends."""
    height = TOP + ROW * rows + BOTTOM
    figure = figure_kind()(figsize=(WIDTH, height), facecolor=PAPER)
    box = (SIDE / WIDTH, BOTTOM / height, 1 - 2 * SIDE / WIDTH, ROW * rows / height)
    axes = figure.add_axes(box, facecolor="none")
    axes.set(ylim=(rows, 0), yticks=[])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.set_xlim(*stretch(values, ends, log))
    if log:
        axes.set_xscale("log")
    mark_ticks(axes, log)
    return axes


def stretch(values: Sequence[float], ends: Sequence[float], log: bool) -> tuple[float, float]:
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


def mark_ticks(axes: "Axes", log: bool) -> None:
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


def explain_axis(axes: "Axes", label: str, ends: tuple[str, str] = ("", "")) -> None:
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


def write(axes: "Axes", x: float, y: float, text: str, **style: Any) -> None:  # noqa: ANN401
    """Write text at a share of the width and a row; never read as mathematics."""
    kept = {"fontsize": TEXT, "color": INK, "va": "center", "ha": "left", **style}
    transform = axes.get_yaxis_transform()
    axes.text(x, y, text, transform=transform, parse_math=False, zorder=5, **kept)


def short(text: str, fits: int = LABEL_FITS) -> str:
    """Cut a name that would run into what stands at the end of its line; the table has it whole."""
    width = 0
    bare = text.replace(words.ISOLATE, "").replace(words.END_ISOLATE, "")
    for at, character in enumerate(bare):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > fits:
            return bare[: at - 1].rstrip() + "…"
    return bare


def ends_of(
    drawn: Callable[[float], float], lower: float | None, upper: float | None
) -> tuple[float, float] | None:
    """Turn an interval into its two ends; one without an end runs out of the figure."""
    if lower is None and upper is None:
        return None
    return (
        -math.inf if lower is None else drawn(lower),
        math.inf if upper is None else drawn(upper),
    )


def draw_strokes(
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


def draw_dots(
    axes: "Axes",
    dots: Sequence[tuple[float, float]],
    marker: str,
    colour: str,
    size: float,
    **style: Any,  # noqa: ANN401
) -> None:
    """Draw all marks of one shape as a single path."""
    if dots:
        xs, ys = zip(*dots, strict=True)
        kept: dict[str, Any] = {
            "markeredgecolor": PAPER,
            "markeredgewidth": 1,
            "zorder": 4,
            **style,
        }
        axes.plot(xs, ys, marker, color=colour, markersize=size, linestyle="none", **kept)


def figure_of(axes: "Axes") -> "Figure":
    """Return the figure that axes are part of."""
    return cast("Figure", axes.get_figure())
