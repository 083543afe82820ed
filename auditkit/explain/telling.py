"""How well inputs tell who is in which group: from rows that were not learned from.

The people of a sample are put into five parts. What an input says of the groups is learned from
four parts and held against the fifth, five times over, and what is told is the mean area under the
ROC curve of the five: the chance that of two people, one of the group and one of the rest, the one
of the group is given the higher score. 0.5 is what a coin gets. (Stone, 1974; LeDell, Petersen and
van der Laan, 2015; each group against its rest: Provost and Domingos, 2000.)

What is learned in one part is tested in another that it is learned from in turn. Where an input
tells nothing, the mean of the five then varies up to twice as much as that of rows that nothing was
learned from. Intervals and tests therefore count every person as half a one; where an input tells
much, that is more caution than is needed.

Scores of people exist only inside these functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.evidence.sample import Contrast, Sample

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS = 5
BINS = 10
"""Ranges of about as many people that a number or date is cut into."""
A_LEVEL = 5
"""People a level of a text has at least on average; with fewer it is read by its letters."""
PRIOR = 5.0
"""People of the groups as they are everywhere that are added to each level (Cestnik, 1990)."""
BUCKETS = 2**14
"""Columns that pieces of text are hashed into, where a text is looked at alone."""
FEW_BUCKETS = 32
"""The same where it is looked at with other inputs."""
TREES = 30
LEAF = 5
"""People in a leaf at least: about half a second for the five forests of an attribute."""
LEARNED = 2.0
"""By how much the variance of a cross-fitted area exceeds that of a score known before."""
ORDERED = frozenset(
    {
        "boolean",
        "date",
        "datetime",
        "datetime64",
        "decimal",
        "floating",
        "integer",
        "mixed-integer-float",
        "timedelta",
        "timedelta64",
    }
)
"""Kinds of objects, as pandas tells them, that have an order."""


@dataclass(frozen=True, eq=False)
class Input:
    """A column as it is looked at, each of shape (n,).

    Attributes
    ----------
    order : ndarray of int
        Rank of the value among those there are, -1 where it is missing.
    level : ndarray of int
        The same, numbers and dates cut into ranges, from 0; missing is a level of its own.
    texts : ndarray of str, or None
        The text, where it has so many levels that it is read by its letters.
    """

    order: "NDArray[np.intp]"
    level: "NDArray[np.intp]"
    texts: "NDArray[np.object_] | None"

    @property
    def constant(self) -> bool:
        """Whether all rows have the same value, or none."""
        return bool((self.order == self.order[:1]).all())


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of one attribute among the sampled rows.

    Attributes
    ----------
    names : tuple of str
        The G groups.
    of : ndarray of int, shape (n,)
        Group of each row.
    rest : ndarray of bool, shape (G, G)
        Which groups are the rest of each.
    weight : ndarray of float64, shape (n,)
        Rows of the data that each stands for.
    fold : ndarray of int, shape (n,)
        Part that each row is tested in.
    """

    names: tuple[str, ...]
    of: "NDArray[np.intp]"
    rest: "NDArray[np.bool_]"
    weight: "Floats"
    fold: "NDArray[np.intp]"

    def sides(self, group: int) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
        """Mark the rows of a group and of its rest."""
        return self.of == group, self.rest[group][self.of]


@dataclass(frozen=True)
class Told:
    """How well a group is told from its rest.

    ``area`` is between 0 and 1, and NaN where a side has nobody; ``people`` and ``others`` are
    sampled rows of the group and of its rest, ``worth`` and ``others_worth`` how many rows drawn
    alone tell as much (Kish).
    """

    area: float
    people: int
    others: int
    worth: float
    others_worth: float


def read(column: "pd.Series[Any]") -> Input:
    """Look at a column of any kind: numbers, truths, dates, categories, text, missing values.

    Parameters
    ----------
    column : Series, shape (n,)
    """
    import numpy as np
    import pandas as pd

    if _is_ordered(column):
        order, values = pd.factorize(column, sort=True)
        if len(values) > BINS:
            cuts = np.quantile(order[order >= 0], np.linspace(0, 1, BINS + 1)[1:-1])
            binned = np.searchsorted(np.unique(cuts), order, side="left")
            return Input(order, np.where(order < 0, 0, binned + 1), None)
        return Input(order, order + 1, None)
    texts = column.astype(object).where(column.notna(), None).map(str, na_action="ignore")
    order, values = pd.factorize(texts, sort=True)
    own = len(values) * A_LEVEL <= max(len(order), BINS * A_LEVEL)
    return Input(order, order + 1, None if own else texts.fillna("").to_numpy(dtype=object))


def _is_ordered(column: "pd.Series[Any]") -> bool:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=True) in ORDERED
    return not pd.api.types.is_string_dtype(column.dtype)


def groups_of(sample: Sample, contrasts: Sequence[Contrast]) -> Groups:
    """Put the sampled rows into the groups of one attribute, and into parts to learn and test.

    The rows of a sample are in the order of their keys, which are drawn from their content: every
    part gets every fifth of each group, whatever the order of the data.

    Parameters
    ----------
    sample : Sample
    contrasts : sequence of Contrast
        All groups of the attribute.
    """
    import numpy as np

    members = np.stack([c.members for c in contrasts])  # (G, S)
    group = members.argmax(axis=0)
    rest = np.array([[bool((c.rest & other.members).any()) for other in contrasts]
                     for c in contrasts])  # fmt: skip
    of = group[sample.stratum]
    fold = np.empty(len(of), dtype=np.intp)
    fold[np.argsort(of, kind="stable")] = np.arange(len(of)) % FOLDS
    return Groups(tuple(c.group for c in contrasts), of, rest, sample.weight, fold)


def by_one(column: Input, groups: Groups) -> list[Told]:
    """Say how well one input tells each group from its rest.

    The score of a level is the share of the group among the people who have it, drawn towards the
    share of the group everywhere; a text that hardly two people share is read by its letters, by
    naive Bayes on pieces of up to three.
    """
    if column.texts is not None:
        return _told(groups, _of_letters(column.texts, groups))
    return _told(groups, _of_levels(column.level, groups))


def by_all(columns: Sequence[Input], groups: Groups, seed: int) -> list[Told]:
    """Say how well inputs together tell each group from its rest, by a forest of random trees.

    Extremely randomised trees: Geurts, Ernst and Wehenkel (2006). Another learner may find more.
    """
    import numpy as np
    from sklearn.ensemble import ExtraTreesClassifier

    parts = [_letters(c.texts, FEW_BUCKETS).toarray() for c in columns if c.texts is not None]
    matrix = np.column_stack([*(c.order for c in columns if c.texts is None), *parts])
    matrix = matrix.astype(np.float32)
    chance = np.zeros((len(groups.of), len(groups.names)))
    for part in range(FOLDS):
        test = groups.fold == part
        if not test.any() or test.all():
            continue
        forest = ExtraTreesClassifier(
            TREES, min_samples_leaf=LEAF, random_state=seed % 2**32, n_jobs=1
        ).fit(matrix[~test], groups.of[~test])
        chance[np.ix_(test, forest.classes_)] = forest.predict_proba(matrix[test])
    return _told(groups, chance)


def _of_levels(level: "NDArray[np.intp]", groups: Groups) -> "Floats":
    """Give each row the share of each group in its level, learned without its own part."""
    import numpy as np

    count, levels = len(groups.names), int(level.max()) + 1
    cell = (groups.fold * levels + level) * count + groups.of
    found = np.bincount(cell, minlength=FOLDS * levels * count).reshape(FOLDS, levels, count)
    others = found.sum(axis=0) - found
    everywhere = others.sum(axis=1, keepdims=True)
    everywhere = everywhere / np.maximum(everywhere.sum(axis=2, keepdims=True), 1)
    share = (others + PRIOR * everywhere) / (others.sum(axis=2, keepdims=True) + PRIOR)
    rows: Floats = share[groups.fold, level]
    return rows


def _of_letters(texts: "NDArray[np.object_]", groups: Groups) -> "Floats":
    """Give each row the chance of each group by the letters of its text."""
    import numpy as np
    from sklearn.naive_bayes import MultinomialNB

    pieces = _letters(texts, BUCKETS)
    chance = np.zeros((len(groups.of), len(groups.names)))
    for part in range(FOLDS):
        test = groups.fold == part
        if not test.any() or test.all():
            continue
        learned = MultinomialNB().fit(pieces[~test], groups.of[~test])
        chance[np.ix_(test, learned.classes_)] = learned.predict_proba(pieces[test])
    return chance


def _letters(texts: "NDArray[np.object_]", buckets: int) -> Any:  # noqa: ANN401
    """Count the pieces of up to three letters in each text; a sparse matrix (n, buckets)."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer="char_wb", ngram_range=(1, 3), n_features=buckets, alternate_sign=False, norm=None
    ).transform(texts)


def _told(groups: Groups, chance: "Floats") -> list[Told]:
    """Hold the chances of groups, shape (n, G), against the groups that people are in."""
    import numpy as np

    from auditkit.inference.design import kish_size

    found = []
    for group in range(len(groups.names)):
        mine, rest = groups.sides(group)
        own = chance[:, group]
        both = own + chance[:, groups.rest[group]].sum(axis=1)
        score = np.divide(own, both, out=np.zeros_like(own), where=both > 0)
        areas = [
            area(score[part], mine[part], groups.weight[part])
            for part in ((groups.fold == fold) & (mine | rest) for fold in range(FOLDS))
        ]
        known = [a for a in areas if not np.isnan(a)]
        worth = [
            float(kish_size(w.sum(), (w**2).sum(), len(w)))
            for w in (groups.weight[mine], groups.weight[rest])
        ]
        mean = sum(known) / len(known) if known else float("nan")
        found.append(Told(mean, int(mine.sum()), int(rest.sum()), *worth))
    return found


def area(score: "Floats", mine: "NDArray[np.bool_]", weight: "Floats") -> float:
    """Weighted area under the ROC curve, ties counted one half.

    Parameters
    ----------
    score, mine, weight : ndarray, shape (n,)
        Score, whether of the group, and rows that each stands for.

    Returns
    -------
    float
        NaN where the group or its rest has nobody.

    Examples
    --------
    >>> import numpy as np
    >>> area(np.array([3.0, 1.0, 2.0, 1.0]), np.array([True, True, False, False]), np.ones(4))
    0.625
    """
    import numpy as np

    _, rank = np.unique(score, return_inverse=True)
    of_group = np.bincount(rank, weight * mine)
    of_rest = np.bincount(rank, weight * ~mine)
    pairs = of_group.sum() * of_rest.sum()
    if not pairs:
        return float("nan")
    return float(of_group @ (np.cumsum(of_rest) - of_rest / 2) / pairs)
