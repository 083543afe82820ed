"""Disparity attributions: whether their intervals hold what truly runs through each input.

Rows are drawn from a process whose contributions are known: of a linear model, the coefficient
times the difference of the input's means. They go the way of an audit: keys by content, a quota of
every group, a pilot and more rows up to the cap, attributions, intervals. Inference is about the
process, so the truth is the process's and not that of the rows drawn.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from auditkit.evidence.sample import Contrast, Reservoir, Sample, largest_quota, quotas
from auditkit.explain.attributions import background
from auditkit.explain.budget import explain_enough
from auditkit.explain.groups import disparities
from auditkit.results import ALL, SAMPLING
from tests.simulation.measured import Job, Row, percent

DRAWS, QUICK = 1000, 25
INPUTS = ("income", "size", "score")
COEFFICIENTS = np.array([0.8, -0.3, 1.5])
SHIFT = np.array([0.4, 1.0, 0.0])
"""By how much the inputs of group b are larger, income in logarithms."""


@dataclass(frozen=True)
class Design:
    """Rows, the share of group b among them, and the most that are explained."""

    rows: int
    share: float
    most: int


DESIGNS = {
    "1,000 rows and no cap in the way": Design(1_000, 0.3, 2_000),
    "a cap of 1,000 of 4,000 rows": Design(4_000, 0.15, 1_000),
    "a cap of 2,000 of 20,000 rows, a small group": Design(20_000, 0.02, 2_000),
}


@dataclass(frozen=True)
class Linear:
    """A scorer whose attributions are known."""

    model: LogisticRegression
    features: tuple[str, ...] = INPUTS
    unit: str = "log-odds"
    positive_is_first: bool = False

    def output(self, rows):
        return np.asarray(self.model.decision_function(rows.to_numpy()))


def scorer() -> Linear:
    model = LogisticRegression()
    model.coef_, model.intercept_ = COEFFICIENTS[None, :], np.array([-1.0])
    model.classes_ = np.array([0, 1])
    return Linear(model)


def drawn(rng: np.random.Generator, design: Design) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw groups and inputs; the area goes with the size, so that strata differ within groups."""
    n = design.rows
    b = rng.random(n) < design.share
    size = rng.poisson(3 + SHIFT[1] * b)
    rows = pd.DataFrame(
        {
            "income": rng.lognormal(SHIFT[0] * b, 0.6),
            "size": size.astype(float),
            "score": rng.normal(size=n),
        }
    )
    north = rng.random(n) < 1 / (1 + np.exp(size - 3.0))
    cells = pd.DataFrame(
        {"group": np.where(b, "b", "a"), "area": np.where(north, "north", "south")}
    )
    return cells, rows


TRUTH = COEFFICIENTS * np.array([(np.exp(SHIFT[0]) - 1) * np.exp(0.6**2 / 2), SHIFT[1], SHIFT[2]])
"""What of group b's gap runs through each input."""


def sample_of(reservoir: Reservoir, rows: pd.DataFrame, output: np.ndarray) -> Sample:
    """Do as an audit does with what was kept, for two attributes of two levels."""
    kept = reservoir.kept.sort_values("(key)", kind="stable", ignore_index=True)
    kept = kept.rename(columns=dict(enumerate([*rows.columns, *INPUTS])))
    told = pd.Series(output).groupby([rows["group"], rows["area"]]).agg(["size", "mean"])
    cells = told.index.tolist()
    place = {cell: i for i, cell in enumerate(cells)}
    stratum = np.array([place[cell] for cell in zip(kept["group"], kept["area"], strict=True)])
    everyone = np.ones(len(cells), dtype=bool)
    contrasts = [Contrast(ALL, ALL, everyone, ~everyone)]
    for at, (attribute, groups) in enumerate((("group", "ab"), ("area", ("north", "south")))):
        held = np.array([cell[at] for cell in cells])
        contrasts += [Contrast(attribute, g, held == g, held != g) for g in groups]
    quota = quotas(stratum, contrasts)
    chosen = quota <= max(200, largest_quota(quota, reservoir.most))
    return Sample(
        kept.loc[chosen, list(INPUTS)].reset_index(drop=True),
        stratum[chosen],
        told["size"].to_numpy(),
        told["mean"].to_numpy(),
        tuple(contrasts),
    )


def covered(name: str, full: bool = False) -> list[Row]:
    """Count how often the intervals of group b's gap hold the truth, and sums that are missed."""
    design, model, times = DESIGNS[name], scorer(), DRAWS if full else QUICK
    rng = np.random.default_rng(33)
    inside = np.zeros((times, 3), dtype=bool)
    sampling, apart = np.zeros(times, dtype=bool), 0.0
    for at in range(times):
        cells, rows = drawn(rng, design)
        output = model.output(rows)
        reservoir = Reservoir(design.most, at)
        reservoir.add(cells, rows, output)
        sample = sample_of(reservoir, cells, output)
        behind = background(sample.rows, 50, at, sample.weight)
        found, part, _ = explain_enough(model, sample, behind, most=design.most, seed=at)
        told = [row for row in disparities(found, part) if row.group == "b"]
        by = {row.feature: row for row in told}
        inside[at] = [
            by[f].lower <= truth <= by[f].upper for f, truth in zip(INPUTS, TRUTH, strict=True)
        ]
        sampling[at] = by[SAMPLING].lower - 1e-9 <= 0 <= by[SAMPLING].upper + 1e-9
        b = (cells["group"] == "b").to_numpy()
        gap = output[b].mean() - output[~b].mean()
        apart = max(apart, abs(sum(row.contribution for row in told) - gap))
    spare = 0 if full else 3 * (0.05 * 0.95 / times) ** 0.5
    grid = f"a linear model of three inputs, one skewed; group b is {percent(design.share, 0)}"
    how = f"{times:,} draws"
    shares = inside.mean(axis=0)
    return [
        Row(
            f"95 % intervals of what runs through an input of the gap: {name}",
            grid,
            how,
            "93 to 97 %",
            " and ".join(percent(s, 1) for s in shares),
            bool(((shares >= 0.93 - spare) & (shares <= 0.97 + spare)).all()),
        ),
        Row(
            f"Contributions and (sampling) together, less the gap over all rows: {name}",
            grid,
            how,
            "at most 1e-9; (sampling) holds 0 in 93 % or more",
            f"under {'1e-9' if apart <= 1e-9 else f'{apart:.1g}'}; {percent(sampling.mean(), 1)}",
            apart <= 1e-9 and bool(sampling.mean() >= 0.93 - spare),
        ),
    ]


JOBS = [Job(f"disparity attributions, {name}", covered, (name,)) for name in DESIGNS]
