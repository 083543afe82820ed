"""The gate that was applied, tested on the very groups it was applied to.

Every group has the rate of everybody in its attribute, and then each in turn another one: half the
limit away, at the limit, and beyond it. How often would the gate say ``breach`` or ``within``?
People count as if drawn one by one, in the numbers that weights and clusters leave of them. Where
people of no recorded group are counted in the worst way before an all-clear, the chance of a right
one is not computed, and that of a wrong one is the most that it can be: the worst way only lowers
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import GroupTable
from auditkit.inference.gates import all_clear_level
from auditkit.inference.power import operating_characteristics
from auditkit.judge.family import Hypotheses, on_rates
from auditkit.judge.gate import counted_worst, doubts, suspicious
from auditkit.measure import Tallied, number, tallied
from auditkit.metrics.registry import metrics
from auditkit.policy.schema import Policy, SettledCheck
from auditkit.results import Check, Outcome, SelfTest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIZES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
"""True gaps in limits."""
WITHIN_LIMIT = 3
"""How many of them do not lie beyond the limit."""

HIDDEN = "people of no recorded group are counted in the worst way before an all-clear"
TOO_LITTLE = "too little data for an all-clear, whatever it shows"


def self_test(
    groups: GroupTable, policy: Policy, family: Hypotheses, checks: Sequence[Check]
) -> tuple[SelfTest, ...]:
    """Compute what the gates that block or warn would say of known gaps, group by group.

    Where the gate judged nothing, because there was nobody to divide by, there is no row.
    """
    rows: list[SelfTest] = []
    for check in on_rates(policy):
        judged = {
            (c.attribute, c.group)
            for c in checks
            if c.check == check.name and c.requirement == check.requirement and c.lower is not None
        }
        if not (check.effect.warns and judged):
            continue
        counted = tallied(groups, metrics()[check.metric])
        places = [i for i, name in enumerate(groups.names) if name in judged]
        unknown = {i: counted_worst(groups, check, *groups.names[i]) for i in places}
        gate = _Gate.of(check, groups, counted, places, policy, family)
        rows += gate.rows(groups.names, unknown)
    return tuple(rows)


@dataclass(frozen=True)
class _Gate:
    """One gate on G groups, of which everybody has the rate ``p`` of all in the attribute."""

    check: SettledCheck
    places: list[int]
    p: "Floats"
    people: "NDArray[np.int64]"
    doubtful: "NDArray[np.bool_]"
    breach: "Floats"
    within: "Floats"

    @classmethod
    def of(
        cls,
        check: SettledCheck,
        groups: GroupTable,
        counted: Tallied,
        places: list[int],
        policy: Policy,
        family: Hypotheses,
    ) -> "_Gate":
        import numpy as np

        own, rest = counted.own.take(places), counted.rest.take(places)
        p = (own.x + rest.x) / (own.n + rest.n)
        rates = _rates(p, check)
        floor = None if check.statistic == "difference" else check.gap_floor

        def chances(outcome: Outcome, alpha: float) -> "Floats":
            n1, n2 = own.at(alpha)[1], rest.at(alpha)[1]
            flat = rates.reshape(-1, len(p))
            found = operating_characteristics(n1, n2, flat, p, check.limit, floor, alpha, outcome)
            return found.reshape(rates.shape)

        leaked = bool(suspicious(groups, metrics()[check.metric]))
        doubtful = [
            leaked or bool(doubts(counted.own.take(i), counted.rest.take(i), policy.floor))
            for i in places
        ]
        return cls(
            check,
            places,
            p,
            own.people,
            np.array(doubtful),
            chances(Outcome.BREACH, family.level(policy.alpha, check.effect)),
            np.where(doubtful, 0.0, chances(Outcome.WITHIN, all_clear_level(policy.alpha))),
        )

    def rows(self, names: Sequence[tuple[str, str]], unknown: Mapping[int, int]) -> list[SelfTest]:
        """Tell each group: the worse direction of an error, and of finding what is there."""
        import numpy as np

        false_breach, found = np.fmax(*self.breach), np.fmin(*self.breach)
        false_clear, cleared = np.fmax(*self.within), np.fmin(*self.within)
        breach = np.concatenate([false_breach[:WITHIN_LIMIT], found[WITHIN_LIMIT:]])
        within = np.concatenate([cleared[: WITHIN_LIMIT - 1], false_clear[WITHIN_LIMIT - 1 :]])
        rows = []
        for k, place in enumerate(self.places):
            at = [number(chance) for chance in breach[:, k]]
            clear = [number(chance) for chance in within[:WITHIN_LIMIT, k]]
            note = TOO_LITTLE if self.doubtful[k] else ""
            if unknown[place] and not note:
                clear[:-1] = [None] * (WITHIN_LIMIT - 1)
                note = HIDDEN
            rows.append(
                SelfTest(
                    self.check.requirement,
                    self.check.name,
                    *names[place],
                    int(self.people[k]),
                    number(self.p[k]),
                    at[0],
                    at[1],
                    at[2],
                    at[3],
                    at[4],
                    at[5],
                    clear[0],
                    clear[1],
                    clear[2],
                    note,
                )
            )
        return rows


def _rates(p: "Floats", check: SettledCheck) -> "Floats":
    """Rates of a group whose gap to ``p`` is so many limits, above and below.

    Returns
    -------
    ndarray, shape (2, len(SIZES), G)
        NaN where there is no such rate.
    """
    import numpy as np

    if check.statistic == "difference":
        up = down = np.full(len(p), check.limit)
    else:
        up = np.maximum(check.limit * p, p + check.gap_floor) - p
        down = p - np.minimum(p / check.limit, p - check.gap_floor)
    sizes = np.array(SIZES)[:, None]
    rates = np.stack([p + sizes * up, p - sizes * down])
    return np.where((rates >= 0) & (rates <= 1), rates, np.nan)
