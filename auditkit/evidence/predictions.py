"""Columns of predicted and recorded amounts, as an engine is asked for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from auditkit.errors import DataError
from auditkit.evidence.histograms import VALUE
from auditkit.evidence.keys import Key
from auditkit.evidence.scores import FIRST_ROWS, MOST_VALUES
from auditkit.evidence.sources import Source, collected, numbers

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

QUANTITIES = ("error", "prediction", "recorded")
SMALLEST, LARGEST = 1e-60, 1e60
"""Between which the largest amount may lie, so that squares are numbers too, and not 0."""
HAIR = 2.0**-51
"""Share of two amounts by which rounding can move their difference."""
NOT_FINITE = "^[+-]?(?:inf|infinity|nan)$"
"""How files of text spell a number that is not finite."""
WITHIN, BEYOND = "within", "beyond"
BELOW, ABOVE = "below", "above"


@dataclass(frozen=True)
class AmountColumns:
    """The columns of predicted and recorded amounts, as an engine is asked for them.

    ``told`` names them as a reader knows them: the column of the predictions may be a model's.
    """

    source: Source
    prediction: str
    recorded: str
    tolerance: float | None
    told: tuple[str, str]

    @cached_property
    def values(self) -> "dict[str, nw.Expr]":
        """Each quantity as Float64; null where there is none.

        A prediction that is not finite is none. Adding 0 makes of the two zeros one.
        """
        predicted = numbers(self.source, self.prediction)[0] + 0.0
        recorded = numbers(self.source, self.recorded)[0] + 0.0
        error = predicted - recorded
        return {
            "error": error,
            "prediction": predicted,
            "recorded": predicted * 0.0 + recorded,
        }

    def keys(self) -> tuple[Key, Key]:
        """Key people by whether the error is beyond the tolerance, and by its direction.

        The two stand where the recorded outcome and the decision of a classification do: the first
        is missing where no amount is recorded, the second where nothing was predicted.
        """
        import narwhals.stable.v2 as nw

        error = self.values["error"]
        recorded, strange = numbers(self.source, self.recorded)
        predicted, unreadable = numbers(self.source, self.prediction)
        far: nw.Expr = nw.lit(0)
        if self.tolerance is not None:
            # 1.1 - 1.0 is a hair more than .1 in floats, and would be beyond a tolerance of .1
            hair = (predicted.abs() + recorded.abs()) * HAIR
            beyond = (error.abs() > hair + self.tolerance).fill_null(value=False)
            far = nw.when(beyond).then(nw.lit(1)).otherwise(nw.lit(0))
        known = nw.when(~recorded.is_null()).then(far)
        high = nw.when((error > 0).fill_null(value=False)).then(nw.lit(1)).otherwise(nw.lit(0))
        side: nw.Expr = nw.when(~predicted.is_null()).then(high)
        if self._is_text(self.prediction):  # an infinite number is no prediction; a word is a fault
            spelled = nw.col(self.prediction).str.to_lowercase().str.strip_chars()
            unreadable = unreadable & ~spelled.str.contains(NOT_FINITE).fill_null(value=False)
            side = nw.when(unreadable).then(nw.lit(-1)).otherwise(side)
        return (
            Key(nw.when(strange).then(nw.lit(-1)).otherwise(known), (WITHIN, BEYOND)),
            Key(side, (BELOW, ABOVE)),
        )

    def _is_text(self, name: str) -> bool:
        import narwhals.stable.v2 as nw

        return bool(self.source.frame.collect_schema()[name] == nw.String)

    def ends(self) -> dict[str, tuple[float, float]]:
        """Find the least and the largest value of each quantity.

        Raises
        ------
        DataError
            Amounts are too large or too small to be summed, or the label has so few values that it
            is no amount.
        """
        import narwhals.stable.v2 as nw

        rows = self.source.frame.select(**self.values)
        aggregates = [
            part
            for name in QUANTITIES
            for part in (nw.col(name).min().alias(f"{name}0"), nw.col(name).max().alias(f"{name}1"))
        ]
        row = collected(rows.select(*aggregates)).iloc[0]
        found = {name: (float(row[f"{name}0"]), float(row[f"{name}1"])) for name in QUANTITIES}
        problems = []
        for name, column in (("prediction", self.told[0]), ("recorded", self.told[1])):
            largest = max(map(abs, found[name]))
            if largest > LARGEST:
                problems.append(
                    f"{column} holds amounts above {LARGEST:g}, whose squares cannot be summed. "
                    f"Give them in larger units."
                )
            elif 0 < largest < SMALLEST:
                problems.append(
                    f"{column} holds no amount of {SMALLEST:g} or more, and squares so small "
                    f"cannot be told from 0. Give them in smaller units."
                )
        problems += self._no_amount()
        if problems:
            raise DataError(*problems)
        return found

    def _no_amount(self) -> Iterator[str]:
        """Say that a label of one or two values is no amount: the task is another one."""
        import narwhals.stable.v2 as nw

        recorded = numbers(self.source, self.recorded)[0]
        rows = self.source.frame.select(v=recorded).filter(~nw.col("v").is_null())
        values = len(collected(rows.unique().head(3)))
        if values == 0:
            yield f"{self.told[1]} holds the recorded amounts, but no row has a value in it."
        elif values <= 2:
            yield (
                f"{self.told[1]} has {values} different value{'s' * (values > 1)}, but the task is "
                f'regression, of amounts. If it says yes or no, set data.task = "binary" and '
                f"data.positive, and data.selected = {{ above = ... }} to cut the predictions."
            )

    def distinct(self, name: str) -> int | None:
        """Count distinct values; ``None`` if they are more than are counted exactly."""
        import narwhals.stable.v2 as nw

        rows = self.source.frame.select(**{VALUE: self.values[name]})
        found = 0
        for part in (rows.head(FIRST_ROWS), rows):
            some = part.filter(~nw.col(VALUE).is_null()).unique().head(MOST_VALUES + 1)
            found = int(collected(some.select(nw.len().alias("n")))["n"].iloc[0])
            if found > MOST_VALUES:
                return None
        return found
