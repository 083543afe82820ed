"""The page in a real browser: axe-core finds nothing, nothing is cut off, every page is marked."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from auditkit.report import html

CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip
TELEPHONE, DESK = 380, 1200
PAGES = ["small", "explored", "hostile", "record"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        "AUDITKIT_REQUIRE_BROWSER" not in os.environ
        and not (Path(CHROMIUM).exists() and Path(CHROMEDRIVER).exists()),
        reason="chromium or chromedriver is not installed: the pages were not looked at",
    ),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    driver = selenium.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.set_script_timeout(180)  # a long page on a busy machine: a look is not timed here
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def places(request, tmp_path_factory, page_of):
    """Where the pages are kept: the whole page of each record, and two fragments in one host."""
    folder = tmp_path_factory.mktemp("pages")
    for name in PAGES:
        (folder / f"{name}.html").write_text(
            page_of(request.getfixturevalue(name)), encoding="utf-8"
        )
    parts = html.fragment(request.getfixturevalue("record")) * 2
    host = f'<!DOCTYPE html><html lang="en"><title>Host</title><body><main><h1>Host</h1>{parts}'
    (folder / "host.html").write_text(f"{host}</main></body></html>", encoding="utf-8")
    return folder


def show(browser, path, width, scheme="light"):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    # Chromium's own windows are never as narrow as a telephone, so the width is emulated.
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(path.as_uri())
    assert browser.execute_script("return innerWidth") == width


def violations(browser):
    axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")
    found = axe.Axe().run(browser)
    assert len(found["passes"]) > 10  # it did look
    return {v["id"]: [n["html"][:120] for n in v["nodes"][:3]] for v in found["violations"]}


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser, places, scheme, width):
    show(browser, places / "small.html", width, scheme)
    assert violations(browser) == {}


@pytest.mark.parametrize("name", ["explored", "hostile", "record"])
def test_axe_finds_no_violation_in_long_pages(browser, places, name):
    show(browser, places / f"{name}.html", TELEPHONE)
    assert violations(browser) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_where_a_fragment_stands_twice(browser, places, scheme):
    show(browser, places / "host.html", DESK, scheme)
    assert violations(browser) == {}


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
@pytest.mark.parametrize("name", [*PAGES, "host"])
def test_the_page_does_not_scroll_sideways(browser, places, name, width):
    show(browser, places / f"{name}.html", width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_text_in_figures_can_be_read_on_a_telephone(browser, places):
    show(browser, places / "record.html", TELEPHONE)
    heights = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].map("
        "t => parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.clientWidth"
        " / t.ownerSVGElement.viewBox.baseVal.width)"
    )
    assert len(heights) > 100
    assert min(heights) >= 9.5


def test_no_text_leaves_its_figure(browser, places):
    for name in ("record", "hostile"):
        show(browser, places / f"{name}.html", DESK)
        outside = browser.execute_script(
            "return [...document.querySelectorAll('svg text')].filter(t => {"
            "const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect();"
            "return a.left < b.left - 1 || a.right > b.right + 1}).map(t => t.textContent)"
        )
        assert outside == []


def test_labels_and_numbers_of_a_figure_do_not_meet(browser, places):
    show(browser, places / "record.html", TELEPHONE)
    met = browser.execute_script(
        "const out = []; for (const svg of document.querySelectorAll('svg')) {"
        "const boxes = [...svg.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]);"
        "for (const [s, a] of boxes) for (const [t, b] of boxes) if (s !== t"
        " && a.left < b.left && a.right > b.left + 1"
        " && Math.abs(a.top - b.top) < 4) out.push(s.textContent + ' | ' + t.textContent)}"
        "return out"
    )
    assert met == []


def test_everything_can_be_read_in_dark(browser, places):
    show(browser, places / "record.html", DESK, "dark")
    ink, paper = browser.execute_script(
        "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    )
    assert sum(map(int, ink[4:-1].split(","))) > 600
    assert sum(map(int, paper[4:-1].split(","))) < 120


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_every_printed_page_is_marked_and_numbered(browser, places, tmp_path):
    show(browser, places / "explored.html", DESK, "dark")
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    path = tmp_path / "report.pdf"
    path.write_bytes(base64.b64decode(printed["data"]))
    text = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
    ).stdout
    pages = text.rstrip("\f").split("\f")
    assert len(pages) > 5
    for number, page in enumerate(pages, start=1):
        assert "Restricted: holds results by group." in page
        assert "DRAFT" in page
        assert f"{number} / {len(pages)}" in page
