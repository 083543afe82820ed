"""Words that promise more than an audit can are nowhere: not in templates, code or what is told."""

import re
from pathlib import Path

import pytest

import auditkit.report
from auditkit.report import html, story

BANNED = [
    r"\bfair", r"unfair", r"unbiased", r"bias-free", r"certif", r"complian", r"guarante",
    r"\bproves?\b", r"\bpass(ed|es)?\b", r"privileged", r"ground truth", r"\bcauses?\b",
    r"no bias", r"mitigated",
    r"disparate impact", r"significan", r"sampling error", r"outlier", r"\bminorit", r"trustworthy",
    r"\bapproved\b", r"importance", r"threshold", r"probability that", r"low risk",
]  # fmt: skip
FOLDER = Path(auditkit.report.__file__).parent
SOURCES = sorted(p for p in FOLDER.rglob("*") if p.suffix in (".py", ".j2"))
QUOTED = re.compile(r"\"\"\".*?\"\"\"|#.*?$|\"(?:[^\"\\]|\\.)*\"", re.DOTALL | re.MULTILINE)


def spoken(path):
    """What a file can say to people: all of a template, the strings of a module."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".j2":
        return text
    quoted = (m[0] for m in QUOTED.finditer(text))
    return "\n".join(q for q in quoted if not q.startswith(('"""', "#")))


@pytest.mark.parametrize("banned", BANNED)
def test_no_source_can_say(banned):
    assert len(SOURCES) > 12
    found = {p.name: m[0] for p in SOURCES if (m := re.search(banned, spoken(p), re.IGNORECASE))}
    assert not found


@pytest.mark.parametrize("name", ["record", "explored", "unlabelled", "burdened"])
def test_no_page_says(name, request, page_of):
    record = request.getfixturevalue(name)
    said = page_of(record) + html.fragment(record) + story.headline(record)
    found = {b: m[0] for b in BANNED if (m := re.search(b, said, re.IGNORECASE))}
    assert not found


def test_the_lint_would_find_one():
    assert any(re.search(b, "The model is fair.", re.IGNORECASE) for b in BANNED)
    assert "no lower bound" in spoken(FOLDER / "story" / "words.py")
