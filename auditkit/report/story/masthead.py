"""What stands above the first section: what was audited, when, and how the page is marked."""

from dataclasses import dataclass

from auditkit.report.story import measures, words
from auditkit.report.story.amounts import harm
from auditkit.report.story.verdict import EXPLORE
from auditkit.results import AuditRecord


@dataclass(frozen=True, slots=True)
class Cover:
    """The title of the page, its markings and the lines under the title.

    ``running`` is repeated on every printed page; ``draft`` is empty outside ``explore``.
    """

    title: str
    kind: str
    marking: str
    short_marking: str
    running: str
    draft: str
    facts: tuple[str, ...]
    description: str
    skip: str = "To the decision"
    contents: str = "Sections"


RESTRICTED = "Restricted: holds results by group. Do not share it outside the organisation."
DRAFT = "DRAFT: an exploration, with no disposition. Not for decisions."


def cover(record: AuditRecord) -> Cover:
    """Tell what was audited, at which stage, when and against which policy."""
    system, policy = record.system, record.policy
    version = f", version {words.name(system.version)}" if system.version else ""
    level = f"risk level {words.plain(policy.level)}" if policy.level else "no risk level"
    draft = system.stage == EXPLORE
    return Cover(
        title=f"{words.name(system.name)}{version}",
        kind="audit (restricted, draft)" if draft else "audit (restricted)",
        marking=RESTRICTED,
        short_marking="Restricted draft" if draft else "Restricted",
        running=f"{RESTRICTED} DRAFT." if draft else RESTRICTED,
        draft=DRAFT if draft else "",
        facts=tuple(
            fact
            for fact in (
                f"Audit at stage {words.spelled(system.stage)}",
                record.date,
                f"policy {words.plain(policy.id)} {words.plain(policy.version)}",
                level,
            )
            if fact
        ),
        description=_description(record),
    )


def _description(record: AuditRecord) -> str:
    system = record.system
    meaning = "a burden" if system.outcome == "burden" else "a benefit"
    outcome = (
        f" The recorded outcome is {measures.label(system)}."
        if system.label
        else " There is no recorded outcome."
    )
    people = f"{words.plural(record.rows.read, 'person', 'people')} in the data"
    if system.task == measures.REGRESSION:
        if record.rows.used < record.rows.read:
            people += f", {words.count(record.rows.used)} with a prediction"
        return (
            f"{people}. The system predicts an amount, {measures.rule(system)}; what is recorded "
            f"is {measures.label(system)}. {harm(record)}"
        )
    if record.rows.used < record.rows.read:
        people += f", {words.count(record.rows.used)} with a decision"
    return (
        f"{people}. Selected means "
        f"{measures.rule(system)}; "
        f"being selected is {meaning} to the person.{outcome}"
    )
