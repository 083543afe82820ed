"""How the model behaves beyond the evaluation rows; no outcome rests on it."""

from dataclasses import dataclass

from auditkit.results.words import Count, Status


@dataclass(frozen=True, slots=True)
class Determinism:
    """Whether the model says the same of the same rows when they are asked about in another way.

    ``check`` is ``again``, ``order`` (another order of rows), ``halves`` (two batches), ``alone``
    (one row at a time) or ``threads`` (one thread against two). Of ``n`` sampled rows ``changed``
    get another decision, or another amount. ``largest`` is the largest change of the model's output
    in ``unit``, 0 where it is within 1e-6 of the output, which is rounding (of amounts, 1e-6 of the
    largest); none where the output is a decision.
    """

    check: str
    n: Count
    changed: Count | None
    largest: float | None
    unit: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """What becomes of a group's decisions when one cell of each row is altered.

    ``probe`` is ``emptied``, ``unseen`` (a text that was never there), ``above`` or ``below`` (a
    number as far beyond those sampled as they are apart). Among ``n`` rows, drawn at random from
    the group's, that have a decision and a value in the cell, ``changed`` get another decision,
    ``unanswered`` none, and on ``failed`` the model raises. ``share`` is of all three: those no
    longer decided as they were. Its Wilson interval at 95 % is of the group's rows in these data;
    weights have no part in it.
    """

    feature: str
    probe: str
    attribute: str
    group: str
    n: Count
    changed: Count
    unanswered: Count
    failed: Count
    share: float | None
    lower: float | None
    upper: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Removal:
    """What becomes of decisions when one input tells nothing of the person any more.

    Each of ``n`` rows of the group, drawn at random, gets the cell of somebody drawn from all, an
    empty one among them, and is asked about ``rounds`` times with other draws. ``unanswered`` and
    ``failed`` count askings. ``changed`` is the share of askings decided otherwise than before, not
    at all, or failing, with its 95 % interval. ``gap`` is the group's selection rate less that of
    its rest, both in sampled rows, and ``gap_change`` what the removal adds to it; ``output_gap``
    and ``output_change`` are the same of the model's mean output, in ``unit``, which is empty where
    the output is a decision. There is no gap of selection rates where an amount is predicted, and
    none of ``(all)``, which has no rest.
    """

    feature: str
    attribute: str
    group: str
    n: Count
    rounds: int
    unanswered: Count
    failed: Count
    changed: float | None
    lower: float | None
    upper: float | None
    gap: float | None
    gap_change: float | None
    gap_lower: float | None
    gap_upper: float | None
    output_gap: float | None
    output_change: float | None
    output_lower: float | None
    output_upper: float | None
    unit: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flip:
    """What becomes of a group's decisions when the model is told another group's value.

    ``way`` is ``set``: the input ``feature`` holds the attribute itself, and each row gets the
    value that is usual in the group ``toward``; or ``drawn``: the input stands in for the
    attribute, and each row gets the cell of a row drawn from that group. Everything else of the row
    stays. Of ``n`` rows of the group, drawn at random, that have a decision and a value to change,
    ``changed`` get another decision, ``unanswered`` none, and on ``failed`` the model raises;
    ``share`` is of all three. ``gained`` are selected now and were not, ``lost`` the reverse;
    ``net`` is the share selected after less that before, among rows with an answer. Where an amount
    is predicted, ``gained`` are predicted more and ``lost`` less, and there is no ``net``.
    ``mean_change`` is of the model's output, in ``unit``. Intervals are at 95 %.
    """

    attribute: str
    group: str
    toward: str
    feature: str
    way: str
    n: Count
    changed: Count
    gained: Count
    lost: Count
    unanswered: Count
    failed: Count
    share: float | None
    lower: float | None
    upper: float | None
    net: float | None
    net_lower: float | None
    net_upper: float | None
    mean_change: float | None
    mean_lower: float | None
    mean_upper: float | None
    unit: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """Which way the model's output goes as one number rises, everything else kept.

    Each of ``n`` rows of the group, drawn at random, that have a decision and a value, is asked
    about with ``points`` values of the input, from the 5 % to the 95 % quantile of all sampled
    rows. Of those answered at every value, the output ``rises`` (and never falls), ``falls``, goes
    ``both`` ways, or is ``steady``; it is in ``unit``, for the positive label, and where the unit
    is ``decision`` it is 1 for the selected. ``loses`` are selected at some value and no longer at
    a higher one, with the ends of the 95 % interval of their share. The share selected differs most
    between two neighbouring values on the two sides of ``near``, a round number: ``before`` below
    it, ``after`` above it; the interval of ``step`` allows for the number of neighbours looked at.
    Where an amount is predicted, nobody is selected, and these are none; nor are they told of fewer
    than 10 rows.
    """

    feature: str
    attribute: str
    group: str
    points: int
    n: Count
    rises: Count
    falls: Count
    both: Count
    steady: Count
    loses: Count | None
    loses_lower: float | None
    loses_upper: float | None
    unanswered: Count
    failed: Count
    near: float | None
    before: float | None
    after: float | None
    step: float | None
    step_lower: float | None
    step_upper: float | None
    unit: str
    status: Status
    note: str = ""
