"""A metric is a sentence of counting: one registered function that returns a ``Share`` of people.

A rate names what it counts and among whom; weights, intervals, floors and undefined denominators
are then written once, for all of them. The names of its parameters say what must be recorded:

``actual``    the recorded outcome is the positive one
``selected``  the decision selects
``decided``   there is a decision

A metric of scores is a sentence too: a value of each person (``mean``), or of pairs of people
(``concordance``), computed from a histogram of scores.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
class Metric:
    """A registered metric.

    ``counts`` returns a ``Share``. A quotient has no ``counts`` but names the two rates, over
    disjoint people, whose values it divides. A metric of scores has one of ``mean``, a value of
    each person by recorded outcome (0 or 1) and score, and ``concordance``, the share of pairs by
    the weights of positive and negative people at each score. ``compared`` says whether groups are.
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

    def recorded(self, needs: tuple[str, ...]) -> "Mask":
        """Cells in which everything that ``needs`` names is known."""
        mask = self.decided | ~self.decided
        if "actual" in needs:
            mask = mask & self.labelled
        if "selected" in needs or "actual" in needs:
            mask = mask & self.decided  # a row without a decision is in no other metric
        return mask


REGISTRY: dict[str, Metric] = {}
PARAMETERS = {"actual", "selected", "decided"}
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
    import auditkit.metrics.rates
    import auditkit.metrics.scores  # noqa: F401  (registers them)

    return dict(REGISTRY)


def rates() -> dict[str, Metric]:
    """Return the registered rates by name: shares of people."""
    return {name: metric for name, metric in metrics().items() if metric.counts is not None}


def score_metrics() -> dict[str, Metric]:
    """Return the registered metrics of scores by name."""
    return {name: metric for name, metric in metrics().items() if metric.of_scores}
