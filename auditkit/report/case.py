"""The reasons in one case, in words: for the person, and for whoever handles the case."""

from auditkit.reasons import MOST_VALUES, CaseReasons, Change, Factor
from auditkit.report.story import words

MOST_FACTORS = 5
RESTRICTED = (
    "Restricted. This is about one person. It is for that person and for whoever handles the case, "
    "and is part of no report."
)
CAVEAT = (
    "These are facts about the model. They do not say why things are as they are for the person, "
    "and are not causal: in life other inputs may change too, the model may be changed, and it may "
    "be wrong about this case. Who may have been wrongly left out should be looked at again by a "
    "person."
)


def text(found: CaseReasons) -> str:
    """Tell the decision, what moved the output, and which change the model decides otherwise on."""
    parts = [RESTRICTED, _decision(found), *_factors(found), *_changes(found), CAVEAT]
    return "\n\n".join(parts)


def _decision(found: CaseReasons) -> str:
    if found.decision is None:
        said = "The model gives no decision in this case."
    else:
        which = "selected" if found.selected else "not selected"
        said = f"The model's decision in this case is {words.level(found.decision)}: {which}."
    if found.base is None:
        return said
    digits = words.decimals(max(abs(found.output), abs(found.base)))
    return (
        f"{said} Its output is {words.amount(found.output, digits)} in {found.unit}; over the rows "
        f"it is compared with, the mean is {words.amount(found.base, digits)}."
    )


def _factors(found: CaseReasons) -> list[str]:
    if not found.factors:
        why = words.plain(found.note).rstrip(".")
        return [f"What moved the output is not told. {words.sentence_case(why)}."]
    moved = [f for f in found.factors if f.contribution]
    idle = [words.name(f.feature) for f in found.factors if not f.contribution]
    digits = words.decimals(max((abs(f.contribution) for f in moved), default=0.0))
    lines = [_factor(factor, digits) for factor in moved[:MOST_FACTORS]]
    if others := moved[MOST_FACTORS:]:
        total = sum(f.contribution for f in others)
        told = words.plural(len(others), "other input", "other inputs")
        lines.append(f"  {told}, together: {words.amount(total, digits)}")
    said = [f"No input moved the output from that mean, in {found.unit}."]
    if lines:
        said = ["\n".join([f"What moved the output from that mean, in {found.unit}:", *lines])]
    if idle and lines:
        said.append(f"Inputs that did not move it: {words.listing(idle)}.")
    return said


def _factor(factor: Factor, digits: int) -> str:
    way = "raises" if factor.contribution > 0 else "lowers"
    value = "" if factor.value is None else f" ({_value(factor.value)})"
    amount = words.amount(factor.contribution, digits)
    return f"  {words.name(factor.feature)}{value} {way} it: {amount}"


def _value(value: object) -> str:
    import pandas as pd

    if pd.isna(value):  # type: ignore[call-overload]
        return "no value"
    return f"{value:.10g}" if isinstance(value, float) else words.level(str(value))


def _changes(found: CaseReasons) -> list[str]:
    if not found.actionable:
        return [
            "No input was named that the person can change (actionable), so no change was looked "
            "for."
        ]
    allowed = words.listing([words.name(feature) for feature in found.actionable])
    if not found.changes:
        return [
            f"With none of the values of {allowed} that were tried, up to {MOST_VALUES} of each "
            f"that other people have, one input or two at a time, does the model decide otherwise."
        ]
    return [_change(change, found) for change in found.changes]


def _change(change: Change, found: CaseReasons) -> str:
    held = {f.feature: f.value for f in found.factors}
    told = [
        f"{words.name(feature)} at {_value(value)}"
        + (f" in place of {_value(held[feature])}" if held.get(feature) is not None else "")
        for feature, value in change.values.items()
    ]
    return (
        f"With {words.listing(told)}, and everything else as it is, the model decides "
        f"{words.level(change.decision)}."
    )
