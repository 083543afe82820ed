"""How far a gap in the model's output shrinks where some inputs are alike for everybody.

Everybody is given these inputs of the same few other people, one after the other, all of them at
once; the rest of a row stays. What the inputs tell of the group is then gone, and the mean output
of the group less that of its rest is what is left of the gap. It is the model that is tried out: no
such people need exist.

Two things are left to chance, and the interval has both: who is in the sample (as of attributions,
``groups``), and who the others are. The latter is the variance of what is left over the others,
divided by how many they are: where the model adds its inputs up it is 0, for then it is all one
whose inputs they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.models import Scorer
from auditkit.evidence.sample import Sample
from auditkit.explain import shapley
from auditkit.explain.attributions import LEFT_OVER, Attributed, background, without_left_overs
from auditkit.explain.groups import disparities
from auditkit.results import DisparityAttribution, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OTHERS = 20
"""Other people: 50,000 answers of the model at 2,500 rows, a small part of what an explanation may
ask for."""


@dataclass(frozen=True)
class Gone:
    """What goes of a group's gap, in the unit of the output; none where people are too few."""

    estimate: float | None
    lower: float | None
    upper: float | None


def gone(
    scorer: Scorer, sample: Sample, named: Sequence[str], seed: int
) -> dict[tuple[str, str], Gone] | None:
    """Say what goes of each group's gap where the inputs that are named are alike for everybody.

    Parameters
    ----------
    scorer : Scorer
    sample : Sample
    named : sequence of str
        Inputs of the model, not all of them.
    seed : int
        Of the draw of the others.

    Returns
    -------
    dict or None
        By attribute and group; none where the model gives no finite output on such rows.
    """
    import numpy as np

    behind = background(sample.rows, OTHERS, seed, weights=sample.weight)
    kept = np.array([name not in named for name in sample.rows.columns])
    try:
        play = shapley.game(sample.rows, behind, scorer.output)
        left = _left(play, kept)
    except ModelError:
        return None
    if not (np.isfinite(left).all() and np.isfinite(play.row_output).all()):
        return None
    less = play.row_output - left.mean(axis=1)
    less = without_left_overs(less[:, None], play.row_output)[:, 0]
    told = Attributed(
        ("gone", *(str(other) for other in range(left.shape[1]))), np.column_stack([less, left]),
        None, play.row_output, scorer.unit, "", "", play.background, None, None, None,
        Status.OK, "",
    )  # fmt: skip
    by_group: dict[tuple[str, str], list[DisparityAttribution]] = {}
    for row in disparities(told, sample):
        by_group.setdefault((row.attribute, row.group), []).append(row)
    rounding = LEFT_OVER * float(np.abs(play.row_output).max())
    return {group: _gone(first, rest[:-1], rounding) for group, (first, *rest) in by_group.items()}


def _left(play: shapley.Game, kept: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    """Give each row's output with the other inputs of each other person, shape (n, B)."""
    import numpy as np

    each = max(1, play.background * len(kept))
    parts = max(1, -(-play.rows * each // shapley.CELLS))
    chunks = np.array_split(np.arange(play.rows), parts)
    return np.concatenate(
        [play.mixed(chunk, kept[None, None, None, :])[:, :, 0] for chunk in chunks]
    )


def _gone(
    less: DisparityAttribution, left: Sequence[DisparityAttribution], rounding: float
) -> Gone:
    """Widen the interval of what goes by what hangs on who the others are, if that is anything."""
    import numpy as np
    from scipy.special import stdtrit

    estimate, upper = less.contribution, less.upper
    gaps = np.array([row.contribution for row in left], dtype=np.float64)  # none becomes NaN
    if estimate is None or upper is None or len(gaps) < 2:
        return Gone(estimate, None, None)
    spread = gaps.var(ddof=1) if np.ptp(gaps) > rounding else 0.0
    others = stdtrit(len(gaps) - 1, 0.975) ** 2 * spread / len(gaps)
    half = float(np.sqrt((upper - estimate) ** 2 + others))
    return Gone(estimate, estimate - half, estimate + half)
