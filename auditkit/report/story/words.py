"""Numbers, names and symbols in words: the one place where anything is rounded or spelled.

Names of groups and columns come from strangers. ``name`` makes them harmless to read: nothing
invisible stays in them, and right-to-left names keep to themselves inside a sentence.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditkit.results import ALL, CROSS, HIGHEST, NOT_RECORDED, RANGE, REST, SAMPLING, Outcome

THIN = "\u202f"
INTERVAL = f"95{THIN}% interval"
MINUS = "−"
DASH = "–"
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
REPLACEMENT = "\ufffd"
BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


@dataclass(frozen=True, slots=True)
class Look:
    """How an outcome appears everywhere: a shape, a word, and the name of a colour."""

    symbol: str
    phrase: str
    tone: str

    @property
    def text(self) -> str:
        """The shape and the word."""
        return f"{self.symbol} {self.phrase}"


BEYOND = Look("▲", "beyond the limit", "breach")
CANNOT_TELL = Look("◆", "cannot tell", "unsure")
NOT_ASSESSED = Look("○", "not assessed", "none")
INSIDE = Look("●", "within the limit", "within")
DOES_NOT_APPLY = Look("○", "does not apply", "none")

LOOKS: dict[Outcome, Look] = {
    Outcome.BREACH: BEYOND,
    Outcome.INDETERMINATE: CANNOT_TELL,
    Outcome.UNDEFINED: NOT_ASSESSED,
    Outcome.MISSING: NOT_ASSESSED,
    Outcome.WITHIN: INSIDE,
    Outcome.NOT_APPLICABLE: DOES_NOT_APPLY,
}


def _harmless(character: str) -> str:
    hidden = character in BIDI_CONTROLS or unicodedata.category(character) in ("Cc", "Cs")
    unwritable = ord(character) & 0xFFFE == 0xFFFE  # not allowed in XML, so not in a figure
    return REPLACEMENT if hidden or unwritable else character


def plain(text: str) -> str:
    """Replace what cannot be seen, or could turn the text around it, by a visible mark.

    >>> plain("a" + chr(0x202E) + "b") == "a" + chr(0xFFFD) + "b"
    True
    """
    return "".join(_harmless(character) for character in text)


def name(text: str) -> str:
    """Spell a stranger's name so that it can stand in a sentence of another direction."""
    shown = plain(text)
    turned = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in shown)
    return f"{ISOLATE}{shown}{END_ISOLATE}" if turned else shown


_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_BELOW = re.compile(rf"<({_NUMBER})")
_FROM = re.compile(rf">=({_NUMBER})")
_BETWEEN = re.compile(rf"\[({_NUMBER}),({_NUMBER})\)")
_RESERVED = {ALL: "everyone", NOT_RECORDED: "not recorded", SAMPLING: "explained rows only"}


def level(text: str) -> str:
    """Spell one level of an attribute; the ranges that bins make are read out.

    >>> [level(g) for g in ("<18", "[18,31)", ">=61", "female", "(not recorded)")]
    ['under 18', '18 to under 31', '61 and over', 'female', 'not recorded']
    """
    if match := _BELOW.fullmatch(text):
        return f"under {match[1]}"
    if match := _FROM.fullmatch(text):
        return f"{match[1]} and over"
    if match := _BETWEEN.fullmatch(text):
        return f"{match[1]} to under {match[2]}"
    return _RESERVED.get(text) or name(text)


def group(text: str) -> str:
    """Spell a group, crossed or not: ``female*>=61`` is ``female × 61 and over``."""
    return " × ".join(level(part) for part in text.split(CROSS))


def attribute(text: str) -> str:
    """Spell an attribute, crossed or not; underscores are spaces."""
    if text == ALL:
        return "everyone"
    return " × ".join(name(part.replace("_", " ")) for part in text.split(CROSS))


def subject(attribute_id: str, group_id: str) -> str:
    """Name a group with its attribute: ``61 and over (age)``."""
    if not group_id or group_id == ALL:
        return attribute(attribute_id)
    return f"{group(group_id)} ({attribute(attribute_id)})"


def against(text: str, group_id: str = "") -> str:
    """Name what a group is held against."""
    if text == REST:
        return "everyone recorded" if group_id == NOT_RECORDED else "everyone else"
    return {RANGE: "the lowest group", HIGHEST: "the highest group"}.get(text) or group(text)


def spelled(identifier: str) -> str:
    """Spell an identifier that has no words of its own."""
    return name(identifier.replace("_", " "))


def sentence_case(text: str) -> str:
    """Set the first letter in capitals and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def listing(items: Iterable[str]) -> str:
    """Join names: ``a``, ``a and b``, ``a, b and c``."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last


MOST_NAMED = 12


def few(items: Sequence[str], most: int = MOST_NAMED) -> str:
    """Join names with semicolons; a long list is cut and says how many more there are."""
    more = len(items) - most
    return "; ".join(items[:most]) + (f"; and {count(more)} more" if more > 0 else "")


def plural(number: int, one: str, many: str = "") -> str:
    """Count things: ``1 person``, ``2,204 people``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def count(number: float) -> str:
    """Write a count; a sum of weights with one decimal."""
    written = f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"
    return written.replace("-", MINUS)


def told_by(effective_n: float | None) -> str:
    """Say how many people drawn alone would tell as much; empty where it is those counted."""
    return "" if effective_n is None else f"worth {effective_n:,.0f}"


def _signed(text: str, value: float, signed: bool) -> str:
    magnitude = text.lstrip("-")
    if not any(digit in magnitude for digit in "123456789"):
        return magnitude
    return (MINUS if value < 0 else "+" if signed else "") + magnitude


def _digits(value: float, limit: float | None, digits: int) -> int:
    """Find how many digits tell a value from the limit it is held against."""
    if limit is not None:
        while digits < 4 and value != limit and f"{value:.{digits}f}" == f"{limit:.{digits}f}":
            digits += 1
    return digits


def percent(share: float) -> str:
    """Write a share in percent, to one decimal.

    >>> percent(0.3125).replace(THIN, " "), percent(0.0004).replace(THIN, " ")
    ('31.2 %', 'under 0.1 %')
    """
    if 0 < share < 0.0005:
        return f"under 0.1{THIN}%"
    if 0.9995 <= share < 1:
        return f"over 99.9{THIN}%"
    return f"{100 * share:.1f}{THIN}%"


def _trimmed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Scale:
    """How the gaps of one statistic are written.

    ``kind`` is ``points`` (a difference of shares), ``times`` (a ratio) or ``units`` (a difference
    of anything else).
    """

    kind: str

    @property
    def parity(self) -> float:
        """The value of no gap."""
        return 1.0 if self.kind == "times" else 0.0

    def size(self, value: float) -> float:
        """How far a value lies from parity, in either direction; comparable within one scale."""
        if self.kind == "times":
            return abs(math.log(value)) if value > 0 else math.inf
        return abs(value)

    def drawn(self, value: float) -> float:
        """Give the value in the unit of the axis: points, times or units."""
        return 100 * value if self.kind == "points" else value

    def band(self, limit: float) -> tuple[float, float]:
        """Give the two edges of the limit, in the unit of the values."""
        return (1 / limit, limit) if self.kind == "times" else (-limit, limit)

    def number(self, value: float | None, limit: float | None = None, signed: bool = False) -> str:
        """Write a value without its unit; more digits where the limit would look the same."""
        if value is None:
            return DASH
        edge = None if limit is None else self.band(limit)[value > self.parity]
        if self.kind == "units":
            if abs(value) >= 1000:
                return quantity(value, signed)
            return _signed(f"{value:.3g}", value, signed)
        shown, drawn_edge = self.drawn(value), None if edge is None else self.drawn(edge)
        digits = _digits(shown, drawn_edge, 2 if self.kind == "times" else 1)
        return _signed(f"{shown:.{digits}f}", value, signed and self.kind == "points")

    def value(self, value: float | None, limit: float | None = None) -> str:
        """Write a gap with its unit: ``+13.1 points``, ``1.42 times``."""
        text = self.number(value, limit, signed=True)
        return text if value is None else f"{text}{self.unit}"

    def span(self, lower: float | None, upper: float | None, limit: float | None = None) -> str:
        """Write an interval without its unit: ``9.1 to 17.2``."""
        if lower is None and upper is None:
            return DASH
        low = "no lower bound" if lower is None else self.number(lower, limit)
        high = "no upper bound" if upper is None else self.number(upper, limit)
        return f"{low} to {high}"

    def limit(self, limit: float) -> str:
        """Write a limit: ``5 points``, ``1.25 times``."""
        return f"{_trimmed(self.drawn(limit), 4)}{self.unit}"

    @property
    def unit(self) -> str:
        """The unit, with the space before it."""
        return {"points": " points", "times": " times"}.get(self.kind, "")


POINTS = Scale("points")
UNITS = Scale("units")


def scale(statistic: str, shares: bool) -> Scale:
    """Choose how a statistic of a metric is written; ``shares`` says the metric is a share."""
    if statistic == "ratio":
        return Scale("times")
    return Scale("points" if shares else "units")


def rate(estimate: float | None, shares: bool) -> str:
    """Write a metric's value: in percent if it is a share."""
    if estimate is None:
        return DASH
    if not shares and abs(estimate) >= 1000:
        return quantity(estimate)
    return percent(estimate) if shares else f"{estimate:.3g}".replace("-", MINUS)


def rate_span(lower: float | None, upper: float | None, shares: bool) -> str:
    """Write a metric's interval."""
    if lower is None or upper is None:
        return DASH
    if not shares:
        return f"{rate(lower, False)} to {rate(upper, False)}"
    return f"{100 * lower:.1f} to {percent(upper)}"


def confidence(value: float) -> str:
    """Write a level of confidence, with as many digits as it needs: ``99.58 %``."""
    return f"{_trimmed(100 * value, 2)}{THIN}%"


def amount(value: float | None, digits: int, signed: bool = True) -> str:
    """Write a number in the model's unit, with so many decimals."""
    return DASH if value is None else _signed(f"{value:.{digits}f}", value, signed)


def quantity(value: float, signed: bool = False) -> str:
    """Write an amount with three digits or more, and never as a power of ten.

    >>> quantity(12345.6), quantity(0.01234), quantity(-2.5), quantity(2.5, signed=True)
    ('12,346', '0.0123', '−2.5', '+2.5')
    """
    digits = 0 if not value else max(0, 2 - math.floor(math.log10(abs(value))))
    text = _trimmed(value, digits) if digits < 12 else f"{value:.3g}"
    return _signed(f"{round(value):,}" if not digits else text, value, signed)


def decimals(largest: float) -> int:
    """Choose how many decimals leave the largest of some numbers four digits.

    >>> decimals(1.44), decimals(0.02), decimals(1500.0)
    (3, 5, 0)
    """
    return max(0, 3 - math.floor(math.log10(largest))) if largest else 3
