"""Evidence becomes the table of proxies: inputs that tell who is in which group.

That an attribute is no input does not keep it from the output. For each input, and for all of them
together, it is told how well they tell the groups apart and how much of the output rides on them.
It is a property of the inputs and the groups: no person's group is inferred, and nothing of a
person is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.evidence.gather import Evidence
from auditkit.evidence.models import Scorer
from auditkit.evidence.sample import A_GROUP, Contrast, Sample, largest_quota, quotas
from auditkit.evidence.scoring import Progress
from auditkit.explain import telling
from auditkit.explain.groups import SMALLEST
from auditkit.explain.swapped import Gone, gone
from auditkit.plan import AuditPlan
from auditkit.results import (
    ALL,
    CROSS,
    NAMED_AT,
    PROXIES,
    ROUNDING,
    TOGETHER,
    Attribution,
    DisparityAttribution,
    Explanation,
    Proxy,
    Status,
)

if TYPE_CHECKING:
    Reasons = tuple[Explanation, tuple[Attribution, ...], tuple[DisparityAttribution, ...]]

MOST_ROWS = 4_000
"""Rows looked at, unless 200 of every group are more: half a second for all inputs together."""
COIN = 0.5
"""What is reached without looking: no input can tell less, whatever was found, and no upper limit
is below it."""
ITSELF = "the attribute itself is this input, so it is no proxy"
EVERY_INPUT = "every input tells some group of the attribute, so nothing would be left"
NO_OUTPUT = "the model gives no finite output on rows that are put together from two people"
CONSTANT = "all sampled rows have the same value"
WITHOUT_ERROR = "it tells the group without an error: it may hold the attribute under another name"
UNDER_CLUSTERS = (
    "intervals of proxies under clusters are not computed yet, and what is learned from one of a "
    "cluster may tell of another"
)


def proxies(
    plan: AuditPlan, evidence: Evidence, explained: "Reasons", floor: int, tell: Progress
) -> tuple[Proxy, ...]:
    """Say how well the inputs tell each group of each single attribute from everyone else.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    explained : tuple
        The explanation, the attributions and what they carry of each gap.
    floor : int
        Smallest number of people that is worth a conclusion.
    tell : callable
        Told of every input.

    Returns
    -------
    tuple of Proxy
        By attribute, input and group; empty without a model or a sample of rows.
    """
    scorer = evidence.scorer
    if scorer is None or evidence.sample is None:
        return ()
    sample = _looked_at(evidence.sample)
    columns = {name: telling.read(sample.rows[name]) for name in scorer.features}
    riding = _Riding.of(explained)
    rows: list[Proxy] = []
    for attribute, contrasts in _single(sample):
        itself = plan.attributes[attribute].column
        looked = _Looked(attribute, telling.groups_of(sample, contrasts), columns, itself)
        rows += [riding.beside(row, itself) for row in _told(looked, plan, floor, tell)]
    rows = _adjusted(rows)
    if riding.known:
        rows += _through(plan, scorer, sample, riding, rows)
    return tuple(rows)


def _looked_at(sample: Sample) -> Sample:
    """Take as many rows of every group as fit, those with the smallest keys."""
    quota = quotas(sample.stratum, sample.contrasts)
    taken = quota <= max(A_GROUP, largest_quota(quota, MOST_ROWS))
    rows = sample.rows[taken].reset_index(drop=True)
    return replace(sample, rows=rows, stratum=sample.stratum[taken])


@dataclass(frozen=True, eq=False)
class _Looked:
    """One attribute: its groups, the inputs, and the name of the input that it is, if it is one."""

    attribute: str
    groups: telling.Groups
    columns: dict[str, telling.Input]
    itself: str | None


@dataclass(frozen=True)
class _Riding:
    """How much of the output rides on each input, as the attributions have it."""

    unit: str
    shares: dict[str, float]
    contributions: dict[tuple[str, str, str], float]
    gaps: dict[tuple[str, str], float]

    @classmethod
    def of(cls, explained: "Reasons") -> "_Riding":
        """Index the attributions; of everybody, without what rounding leaves over."""
        explanation, attributions, gaps = explained
        if explanation.status is not Status.OK:
            return cls("", {}, {}, {})
        sizes = {
            a.feature: a.mean_abs
            for a in attributions
            if a.attribute == ALL and a.feature != ROUNDING and a.mean_abs is not None
        }
        total = sum(sizes.values())
        contributions = {
            (d.attribute, d.group, d.feature): d.contribution
            for d in gaps
            if d.contribution is not None
        }
        whole: dict[tuple[str, str], float] = {}
        for (attribute, group, _), value in contributions.items():
            whole[attribute, group] = whole.get((attribute, group), 0.0) + value
        shares = {name: size / total for name, size in sizes.items()} if total else {}
        return cls(explanation.unit, shares, contributions, whole)

    @property
    def known(self) -> bool:
        """Whether there are attributions at all."""
        return bool(self.shares)

    def beside(self, row: Proxy, itself: str | None) -> Proxy:
        """Put what rides on an input beside how well it tells the group."""
        named = (
            [f for f in self.shares if f != itself] if row.feature == TOGETHER else [row.feature]
        )
        return self.on(row, named)

    def on(self, row: Proxy, named: Sequence[str]) -> Proxy:
        """Put what rides on some inputs, taken together, beside a row."""
        if not self.known:
            return row
        parts = [self.contributions.get((row.attribute, row.group, f)) for f in named]
        known = [part for part in parts if part is not None]
        return replace(
            row,
            share_of_output=sum(self.shares.get(f, 0.0) for f in named),
            gap_contribution=sum(known) if named and len(known) == len(parts) else None,
            gap=self.gaps.get((row.attribute, row.group)),
            unit=self.unit,
        )


def _single(sample: Sample) -> Iterator[tuple[str, list[Contrast]]]:
    """Give the groups of each attribute that is not crossed and has several."""
    found: dict[str, list[Contrast]] = {}
    for contrast in sample.contrasts:
        if contrast.attribute != ALL and CROSS not in contrast.attribute:
            found.setdefault(contrast.attribute, []).append(contrast)
    yield from found.items()


def _told(looked: _Looked, plan: AuditPlan, floor: int, tell: Progress) -> Iterator[Proxy]:
    """Look at each input of an attribute, then at all of them together."""
    others = {name: c for name, c in looked.columns.items() if name != looked.itself}
    for done, (name, column) in enumerate(looked.columns.items(), 1):
        found: list[telling.Told] | None = None
        why = ITSELF if name == looked.itself else CONSTANT if column.constant else ""
        if not why:
            found = telling.by_one(column, looked.groups)
        yield from _rows(looked, name, found, why, plan, floor)
        tell("looking for proxies", done, None)
    varied = [c for c in others.values() if not c.constant]
    if len(varied) > 1:
        found = telling.by_all(varied, looked.groups, plan.audit.seed)
        yield from _rows(looked, TOGETHER, found, "", plan, floor)


def _rows(
    looked: _Looked,
    feature: str,
    found: "list[telling.Told] | None",
    why: str,
    plan: AuditPlan,
    floor: int,
) -> Iterator[Proxy]:
    """Make a row for each group of how well an input tells it; without numbers, say why."""
    for place, group in enumerate(looked.groups.names):
        blank = Proxy(
            looked.attribute, group, feature, "auc", None, None, None,
            int((looked.groups.of == place).sum()), None, None, None, None, None, "",
            Status.NOT_APPLICABLE if why == ITSELF else Status.UNDEFINED, why,
        )  # fmt: skip
        yield blank if found is None else _measured(blank, found[place], plan, floor)


def _measured(blank: Proxy, told: telling.Told, plan: AuditPlan, floor: int) -> Proxy:
    """Give the area its interval and test; withheld where it would describe a few people."""
    from auditkit.inference.design import enough
    from auditkit.inference.scores import auc_interval, auc_p_value

    if not told.people or not told.others:
        return replace(blank, note="nobody is sampled of the group, or of everyone else")
    status, note = enough(told.people, told.worth, "sampled people of the group", floor)
    if status is Status.OK:
        who = "sampled people of everyone else"
        status, note = enough(told.others, told.others_worth, who, floor)
    if min(told.people, told.others) < SMALLEST:
        return replace(blank, status=Status.INSUFFICIENT, note=note)
    if plan.data.cluster is not None:
        return replace(
            blank, estimate=told.area, status=Status.INSUFFICIENT, note=note or UNDER_CLUSTERS
        )
    sizes = told.worth / telling.LEARNED, told.others_worth / telling.LEARNED
    bounds = auc_interval(told.area, *sizes)
    return replace(
        blank,
        estimate=told.area,
        lower=float(bounds.lower),
        upper=max(float(bounds.upper), COIN),
        p_value=float(auc_p_value(told.area, *sizes)),
        status=status,
        note=note or (WITHOUT_ERROR if told.area == 1 and blank.feature != TOGETHER else ""),
    )


def _adjusted(rows: list[Proxy]) -> list[Proxy]:
    """Adjust the p-values of all groups with enough people, over the whole audit."""
    from auditkit.inference.spread import holm

    tested = [i for i, r in enumerate(rows) if r.status is Status.OK and r.p_value is not None]
    adjusted = holm([rows[i].p_value or 0.0 for i in tested]).tolist()
    out = list(rows)
    for i, p in zip(tested, adjusted, strict=True):
        out[i] = replace(rows[i], adjusted_p=p)
    return out


def _through(
    plan: AuditPlan, scorer: Scorer, sample: Sample, riding: _Riding, rows: list[Proxy]
) -> Iterator[Proxy]:
    """Say how far each gap shrinks when everybody is given the same proxies of other people."""
    named: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.feature != TOGETHER and row.adjusted_p is not None and row.adjusted_p <= NAMED_AT:
            named.setdefault(row.attribute, {})[row.feature] = None
    for attribute, inputs in named.items():
        why, found = EVERY_INPUT, None
        if len(inputs) < len(scorer.features):
            why, found = NO_OUTPUT, gone(scorer, sample, list(inputs), plan.audit.seed)
        for group, n in {r.group: r.n for r in rows if r.attribute == attribute}.items():
            blank = Proxy(
                attribute, group, PROXIES, "gap_through", None, None, None, n,
                None, None, None, None, None, "", Status.UNDEFINED, why,
            )  # fmt: skip
            told = blank if found is None else _less(blank, found.get((attribute, group)))
            yield riding.on(told, list(inputs))


def _less(blank: Proxy, found: Gone | None) -> Proxy:
    """Say what goes of a gap."""
    if found is None or found.estimate is None:
        return replace(blank, status=Status.INSUFFICIENT, note="too few sampled people")
    return replace(
        blank, estimate=found.estimate, lower=found.lower, upper=found.upper,
        status=Status.OK, note="",
    )  # fmt: skip
