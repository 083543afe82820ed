"""What was recorded, decided and decided today becomes an outcome: yes, no or unknown."""

from collections.abc import Mapping

from auditkit.errors import listed, seen
from auditkit.evidence.counts import NO, UNKNOWN, YES
from auditkit.evidence.keys import BASELINE, DECISION, LABEL, UNPARSABLE
from auditkit.evidence.levels import (
    FEW_NUMBERS,
    MOST_OUTCOMES,
    Levels,
    taken_for_missing,
    values_of,
)
from auditkit.plan import NUMBER, Above, AuditPlan


def of_label(
    plan: AuditPlan, levels: Levels, problems: list[str], notes: list[str]
) -> dict[str | None, int]:
    """Say for each text of the label column whether it is the positive outcome."""
    name, positives = plan.data.label, plan.data.positives
    if name is None:
        return {None: UNKNOWN}
    spelled, rows = values_of(levels)
    if not rows:
        problems.append(f"Label column '{name}' has no recorded value.")
    elif len(rows) > MOST_OUTCOMES and not plan.data.several_classes:
        problems.append(
            f"Label column '{name}' has {len(rows)} different values ({seen(rows)}), but the "
            f"task is binary classification. Give a label with two values, or say task = "
            f'"multiclass" if they are classes{_or_amounts(rows)}.'
        )
    else:
        problems += [
            f"The positive label '{positive}' never occurs in column '{name}'. "
            f"Values seen: {seen(rows)}. Set data.positive to one of them."
            for positive in positives
            if positive not in rows
        ]
        if len(rows) > 1 and set(rows) <= set(positives):
            problems.append(
                f"data.positive names every value of column '{name}', so nobody has the negative "
                f"outcome. Leave out those that are not what the decision is to find."
            )
    notes += taken_for_missing(
        f"Label column '{name}'", set(rows) - {*positives}, "the negative outcome"
    )
    return {None: UNKNOWN} | {t: YES if v in positives else NO for t, v in spelled.items()}


def _or_amounts(rows: Mapping[str, int]) -> str:
    """Name the task that a label of many numbers fits."""
    if len(rows) <= FEW_NUMBERS or not all(NUMBER.fullmatch(value) for value in rows):
        return ""
    return ', or, if it is an amount that is predicted, set data.task = "regression"'


def of_need(plan: AuditPlan, levels: Levels) -> dict[str | None, int]:
    """Say for each text that need is read as whether it is the positive outcome: in need."""
    chosen = plan.data.in_need
    positive = chosen if isinstance(chosen, tuple) else ("true",)
    spelled, _ = values_of(levels)
    return {None: UNKNOWN} | {t: YES if v in positive else NO for t, v in spelled.items()}


def of_amounts(
    plan: AuditPlan, recorded: Levels, predicted: Levels, problems: list[str], *, model: bool
) -> tuple[dict[str | None, int], dict[str | None, int]]:
    """Place the two sides of the tolerance, and the two directions of an error."""
    prediction = "The model" if model else f"Column '{plan.data.decision}'"
    for name, levels, what in (
        (f"Label column '{plan.data.label}'", recorded, "recorded amounts"),
        (prediction, predicted, "predictions"),
    ):
        if bad := levels.get(UNPARSABLE):
            problems.append(
                f"{name} holds {what}, but {bad} of {sum(levels.values())} rows hold something "
                f"that is not a finite number. The task is regression. Mend or empty those cells."
            )
        elif not any(text is not None for text in levels):
            problems.append(f"{name} holds {what}, but no row has a finite number in it.")
    return (
        {None: UNKNOWN, "within": NO, "beyond": YES},
        {None: UNKNOWN, "below": NO, "above": YES},
    )


def of_decision(
    plan: AuditPlan,
    levels: Levels,
    labels: Levels,
    problems: list[str],
    notes: list[str],
    *,
    model: bool,
) -> dict[str | None, int]:
    """Say for each text of the decision whether it selects."""
    name = "the model's decisions" if model else f"column '{plan.data.decision}'"
    total = sum(levels.values())
    spelled, rows = values_of(levels)
    chosen: tuple[str, ...] = ("true",)
    if bad := levels.get(UNPARSABLE):
        problems.append(
            f"data.selected cuts {name} at a number, but {bad} rows hold something that is not a "
            f"finite number. Mend or empty those cells."
        )
    elif not rows:
        problems.append(f"There is no decision in {name}: all {total} rows are empty.")
    elif isinstance(plan.data.selected, tuple):
        chosen = plan.data.selected
        if unseen := [v for v in chosen if v not in rows]:
            problems.append(
                f"data.selected names {listed(unseen)}, which {name} never holds. Values seen: "
                f"{seen(rows)}."
            )
    elif plan.data.selected is None:
        chosen = plan.data.positives
        if problem := _not_decisions(name, rows, labels, chosen, model=model):
            problems.append(problem)
    notes += taken_for_missing(
        f"{name[0].upper()}{name[1:]}", set(rows) - set(chosen), "not selected"
    )
    return {None: UNKNOWN} | {t: YES if v in chosen else NO for t, v in spelled.items()}


def _not_decisions(
    name: str, rows: Mapping[str, int], labels: Levels, positive: tuple[str, ...], *, model: bool
) -> str:
    """Say why values cannot be taken for decisions in the label's words; empty if they can."""
    if model:
        return ""
    if not positive:
        return f"data.selected is missing: say which values of {name} select. Seen: {seen(rows)}."
    known = dict.fromkeys(positive, 0) | values_of(labels)[1]
    if set(rows) <= set(known):
        return ""
    subject = f"{name[0].upper()}{name[1:]}"
    if any(NUMBER.fullmatch(v) and not float(v).is_integer() for v in rows):
        return (
            f"{subject} holds numbers ({seen(rows)}): probabilities or scores, not decisions. Say "
            f"where the cut is: selected = {{ above = 0.5 }}."
        )
    return (
        f"{subject} holds {seen(rows)}, which are not the label's values "
        f"({seen(known)}). Say which of them select: selected = ..."
    )


def of_baseline(
    plan: AuditPlan,
    columns: Mapping[str, Levels],
    problems: list[str],
    notes: list[str],
) -> dict[str | None, int]:
    """Say for each text of the baseline, or of another run, whether it selects.

    That is read by the values of the decision.

    A value that the decision never has, and that ``selected`` does not name, may be another
    spelling of one that selects. To take it for "not selected" would make the baseline look worse
    than it is, so it is refused.
    """
    name, levels = plan.data.baseline, columns[BASELINE]
    run = name in plan.data.seeds
    what, who = ("another training run", "that run") if run else ("the baseline",) * 2
    key = "data.seeds" if run else "data.baseline"
    spelled, rows = values_of(levels)
    selected, cut = plan.data.selected, isinstance(plan.data.selected, Above)
    chosen: tuple[str, ...] = ("true",)
    if not cut:
        chosen = selected if isinstance(selected, tuple) else plan.data.positives or ("",)
    decided = values_of(columns[DECISION])[1]
    known = set(decided) | set(chosen)
    if not cut and selected is None:
        known |= set(values_of(columns[LABEL])[1])  # then decisions are in the label's words
    if bad := levels.get(UNPARSABLE):
        assert isinstance(selected, Above)  # noqa: S101
        problems.append(
            f"Column '{name}' is {what}, and data.selected cuts decisions above "
            f"{selected.above:g}, but {bad} rows of it hold something that is not a finite number. "
            f"Write a number above {selected.above:g} where {who} selects, one that is not "
            f"where it does not, and leave empty what is not known."
        )
    elif not rows:
        problems.append(
            f"Column '{name}' is {what}, but all {sum(levels.values())} rows of it are empty. Name "
            f"a column that holds decisions, or take it out of {key}."
        )
    elif strange := {value: n for value, n in rows.items() if value not in known}:
        problems.append(
            f"Column '{name}' is {what}, but {sum(strange.values())} rows of it hold "
            f"{seen(strange)}, which are no values of the decision ({seen(decided)}). Write it in "
            f"the words of the decision: {listed(chosen)} where {who} selects."
        )
    notes += taken_for_missing(
        f"Column '{name}'", set(rows) - set(chosen), f"not selected by {who}"
    )
    return {None: UNKNOWN} | {t: YES if v in chosen else NO for t, v in spelled.items()}
