"""What became of the decisions and outputs of a group's rows when they were asked about altered.

Each row is asked about once or several times, with cells of other rows. A row and the cell that it
is given are a pair, and both are drawn at random: over as many pairs as there are rows, or cells if
these are fewer, shares are binomial. More pairs of the same rows and cells only lower the variance
(Hoeffding 1948, on U-statistics), so intervals are made as if there were no more.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.explain.groups import SMALLEST
from auditkit.inference.design import enough
from auditkit.probes.determinism import ROUNDING
from auditkit.probes.probed import UNTOLD
from auditkit.probes.sampled import Asked, Sampled
from auditkit.results import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEW = f"fewer than {SMALLEST} rows, whose mean would describe them"
ENDLESS = "an output is without end, so its change is no number"
Span = tuple[float | None, float | None, float | None]
"""An estimate and the ends of its 95 % interval."""
NOTHING: Span = (None, None, None)


@dataclass(frozen=True)
class Moves:
    """What became of ``asked`` askings; ``drawn`` pairs of them count in intervals."""

    asked: int
    drawn: int
    changed: int
    gained: int
    lost: int
    stayed: int
    """Selected before and after."""
    unanswered: int
    failed: int
    untold: int
    least: float
    """The size of an output that rounding is held against at least."""
    amounts: bool
    """Whether amounts are predicted: gained are more then, lost are less, and none is selected."""
    shifts: "NDArray[np.float64]"
    """Changes of the output of rows with an answer; those within rounding are 0."""

    @property
    def answered(self) -> int:
        """Askings that got a decision."""
        return self.asked - self.unanswered - self.failed

    def share(self) -> Span:
        """Share no longer decided as before, with its Wilson interval."""
        from auditkit.inference.intervals import wilson

        if not self.asked:
            return NOTHING
        share = (self.changed + self.unanswered + self.failed) / self.asked
        bounds = wilson(share * self.drawn, self.drawn)
        return share, float(bounds.lower), float(bounds.upper)

    def net(self) -> tuple[float, float, float] | None:
        """Share selected after less that before, with Newcombe's interval for the same rows."""
        from auditkit.inference.intervals import paired_difference

        if self.amounts or not self.answered:
            return None
        scale = min(1.0, self.drawn / self.answered)
        neither = self.answered - self.stayed - self.gained - self.lost
        bounds = paired_difference(
            *(scale * part for part in (self.stayed, self.gained, self.lost, neither))
        )
        net = (self.gained - self.lost) / self.answered
        return net, float(bounds.lower), float(bounds.upper)

    def mean(self) -> Span:
        """Mean change of the output, with Student's interval; none of both without a spread."""
        from auditkit.inference.scores import mean_interval

        mean, variance, n = self.moments()
        if mean is None or not variance:
            return mean, None, None
        bounds = mean_interval(mean, variance, n)
        return mean, float(bounds.lower), float(bounds.upper)

    def moments(self) -> tuple[float | None, float, int]:
        """Mean change of the output, the variance of that mean, and the pairs it stands on."""
        import numpy as np

        n = min(self.drawn, len(self.shifts))
        if n < SMALLEST or not np.isfinite(self.shifts).all():
            return None, 0.0, n
        mean = float(self.shifts.mean())
        spread = float(self.shifts.var(ddof=1)) if len(self.shifts) > 1 else 0.0
        near = ROUNDING * max(self.least, abs(mean))
        alike = spread <= near * near  # a product of floats ends at infinity, a power in an error
        return mean, 0.0 if alike else spread / n, n

    def worth(self, floor: int, of: int) -> tuple[Status, str]:
        """Say what ``of`` rows that were asked about are worth."""
        import numpy as np

        status, note = enough(of, self.drawn, "sampled rows to alter", floor)
        if self.untold:
            return Status.UNDEFINED, UNTOLD.format(self.untold)
        why = ""
        if len(self.shifts):
            few = min(self.drawn, len(self.shifts)) < SMALLEST
            why = FEW if few else "" if np.isfinite(self.shifts).all() else ENDLESS
        return status, "; ".join(part for part in (note, why) if part)


def moves(sampled: Sampled, asked: Asked, mask: "NDArray[np.bool_]", drawn: int) -> Moves:
    """Count what became of some of the askings; ``drawn`` pairs of rows and cells are in them."""
    import numpy as np

    told, places = asked.told, asked.places[mask]
    after, failed = told.label[mask], (told.failed | told.untold)[mask]
    before = sampled.before.label[places]
    none = (after == np.array(None)) & ~failed
    has = ~none & ~failed
    shifts = np.zeros(len(places))
    if sampled.unit:
        shifts = _shifts(sampled.before.output[places], told.output[mask], sampled.least)
    if sampled.amounts:
        changed, chosen, was = has & (shifts != 0), has & (shifts > 0), has & (shifts < 0)
    else:
        changed = has & (after != before)
        chosen, was = sampled.selects(after) & has, sampled.selects(before) & has
    return Moves(
        asked=len(places),
        drawn=min(drawn, len(places)),
        changed=int(changed.sum()),
        gained=int((chosen & ~was).sum()),
        lost=int((was & ~chosen).sum()),
        stayed=int((was & chosen).sum()),
        unanswered=int(none.sum()),
        failed=int(failed.sum()),
        untold=int(told.untold[mask].sum()),
        least=sampled.least,
        amounts=sampled.amounts,
        shifts=shifts[has] if sampled.unit else np.zeros(0),
    )


def _shifts(
    before: "NDArray[np.float64]", after: "NDArray[np.float64]", least: float
) -> "NDArray[np.float64]":
    import numpy as np

    with np.errstate(invalid="ignore"):
        apart = after - before
        rounding = ROUNDING * np.maximum(least, np.abs(before))
        return np.where(np.abs(apart) <= rounding, 0.0, apart)
