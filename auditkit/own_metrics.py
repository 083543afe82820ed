"""A user's own metric, as scikit-learn writes them, on every group and against the rest.

The function is given the few pairs of recorded outcome and decision that there are, with the people
of each as ``sample_weight``, never rows. It is called again and again, and may raise or return
anything.
"""

import hashlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from auditkit.disparity import ONE_GROUP
from auditkit.errors import PlanError, listed
from auditkit.evidence.counts import NO, YES, GroupTable, tabulate
from auditkit.evidence.gather import Evidence
from auditkit.metrics.registry import metrics
from auditkit.plan import AuditPlan
from auditkit.results import ALL, MACRO, NOT_RECORDED, REST, OwnMetric, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Function = Callable[..., Any]
"""``f(y_true, y_pred, sample_weight=None)``, a number."""

DRAWS = 500
"""Resamples behind an interval. Its ends move by about 6 % of half its width with the seed."""
PROBES = ((2, 3, 7, 13, 1, 5), (11, 1, 5, 2, 3, 7))
"""Repetitions with which weights are held against repeated rows; no two cells balance."""
SAME = 1e-9
PEOPLE_A_CELL = 5
"""Half a person is added to each cell of a draw: this many a cell keep them under a tenth."""
BINARY_CELLS = 4

DRAWN = "no interval: people are weighted, or drawn in clusters or strata"


def refuse_unfit(own: object, plan: AuditPlan, *, counted: bool) -> None:
    """Refuse metrics that are not functions or have a name of ours, or that there is nothing for.

    Parameters
    ----------
    own : object
        What was given as a mapping of names to functions.
    plan : AuditPlan
    counted : bool
        Whether the source is a table of counts, which records outcomes without a label column.

    Raises
    ------
    PlanError
        Lists every problem.
    """
    if not isinstance(own, Mapping):
        raise PlanError(
            f"metrics is a {type(own).__name__}. Give a mapping of names to functions "
            f"f(y_true, y_pred, sample_weight=None)."
        )
    problems = []
    for name, function in own.items():
        if not isinstance(name, str) or not name.strip():
            problems.append("metrics: a name is empty or no text. Name each metric by a text.")
        elif name in metrics() or name == MACRO:
            problems.append(
                f"metrics: '{name}' is a metric of auditkit, with a meaning of its own. Choose "
                f"another name."
            )
        if not callable(function):
            problems.append(
                f"metrics: '{name}' is a {type(function).__name__}. Give a function "
                f"f(y_true, y_pred, sample_weight=None)."
            )
    if own and plan.data.amounts:
        # the two sides of a tolerance stand where outcome and decision do, and mean neither
        problems.append(
            "metrics compare decisions with recorded outcomes, but data.task is 'regression': an "
            "amount is predicted. Leave metrics out: the errors are in table measurements."
        )
    elif own and plan.data.recorded is None and not counted:
        problems.append(
            "metrics compare decisions with recorded outcomes, but there is no label column. Name "
            "it as label, or leave metrics out."
        )
    if problems:
        raise PlanError(*problems)


@dataclass(frozen=True)
class Pairs:
    """Recorded outcome and decision of each cell, and the people of each group in them.

    Attributes
    ----------
    actual, decided : ndarray, shape (P,)
        1 and 0 where the task is binary, names of classes where it is not.
    groups : GroupTable
        Of P outcomes.
    weight : ndarray of float, shape (2, G, P), or None
        Sums of weights of groups and of their rests; None where nobody is weighted.
    drawn : bool
        Whether people were drawn otherwise than one by one with the same weight.
    """

    actual: "NDArray[Any]"
    decided: "NDArray[Any]"
    groups: GroupTable
    weight: "Floats | None"
    drawn: bool

    @classmethod
    def of(cls, plan: AuditPlan, evidence: Evidence) -> "Pairs":
        """Lay out the people with both a recorded outcome and a decision."""
        import numpy as np

        groups, counts, classes = evidence.groups, evidence.counts, evidence.classes
        drawn = groups.design is not None
        if classes is None:
            places = np.array([3 * a + d for a in (NO, YES) for d in (NO, YES)])
            actual, decided = (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
        else:
            groups, counts = tabulate(classes.counts, plan.depth), classes.counts
            places = np.flatnonzero((classes.pairs < len(classes.names)).all(axis=1))
            names = np.array(classes.names)
            actual, decided = (names[classes.pairs[places, side]] for side in (0, 1))
        kept = replace(groups, own=groups.own[:, places], rest=groups.rest[:, places], tallied={})
        weight = None if counts.weight is None else _weights(groups, counts.weight[:, places])
        return cls(actual, decided, kept, weight, drawn)


def _weights(groups: GroupTable, weight: "Floats") -> "Floats":
    """Sum the weights of every group and of its rest, shape (2, G, P)."""
    import numpy as np

    shape = (len(groups.names), weight.shape[1])
    own, rest = np.zeros(shape), np.zeros(shape)
    own[0] = weight.sum(axis=0)
    for block in groups.blocks:
        sums = np.zeros((block.groups + 1, weight.shape[1]))
        np.add.at(sums, block.codes, weight)  # code -1 is the last row: not recorded
        known = sums[:-1].sum(axis=0)
        held = slice(block.start, block.stop)
        both = np.concatenate([known - sums[:-1], known[None]])
        own[held], rest[held] = sums[: block.stop - block.start], both[: block.stop - block.start]
    return np.stack([own, np.maximum(rest, 0.0)])  # what rounding leaves of nobody is below 0


def own_metrics(
    own: Mapping[str, Function], plan: AuditPlan, evidence: Evidence, floor: int
) -> tuple[OwnMetric, ...]:
    """Evaluate functions on every group, and group minus rest.

    Intervals are the middle 95 % of the function over draws from Dirichlet(cells + 1/2), those of
    group and rest drawn separately, their sizes fixed.

    Parameters
    ----------
    own : mapping of str to callable
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Fewest people of each recorded outcome that are worth a conclusion.

    Raises
    ------
    PlanError
        A function does not take ``sample_weight`` as repeated rows, draws lots, or depends on the
        order of rows.
    """
    if not own:
        return ()
    pairs = Pairs.of(plan, evidence)
    problems = [
        problem
        for name, f in own.items()
        if (
            problem := _inconstant(name, f, pairs)
            or _ordered(name, f, pairs)
            or _weights_ignored(name, f, pairs)
        )
    ]
    if problems:
        raise PlanError(*problems)
    told = (_Own(name, f, pairs, floor, plan.audit.seed) for name, f in own.items())
    return tuple(row for one in told for row in one.rows())


def told_of(own: Mapping[str, Function]) -> tuple[str, ...]:
    """Say in the record that its plan does not hold these metrics."""
    if not own:
        return ()
    return (
        f"Table own_metrics holds what functions given in Python say ({listed([*own])}). The plan "
        f"does not hold them, so this audit cannot be repeated from the plan alone.",
    )


def _inconstant(name: str, f: Function, pairs: Pairs) -> str:
    """Say that a function draws lots or remembers its calls; empty if it is not seen to.

    What it says would then be another number in every run of the same audit.
    """
    import numpy as np

    times = np.resize(np.array(PROBES[0], dtype=np.float64), len(pairs.actual))
    values = [called(f, pairs.actual, pairs.decided, times)[0] for _ in range(3)]
    if len(set(values)) == 1:
        return ""
    told = ["no number" if value is None else f"{value:.10g}" for value in values]
    return (
        f"metrics: '{name}' does not give the same number for the same rows: {', then '.join(told)}"
        f". Give a function of its arguments alone, and every draw in it a fixed seed."
    )


def _ordered(name: str, f: Function, pairs: Pairs) -> str:
    """Say that a function depends on the order of rows; empty if it is not seen to.

    Rows are counted, and reach it in an order that means nothing.
    """
    import numpy as np

    rows = np.arange(len(pairs.actual))
    times = np.resize(np.array(PROBES[0], dtype=np.float64), len(rows))
    value, _ = called(f, pairs.actual, pairs.decided, times)
    for order in (rows[::-1], np.roll(rows, -1), np.concatenate([rows[1::2], rows[::2]])):
        other, _ = called(f, pairs.actual[order], pairs.decided[order], times[order])
        if not _same(value, other):
            first, second = ("no number" if v is None else f"{v:.4g}" for v in (value, other))
            return (
                f"metrics: '{name}' depends on the order of rows: {first}, and {second} for the "
                f"same rows in another order. Rows are counted, so that their order is lost: give "
                f"a function of the rows alone."
            )
    return ""


def _same(one: float | None, other: float | None) -> bool:
    """Whether two numbers are the same but for rounding, or neither is a number."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)


def _weights_ignored(name: str, f: Function, pairs: Pairs) -> str:
    """Say how weights differ from repeated rows; empty if they do not, or nothing can be told."""
    import numpy as np

    for probe in PROBES:
        times = np.resize(np.array(probe), len(pairs.actual))
        rows = np.repeat(np.arange(len(times)), times)
        plain, _ = called(f, pairs.actual[rows], pairs.decided[rows], None)
        by_weight, why = called(f, pairs.actual, pairs.decided, times.astype(np.float64))
        if plain is None:
            continue
        if by_weight is None:
            return (
                f"metrics: '{name}' gives a number of rows, but with sample_weight {why}. It must "
                f"be f(y_true, y_pred, sample_weight=None)."
            )
        if not _same(plain, by_weight):
            return (
                f"metrics: '{name}' does not heed sample_weight: a row of weight 2 must count as "
                f"two rows, but it gives {by_weight:.4g} for weights and {plain:.4g} for the same "
                f"rows repeated. Pass sample_weight on to every sum in it."
            )
    return ""


def called(
    f: Function, actual: "NDArray[Any]", decided: "NDArray[Any]", weight: "Floats | None"
) -> tuple[float | None, str]:
    """Call a function; without a finite number, say why, but nothing of what it says itself.

    scikit-learn returns 0 where it divides by 0, with a warning: that is undefined here.
    """
    from sklearn.exceptions import UndefinedMetricWarning

    given = {} if weight is None else {"sample_weight": weight.copy()}
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            value = f(actual.copy(), decided.copy(), **given)
        if getattr(value, "shape", None) == ():
            value = value.item()  # a NumPy scalar, or an array of no dimension
        real = isinstance(value, Real) and not isinstance(value, bool)
        number = float(value) if real else math.nan
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a user's function may raise anything)
        return None, f"the function raises {type(error).__name__}"
    if any(issubclass(w.category, UndefinedMetricWarning) for w in told):
        return None, "the function divides by 0, as scikit-learn warns"
    if not real:
        return None, f"the function returns a {type(value).__name__}, not a number"
    return (
        (number, "") if math.isfinite(number) else (None, "the function returns no finite number")
    )


@dataclass(frozen=True)
class _Value:
    """A function on the people of a group, or of its rest, and on draws of their cells."""

    people: int
    estimate: float | None
    draws: "Floats | None"
    status: Status
    note: str
    without: str = ""
    """Why there are no draws."""


@dataclass(frozen=True)
class _Own:
    """One function, about to be evaluated on all groups."""

    name: str
    function: Function
    pairs: Pairs
    floor: int
    seed: int

    def rows(self) -> Iterator[OwnMetric]:
        """State the function on each group, then how far each lies from its rest."""
        groups = self.pairs.groups
        own = [self._value(i, 0) for i in range(len(groups.names))]
        for (attribute, group), value in zip(groups.names, own, strict=True):
            note = _joined(value.note, value.without if value.estimate is not None else "")
            lower, upper = _middle(value.draws)
            yield OwnMetric(
                self.name, attribute, group, "", value.people, value.estimate, lower, upper,
                value.status, note,
            )  # fmt: skip
        for i, (attribute, group) in enumerate(groups.names):
            if attribute != ALL:
                yield self._gap(attribute, group, own[i], self._value(i, 1))

    def _gap(self, attribute: str, group: str, own: _Value, rest: _Value) -> OwnMetric:
        status, note = own.status, own.note
        if own.status is not Status.UNDEFINED and rest.status is not Status.OK:
            undefined = rest.status is Status.UNDEFINED
            status = Status.UNDEFINED if undefined else Status.INSUFFICIENT
            note = _joined(note, f"of the rest: {rest.note}")
        gap, draws = None, None
        if own.estimate is not None and rest.estimate is not None:
            gap = own.estimate - rest.estimate
            note = _joined(note, own.without or rest.without)
        if gap is not None and own.draws is not None and rest.draws is not None:
            draws = own.draws - rest.draws
        if len(self.pairs.groups.of(attribute)) < 2 and group != NOT_RECORDED:
            status, note = Status.NOT_APPLICABLE, ONE_GROUP
        lower, upper = _middle(draws)
        return OwnMetric(
            self.name, attribute, group, REST, own.people, gap, lower, upper, status, note
        )

    def _value(self, i: int, side: int) -> _Value:
        import numpy as np

        table = self.pairs.groups.own if side == 0 else self.pairs.groups.rest
        people = table[i]
        total = int(people.sum())
        if not total:
            nobody = "nobody with a recorded outcome and a decision"
            return _Value(0, None, None, Status.UNDEFINED, nobody)
        weight = people.astype(np.float64)
        if self.pairs.weight is not None:
            weight = self.pairs.weight[side, i]
        held = (people > 0) & (weight > 0)  # what nobody has is not shown to the function
        if not held.any():
            reason = f"the weights of all {total} people are 0"
            return _Value(total, None, None, Status.UNDEFINED, reason)
        estimate, why = self._called(weight, held)
        if estimate is None:
            return _Value(total, None, None, Status.UNDEFINED, why)
        draws, without = self._drawn(people, i, side)
        return _Value(total, estimate, draws, *self._worth(people), without)

    def _worth(self, people: "NDArray[np.int64]") -> tuple[Status, str]:
        """Hold each recorded outcome against the floor, as for every resampled metric."""
        import numpy as np

        sizes = {
            str(outcome): int(people[self.pairs.actual == outcome].sum())
            for outcome in np.unique(self.pairs.actual).tolist()
        }
        few = [f"{n} recorded as {outcome}" for outcome, n in sizes.items() if n < self.floor]
        if few:
            return Status.INSUFFICIENT, f"{', '.join(few)}; at least {self.floor} wanted"
        return Status.OK, ""

    def _absent(self, people: "NDArray[np.int64]") -> list[str]:
        """List the recorded outcomes that others have, but nobody of these people."""
        import numpy as np

        actual = self.pairs.actual
        return [str(one) for one in np.unique(actual).tolist() if not people[actual == one].any()]

    def _called(self, weight: "Floats", held: Any) -> tuple[float | None, str]:  # noqa: ANN401
        p = self.pairs
        return called(self.function, p.actual[held], p.decided[held], weight[held])

    def _drawn(self, people: "NDArray[np.int64]", i: int, side: int) -> "tuple[Floats | None, str]":
        """Evaluate the function on resampled cells; or say why there are no draws."""
        import numpy as np

        cells, total = len(people), int(people.sum())
        if self.pairs.drawn:
            return None, DRAWN
        if absent := self._absent(people):
            # the value leaves those outcomes out, and the draws would not
            return None, f"no interval: nobody is recorded as {', '.join(absent)}"
        if cells > BINARY_CELLS and total < PEOPLE_A_CELL * cells:
            return None, f"no interval: {total} people are few for {cells} pairs of classes"
        told = (str(self.seed), self.name, *self.pairs.groups.names[i], str(side))
        digest = hashlib.sha256("\0".join(told).encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest))
        shares = rng.dirichlet(people + 0.5, DRAWS)
        everywhere = np.ones(cells, dtype=bool)
        values = [self._called(share * total, everywhere)[0] for share in shares]
        undefined = sum(value is None for value in values)
        if undefined:
            return None, f"no interval: undefined on {undefined} of {DRAWS} draws"
        if len(set(values)) == 1:
            return None, "no interval: the function gives the same number whoever is drawn"
        return np.array(values, dtype=np.float64), ""


def _middle(draws: "Floats | None") -> tuple[float | None, float | None]:
    import numpy as np

    if draws is None:
        return None, None
    lower, upper = np.quantile(draws, [0.025, 0.975]).tolist()
    return lower, upper


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
