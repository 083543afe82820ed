"""Shapley values of source columns, for any model that gives an output for a row.

Interventional: the columns outside a coalition are taken from a background row, whole columns at a
time and with their types, so that text, categories and missing values reach the model as they are.
The value of a coalition is the mean output over the background; a row's values sum to its output
minus the background's mean output.

Sources: Shapley (1953); Strumbelj and Kononenko (2014) for sampling permutations; Mitchell et al.
(2022) for pairing a permutation with its reverse.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Output = Callable[[pd.DataFrame], NDArray[np.float64]]

Progress = Callable[[int, int], None]

EVALUATIONS = 4_000_000
"""Model outputs that one explanation may ask for: about ten seconds of gradient boosting."""
CELLS = 1_000_000
"""Cells of the frames handed to the model: large ones, because each call has a fixed cost."""
LEAST_BACKGROUND = 10
"""Background rows kept whatever the cost."""
NOISE_ROWS = 20
"""Rows computed twice to say how far sampled values are from settled."""


@dataclass(frozen=True, eq=False)
class Game:
    """The rows to explain and the background they are explained against, columns side by side.

    Attributes
    ----------
    pool : DataFrame, shape (n + B, p)
        The rows to explain, then the background rows, every column with one type.
    row_output, background_output : ndarray of float64, shapes (n,) and (B,)
        The model's output on each.
    output : callable
        The model.
    """

    pool: "pd.DataFrame"
    row_output: "NDArray[np.float64]"
    background_output: "NDArray[np.float64]"
    output: "Output"

    @property
    def rows(self) -> int:
        """How many rows are explained."""
        return len(self.row_output)

    @property
    def background(self) -> int:
        """How many background rows there are."""
        return len(self.background_output)

    @property
    def base(self) -> float:
        """Mean output over the background."""
        return float(self.background_output.mean())

    def mixed(
        self,
        chunk: "NDArray[np.intp]",
        masks: "NDArray[np.bool_]",
    ) -> "NDArray[np.float64]":
        """Give the model's output where masked-in columns are the row's, others the background's.

        Parameters
        ----------
        chunk : ndarray of int, shape (r,)
            Rows to explain.
        masks : ndarray of bool, broadcastable to shape (r, B, m, p)
            ``True`` where a column is the row's own.

        Returns
        -------
        ndarray of float64, shape (r, B, m)
        """
        import numpy as np

        shape = (len(chunk), self.background, masks.shape[2])
        own = np.broadcast_to(chunk[:, None, None], shape)
        other = np.broadcast_to(np.arange(self.background)[None, :, None] + self.rows, shape)
        columns = range(self.pool.shape[1])
        places = [np.where(masks[..., j], own, other).ravel() for j in columns]
        return self.output(_assembled(self.pool, places)).reshape(shape)

    def worth(
        self,
        chunk: "NDArray[np.intp]",
        told: "NDArray[np.float64]",
    ) -> "NDArray[np.float64]":
        """Say what outputs are worth to rows: here they are themselves.

        Parameters
        ----------
        chunk : ndarray of int, shape (r,)
            Rows to explain.
        told : ndarray of float64, broadcastable to shape (r, B, m)
            The model's output on each of them mixed with each background row.
        """
        return told


def game(rows: "pd.DataFrame", background: "pd.DataFrame", output: "Output") -> Game:
    """Set rows and background side by side.

    The outputs of both are asked for here, on frames put together like all the others, so that
    values that add up to an output obtained elsewhere show that nothing was lost on the way.

    Raises
    ------
    ValueError
        A column has another type in the background than in the rows.
    """
    import numpy as np
    import pandas as pd

    pool = pd.concat([rows, background], ignore_index=True)
    differ = [str(c) for c in rows if pool[c].dtype != rows[c].dtype]
    if differ:
        raise ValueError(f"Rows and background differ in the types of the columns {differ}.")
    told = output(_assembled(pool, [np.arange(len(pool))] * pool.shape[1]))
    return Game(pool, told[: len(rows)], told[len(rows) :], output)


def _assembled(pool: "pd.DataFrame", places: "Sequence[NDArray[np.intp]]") -> "pd.DataFrame":
    """Build a frame whose columns are taken from the pool each at its own places."""
    import pandas as pd

    return pd.DataFrame(
        {
            name: column.array.take(taken)
            for (name, column), taken in zip(pool.items(), places, strict=True)
        }
    )


def exact_cost(rows: int, columns: int, background: int) -> int:
    """Count the model outputs that all coalitions take; the two ends are shared."""
    return rows * ((1 << columns) - 2) * background


def sampled_cost(rows: int, columns: int, background: int) -> int:
    """Count the model outputs that a permutation and its reverse for each background row take."""
    return rows * 2 * (columns - 1) * background


def affordable_background(rows: int, columns: int, background: int) -> int:
    """How many background rows sampling can use within the budget, never under the least."""
    each = max(1, sampled_cost(rows, columns, 1))
    return min(background, max(LEAST_BACKGROUND, EVALUATIONS // each))


def exact(play: Game, progress: Progress | None = None) -> "NDArray[np.float64]":
    """Shapley values over all coalitions of source columns.

    phi_j = sum over S without j of |S|! (p - |S| - 1)! / p! (v(S with j) - v(S)), Shapley (1953).

    Returns
    -------
    ndarray of float64, shape (n, p)
        In the unit of the model's output.
    """
    import numpy as np

    columns = play.pool.shape[1]
    members = (np.arange(2**columns)[:, None] >> np.arange(columns)) & 1 == 1  # (2^p, p)
    size = members.sum(axis=1)
    gain = np.array([1.0 / (columns * math.comb(columns - 1, s)) for s in range(columns)])
    joined = gain[np.maximum(size - 1, 0)]
    left = gain[np.minimum(size, columns - 1)]
    weights = np.where(members, joined[:, None], -left[:, None])  # (2^p, p)
    values = np.empty((play.rows, columns))
    worth = np.empty((play.rows, 2**columns))
    everyone = np.arange(play.rows)
    worth[:, 0] = play.worth(everyone, play.background_output[None, :, None]).mean(axis=1)[:, 0]
    worth[:, -1] = play.worth(everyone, play.row_output[:, None, None])[:, 0, 0]
    for chunk in _chunks(play, 2**columns - 2, progress):
        if columns > 1:
            told = play.mixed(chunk, members[None, None, 1:-1])
            worth[chunk, 1:-1] = play.worth(chunk, told).mean(axis=1)
        values[chunk] = worth[chunk] @ weights
    return values


def sampled(play: Game, seed: int, progress: Progress | None = None) -> "NDArray[np.float64]":
    """Shapley values from one random permutation and its reverse for each row and background row.

    Along a permutation the row's columns replace the background row's one by one, so that the
    changes sum to the row's output minus the background row's: the values sum exactly whatever
    permutations are drawn. A row's permutations depend on the seed, its content and how many equal
    rows came before it, not on its place.

    Returns
    -------
    ndarray of float64, shape (n, p)
        In the unit of the model's output.
    """
    import numpy as np

    columns, background = play.pool.shape[1], play.background
    draws = list(generators(play.pool.iloc[: play.rows], seed))
    order = np.tile(np.arange(columns), (background, 1))
    steps = np.arange(1, columns)
    values = np.empty((play.rows, columns))
    for chunk in _chunks(play, 2 * (columns - 1), progress):
        rank = np.stack([draws[i].permuted(order, axis=1) for i in chunk])  # (r, B, p)
        forward = rank[:, :, None, :] < steps[:, None]  # (r, B, p - 1, p)
        told = play.mixed(chunk, np.concatenate([forward, ~forward], axis=2))
        inner, shape = play.worth(chunk, told), (len(chunk), background, 1)
        start = np.broadcast_to(play.worth(chunk, play.background_output[None, :, None]), shape)
        end = np.broadcast_to(play.worth(chunk, play.row_output[chunk, None, None]), shape)
        ahead = np.concatenate([start, inner[..., : columns - 1], end], axis=2)
        # the complements of a permutation's coalitions are those of its reverse, met from the end
        back = np.concatenate([end, inner[..., columns - 1 :], start], axis=2)
        change = (np.diff(ahead, axis=2) - np.diff(back, axis=2)) / 2
        values[chunk] = np.take_along_axis(change, rank, axis=2).mean(axis=1)
    return values


def sampling_noise(play: Game, values: "NDArray[np.float64]", seed: int) -> float:
    """Estimate the standard deviation of one sampled value, by drawing a few rows again.

    In the unit of the model's output; the root mean square over rows and columns.
    """
    import numpy as np

    few = np.unique(np.linspace(0, play.rows - 1, NOISE_ROWS).astype(np.intp))
    kept = np.concatenate([few, np.arange(play.rows, len(play.pool))])
    part = Game(
        play.pool.iloc[kept].reset_index(drop=True),
        play.row_output[few],
        play.background_output,
        play.output,
    )
    again = sampled(part, seed + 1)
    return float(np.sqrt(np.mean((again - values[few]) ** 2) / 2))


def generators(rows: "pd.DataFrame", seed: int) -> "Iterator[np.random.Generator]":
    """Give each row its own random stream, by content and count of equal rows before it."""
    import numpy as np
    import pandas as pd

    content = pd.util.hash_pandas_object(_plain(rows), index=False)
    before = content.groupby(content).cumcount()
    for key, count in zip(content.tolist(), before.tolist(), strict=True):
        yield np.random.default_rng([seed, key, count])


def _plain(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Write columns as numbers or text, so that a hash sees values and not how they are stored."""
    import numpy as np
    import pandas as pd

    plain = {}
    for place in range(rows.shape[1]):
        column = rows.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column):
            plain[place] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            plain[place] = column.astype(object).where(column.notna(), None).map(str).to_numpy()
    return pd.DataFrame(plain)


def _chunks(play: Game, coalitions: int, progress: Progress | None) -> "Iterator[NDArray[np.intp]]":
    """Cut the rows so that each frame given to the model has about ``CELLS`` cells."""
    import numpy as np

    each = max(1, coalitions * play.background * play.pool.shape[1])
    size = max(1, CELLS // each)
    for start in range(0, play.rows, size):
        stop = min(start + size, play.rows)
        yield np.arange(start, stop)
        if progress is not None:
            progress(stop, play.rows)
