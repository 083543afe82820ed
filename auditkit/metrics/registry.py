"""A metric is a sentence of counting: one registered function that returns a ``Share`` of people.

A rate names what it counts and among whom; weights, intervals, floors and undefined denominators
are then written once, for all of them. The names of its parameters say what must be recorded:

``actual``    the recorded outcome is the positive one
``selected``  the decision selects
``decided``   there is a decision
``beyond``    a predicted amount is wrong by more than the tolerance
``above``     a predicted amount is larger than the recorded one

A metric of scores is a sentence too: a value of each person (``mean``), or of pairs of people
(``concordance``), computed from a histogram of scores. A metric of amounts summarises how an
``error``, a ``prediction`` or a ``recorded`` amount is spread over people (``summary``).
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditkit.metrics.distribution import Distribution

    Mask = NDArray[np.bool_]
    Floats = NDArray[np.float64]

Meaning = Literal["more_selected", "fewer_selected", "more_correct", "more_wrong", "neutral"]
"""What a higher value of a metric means for the people it is about."""


@dataclass(frozen=True, slots=True)
class Share:
    """The people ``part`` of those ``among``; without ``among``, of everybody recorded."""

    part: "Mask"
    among: "Mask | None" = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What is told of a distribution: its mean, the root of its mean square, or a quantile."""

    statistic: Literal["mean", "root_mean_square", "quantile"]
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Metric:
    """A registered metric.

    ``counts`` returns a ``Share``. A quotient has no ``counts`` but names the two rates, over
    disjoint people, whose values it divides. A metric of scores has one of ``mean``, a value of
    each person by recorded outcome (0 or 1) and score, and ``concordance``, the share of pairs by
    the weights of positive and negative people at each score. A metric of amounts has ``spread``,
    the distribution that ``summary`` is told of. ``compared`` says whether groups are.
    """

    name: str
    sentence: str
    higher: Meaning
    needs: tuple[str, ...]
    counts: Callable[..., Share] | None = None
    quotient: tuple[str, str] | None = None
    mean: "Callable[..., Floats] | None" = None
    concordance: "Callable[[Floats, Floats], float] | None" = None
    compared: bool = True
    spread: "Callable[..., Distribution] | None" = None
    summary: Summary | None = None

    @property
    def of_amounts(self) -> bool:
        """Whether the metric summarises predicted amounts and their errors."""
        return self.spread is not None

    def suits(self, task: str) -> bool:
        """Whether the metric says something where people are selected, or amounts predicted."""
        if set(self.needs) <= {"decided"}:
            return True
        return bool(set(self.needs) & OF_AMOUNTS) == (task == "regression")

    @property
    def of_scores(self) -> bool:
        """Whether the metric is one of scores, not of decisions."""
        return self.mean is not None or self.concordance is not None

    def masks(self, outcomes: "OutcomeCells") -> "tuple[Mask, Mask]":
        """Return which outcome cells the metric counts, and among which, each of shape (K,)."""
        if self.counts is None:
            raise TypeError(f"{self.name} is no rate and counts nothing itself")
        share = self.counts(**{need: getattr(outcomes, need) for need in self.needs})
        recorded = outcomes.recorded(self.needs)
        among = recorded if share.among is None else share.among & recorded
        return share.part & among, among


@dataclass(frozen=True, slots=True)
class OutcomeCells:
    """What can be recorded of a row: every pair of recorded outcome and decision, or their lack.

    Each field is a mask of shape (K,) over the outcome cells.
    """

    actual: "Mask"
    selected: "Mask"
    labelled: "Mask"
    decided: "Mask"

    @property
    def beyond(self) -> "Mask":
        """Of predicted amounts: outcomes of an error beyond the tolerance."""
        return self.actual  # a regression counts errors where a classification counts outcomes

    @property
    def above(self) -> "Mask":
        """Of predicted amounts: outcomes whose prediction is larger than what is recorded."""
        return self.selected

    def recorded(self, needs: tuple[str, ...]) -> "Mask":
        """Cells in which everything that ``needs`` names is known."""
        mask = self.decided | ~self.decided
        if "actual" in needs or "beyond" in needs:
            mask = mask & self.labelled
        if {"selected", "actual", "beyond"} & set(needs):
            mask = mask & self.decided  # a row without a decision is in no other metric
        return mask


REGISTRY: dict[str, Metric] = {}
PARAMETERS = {"actual", "selected", "decided", "beyond", "above"}
AMOUNTS = {"error", "prediction", "recorded"}
FAMILIES = ("rates", "scores", "residuals")
"""Modules that register metrics, in the order in which they are told."""
OF_AMOUNTS = AMOUNTS | {"beyond", "above"}
OF_A_PERSON = {"actual", "score"}


def rate(*, higher: Meaning) -> Callable[[Callable[..., Share]], Callable[..., Share]]:
    """Register a rate under the name of its function; its first docstring line is the sentence.

    Raises
    ------
    TypeError
        A duplicate name, a missing docstring or an unknown parameter.
    """

    def register(counts: Callable[..., Share]) -> Callable[..., Share]:
        needs = tuple(inspect.signature(counts).parameters)
        if not needs or set(needs) - PARAMETERS:
            raise TypeError(f"{counts.__name__} may ask for {sorted(PARAMETERS)}, not {needs}")
        _add(Metric(counts.__name__, _sentence(counts), higher, needs, counts=counts))
        return counts

    return register


def quotient(
    *, higher: Meaning
) -> Callable[[Callable[[], tuple[str, str]]], Callable[[], tuple[str, str]]]:
    """Register the quotient of two rates with disjoint denominators; the function names them."""

    def register(pair: Callable[[], tuple[str, str]]) -> Callable[[], tuple[str, str]]:
        above, below = (REGISTRY[name] for name in pair())
        needs = tuple(dict.fromkeys((*above.needs, *below.needs)))
        _add(Metric(pair.__name__, _sentence(pair), higher, needs, quotient=pair()))
        return pair

    return register


def mean(
    *, higher: Meaning, compared: bool = True
) -> "Callable[[Callable[..., Floats]], Callable[..., Floats]]":
    """Register the mean of a value of each person, told by ``actual`` (0 or 1) and ``score``.

    The value must rise or fall with the score throughout: what binning can cost is then known from
    the edges of the bins.

    Raises
    ------
    TypeError
        A duplicate name, a missing docstring or an unknown parameter.
    """

    def register(value: "Callable[..., Floats]") -> "Callable[..., Floats]":
        needs = tuple(inspect.signature(value).parameters)
        if "score" not in needs or set(needs) - OF_A_PERSON:
            raise TypeError(f"{value.__name__} may ask for {sorted(OF_A_PERSON)}, not {needs}")
        name, sentence = value.__name__, _sentence(value)
        _add(Metric(name, sentence, higher, needs, mean=value, compared=compared))
        return value

    return register


def concordance(
    *, higher: Meaning
) -> "Callable[[Callable[[Floats, Floats], float]], Callable[[Floats, Floats], float]]":
    """Register a share of the pairs of a positive and a negative person.

    The function is given their weights at each score, rising, shape (V,) each, none of them empty.
    """

    def register(
        share: "Callable[[Floats, Floats], float]",
    ) -> "Callable[[Floats, Floats], float]":
        needs = ("actual", "score")
        _add(Metric(share.__name__, _sentence(share), higher, needs, concordance=share))
        return share

    return register


def amount(
    summary: Summary, *, higher: Meaning, compared: bool = True
) -> "Callable[[Callable[..., Distribution]], Callable[..., Distribution]]":
    """Register a summary of how errors, predictions or recorded amounts are spread over people.

    The function is given the distribution that its one parameter names, and returns the one that is
    summarised.

    Raises
    ------
    TypeError
        A duplicate name, a missing docstring or an unknown parameter.
    """

    def register(spread: "Callable[..., Distribution]") -> "Callable[..., Distribution]":
        needs = tuple(inspect.signature(spread).parameters)
        if len(needs) != 1 or set(needs) - AMOUNTS:
            raise TypeError(f"{spread.__name__} may ask for one of {sorted(AMOUNTS)}, not {needs}")
        name, sentence = spread.__name__, _sentence(spread)
        _add(
            Metric(name, sentence, higher, needs, compared=compared, spread=spread, summary=summary)
        )
        return spread

    return register


def _add(metric: Metric) -> None:
    if metric.name in REGISTRY:
        raise TypeError(f"{metric.name} is registered twice")
    REGISTRY[metric.name] = metric


def _sentence(function: Callable[..., object]) -> str:
    doc = inspect.getdoc(function)
    if not doc:
        raise TypeError(f"{function.__name__} has no docstring to say what it measures")
    return doc.splitlines()[0]


def metrics() -> dict[str, Metric]:
    """Return every registered metric by name, in the order in which they are told."""
    from importlib import import_module

    for family in FAMILIES:
        import_module(f"auditkit.metrics.{family}")

    return dict(REGISTRY)


def rates(task: str | None = None) -> dict[str, Metric]:
    """Return the registered rates by name: shares of people; those that suit a task, or all."""
    return {
        name: metric
        for name, metric in metrics().items()
        if metric.counts is not None and (task is None or metric.suits(task))
    }


def score_metrics() -> dict[str, Metric]:
    """Return the registered metrics of scores by name."""
    return {name: metric for name, metric in metrics().items() if metric.of_scores}


def amount_metrics() -> dict[str, Metric]:
    """Return the registered metrics of predicted amounts by name, without the rates."""
    return {name: metric for name, metric in metrics().items() if metric.of_amounts}
