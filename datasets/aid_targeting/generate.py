"""Make a humanitarian targeting programme whose disparities are planted and exactly known.

Households register; each has a deprivation that nobody sees; six indices observe it with error; a
model fitted to a survey turns the indices into a score; and as many places as there are go to the
highest scores. For some groups the indices mislead: that is planted. Within a cell of the four
protected attributes everything is Gaussian and the model is linear, so the rates of the decision
process are integrals in one dimension, computed here to 12 digits and never simulated.

Run as a script it writes the data set beside itself::

    python datasets/aid_targeting/generate.py
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline

SEED = 20261123
HOUSEHOLDS = 12_000
SURVEYED = 3_000
PLACES = 0.26
"""Places, as a share of the households that registered."""
NEED = 0.65
"""A household is in need where its deprivation exceeds this many standard deviations."""
BLANK = 0.02
"""Share of households, whoever they are, whose displacement was not recorded."""
NOT_RECORDED = "(not recorded)"

ATTRIBUTES = ("gender", "age", "displacement", "area")
GENDERS = {"female": 0.4, "male": 0.6}
"""Shares. Nothing else depends on gender: every gap between its two groups is exactly nil."""
AGES = {"<31": 0.35, "[31,61)": 0.515, ">=61": 0.135}
"""Shares of the head's age, the same for all other attributes."""
YEARS = {"<31": (16, 31), "[31,61)": (31, 61), ">=61": (61, 91)}
"""Whole years of age that each group draws from, the last one excluded."""

LIVING = {
    ("displaced", "urban"): 0.10,
    ("displaced", "rural"): 0.11,
    ("displaced", "camp"): 0.14,
    ("host", "urban"): 0.22,
    ("host", "rural"): 0.27,
    ("returnee", "urban"): 0.07,
    ("returnee", "rural"): 0.09,
}
"""Shares of displacement and area together: only displaced households live in camps."""

DEPRIVATION = {"displaced": 0.1, "host": 0.0, "returnee": 0.1}
"""Mean deprivation, in standard deviations within a cell."""

INDICES = {
    "dwelling": (-6.0, 6.0),
    "assets": (-6.0, 7.0),
    "food": (-5.0, 7.0),
    "dependency": (5.0, 7.0),
    "water": (4.0, 8.0),
    "airtime": (-5.0, 7.5),
}
"""Points an index moves with one unit of deprivation, and standard deviation of its error."""


@dataclass(frozen=True)
class Planted:
    """A group whose indices mislead: ``shifts`` are points on top of what its deprivation gives."""

    attribute: str
    group: str
    shifts: Mapping[str, float]
    why: str

    def covers(self, cell: Mapping[str, str]) -> bool:
        """Say whether a cell of the protected attributes belongs to the group."""
        parts = zip(self.attribute.split("*"), self.group.split("*"), strict=True)
        return all(cell[name] == level for name, level in parts)


PLANTED = (
    Planted(
        attribute="age",
        group=">=61",
        shifts={"assets": 5.0, "dwelling": 2.5},
        why="Heads over 60 still own things from better times and look less poor than they are.",
    ),
    Planted(
        attribute="displacement*area",
        group="displaced*urban",
        shifts={"dwelling": 5.0, "water": -4.0},
        why="Displaced families in town stay in other people's houses and use their water. "
        "Displaced households as a whole, and urban ones, stay within 5 points of the rest.",
    ),
)


@dataclass(frozen=True)
class Programme:
    """The households, the survey its model was fitted to, the fitted pipeline, and the truth."""

    households: "pd.DataFrame"
    survey: "pd.DataFrame"
    model: Any
    truth: dict[str, Any]


def generate(seed: int = SEED, households: int = HOUSEHOLDS) -> Programme:
    """Make the programme, with so many households registered.

    The survey, the model and the truth depend on ``seed`` only, not on ``households``.
    """
    import numpy as np

    surveyors, registrars = (
        np.random.Generator(np.random.PCG64(stream))
        for stream in np.random.SeedSequence(seed).spawn(2)
    )
    table = cells()
    survey = draw(table, SURVEYED, surveyors)
    model = fit(survey)
    cut = cut_for(PLACES, table, model)
    registered = draw(table, households, registrars)
    score = model.predict_proba(registered[list(INDICES)])[:, 1]
    registered.insert(0, "household_id", np.arange(1, households + 1) + 1_000_000)
    registered["score"] = score.round(8)
    registered["selected"] = np.where(score > cut, "yes", "no")
    return Programme(registered, survey, model, truth(table, model, cut, seed))


def cells() -> "pd.DataFrame":
    """Lay out the cells of the protected attributes.

    Returns
    -------
    pandas.DataFrame
        42 rows: the four attributes, ``share`` of all households, ``mean`` deprivation, and under
        the name of each index the points planted on it.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for gender, age, (displacement, area) in product(GENDERS, AGES, LIVING):
        cell = dict(zip(ATTRIBUTES, (gender, age, displacement, area), strict=True))
        shifts = dict.fromkeys(INDICES, 0.0)
        for planted in PLANTED:
            if planted.covers(cell):
                shifts = {i: s + planted.shifts.get(i, 0.0) for i, s in shifts.items()}
        share = GENDERS[gender] * AGES[age] * LIVING[displacement, area]
        rows.append({**cell, "share": share, "mean": DEPRIVATION[displacement], **shifts})
    return pd.DataFrame(rows)


def draw(table: "pd.DataFrame", size: int, rng: "np.random.Generator") -> "pd.DataFrame":
    """Draw households at random from the cells.

    Returns
    -------
    pandas.DataFrame
        ``size`` rows: the attributes, the indices to two decimals, ``in_need``.
    """
    import numpy as np
    import pandas as pd

    cell = rng.choice(len(table), size=size, p=table["share"].to_numpy())
    deprivation = table["mean"].to_numpy()[cell] + rng.standard_normal(size)
    columns: dict[str, Any] = {
        name: table[name].to_numpy(dtype=object)[cell] for name in ATTRIBUTES
    }
    first, last = (np.array([YEARS[group][end] for group in table["age"]])[cell] for end in (0, 1))
    columns["age"] = rng.integers(first, last)
    columns["displacement"] = np.where(rng.random(size) < BLANK, None, columns["displacement"])
    for index, (slope, error) in INDICES.items():
        level = 50 + table[index].to_numpy()[cell] + slope * deprivation
        columns[index] = (level + error * rng.standard_normal(size)).round(2)
    columns["in_need"] = np.where(deprivation > NEED, "yes", "no")
    return pd.DataFrame(columns)


def fit(survey: "pd.DataFrame") -> "Pipeline":
    """Fit the programme's model to the survey: the six indices, no protected attribute.

    Its numbers are rounded, so that machines whose linear algebra differs in the last digit make
    the same data set.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Standardisation and logistic regression with classes ``no`` and ``yes``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    model = Pipeline([("scale", StandardScaler()), ("weigh", LogisticRegression())])
    model.fit(survey[list(INDICES)], survey["in_need"])
    scale, weigh = model["scale"], model["weigh"]
    scale.mean_, scale.scale_ = scale.mean_.round(4), scale.scale_.round(4)
    scale.var_ = scale.scale_**2
    weigh.coef_, weigh.intercept_ = weigh.coef_.round(4), weigh.intercept_.round(4)
    return model


def log_odds(table: "pd.DataFrame", model: "Pipeline") -> "tuple[np.ndarray, float, float]":
    """Carry the indices' distribution given deprivation through the linear model.

    Returns
    -------
    at : numpy.ndarray
        Of each cell, the mean log-odds of a household whose deprivation is 0.
    slope, error : float
        What one unit of deprivation adds, and the standard deviation of the Gaussian error.
    """
    import numpy as np

    slopes, errors = np.array(list(INDICES.values())).T
    weights = model["weigh"].coef_[0] / model["scale"].scale_
    levels = 50 + table[list(INDICES)].to_numpy() - model["scale"].mean_
    at = model["weigh"].intercept_[0] + levels @ weights
    return at, float(weights @ slopes), float(np.hypot.reduce(weights * errors))


def cut_for(places: float, table: "pd.DataFrame", model: "Pipeline") -> float:
    """Find the cut of the model's probability above which a share ``places`` of households lies.

    It is set for the population, to four decimals: a draw of households fills a few places more
    or fewer.
    """
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import expit, ndtr

    at, slope, error = log_odds(table, model)
    centre = at + slope * table["mean"].to_numpy()
    share, spread = table["share"].to_numpy(), np.hypot(error, slope)
    threshold = brentq(lambda t: share @ ndtr((centre - t) / spread) - places, -30, 30)
    return round(float(expit(threshold)), 4)


def confusion(table: "pd.DataFrame", model: "Pipeline", cut: float) -> "pd.DataFrame":
    """Compute the share of all households in each cell that is in need, selected, both, neither.

    Given its deprivation z, a household of a cell is selected with probability
    Phi((at + slope z - logit(cut)) / error), and z is Gaussian about the mean of the cell. The
    share in need and selected is the integral of the product over z > NEED, by Gauss-Legendre
    quadrature with 200 nodes on the ten standard deviations above NEED.

    Returns
    -------
    pandas.DataFrame
        The attributes, and columns ``tp``, ``fn``, ``fp``, ``tn`` that sum to 1 over all rows.
    """
    import numpy as np
    from scipy.special import logit, ndtr

    at, slope, error = log_odds(table, model)
    at = at - logit(cut)
    mean, share = table["mean"].to_numpy(), table["share"].to_numpy()
    nodes, weights = np.polynomial.legendre.leggauss(200)
    deprivation = NEED + 5 * (nodes + 1)
    density = np.exp(-((deprivation - mean[:, None]) ** 2) / 2) / np.sqrt(2 * np.pi)
    chance = ndtr((at[:, None] + slope * deprivation) / error)
    in_need = ndtr(mean - NEED)
    selected = ndtr((at + slope * mean) / np.hypot(error, slope))
    both = (density * chance) @ (5 * weights)
    out = table[list(ATTRIBUTES)].copy()
    out["tp"], out["fn"] = share * both, share * (in_need - both)
    out["fp"], out["tn"] = share * (selected - both), share * (1 - in_need - selected + both)
    return out


RATES = {
    "base_rate": (["tp", "fn"], ["tp", "fn", "fp", "tn"]),
    "selection_rate": (["tp", "fp"], ["tp", "fn", "fp", "tn"]),
    "false_negative_rate": (["fn"], ["tp", "fn"]),
    "true_positive_rate": (["tp"], ["tp", "fn"]),
    "false_positive_rate": (["fp"], ["fp", "tn"]),
    "precision": (["tp"], ["tp", "fp"]),
}
"""What each rate counts, and among whom."""

DESCRIPTION = (
    "Synthetic. For each group and rate, what the decision process does in the population that "
    "the households are drawn from: exact, not estimated. difference = rate - rest_rate, where "
    "the rest is everybody whose value of the attribute is recorded and another. share is the "
    "group's share of all households. Any draw of households differs from these numbers by chance."
)


def truth(table: "pd.DataFrame", model: "Pipeline", cut: float, seed: int) -> dict[str, Any]:
    """Say what an audit with endless data would find, for every group and rate.

    Displacement goes unrecorded whoever the household is, so recorded households are like all
    households, and those not recorded differ from them in nothing. README.md
    describes what is returned.
    """
    shares = confusion(table, model, cut)
    everybody = shares.drop(columns=list(ATTRIBUTES)).sum()
    rows = _rows("(all)", "(all)", everybody, None, 1.0)
    for depth in (1, 2):
        for parts in combinations(ATTRIBUTES, depth):
            attribute, blank = "*".join(parts), BLANK if "displacement" in parts else 0.0
            label = table[list(parts)].agg("*".join, axis=1)
            for group, own in shares.drop(columns=list(ATTRIBUTES)).groupby(label).sum().iterrows():
                rows += _rows(attribute, str(group), own, everybody - own, 1 - blank)
            if blank:
                rows += _rows(attribute, NOT_RECORDED, everybody, everybody, blank)
    return {
        "description": DESCRIPTION,
        "seed": seed,
        "places": PLACES,
        "cut": cut,
        "not_recorded": {"attribute": "displacement", "share": BLANK},
        "planted": [_planted(planted, rows) for planted in PLANTED],
        "without_gap": ["gender"],
        "rates": rows,
    }


def _rows(
    attribute: str, group: str, own: "pd.Series", rest: "pd.Series | None", recorded: float
) -> list[dict[str, Any]]:
    """Turn the shares of a group and of its rest into one row a rate.

    Twelve decimals, which is what the quadrature gives; adding 0.0 makes a nil a plain one.
    """
    rows = []
    for metric, (counted, among) in RATES.items():
        numbers = {"share": recorded * own.sum(), "rate": own[counted].sum() / own[among].sum()}
        if rest is not None:
            numbers["rest_rate"] = rest[counted].sum() / rest[among].sum()
            numbers["difference"] = numbers["rate"] - numbers["rest_rate"]
        row = dict.fromkeys(("share", "rate", "rest_rate", "difference"))
        rounded = {name: round(float(number), 12) + 0.0 for name, number in numbers.items()}
        rows.append({"metric": metric, "attribute": attribute, "group": group, **row, **rounded})
    return rows


def _planted(planted: Planted, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe a planted disparity with its size in missed need."""
    wanted = ("false_negative_rate", planted.attribute, planted.group)
    row = next(r for r in rows if (r["metric"], r["attribute"], r["group"]) == wanted)
    kept = {key: row[key] for key in ("metric", "attribute", "group", "difference")}
    return {**kept, "shifts": dict(planted.shifts), "why": planted.why}


def write(folder: str | Path, seed: int = SEED, households: int = HOUSEHOLDS) -> None:
    """Write the data set into ``folder``: the same seed gives the same bytes.

    Five files: ``households.csv``, ``survey.csv``, ``model.skops``, ``truth.json``, and as
    ``audit.toml`` the plan beside this script with the seed and the model's cut put in.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    programme = generate(seed, households)
    tables = {"households.csv": programme.households, "survey.csv": programme.survey}
    texts = {name: t.to_csv(index=False, lineterminator="\n") for name, t in tables.items()}
    texts["truth.json"] = json.dumps(programme.truth, indent=1, allow_nan=False) + "\n"
    plan = (Path(__file__).parent / "audit.toml").read_text(encoding="utf-8")
    plan = re.sub(r"(?<=above = )[0-9.]+", str(programme.truth["cut"]), plan)
    texts["audit.toml"] = re.sub(r"(?m)(?<=^seed = )[0-9]+", str(seed), plan)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / "model.skops").write_bytes(_model_file(programme.model))


def _model_file(model: "Pipeline") -> bytes:
    """Dump a model so that equal models give equal bytes.

    skops numbers the parts of a model by their addresses in memory and stamps them with the hour.
    """
    from zipfile import ZipFile, ZipInfo

    import skops.io

    with ZipFile(BytesIO(skops.io.dumps(model))) as dumped:
        parts = {name: dumped.read(name) for name in dumped.namelist()}
    schema = parts.pop("schema.json").decode()
    address = re.compile(r'(?<="__id__": )\d+|(?<="file": ")\d+')
    number = {old: str(new) for new, old in enumerate(dict.fromkeys(address.findall(schema)))}
    out = BytesIO()
    with ZipFile(out, "w") as renumbered:
        for name, part in parts.items():
            old, dot, ending = name.partition(".")
            renumbered.writestr(ZipInfo(number[old] + dot + ending), part)
        text = address.sub(lambda match: number[match[0]], schema)
        renumbered.writestr(ZipInfo("schema.json"), text)
    return out.getvalue()


if __name__ == "__main__":
    write(Path(__file__).parent)
    print(f"Wrote the data set into {Path(__file__).parent}")
