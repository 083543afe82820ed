"""An SVG file, as matplotlib writes it, becomes a small SVG element to stand inside a page."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree as ET

# On the element itself: a style sheet inside it would reach the whole page.
ROOT_STYLE = "font:11px var(--sans, system-ui, sans-serif);stroke-linejoin:round"
DROPPED = ("metadata", "style", "title")
MEASURED = ("d", "x", "y", "width", "height", "transform", "points")
LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")
NO_TURN = re.compile(r"rotate\(-?0(?:\.0+)?[ ,)][^)]*\)?")
FONT = re.compile(r"font: ((?:\w+ )*)([\d.]+px) [^;]*")
REFERENCE = re.compile(r"(url\(#|^#)")
IMPLIED = ("text-anchor: start", "font-size: 11px", "stroke-dashoffset: 0", "font-family")
BETWEEN = re.compile(r">\s+<")


def inline(text: str, title: str, description: str, palette: Mapping[str, str]) -> str:
    """Clean an SVG file for use inside HTML.

    Metadata, style sheets and namespaces go, so that no address is left in it; ids are made the
    figure's own; each colour of ``palette`` becomes a custom property of that name, with the colour
    to fall back on; coordinates keep one decimal.
    """
    key = f"f{hashlib.sha256(f'{title}{text}'.encode()).hexdigest()[:8]}-"
    # matplotlib wrote this text, and escaped every name in it.
    root = ET.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", text))
    used = frozenset(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    cleaned = _Cleaner(key, used, palette)
    body = "".join(ET.tostring(e, encoding="unicode") for e in cleaned.children(root))
    body = BETWEEN.sub("><", body).strip()
    labels = f"{key}title"
    said = f'<title id="{key}title">{escape(title)}</title>'
    if description:
        labels += f" {key}desc"
        said += f'<desc id="{key}desc">{escape(description)}</desc>'
    return (
        f'<svg viewBox="{root.get("viewBox")}" role="img" aria-labelledby="{labels}" '
        f'style="{ROOT_STYLE}">{said}{body}</svg>'
    )


@dataclass(frozen=True)
class _Cleaner:
    """Copies elements without what the page does not need."""

    key: str
    used: frozenset[str]
    palette: Mapping[str, str]

    def children(self, element: ET.Element) -> Iterator[ET.Element]:
        """Copy what is inside an element; groups that say nothing are opened."""
        for child in element:
            tag = child.tag.rpartition("}")[2]
            attributes = self._attributes(child)
            if tag in DROPPED:
                continue
            if tag == "g" and not attributes:
                yield from self.children(child)
                continue
            copy = ET.Element(tag, attributes)
            copy.text = child.text
            copy.extend(self.children(child))
            if tag != "defs" or len(copy):
                yield copy

    def _attributes(self, element: ET.Element) -> dict[str, str]:
        cleaned = {
            name.rpartition("}")[2]: self._value(name.rpartition("}")[2], value)
            for name, value in element.attrib.items()
        }
        return {name: value for name, value in cleaned.items() if value}

    def _value(self, name: str, value: str) -> str:
        if name == "id":
            return f"{self.key}{value}" if value in self.used else ""
        if name == "style":
            value = self._style(value)
        elif name in MEASURED:
            value = NO_TURN.sub("", LONG_NUMBER.sub(_rounded, value))
        return " ".join(REFERENCE.sub(rf"\g<1>{self.key}", value).split())

    def _style(self, value: str) -> str:
        rules = FONT.sub(r"font-size: \2; font-weight: \1", value).split(";")
        kept = [rule.strip() for rule in rules if rule.partition(":")[2].strip()]
        text = ";".join(rule.replace(": ", ":") for rule in kept if not rule.startswith(IMPLIED))
        for name, colour in self.palette.items():
            text = text.replace(colour, f"var(--{name},{colour})")
        return text


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")
