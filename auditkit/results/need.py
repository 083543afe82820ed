"""Selection at equal need, the depth of need left without, and ranks by need."""

from dataclasses import dataclass

from auditkit.results.words import Count, Status


@dataclass(frozen=True, slots=True)
class EqualNeed:
    """Who is selected at equal need: group minus rest, in one band of need or ``(pooled)``.

    ``banding`` is ``bands``, or ``doubled`` for twice as many, which show how much the pooled gap
    hangs on their width. ``gate_lower`` and ``gate_upper`` are one-sided bounds as for a verdict,
    and ``shown`` is ``within`` where they are inside ``limit``, for ``(pooled)`` with every band of
    enough people. A check on ``selection_at_equal_need`` judges at the policy's own levels.
    ``off_support`` is the share of the group in bands with nobody of the rest, ``rest_off_support``
    the reverse. ``homogeneity`` is a chi-square of equal gaps in all bands of enough people.
    ``unreliability`` is the gap that the declared reliability of need would leave between groups
    selected by true need alone, and ``corrected`` the gap without it.
    """

    attribute: str
    group: str
    banding: str
    band: str
    against: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: Count
    rest_n: Count
    rate: float | None
    rest_rate: float | None
    between: float | None
    off_support: float | None
    rest_off_support: float | None
    gate_lower: float | None
    gate_upper: float | None
    limit: float | None
    shown: str
    homogeneity: float | None
    homogeneity_df: int | None
    homogeneity_p: float | None
    unreliability: float | None
    corrected: float | None
    corrected_lower: float | None
    corrected_upper: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class NeedDepth:
    """How deep the need is that is left without: one measure of a group and of its rest.

    ``measure`` is ``missed_need``, the share of people in need who are not selected;
    ``unserved_share``, the share of all need that people not selected have; ``mean_need_missed``,
    the mean need of people in need (of everybody, where it is not said who is) who are not
    selected; ``mean_need_selected`` or ``mean_need_not_selected``, the mean need of everybody with
    the same decision; ``mean_need_at_score``, the mean need at equal scores, standardised to those
    that both sides have. ``gap`` is group minus rest. Intervals are two-sided at 95 %.
    """

    measure: str
    attribute: str
    group: str
    against: str
    n: Count
    estimate: float | None
    lower: float | None
    upper: float | None
    rest_n: Count
    rest: float | None
    gap: float | None
    gap_lower: float | None
    gap_upper: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class NeedRank:
    """Who comes first by score when one of two people has more need: group minus rest.

    ``own_first`` is how often a person of the group with more need has the higher score than one of
    the rest with less, ``rest_first`` the reverse, ties one half; ``estimate`` is their difference.
    ``comparison`` is ``in_need``, where more need is to be in need; or ``bands``, where it is a
    higher band, over the pairs of bands in which both sides have people: ``common`` is their share
    of all pairs of people with unequal need. ``n`` and ``rest_n`` count the people in them.
    """

    comparison: str
    attribute: str
    group: str
    against: str
    estimate: float | None
    lower: float | None
    upper: float | None
    own_first: float | None
    rest_first: float | None
    common: float | None
    n: Count
    rest_n: Count
    status: Status
    note: str = ""
