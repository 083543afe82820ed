"""An ``AuditRecord`` becomes sections of words and tables: no markup, and every sentence is here.

The command line, notebooks and the page all tell an audit with these.
"""

from auditkit.footprint import Footprint
from auditkit.report.story.amounts import amounts_off
from auditkit.report.story.background import limits, method, proof
from auditkit.report.story.beside import beside_today
from auditkit.report.story.beyond import behaves
from auditkit.report.story.budgets import if_another
from auditkit.report.story.calibration import calibrated
from auditkit.report.story.classes import class_by_class
from auditkit.report.story.comparisons import disparities, performance
from auditkit.report.story.costs import costs
from auditkit.report.story.equal import at_equal_control
from auditkit.report.story.gate import gate
from auditkit.report.story.hidden import hidden
from auditkit.report.story.interventions import altered
from auditkit.report.story.masthead import cover
from auditkit.report.story.measures import REGRESSION
from auditkit.report.story.needs import at_equal_need
from auditkit.report.story.numbers import tables
from auditkit.report.story.own import of_user
from auditkit.report.story.parts import Section
from auditkit.report.story.reliance import relies
from auditkit.report.story.scan import scan
from auditkit.report.story.training import training
from auditkit.report.story.unknowns import unjudged, unknown
from auditkit.report.story.verdict import (
    VerdictLine,
    decision,
    disposition_words,
    headline,
    model_words,
    verdict_lines,
    worst_off_words,
)
from auditkit.results import AuditRecord

__all__ = [
    "VerdictLine",
    "cover",
    "disposition_words",
    "first_page",
    "headline",
    "model_words",
    "sections",
    "unjudged",
    "verdict_lines",
    "worst_off_words",
]


def first_page(record: AuditRecord) -> tuple[Section, ...]:
    """Tell page 1: the decision, and who could not be judged."""
    return decision(record), unknown(record)


def sections(record: AuditRecord, footprint: Footprint | None = None) -> tuple[Section, ...]:
    """Tell the whole audit, in the order in which it is read."""
    return (
        *first_page(record),
        amounts_off(record) if record.system.task == REGRESSION else performance(record),
        disparities(record),
        *at_equal_need(record),
        *at_equal_control(record),
        *beside_today(record),
        *training(record),
        *calibrated(record),
        *class_by_class(record),
        *of_user(record),
        *if_another(record),
        *scan(record),
        *gate(record),
        hidden(record),
        relies(record),
        *behaves(record),
        *altered(record),
        *costs(footprint),
        limits(record),
        method(record),
        proof(record),
        tables(record),
    )
