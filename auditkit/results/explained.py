"""What the inputs add to the model's output; no outcome rests on it."""

from dataclasses import dataclass

from auditkit.results.words import SAMPLING, Count, Status

TOGETHER = "(together)"
"""The feature that stands for all inputs but the attribute itself, looked at together."""
PROXIES = "(proxies)"
"""The feature that stands for all inputs that tell some group of an attribute."""
OUTCOME = "(outcome)"
"""The feature that carries what outcomes alone do to a gap in errors, if no input is known."""
ROUNDING = "(rounding)"
"""The feature that carries the float32 remainder, so that contributions still add up."""
NO_INPUTS = frozenset({TOGETHER, PROXIES, OUTCOME, ROUNDING, SAMPLING})
"""Words an input may not be, because the tables put other things under them."""
NAMED_AT = 0.05
"""Chance at most that an audit calls any input a proxy that tells nothing of an attribute."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What one input adds to the model's output for one group, on average, in ``unit``.

    ``mean`` is signed, ``mean_abs`` is not; the interval is of ``mean`` at 95 %; ``n`` counts
    explained rows. Of inputs that go together ``feature`` names all (``Explanation.together``).

    ``rank_low`` to ``rank_high`` are the ranks by ``mean_abs`` that the input can have in the
    group, 1 the largest: what rows, background and seeds do not tell apart at 95 % shares ranks.
    ``noise`` is the standard deviation of everyone's ``mean_abs`` over backgrounds and seeds; none
    where the method has neither, and for groups.
    """

    attribute: str
    group: str
    feature: str
    mean_abs: float | None
    mean: float | None
    lower: float | None
    upper: float | None
    n: Count
    unit: str
    rank_low: int | None = None
    rank_high: int | None = None
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class DisparityAttribution:
    """How much of a group's gap in mean model output runs through one input.

    Over the features, ``(sampling)`` included, contributions sum to the gap over all rows.
    """

    attribute: str
    group: str
    against: str
    feature: str
    contribution: float | None
    lower: float | None
    upper: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Together:
    """Inputs that go together so strongly that their attributions are told as one.

    ``association`` is the weakest between any two of them, from 0 to 1, over the explained rows.
    """

    feature: str
    members: tuple[str, ...]
    association: float


@dataclass(frozen=True, slots=True)
class ErrorAttribution:
    """How much of a group's gap in the model's error runs through one input.

    The error of a row is its loss: of a probability the squared distance to what is recorded, of a
    decision whether it is wrong, of an amount the size of its error. ``unit`` is that of the mean
    loss: ``Brier score``, ``error rate`` or ``amount``. Positive is more error in the group than in
    its rest.

    ``(outcome)`` is the gap that would be there if no input were known: what is recorded of one
    group may be harder to meet by what is said of the background. Over all features, ``(sampling)``
    included, contributions sum to the gap over all rows with a recorded outcome. ``n`` counts the
    group's explained rows.
    """

    attribute: str
    group: str
    against: str
    feature: str
    contribution: float | None
    lower: float | None
    upper: float | None
    unit: str
    n: Count


@dataclass(frozen=True, slots=True)
class ExplanationQuality:
    """How good the attributions are in one respect, for a group or an input.

    ``measure`` is ``additivity`` (largest distance of base plus attributions from the output),
    ``fidelity`` (mean distance of the output from what ``Explanation.first_inputs`` alone give,
    with its 95 % interval), ``stability`` (the lowest rank correlation of the inputs' order with
    that of another background and other seeds), ``permutation`` (mean distance the output moves
    when the input ``feature`` is shuffled between rows) or ``agreement`` (the rank correlation of
    the orders that attributions and shuffling give). ``unit`` is empty for rank correlations.
    """

    measure: str
    attribute: str
    group: str
    feature: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: Count
    unit: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the attributions were made, and whether they agree with the model.

    ``status`` is ``ok``, ``not_applicable`` (no model) or ``undefined`` (withheld: see note).
    ``additivity`` is the largest absolute difference, over the explained rows, between the model's
    output and base value plus attributions, in ``unit``; ``tolerance`` is what was allowed.

    ``background_rule`` says how background rows were chosen; ``background_digest`` digests the
    rule, the seed, how many, and the counts and the mean output of the data: not the rows, for a
    digest of rows confirms a guess of them. ``half_width`` is how far explaining only some of the
    rows can move a contribution (95 %, the worst of all, which ``widest`` names by attribute, group
    and feature); ``half_width_aim`` is 1 % of the output's standard deviation, and ``rows_needed``
    about how many rows would reach it. ``limited_by`` is what ended the explaining: ``precision``,
    ``all`` (every row is explained), ``cap`` (the plan's) or ``work`` (the method's budget).
    ``together`` are inputs told as one, ``first_inputs`` those with the largest attributions.
    ``classes`` are those whose output is explained: the positive one of two, of several those that
    select, none of an amount. ``unit`` is ``log-odds``, ``probability`` (of all of them together),
    ``margin``, ``decision`` or ``amount``, which is in the label's units.
    """

    status: Status
    method: str
    unit: str
    rows: Count
    rows_of: int
    background: int
    additivity: float | None
    tolerance: float | None
    note: str
    background_rule: str = ""
    background_digest: str = ""
    half_width: float | None = None
    half_width_aim: float | None = None
    rows_needed: Count | None = None
    widest: tuple[str, ...] = ()
    limited_by: str = ""
    classes: tuple[str, ...] = ()
    together: tuple[Together, ...] = ()
    first_inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proxy:
    """How well an input tells a group from everyone else, and how much of the output rides on it.

    ``statistic`` is ``auc``: the chance that of two people, one of the group and one of its rest,
    the one of the group is picked by what the input says, 0.5 by a coin; ``(together)`` is of all
    inputs but the attribute itself. ``adjusted_p`` is that it is no better than a coin, adjusted
    (Holm) for everything looked at in the audit. ``share_of_output`` is the input's share of the
    mean absolute attributions over everybody; ``gap_contribution`` what runs through it of ``gap``,
    the group's mean output less that of its rest, both in ``unit``.

    ``gap_through``, of ``(proxies)``, the inputs that tell any group of the attribute: by how much
    the gap shrinks when everybody is given these inputs of the same other people, in ``unit``.

    ``n`` counts sampled rows of the group. No person's score or group is kept.
    """

    attribute: str
    group: str
    feature: str
    statistic: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: Count
    p_value: float | None
    adjusted_p: float | None
    share_of_output: float | None
    gap_contribution: float | None
    gap: float | None
    unit: str
    status: Status
    note: str = ""
