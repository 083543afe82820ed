"""How good the attributions are: how many rows they rest on, and how far they can be off."""

from auditkit.report.story import words
from auditkit.results import CROSS, Explanation

ENDED = {
    "cap": "the plan's cap on explained rows was reached before",
    "work": "more rows are beyond the work this method is allowed",
}


def enough(explanation: Explanation) -> str:
    """Say whether enough rows are explained, and how many it would take; empty if not known."""
    e = explanation
    if e.limited_by == "all":
        return "Every row is explained, so nothing rests on a sample of them."
    if e.half_width is None or e.half_width_aim is None or not e.widest:
        return ""
    group, *_ = e.widest[1:2]
    who = words.spelled(group).replace(CROSS, " and ")
    text = (
        f"Explaining only some of the rows can move a contribution by up to "
        f"{words.quantity(e.half_width)} (95 %; the furthest is that of {who}). The aim is 1 % of "
        f"the output's standard deviation, {words.quantity(e.half_width_aim)}: "
    )
    if e.limited_by not in ENDED:
        return f"{text}it is met."
    text += f"it is not met, because {ENDED[e.limited_by]}."
    if e.rows_needed:
        text += f" About {words.count(e.rows_needed)} rows would be needed."
    return f"{text} What this leaves open is in the line called (sampling)."
