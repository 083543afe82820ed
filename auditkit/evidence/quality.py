"""What is wrong with the rows: every problem at once, every exclusion with a reason and a count.

Works on the levels of each column and their counts, never on rows: it costs the same at any size.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from auditkit.errors import DataError
from auditkit.evidence.amounts import Amounts
from auditkit.evidence.classes import MOST_CLASS_CELLS, ClassCounts, Classing, against_all
from auditkit.evidence.classing import classing
from auditkit.evidence.counts import UNKNOWN, Cell, Counts, Tally
from auditkit.evidence.groups import MOST_LEVELS, groups_of
from auditkit.evidence.keys import (
    BASELINE,
    CONTROL,
    DECISION,
    LABEL,
    NEED,
    STRATUM,
    attribute_names,
)
from auditkit.evidence.levels import Levels, natural, values_of
from auditkit.evidence.outcomes import of_amounts, of_baseline, of_decision, of_label, of_need
from auditkit.plan import AuditPlan
from auditkit.results import ALL, NOT_RECORDED, Exclusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

ERRORS = "error_metrics"
MOST_CONTROLS = 100


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
        labels, decisions = of_amounts(
            plan, columns[LABEL], columns[DECISION], problems, model=model
        )
    else:
        labels = (
            of_need(plan, columns[LABEL])
            if by_need
            else of_label(plan, columns[LABEL], problems, notes)
        )
        decisions = of_decision(
            plan, columns[DECISION], columns[LABEL], problems, notes, model=model
        )
    baseline = of_baseline(plan, columns, problems, notes) if BASELINE in columns else {}
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


def _spelled_as(levels: Levels, places: Mapping[str | None, int]) -> dict[str | None, int]:
    """Place every text of a column by its canonical spelling."""
    spelled, _ = values_of(levels)
    return {None: -1} | {text: places[value] for text, value in spelled.items()}


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
