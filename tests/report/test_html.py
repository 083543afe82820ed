"""One page that needs nothing else, says what it is on every page, and fits into a message."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from auditkit.report import html, story
from auditkit.report.story import words
from auditkit.results import Outcome

RECORDS = ["record", "explored", "unlabelled", "burdened", "hostile"]
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Outline(HTMLParser):
    """Elements in order, and whether each is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.headings = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="session", params=RECORDS)
def page(request, page_of):
    return page_of(request.getfixturevalue(request.param))


@pytest.fixture(scope="session")
def outline(page):
    return Outline(page)


@pytest.fixture(scope="session")
def large():
    """Three attributes whose crossings have 18 groups, as the engine audits them, and a model."""
    import auditkit

    rng = np.random.default_rng(5)
    n = 6000
    rows = pd.DataFrame(
        {
            "region": rng.choice([f"region {i}" for i in range(6)], n),
            "household": rng.choice(["alone", "couple", "family"], n),
            "status": rng.choice(["host", "displaced", "returnee"], n),
            "need": rng.choice(["yes", "no"], n, p=[0.3, 0.7]),
        }
    )
    rows["cash"] = np.where(rng.random(n) < np.where(rows.need == "yes", 0.8, 0.1), "yes", "no")
    rows.loc[:20, "cash"] = None
    audit = auditkit.audit(
        None, rows, decision="cash", label="need", positive="yes", outcome="benefit",
        attributes=["region", "household", "status"], intersections=2, stage="sandbox",
    )  # fmt: skip
    return audit.record


def test_the_same_record_gives_the_same_page(record, page_of):
    assert html.page(record) == page_of(record)
    assert html.fragment(record) == html.fragment(record)


def test_nothing_is_loaded_from_outside(page, outline):
    bare = re.sub(r"(?s)<style>.*?</style>", "", page)
    for tag, attributes in outline.elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "srcset", "poster", "data", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    assert not re.search(r"https?:|//[a-z]|@import", page)
    assert not re.search(r"url\((?!#)", page)
    assert "javascript:" not in bare


def test_the_page_is_well_formed_and_its_headings_in_order(outline):
    assert outline.open == []
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)


def test_ids_are_unique_and_every_reference_holds(outline):
    elements = outline.elements
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a in elements:
        for name in ("href", "aria-labelledby"):
            for wanted in a.get(name, "").split():
                assert wanted.lstrip("#") in ids


def test_scrolling_tables_can_be_reached_and_are_named_apart(outline):
    regions = [a for _, a in outline.elements if a.get("role") == "region"]
    assert regions
    assert all(a.get("tabindex") == "0" for a in regions)
    names = [a["aria-label"] for a in regions]
    assert len(names) == len(set(names))


def test_every_page_is_marked(page):
    marking = "Restricted: holds results by group."
    assert page.index(marking) < page.index("<h1>")
    assert '<li class="mark">Restricted' in page  # stays in sight while scrolling
    assert re.search(r'@page\{[^}]*@top-left\{content:"Restricted: holds results', page)


def test_a_draft_says_so_everywhere(explored, record, page_of):
    page = page_of(explored)
    assert re.search(r'@top-left\{content:"[^"]*DRAFT', page)
    assert '<p class="draft">DRAFT' in page
    assert '<p class="draft">DRAFT' in html.fragment(explored)
    assert "DRAFT" not in page_of(record)


def test_strangers_names_are_escaped(hostile, page_of):
    for text in (page_of(hostile), html.fragment(hostile)):
        assert "<script" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "\u202e" not in text
        assert "\x00" not in text
        text.encode("utf-8")  # a lone surrogate would not


def test_the_page_fits_into_a_message(record, large):
    sizes = Counter(g.attribute for g in large.groups)
    assert len(sizes) == 1 + 6  # everyone, three attributes and their crossings
    assert max(sizes.values()) == 18
    with_attributions = replace(large, explanation=record.explanation, attributions=tuple(
        replace(a, attribute="region", group=f"region {i}")
        for i in range(6) for a in record.attributions if a.group == ">=61"
    ))  # fmt: skip
    page = html.page(with_attributions)
    assert len(page.encode()) < 1_000_000
    assert "Mean attribution of each input, by region" in page


def test_every_group_of_every_table_is_on_the_page(record, page_of):
    page = page_of(record)
    for g in record.groups:
        assert words.group(g.group) in page


def test_the_fragment_is_page_1_and_leaves_its_host_alone(record):
    text = html.fragment(record)
    outline = Outline(text)
    assert outline.open == []
    assert not [a for _, a in outline.elements if "id" in a or "href" in a]
    assert not {"html", "head", "body", "h1", "nav"} & {tag for tag, _ in outline.elements}
    style = re.search(r"(?s)<style>(.*?)</style>", text)[1]
    rules = re.sub(r"@media[^{]+\{", "", style)
    selectors = [s for group in re.findall(r"([^{}]+)\{[^}]*\}", rules) for s in group.split(",")]
    assert selectors
    assert all(s.strip().startswith(".auditkit") for s in selectors)
    assert "Not ready for a decision" in text
    assert "Who could not be judged, and why" in text
    assert "Where these numbers come from" not in text
    assert len(text) < 60_000


def test_page_and_fragment_state_the_same_first_page(record, page_of):
    page, fragment = page_of(record), html.fragment(record)
    for section in story.first_page(record):
        for block in section.blocks:
            for fact in getattr(block, "items", ()):
                said = getattr(fact, "value", fact)
                if isinstance(said, str) and said.isascii():
                    assert said in page
                    assert said in fragment


def test_constant_decisions_are_told_and_not_drawn(record):
    same = tuple(
        replace(
            c, attribute="(all)", group="(all)", outcome=Outcome.UNDEFINED, estimate=None,
            lower=None, upper=None, worse_off="", note="every row has the same decision",
        )
        for c in record.checks[:1]
    )  # fmt: skip
    page = html.page(replace(record, checks=same))
    assert "every row has the same decision" in page
    assert "0 of 1" in page


def test_a_record_with_next_to_nothing_is_told(record):
    empty = replace(
        record, checks=(), measurements=(), disparities=(), attributions=(), findings=(),
        groups=record.groups[:1], disparity_attributions=(), exclusions=(), attributes=(),
        requirements=(), notes=(), reasons=(), date="",
    )  # fmt: skip
    page = html.page(empty)
    assert "No check of this policy can hold the system back." in story.headline(empty)
    assert "Nobody in the data was left out." in page


def test_words_come_without_the_heavy_packages():
    code = (
        "import sys, auditkit.report.story, auditkit.report.html\n"
        "heavy = {'numpy', 'pandas', 'matplotlib', 'jinja2', 'scipy', 'shap', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
