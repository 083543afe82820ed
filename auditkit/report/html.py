"""One audit as one page that needs nothing else: sections of the story and figures, laid out.

The same record gives the same bytes. Names of groups and columns come from strangers, so every
word is escaped; the only markup that enters as such is that of the figures.
"""

from typing import TYPE_CHECKING

from auditkit.footprint import Footprint
from auditkit.report import drawing, figures, story
from auditkit.report.story import proxies
from auditkit.report.story.parts import Chart
from auditkit.results import AuditRecord

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def page(record: AuditRecord, footprint: Footprint | None = None) -> str:
    """Write the whole report as one HTML page, with its style and figures inside.

    Returns
    -------
    str
        A document without scripts and without the address of anything outside it.
    """
    template = _environment(record).get_template("page.html.j2")
    return template.render(
        cover=story.cover(record), sections=story.sections(record, footprint), scroll_role="region"
    )


def fragment(record: AuditRecord) -> str:
    """Write page 1 as a fragment to stand inside another page, such as a notebook.

    Returns
    -------
    str
        An element with a style of its own; it has no ids, so it may stand there twice.
    """
    template = _environment(record).get_template("fragment.html.j2")
    return template.render(
        cover=story.cover(record),
        sections=story.first_page(record),
        scroll_role="group",  # not a landmark: the host may show the same audit twice
    )


def _environment(record: AuditRecord) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def drawn(chart: Chart) -> "Markup":
        return Markup(_draw(record, chart))

    environment = Environment(
        loader=PackageLoader("auditkit.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.filters["drawn"] = drawn
    environment.globals["palette"] = drawing.PALETTE
    return environment


def _draw(record: AuditRecord, chart: Chart) -> str:
    if chart.kind == "gaps":
        figure = figures.gaps(record, chart.subject, chart.attribute)
    elif chart.kind == "rates":
        figure = figures.rates(record, chart.subject, chart.attribute)
    elif chart.kind == "beside":
        figure = figures.beside(record, chart.subject, chart.attribute)
    elif chart.kind == "equal_need":
        figure = figures.at_equal_need(record, chart.attribute)
    elif chart.kind == "flips":
        figure = figures.flips(record, chart.attribute)
    elif chart.kind == proxies.KIND:
        figure = figures.proxies(record, chart.attribute)
    elif chart.kind in figures.AXES:
        figure = figures.swept(record, chart.kind, chart.attribute)
    else:
        figure = figures.attributions(record, chart.attribute)
    return drawing.svg(figure, chart.title, chart.description)
