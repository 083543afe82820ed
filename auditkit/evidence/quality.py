"""What is wrong with the rows: every problem at once, every exclusion with a reason and a count.

Works on the levels of each column and their counts, never on rows: it costs the same at any size.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from auditkit.errors import MOST_SHOWN, DataError, listed, looks_personal, seen
from auditkit.evidence.amounts import Amounts
from auditkit.evidence.classes import MOST_CLASS_CELLS, ClassCounts, Classing, against_all
from auditkit.evidence.classing import classing
from auditkit.evidence.counts import NO, UNKNOWN, YES, Cell, Counts, Tally
from auditkit.evidence.keys import (
    BASELINE,
    CONTROL,
    DECISION,
    LABEL,
    NEED,
    STRATUM,
    UNPARSABLE,
    attribute_names,
)
from auditkit.evidence.levels import (
    FEW_NUMBERS,
    MOST_EXAMPLES,
    MOST_OUTCOMES,
    Levels,
    alike,
    natural,
    shown,
    values_of,
)
from auditkit.plan import NUMBER, Above, Attribute, AuditPlan, canonical, unusable_group, visible
from auditkit.results import ALL, NOT_RECORDED, Exclusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

ERRORS = "error_metrics"
MOST_LEVELS = 500
MOST_CONTROLS = 100
FEW_WORDS = 4  # and still are with a word or two among them, one to this many numbers
LOOKS_MISSING = frozenset({"na", "n/a", "nan", "none", "null", "nil", "?", "-", ".", "unknown", ""})
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
DATE_LIKE = re.compile(rf"(?:\d{{1,2}}[-/ ](?:{MONTHS})|(?:{MONTHS})[-/ ]\d{{1,2}})", re.IGNORECASE)
RANGE_LIKE = re.compile(r"\d+\s*[-–]\s*\d+")


@dataclass(frozen=True)
class Quality:
    """How raw values become groups, outcomes and decisions, and what was left out."""

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    groups: tuple[Mapping[str | None, int], ...]
    actual: Mapping[str | None, int]
    selected: Mapping[str | None, int]
    strata: Mapping[str | None, int]
    controls: Mapping[str | None, int]
    notes: tuple[str, ...]
    baseline: Mapping[str | None, int] = field(default_factory=dict)
    classes: Classing | None = None
    needs: Mapping[str | None, int] = field(default_factory=dict)

    def codes(self, cell: Cell) -> list[int]:
        """Place the attribute texts of a cell in their groups; -1 is not recorded."""
        return [group[text] for group, text in zip(self.groups, cell, strict=True)]

    def counts(self, tally: Tally, amounts: Amounts) -> Counts:
        """Turn a tally of texts into counts of groups and outcomes, whatever the baseline is."""
        return self._counts(tally, amounts, 9, self._outcome, [*amounts.need])

    def paired(self, tally: Tally, amounts: Amounts) -> Counts:
        """Turn a tally into counts of groups, outcomes and both decisions: 27 to a cell."""

        def outcome(cell: Cell) -> int:
            return 9 * self.baseline[cell[-3]] + self._outcome(cell)

        return self._counts(tally, amounts, 27, outcome)

    def by_class(self, tally: Tally, amounts: Amounts) -> ClassCounts:
        """Turn a tally into counts of groups by recorded class and decided class.

        Raises
        ------
        DataError
            The attributes and the pairs of classes make more cells than can be held.
        """
        import numpy as np

        assert self.classes is not None  # noqa: S101
        actual, decided = self.classes.actual, self.classes.decided
        found = sorted({(actual[cell[-2]], decided[cell[-1]]) for cell in tally})
        places = {pair: place for place, pair in enumerate(found)}
        cells = len({cell[:-2] for cell in tally})
        if cells * len(found) > MOST_CLASS_CELLS:
            raise DataError(
                f"{len(found):,} pairs of recorded and decided class in {cells:,} combinations of "
                f"attributes are more than {MOST_CLASS_CELLS:,} cells. Declare fewer attributes, "
                f"or merge their values or the classes."
            )

        def outcome(cell: Cell) -> int:
            return places[actual[cell[-2]], decided[cell[-1]]]

        counts = self._counts(tally, amounts, len(found), outcome)
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        return ClassCounts(self.classes.names, pairs, counts)

    def against_all(self, place: int) -> "Quality":
        """Read one class as the positive outcome and as the decision that selects."""
        assert self.classes is not None  # noqa: S101
        size = len(self.classes.names)

        def one(places: Mapping[str | None, int]) -> dict[str | None, int]:
            return {text: against_all(at, place, size) for text, at in places.items()}

        classes = self.classes
        return replace(self, actual=one(classes.actual), selected=one(classes.decided))

    def _outcome(self, cell: Cell) -> int:
        return 3 * self.actual[cell[-2]] + self.selected[cell[-1]]

    def _counts(
        self,
        tally: Tally,
        amounts: Amounts,
        outcomes: int,
        outcome: Callable[[Cell], int],
        need: Sequence[str] = (),
    ) -> Counts:
        import numpy as np

        width = 3 if amounts.weighted else 1
        kept = width + len(need)
        size = len(self.attributes)
        named = {"strata": self.strata, "controls": self.controls, "needs": self.needs}
        declared = {name: places for name, places in named.items() if places}
        table: dict[tuple[int, ...], NDArray[np.int64]] = {}
        for cell, sums in tally.items():
            beside = cell[size : size + len(declared)]
            extra = (places[text] for places, text in zip(declared.values(), beside, strict=True))
            place = (*self.codes(cell[:size]), *extra)
            row = table.setdefault(place, np.zeros((kept, outcomes), dtype=np.int64))
            row[:, outcome(cell)] += sums[:kept]
        cells = sorted(place for place, row in table.items() if row[0].any())
        codes = np.array(cells, dtype=np.int64).reshape(len(cells), -1)
        whole = np.array([table[cell] for cell in cells], dtype=np.int64).reshape(
            -1, kept, outcomes
        )
        places_of = {name: codes[:, size + i] for i, name in enumerate(declared)}
        return Counts(
            self.attributes,
            self.levels,
            codes[:, :size],
            whole[:, 0],
            whole[:, 1] / 2.0**amounts.bits if amounts.weighted else None,
            whole[:, 2] / 2.0**amounts.square_bits if amounts.weighted else None,
            places_of.get("strata"),
            places_of.get("controls"),
            tuple(text for text in self.controls if text is not None),
            places_of.get("needs"),
            {
                name: whole[:, width + i] / 2.0 ** amounts.need_bits[name]
                for i, name in enumerate(need)
            },
        )


def examine(
    plan: AuditPlan,
    columns: Mapping[str, Levels],
    declared: Sequence[Sequence[str]],
    *,
    model: bool,
    needs: Mapping[str | None, int] | None = None,
) -> Quality:
    """Look at the levels of every attribute, the label and the decision.

    Parameters
    ----------
    columns : mapping of str to Levels
        By the name of the key.
    declared : sequence of sequence of str
        Levels that each attribute's column declares though no row may have them.
    model : bool
        Whether the decisions come from a model.
    needs : mapping of str to int, optional
        The fine band of each name that need is counted under.

    Raises
    ------
    DataError
        Lists every problem.
    """
    problems: list[str] = []
    notes: list[str] = []
    resolved = [
        groups_of(attribute, columns[name], known, problems, notes)
        for attribute, name, known in zip(
            plan.measured, attribute_names(columns), declared, strict=True
        )
    ]
    roles = {LABEL: plan.data.label, DECISION: plan.data.decision, CONTROL: plan.data.control}
    roles[BASELINE] = plan.data.baseline
    roles |= dict(zip(attribute_names(columns), (a.column for a in plan.measured), strict=True))
    notes += [
        f"Column '{roles[name]}': {rows:,} rows spell their value in another Unicode form than "
        f"NFC. They were counted under the NFC form."
        for name, levels in columns.items()
        if (rows := sum(n for text, n in levels.items() if text and not _is_nfc(text)))
        and roles.get(name)
    ]
    by_need = plan.data.label is None and plan.data.in_need is not None
    if plan.data.amounts:
        labels, decisions = _amounts(plan, columns[LABEL], columns[DECISION], problems, model=model)
    else:
        labels = (
            _in_need(plan, columns[LABEL])
            if by_need
            else _label(plan, columns[LABEL], problems, notes)
        )
        decisions = _decision(plan, columns[DECISION], columns[LABEL], problems, notes, model=model)
    baseline = _baseline(plan, columns, problems, notes) if BASELINE in columns else {}
    classes = None
    if plan.data.several_classes:
        classes = classing(plan, columns, problems, notes, model=model)
    strata = _strata(plan, columns[STRATUM], problems) if STRATUM in columns else {}
    controls = _controls(plan, columns[CONTROL], problems) if CONTROL in columns else {}
    if problems:
        raise DataError(*problems)
    return Quality(
        attributes=tuple(a.name for a in plan.measured),
        levels=tuple(groups for groups, _ in resolved),
        groups=tuple(places for _, places in resolved),
        actual=labels,
        selected=decisions,
        strata=strata,
        controls=controls,
        notes=tuple(notes),
        baseline=baseline,
        classes=classes,
        needs=_spelled_as(columns[NEED], needs) if needs is not None else {},
    )


def _is_nfc(text: str) -> bool:
    return unicodedata.is_normalized("NFC", text)


def groups_of(
    attribute: Attribute,
    levels: Levels,
    declared: Sequence[str],
    problems: list[str],
    notes: list[str],
) -> tuple[tuple[str, ...], dict[str | None, int]]:
    """Name an attribute's groups in order, and place every text in one of them."""
    name = attribute.column
    recorded = {text: n for text, n in levels.items() if text is not None}
    if not recorded:
        problems.append(
            f"Column '{name}' has no recorded value in {sum(levels.values())} rows. If attribute "
            f"'{attribute.name}' was not collected, say so: state = \"not_collected\"."
        )
        return (), {None: -1}
    if attribute.bins is not None:
        if bad := recorded.get(UNPARSABLE):
            problems.append(
                f"Column '{name}' is binned, but {bad} rows hold something that is not a finite "
                f"number. Mend or empty those cells."
            )
        order = list(attribute.groups_of_bins)
        group_of = {text: text for text in recorded}
    else:
        group_of, order = _named_groups(attribute, recorded, declared, problems, notes)
    if attribute.reference is not None and attribute.reference not in order:
        sizes = dict.fromkeys(order, 0)
        for text, group in group_of.items():
            sizes[group] = sizes.get(group, 0) + recorded[text]
        problems.append(
            f"Attribute '{attribute.name}' has no group '{attribute.reference}' to be the "
            f"reference. Its groups: {seen(sizes)}."
        )
    places = {group: i for i, group in enumerate(order)}
    texts: dict[str | None, int] = {t: places.get(g, -1) for t, g in group_of.items()}
    return tuple(order), {None: -1, **texts}


def _named_groups(
    attribute: Attribute,
    recorded: dict[str, int],
    declared: Sequence[str],
    problems: list[str],
    notes: list[str],
) -> tuple[dict[str, str], list[str]]:
    """Carry out merges and labels, and look at what names remain."""
    labels = attribute.labels if isinstance(attribute.labels, dict) else {}
    merged = {v: group for group, values in (attribute.merge or {}).items() for v in values}

    def group(value: str) -> str:
        value = merged.get(value, value)
        return labels.get(value, value)

    spelled, rows = values_of(recorded)
    if problem := _identifier(attribute.column, {group(value): n for value, n in rows.items()}):
        problems.append(problem)  # and nothing more, because anything more would quote people
        return {text: text for text in recorded}, list(recorded)
    absent = [v for v in merged if v not in rows]
    if absent:
        notes.append(f"Attribute '{attribute.name}': merged values without rows: {listed(absent)}.")
    notes += [
        f"Attribute '{attribute.name}': {listed(values)} were counted as '{target}'."
        for target, values in (attribute.merge or {}).items()
    ]
    group_of = {text: group(value) for text, value in spelled.items()}
    levels = {text for level in declared if (text := canonical(level))}
    names = {*group_of.values(), *map(group, levels)}
    names |= {group(value) for value in labels} | set(attribute.merge or {}) - set(labels)
    known = {*rows, *levels} - set(merged)
    problems += [
        f"Attribute '{attribute.name}': the label '{label}' of '{value}' is also a value of "
        f"column '{attribute.column}' ({rows.get(label, 0)} rows). If they are one group, say so: "
        f'merge = {{ "{label}" = [...] }}; else choose another label.'
        for value, label in labels.items()
        if label != value and label in known
    ]
    loose = {value: n for value, n in rows.items() if value not in labels and value not in merged}
    problems += _unusable(attribute.column, sorted(names), personal=_personal(rows))
    problems += _scale(attribute.column, loose)
    problems += _look_alikes(attribute.column, sorted(names), personal=_personal(rows))
    notes += _marks(f"Attribute '{attribute.name}'", names, "a group")
    dates = sorted(g for g in names if DATE_LIKE.search(g))
    if dates and any(RANGE_LIKE.search(g) for g in names):
        notes.append(
            f"Attribute '{attribute.name}': {listed(dates)} may be a range that a spreadsheet "
            f"turned into a date."
        )
    return group_of, sorted(names, key=natural)


def _personal(rows: Mapping[str, int]) -> bool:
    return looks_personal(len(rows), sum(rows.values()))


def _identifier(name: str, rows: Mapping[str, int]) -> str:
    """Say why a column tells people apart, not groups; empty if it does not."""
    values, people = len(rows), sum(rows.values())
    scale = sum(bool(NUMBER.fullmatch(value)) for value in rows) == values
    if scale or values <= min(MOST_LEVELS, max(MOST_SHOWN, people / 2)):
        return ""
    return (
        f"Column '{name}' has {values} values in {people} rows: it looks like an identifier, not a "
        f"group. Put numbers into bins, merge values, or choose another column."
    )


def _marks(who: str, values: Iterable[str], as_what: str) -> list[str]:
    """Note values that may stand for a missing one."""
    marks = sorted(v for v in values if visible(v).lower() in LOOKS_MISSING)
    if not marks:
        return []
    return [
        f"{who}: {listed(marks)} may stand for a missing value; it was counted as {as_what}. "
        f"Only empty cells count as {NOT_RECORDED}."
    ]


def _unusable(name: str, groups: Sequence[str], *, personal: bool) -> list[str]:
    """Refuse values that cannot name a group; a few are told, of people's none."""
    bad = [problem for group in groups if (problem := unusable_group(group))]
    if bad and personal:
        return [
            f"Column '{name}' has {len(bad)} values that cannot name a group: they hold '*', are "
            f"words of the tables, or show nothing. Merge them under other names."
        ]
    shown = [f"Column '{name}': {problem}." for problem in bad[:MOST_EXAMPLES]]
    if more := len(bad) - len(shown):
        shown.append(f"Column '{name}' has {more} more such values.")
    return shown


def _scale(name: str, rows: Mapping[str, int]) -> list[str]:
    """Refuse numbers that were not put into bins: each would be a group of its own."""
    values = sorted(float(text) for text in rows if NUMBER.fullmatch(text))
    words = {text: n for text, n in rows.items() if not NUMBER.fullmatch(text)}
    if len(values) <= FEW_NUMBERS or len(words) * FEW_WORDS > len(values):
        return []
    what, cuts = "", "[18, 61]"
    if len(values) <= sum(rows.values()) / 2:  # else each number may be one person's
        what = f", from {values[0]:g} to {values[-1]:g}"
        cuts = str(sorted({round(values[len(values) * k // 4]) for k in (1, 2, 3)}))
    beside = ""
    if words:
        beside = (
            f" Beside them are {seen(words)}, {sum(words.values())} rows in all; bins want those "
            f"cells mended or empty."
        )
    return [
        f"Column '{name}' holds {len(values)} different numbers{what}. Put them into bins, such as "
        f"bins = {cuts}; if they are codes, give each a label.{beside}"
    ]


def _look_alikes(name: str, groups: Sequence[str], *, personal: bool) -> list[str]:
    """Refuse values that differ only in what cannot be told by eye: one group made two."""
    same = alike(groups)
    if same and personal:
        return [
            f"Column '{name}' has {sum(map(len, same))} values that differ from another only in "
            f"case, spaces or characters that cannot be seen. If they are one group, merge them."
        ]
    told = [
        f"Column '{name}' has values that differ only in case, spaces or characters that cannot be "
        f"seen: {listed([shown(value) for value in values], MOST_EXAMPLES)}. If they are one "
        f'group, say so: merge = {{ "{visible(values[0])}" = [...] }}.'
        for values in same[:MOST_EXAMPLES]
    ]
    if more := len(same) - len(told):
        told.append(f"Column '{name}' has {more} more sets of such values.")
    return told


def _label(
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
    notes += _marks(f"Label column '{name}'", set(rows) - {*positives}, "the negative outcome")
    return {None: UNKNOWN} | {t: YES if v in positives else NO for t, v in spelled.items()}


def _in_need(plan: AuditPlan, levels: Levels) -> dict[str | None, int]:
    """Say for each text that need is read as whether it is the positive outcome: in need."""
    chosen = plan.data.in_need
    positive = chosen if isinstance(chosen, tuple) else ("true",)
    spelled, _ = values_of(levels)
    return {None: UNKNOWN} | {t: YES if v in positive else NO for t, v in spelled.items()}


def _spelled_as(levels: Levels, places: Mapping[str | None, int]) -> dict[str | None, int]:
    """Place every text of a column by its canonical spelling."""
    spelled, _ = values_of(levels)
    return {None: -1} | {text: places[value] for text, value in spelled.items()}


def _or_amounts(rows: Mapping[str, int]) -> str:
    """Name the task that a label of many numbers fits."""
    if len(rows) <= FEW_NUMBERS or not all(NUMBER.fullmatch(value) for value in rows):
        return ""
    return ', or, if it is an amount that is predicted, set data.task = "regression"'


def _amounts(
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


def _decision(
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
    notes += _marks(f"{name[0].upper()}{name[1:]}", set(rows) - set(chosen), "not selected")
    return {None: UNKNOWN} | {t: YES if v in chosen else NO for t, v in spelled.items()}


def _baseline(
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
    notes += _marks(f"Column '{name}'", set(rows) - set(chosen), f"not selected by {who}")
    return {None: UNKNOWN} | {t: YES if v in chosen else NO for t, v in spelled.items()}


def _strata(plan: AuditPlan, levels: Levels, problems: list[str]) -> dict[str | None, int]:
    """Give each sampling stratum its place; values are told apart as they are written."""
    name = plan.data.strata
    if missing := levels.get(None):
        problems.append(
            f"Column '{name}' names sampling strata, but {missing} rows have none. Every row was "
            f"drawn from some stratum; fill those cells."
        )
    values = sorted({text for text in levels if text is not None}, key=natural)
    if len(values) > MOST_LEVELS:
        problems.append(
            f"Column '{name}' names {len(values)} sampling strata: it looks like an identifier. "
            f"Name a column with at most {MOST_LEVELS} strata."
        )
    return {text: place for place, text in enumerate(values)}


def _controls(plan: AuditPlan, levels: Levels, problems: list[str]) -> dict[str | None, int]:
    """Give each value of the control its place; -1 is not recorded."""
    name = plan.data.control
    values = sorted({text for text in levels if text is not None}, key=natural)
    if not values:
        problems.append(f"Column '{name}' is the control, but no row has a value in it.")
    if len(values) > MOST_CONTROLS:
        problems.append(
            f"Column '{name}' is the control, but holds {len(values)} values. Groups are compared "
            f"at each; put them into at most {MOST_CONTROLS}."
        )
    return {None: -1, **{text: place for place, text in enumerate(values)}}


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


def exclusions(
    plan: AuditPlan, counts: Counts, paired: Counts | None = None
) -> tuple[Exclusion, ...]:
    """Count the rows left out by reason: everywhere, and by group of each attribute."""
    import numpy as np

    cells = counts.table.reshape(-1, 3, 3)
    undecided = cells[:, :, UNKNOWN].sum(axis=1)
    unlabelled = cells[:, UNKNOWN, :UNKNOWN].sum(axis=1) * (plan.data.label is not None)
    amounts = plan.data.amounts
    reasons = [
        ("no prediction" if amounts else "no decision", "all", undecided),
        ("no recorded amount" if amounts else "no recorded outcome", ERRORS, unlabelled),
    ]
    if counts.needs is not None:
        without = cells[:, :, :UNKNOWN].sum(axis=(1, 2)) * (counts.needs < 0)
        scope = "need" if plan.data.label is not None or plan.data.in_need is None else ERRORS
        reasons.append(("no recorded need", scope, without))
    if paired is not None:
        both = paired.table.reshape(-1, 3, 3, 3)
        without = both[:, UNKNOWN, :, :UNKNOWN].sum(axis=(1, 2))
        reasons.append(("no baseline decision", "baseline", without))
    out = []
    for reason, scope, rows in reasons:
        if not rows.any():
            continue
        out.append(Exclusion(reason, scope, ALL, ALL, int(rows.sum())))
        for place, (attribute, groups) in enumerate(
            zip(counts.attributes, counts.levels, strict=True)
        ):
            sums = np.zeros(len(groups) + 1, dtype=np.int64)
            np.add.at(sums, counts.codes[:, place], rows)
            out += [
                Exclusion(reason, scope, attribute, group, int(n))
                for group, n in zip((*groups, NOT_RECORDED), sums.tolist(), strict=True)
                if n
            ]
    return tuple(out)
