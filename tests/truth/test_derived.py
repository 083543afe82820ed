"""Published figures that are no measure of ours, but follow from the counts in our tables.

Quotients of counts, odds ratios, rules of thumb: an audit does not print them, and whoever needs
one can compute it from what an audit does print. One table again; what does not follow either is
listed, with the reason, in ``test_published.NOT_YET``.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import log, sqrt

import pandas as pd
import pytest

import auditkit
from auditkit.results import ALL
from tests.truth.test_published import (
    DATA,
    HERE,
    NOT_YET,
    TOY,
    TRUTH,
    TWENTY,
    absent,
    audited,
    read,
    rows,
)


@dataclass(frozen=True)
class Derived:
    """A published figure, and what our counts make of it."""

    source: str
    figure: str
    value: float
    decimals: int
    ours: float

    def __str__(self) -> str:
        return f"{self.source} {self.figure}"


@dataclass(frozen=True)
class Cells:
    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def n(self) -> int:
        return self.tp + self.fn + self.fp + self.tn


RATES = {
    "tp": "true_positive_rate",
    "fn": "false_negative_rate",
    "fp": "false_positive_rate",
    "tn": "true_negative_rate",
}


def cells(audit: str, attribute: str = ALL, group: str = ALL) -> Cells:
    table = rows(audit)
    return Cells(**{k: table["", m, attribute, group, ""].numerator for k, m in RATES.items()})


def counted(audit: str, attribute: str, group: str, metric: str = "selection_rate"):
    """Numerator and denominator of a rate."""
    row = rows(audit)["", metric, attribute, group, ""]
    return row.numerator, row.denominator


# ------------------------------------------------------------------ COMPAS


@functools.cache
def filtered() -> auditkit.Audit:
    """ProPublica's filter; the text of the score is a group here, as its numbers are published."""
    frame = pd.read_csv(DATA / "compas_two_year" / "compas_two_year.csv").query(
        "abs(days_b_screening_arrest) <= 30 and is_recid != -1 and c_charge_degree != 'O'"
    )
    return audited(
        frame, "race", "sex", "age_cat", "score_text", outcome="burden",
        decision="decile_score", selected={"above": 4}, label="two_year_recid", positive=1,
    )  # fmt: skip


def propublica() -> Iterator[Derived]:
    truth = read("compas_propublica.json")
    source = "compas_propublica.json"
    fpr, fnr = (
        {
            group: round(100 * rows("medium_or_high")["", metric, "race", group, ""].estimate, 2)
            for group in ("African-American", "Caucasian")
        }
        for metric in ("false_positive_rate", "false_negative_rate")
    )
    ours = (
        fpr["African-American"] / fpr["Caucasian"],
        fnr["Caucasian"] / fnr["African-American"],
    )
    for (name, value), mine in zip(truth["ratios"].items(), ours, strict=True):
        yield Derived(source, f"ratios: {name}", value, 12, mine)
    table = {
        (m.attribute, m.group): m for m in filtered().record.measurements if m.metric == "base_rate"
    }
    published = truth["filtered"]
    yield Derived(source, "filtered n", published["n"], 0, table[ALL, ALL].denominator)
    again = published["recidivists"]
    yield Derived(source, "filtered recidivists", again, 0, table[ALL, ALL].numerator)
    for attribute in ("race", "sex", "age_cat", "score_text"):
        for group, n in published[attribute].items():
            mine = table[attribute, group].denominator
            yield Derived(source, f"filtered {attribute} {group}", n, 0, mine)


def aequitas() -> Iterator[Derived]:
    """Of all who are selected, the share that is of a group; and that against the largest group."""
    table = pd.read_csv(TRUTH / "compas_aequitas.csv", keep_default_na=False)
    for row in table[table["metric"] == "ppr"].itertuples():
        against = (row.attribute, row.reference) if row.reference else (ALL, ALL)
        x, of = (
            counted("medium_or_high", *where)[0] for where in ((row.attribute, row.value), against)
        )
        told = f"ppr {row.attribute} {row.value} {row.kind}"
        yield Derived("compas_aequitas.csv", told, float(row.expected), int(row.decimals), x / of)


# ------------------------------------------------------------------ smclarify and aif360


def clarify() -> Iterator[Derived]:
    source, truth = "smclarify.json", read("smclarify.json")
    d, everybody = (cells("smclarify", *w) for w in (("facet", truth["toy"]["sensitive"]), ()))
    a = Cells(*(getattr(everybody, k) - getattr(d, k) for k in ("tp", "fn", "fp", "tn")))
    ours = {
        "CI": (a.n - d.n) / everybody.n,
        "DCA": (a.tp + a.fn) / (a.tp + a.fp) - (d.tp + d.fn) / (d.tp + d.fp),
        "DCR": (d.tn + d.fp) / (d.tn + d.fn) - (a.tn + a.fp) / (a.tn + a.fn),
        "TE": d.fn / d.fp - a.fn / a.fp,
    }
    for name, mine in ours.items():
        value = float(Fraction(truth["toy"]["expected"][name]))
        yield Derived(source, name, value, 9, mine)
    for name, where in {"Foreign == yes": ("Foreign", "yes"), "Age > 40": ("Age", ">=41")}.items():
        (x, n), (all_x, all_n) = (counted("german", *w, "base_rate") for w in (where, (ALL, ALL)))
        gap = (all_x - x) / (all_n - n) - x / n
        published = truth["german"]["expected"][name]
        for figure, mine in {
            "CI": (all_n - 2 * n) / all_n,
            "LP": sqrt(2) * abs(gap),
            "TVD": abs(gap),
        }.items():
            yield Derived(source, f"german {figure} {name}", published[figure], 9, mine)


@functools.cache
def adult_crossed() -> auditkit.Audit:
    frame = pd.read_csv(DATA / "adult" / "adult_test.csv")
    frame["white"] = (frame["race"] == "White").map({True: "yes", False: "no"})
    frame["born_here"] = (frame["native_country"] == "United-States").map(
        {True: "yes", False: "no"}
    )
    return audited(
        frame, "white", "sex", "born_here", decision="income", selected=">50K", intersections=3
    )


def of_aif360() -> Iterator[Derived]:
    source, truth = "aif360.json", read("aif360.json")
    u, p = (cells("aif360", "group", group) for group in ("0", "1"))
    tpr = u.tp / (u.tp + u.fn) - p.tp / (p.tp + p.fn)
    fpr = u.fp / (u.fp + u.tn) - p.fp / (p.fp + p.tn)
    expected = truth["twenty_rows"]["expected"]
    for name, mine in {
        "average_odds_difference": (tpr + fpr) / 2,
        "average_abs_odds_difference": (abs(tpr) + abs(fpr)) / 2,
    }.items():
        yield Derived(source, name, expected[name], 4, mine)
    smoothed = [
        (m.numerator + 0.5) / (m.denominator + 1)
        for m in adult_crossed().record.measurements
        if m.metric == "selection_rate" and m.attribute.count("*") == 2
    ]
    assert len(smoothed) == 8
    logs = [[log(q) for q in smoothed], [log(1 - q) for q in smoothed]]
    epsilon = max(max(values) - min(values) for values in logs)
    published = truth["differential_fairness"]["expected"]
    yield Derived(source, "differential_fairness", published, 12, epsilon)


# ------------------------------------------------------------------ selection rules, Berkeley


def four_fifths() -> Iterator[Derived]:
    """Strictly under four fifths of the highest rate; one of the groups is exactly on it."""
    for group, flagged in read("selection_rules.json")["eeoc"]["expected"][
        "adverse_impact"
    ].items():
        if group == "White":
            continue
        ratio = rows("eeoc")["ratio", "selection_rate", "group", group, "White"].estimate
        yield Derived("selection_rules.json", f"adverse_impact {group}", flagged, 0, ratio < 0.8)


def berkeley() -> Iterator[Derived]:
    source, truth = "ucb_admissions.json", read("ucb_admissions.json")
    expected, second = truth["expected"], truth["second_opinion"]

    def two(attribute: str, *groups: str) -> tuple[int, int, int, int]:
        """Admitted and rejected men, admitted and rejected women."""
        (a, m), (c, w) = (counted("ucb", attribute, group) for group in groups)
        return a, m - a, c, w - c

    a, b, c, d = two("Gender", "Male", "Female")
    yield Derived(source, "crude_odds_ratio", expected["crude_odds_ratio"], 5, a * d / (b * c))
    tables = {g: two("Gender*Dept", f"Male*{g}", f"Female*{g}") for g in expected["rate_by_dept"]}
    for dept, (a, b, c, d) in tables.items():
        value = expected["odds_ratio_by_dept"][dept]
        yield Derived(source, f"odds_ratio_by_dept {dept}", value, 4, a * d / (b * c))

    def over(numerator, denominator) -> float:
        sums = (sum(f(*t) / sum(t) for t in tables.values()) for f in (numerator, denominator))
        above, below = sums
        return above / below

    mh = over(lambda a, b, c, d: a * d, lambda a, b, c, d: b * c)
    yield Derived(source, "mh_odds_ratio", expected["mh_odds_ratio"], 7, mh)
    ratio = over(lambda a, b, c, d: a * (c + d), lambda a, b, c, d: c * (a + b))
    value = second["mh_risk_ratio_male_over_female"]
    yield Derived(source, "mh_risk_ratio", value, 12, ratio)
    gap = over(lambda a, b, c, d: a * (c + d) - c * (a + b), lambda a, b, c, d: (a + b) * (c + d))
    value = second["mh_risk_difference_male_minus_female"]
    yield Derived(source, "mh_risk_difference", value, 12, gap)
    whole = sum(map(sum, tables.values()))
    for gender, (hit, miss) in {"Male": (0, 1), "Female": (2, 3)}.items():
        mine = sum(sum(t) * t[hit] / (t[hit] + t[miss]) for t in tables.values()) / whole
        value = second["standardised_to_all_applicants"][gender]
        yield Derived(source, f"standardised {gender}", value, 12, mine)


SOURCES = {
    "propublica": (propublica, 18),
    "aequitas": (aequitas, 19),
    "clarify": (clarify, 10),
    "aif360": (of_aif360, 3),
    "four_fifths": (four_fifths, 3),
    "berkeley": (berkeley, 12),
}
"""With how many figures each has, so that none is lost without a word."""


@absent
@pytest.mark.parametrize("name", SOURCES)
def test_published_figures_follow_from_our_counts(name):
    source, number = SOURCES[name]
    found = list(source())
    for d in found:
        assert d.ours == pytest.approx(d.value, abs=0.5 * 10**-d.decimals + 1e-10), str(d)
    assert len(found) == number


@absent
def test_every_figure_of_the_small_examples_is_reproduced_or_listed():
    assert HERE
    clarify_told = TOY.keys() | {"CI", "DCA", "DCR", "TE"}
    toy = read("smclarify.json")["toy"]["expected"]
    assert toy.keys() <= clarify_told | NOT_YET["smclarify.json"].keys()
    twenty_told = TWENTY.keys() | {"average_odds_difference", "average_abs_odds_difference"}
    twenty = read("aif360.json")["twenty_rows"]["expected"]
    assert twenty.keys() <= twenty_told | NOT_YET["aif360.json"].keys()
    ucb = {"overall_rate", "rate_by_dept"}
    ucb |= {"odds_ratio_by_dept", "crude_odds_ratio", "mh_odds_ratio"}
    for file, told in {"ucb_admissions.json": ucb, "hmda_boston.json": {"denial_rate"}}.items():
        assert read(file)["expected"].keys() <= told | NOT_YET[file].keys()
