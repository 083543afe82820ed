"""Numbers that others have published, reproduced from the rows they were computed on.

One table: each ``Fact`` names its source, the audit that should hold it, the place in the tables,
and the printed value with its number of decimals. What is no measure of ours but follows from our
counts is in ``test_derived.py``. What no audit of ours can state is a skipped test with the reason,
so that nothing published is passed over in silence.
"""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import auditkit
from auditkit import Attribute
from auditkit.results import ALL, REST

SHARED = Path(__file__).parents[3] / "shared"
TRUTH, DATA = SHARED / "truth", SHARED / "data"
HERE = TRUTH.is_dir() and DATA.is_dir()
ELSEWHERE = {
    "README.md": "says what the other files hold",
    "fairlearn_docs.json": "tests/oracles/test_fairlearn.py",
    "intervals.csv": "tests/truth/test_intervals.py",
}
NO_TEST = "no tests of significance: an interval and a gate say more"
NO_STRATA = "not this measure: rates are compared at equal values of a control (test_counts.py)"
NO_REGRESSION = "no regression adjustment: equal need is compared within bands"
NO_ENTROPY = "entropy indices are one score for everything, which we do not give"
NOT_YET: dict[str, dict[str, str]] = {
    "compas_propublica.json": {
        "filtered.logistic_regression": NO_REGRESSION,
        "filtered.pearson_length_of_stay_decile": "no correlations: rates of groups are compared",
    },
    "smclarify.json": {
        "GE": NO_ENTROPY,
        "conditional_demographic_disparity": NO_STRATA,
        "german CDDL": NO_STRATA,
    },
    "aif360.json": {
        "generalized_entropy_index": NO_ENTROPY,
        "theil_index": NO_ENTROPY,
        "between_all_groups_gei": NO_ENTROPY,
        "between_all_groups_theil": NO_ENTROPY,
        "entropy": NO_ENTROPY,
        "ranking": "gains need a relevance of each person; the exposure of groups is told instead",
    },
    "ricci.json": {"fisher_exact_two_sided_white_vs_black": NO_TEST},
    "ucb_admissions.json": {
        "mh_ci95": NO_STRATA,
        "cmh_chi2": NO_TEST,
        "cmh_p": NO_TEST,
        "woolf_homogeneity_p": NO_TEST,
        "second_opinion: tests of homogeneity": NO_TEST,
    },
    "hmda_boston.json": {
        "linear_probability": NO_REGRESSION,
        "probit": NO_REGRESSION,
        "logit": NO_REGRESSION,
        "probit_predicted_denial": NO_REGRESSION,
    },
}

# ------------------------------------------------------------------ the audits


def audited(data: Any, *attributes: str | Attribute, **given: Any) -> auditkit.Audit:
    usual = {"outcome": "benefit", "policy": "minimal", "attributes": attributes}
    return auditkit.audit(None, data, **{**usual, **given})


def compas(cut: int) -> auditkit.Audit:
    """Scores 5 to 7 are Medium and 8 to 10 High; re-arrest is what is recorded."""
    return audited(
        DATA / "compas_two_year" / "compas_two_year.csv",
        Attribute("race", reference="African-American"),
        Attribute("sex", reference="Male"),
        Attribute("age_cat", reference="25 - 45"),
        outcome="burden",
        decision="decile_score",
        selected={"above": cut},
        label="two_year_recid",
        positive=1,
    )


def from_counts(selected: dict[str, tuple[int, int]], reference: str) -> auditkit.Audit:
    """Make a row of each person: groups with how many were selected, of how many."""
    rows = [(g, "yes" if i < x else "no") for g, (x, n) in selected.items() for i in range(n)]
    frame = pd.DataFrame(rows, columns=["group", "chosen"])
    attribute = Attribute("group", reference=reference)
    return audited(frame, attribute, decision="chosen", selected="yes")


def eeoc() -> auditkit.Audit:
    rates = read("selection_rules.json")["eeoc"]["input"]
    return from_counts({g: (round(100 * p), 100) for g, p in rates.items()}, "White")


def nyc_ll144() -> auditkit.Audit:
    rows = read("selection_rules.json")["nyc_ll144"]["input"]
    counts = {row["category"]: (row["selected"], row["applicants"]) for row in rows}
    return from_counts(counts, "Male")


def ricci(position: str) -> auditkit.Audit:
    frame = pd.read_csv(DATA / "ricci" / "ricci.csv").query("Position == @position")
    return audited(frame, Attribute("Race", reference="White"), decision="Passed", selected=1)


def ucb() -> auditkit.Audit:
    cells = pd.read_csv(DATA / "ucb_admissions" / "ucb_admissions.csv")
    people = cells.loc[cells.index.repeat(cells["Freq"])]
    return audited(people, "Gender", "Dept", decision="Admit", selected="Admitted", intersections=2)


def hmda() -> auditkit.Audit:
    path = DATA / "hmda_boston" / "hmda_boston.csv"
    return audited(path, "afam", decision="deny", selected="yes", outcome="burden")


def german() -> auditkit.Audit:
    return audited(
        DATA / "german_credit" / "german_credit.csv",
        "Foreign",
        Attribute("Age", bins=(41,)),
        decision="predicted",
        selected=0,  # 1 predicts BAD
        label="Class",
        positive="GOOD",
    )


def adult(half: str) -> auditkit.Audit:
    """The recorded income stands in for the decision: what is published is its share."""
    path = DATA / "adult" / {"train": "adult_train.csv.gz", "test": "adult_test.csv"}[half]
    return audited(path, "sex", decision="income", selected=">50K")


def toy(file: str, part: str, attribute: str) -> auditkit.Audit:
    frame = pd.DataFrame(read(file)[part]["input"])
    return audited(frame, attribute, decision="predicted", label="label", positive=1)


def acs() -> auditkit.Audit:
    return audited(
        DATA / "acs_income" / "acs_income.csv.gz",
        "SEX",
        "RAC1P",
        decision="pred",
        label="income_gt_50k",
        positive=1,
    )


AUDITS: dict[str, Callable[[], auditkit.Audit]] = {
    "medium_or_high": functools.partial(compas, 4),
    "high_only": functools.partial(compas, 7),
    "eeoc": eeoc,
    "nyc_ll144": nyc_ll144,
    "Captain": functools.partial(ricci, "Captain"),
    "Lieutenant": functools.partial(ricci, "Lieutenant"),
    "ucb": ucb,
    "hmda": hmda,
    "german": german,
    "train": functools.partial(adult, "train"),
    "test": functools.partial(adult, "test"),
    "smclarify": functools.partial(toy, "smclarify.json", "toy", "facet"),
    "aif360": functools.partial(toy, "aif360.json", "twenty_rows", "group"),
    "acs": acs,
}


@functools.cache
def rows(name: str) -> dict[tuple[str, ...], Any]:
    """Carry out an audit, and index its measurements and disparities."""
    record = AUDITS[name]().record
    return {("", m.metric, m.attribute, m.group, ""): m for m in record.measurements} | {
        (d.statistic, d.metric, d.attribute, d.group, d.against): d for d in record.disparities
    }


# ------------------------------------------------------------------ the facts


@dataclass(frozen=True)
class Place:
    """A group of an audit, about which a source states facts."""

    source: str
    audit: str
    attribute: str = ALL
    group: str = ALL


@dataclass(frozen=True)
class Fact:
    """A published value, and the column of a row that must hold it.

    Without ``statistic`` it is a measurement, with it a disparity against ``against``. ``times``
    turns our number into the published one: a percentage, or the other direction.
    """

    place: Place
    metric: str
    value: float
    decimals: int
    column: str = "estimate"
    statistic: str = ""
    against: str = ""
    times: float = 1.0

    def __str__(self) -> str:
        held = f" {self.statistic} against {self.against}" if self.statistic else ""
        where = f"{self.place.source}, {self.place.audit}, {self.place.group}"
        return f"{where}: {self.metric}{held} {self.column}"


def read(name: str) -> Any:
    return json.loads((TRUTH / name).read_text())


PROPUBLICA = {
    "tn": ("true_negative_rate", 0, "numerator", 1),
    "fp": ("false_positive_rate", 0, "numerator", 1),
    "fn": ("false_negative_rate", 0, "numerator", 1),
    "tp": ("true_positive_rate", 0, "numerator", 1),
    "fpr_pct": ("false_positive_rate", 2, "estimate", 100),
    "fnr_pct": ("false_negative_rate", 2, "estimate", 100),
    "specificity": ("true_negative_rate", 2, "estimate", 1),
    "sensitivity": ("true_positive_rate", 2, "estimate", 1),
    "prevalence": ("base_rate", 2, "estimate", 1),
    "ppv": ("precision", 2, "estimate", 1),
    "npv": ("negative_predictive_value", 2, "estimate", 1),
    "lr_plus": ("positive_likelihood_ratio", 2, "estimate", 1),
    "lr_minus": ("negative_likelihood_ratio", 2, "estimate", 1),
}


def compas_propublica() -> Iterator[Fact]:
    for cut, groups in read("compas_propublica.json")["expected"].items():
        for group, figures in groups.items():
            where = () if group == "All" else ("race", group)
            place = Place("compas_propublica.json", cut, *where)
            for name, value in figures.items():
                metric, decimals, column, times = PROPUBLICA[name]
                yield Fact(place, metric, value, decimals, column, times=times)


AEQUITAS = {
    "tpr": "true_positive_rate",
    "tnr": "true_negative_rate",
    "fpr": "false_positive_rate",
    "fnr": "false_negative_rate",
    "fdr": "false_discovery_rate",
    "for": "false_omission_rate",
    "npv": "negative_predictive_value",
    "precision": "precision",
    "pprev": "selection_rate",
    "prev": "base_rate",
}


def compas_aequitas() -> Iterator[Fact]:
    table = pd.read_csv(TRUTH / "compas_aequitas.csv", keep_default_na=False)
    for row in table[table["metric"] != "ppr"].itertuples():
        place = Place("compas_aequitas.csv", "medium_or_high", row.attribute, row.value)
        metric, value = AEQUITAS[row.metric], float(row.expected)
        held = {"statistic": "ratio", "against": row.reference} if row.reference else {}
        yield Fact(place, metric, value, int(row.decimals), **held)


ACS = {
    "tn": ("true_negative_rate", "numerator"),
    "fp": ("false_positive_rate", "numerator"),
    "fn": ("false_negative_rate", "numerator"),
    "tp": ("true_positive_rate", "numerator"),
    "n": ("accuracy", "denominator"),
    "selection_rate": ("selection_rate", "estimate"),
    "base_rate": ("base_rate", "estimate"),
    "tpr": ("true_positive_rate", "estimate"),
    "fpr": ("false_positive_rate", "estimate"),
}


def acs_income() -> Iterator[Fact]:
    for row in pd.read_csv(TRUTH / "acs_income_reference.csv", dtype={"value": str}).itertuples():
        place = Place("acs_income_reference.csv", "acs", row.attribute, row.value)
        for name, (metric, column) in ACS.items():
            yield Fact(place, metric, float(getattr(row, name)), 9, column)


def selection_rules() -> Iterator[Fact]:
    rules = read("selection_rules.json")
    for group, ratio in rules["eeoc"]["expected"]["impact_ratio"].items():
        place = Place("selection_rules.json", "eeoc", "group", group)
        yield Fact(place, "selection_rate", rules["eeoc"]["input"][group], 9)
        if group != "White":
            # exactly on four fifths is 0.8, not a digit below it
            yield Fact(place, "selection_rate", ratio, 10, statistic="ratio", against="White")
    for row in rules["nyc_ll144"]["expected"]:
        place = Place("selection_rules.json", "nyc_ll144", "group", row["category"])
        yield Fact(place, "selection_rate", row["selection_rate"], 2)
        if row["category"] != "Male":
            held = {"statistic": "ratio", "against": "Male"}
            yield Fact(place, "selection_rate", row["impact_ratio"], 3, **held)


def ricci_passes() -> Iterator[Fact]:
    for key, row in read("ricci.json")["expected"].items():
        position, race = key.split()
        place = Place("ricci.json", position, "Race", race)
        yield Fact(place, "selection_rate", row["passed"], 0, "numerator")
        yield Fact(place, "selection_rate", row["candidates"], 0, "denominator")
        yield Fact(place, "selection_rate", row["pass_rate_pct"], 1, times=100)
        if race != "White":
            held = {"statistic": "ratio", "against": "White"}
            yield Fact(place, "selection_rate", row["impact_ratio"], 4, **held)


def ucb_rates() -> Iterator[Fact]:
    expected = read("ucb_admissions.json")["expected"]
    for gender, value in expected["overall_rate"].items():
        place = Place("ucb_admissions.json", "ucb", "Gender", gender)
        yield Fact(place, "selection_rate", value, 9)
    for dept, by_gender in expected["rate_by_dept"].items():
        for gender, value in by_gender.items():
            place = Place("ucb_admissions.json", "ucb", "Gender*Dept", f"{gender}*{dept}")
            yield Fact(place, "selection_rate", value, 2)


def hmda_denials() -> Iterator[Fact]:
    for who, text in read("hmda_boston.json")["expected"]["denial_rate"].items():
        counts, value = text.split(" = ")
        x, n = counts.split("/")
        place = Place("hmda_boston.json", "hmda", "afam", {"black": "yes", "white": "no"}[who])
        yield Fact(place, "selection_rate", int(x), 0, "numerator")
        yield Fact(place, "selection_rate", int(n), 0, "denominator")
        yield Fact(place, "selection_rate", float(value), 4)


TOY = {
    "DI": ("selection_rate", "ratio", 1),
    "RD": ("true_positive_rate", "difference", -1),  # the others minus the sensitive
    "AD": ("accuracy", "difference", -1),
    "DAR": ("precision", "difference", -1),
    "SD": ("true_negative_rate", "difference", 1),  # the sensitive minus the others
    "DRR": ("negative_predictive_value", "difference", 1),
}


def smclarify() -> Iterator[Fact]:
    truth = read("smclarify.json")
    place = Place("smclarify.json", "smclarify", "facet", truth["toy"]["sensitive"])
    for name, (metric, statistic, times) in TOY.items():
        value = float(Fraction(truth["toy"]["expected"][name]))
        held = {"statistic": statistic, "against": REST, "times": times}
        yield Fact(place, metric, value, 9, **held)
    for name, where in {"Foreign == yes": ("Foreign", "yes"), "Age > 40": ("Age", ">=41")}.items():
        value = truth["german"]["expected"][name]["DPL"]
        place = Place("smclarify.json", "german", *where)
        held = {"statistic": "difference", "against": REST, "times": -1}
        yield Fact(place, "base_rate", value, 9, **held)


TWENTY = {
    "accuracy": ("accuracy", ALL, "", 9),
    "accuracy_privileged": ("accuracy", "1", "", 9),
    "accuracy_unprivileged": ("accuracy", "0", "", 9),
    "tpr": ("true_positive_rate", ALL, "", 9),
    "tpr_privileged": ("true_positive_rate", "1", "", 9),
    "tpr_unprivileged": ("true_positive_rate", "0", "", 9),
    "fpr": ("false_positive_rate", ALL, "", 9),
    "fpr_privileged": ("false_positive_rate", "1", "", 9),
    "fpr_unprivileged": ("false_positive_rate", "0", "", 9),
    "fdr": ("false_discovery_rate", ALL, "", 9),
    "fdr_difference": ("false_discovery_rate", "0", "difference", 9),
    "false_omission_rate": ("false_omission_rate", ALL, "", 9),
    "for_privileged": ("false_omission_rate", "1", "", 9),
    "for_unprivileged": ("false_omission_rate", "0", "", 9),
    "selection_rate": ("selection_rate", ALL, "", 9),
    "statistical_parity_difference": ("selection_rate", "0", "difference", 4),
    "disparate_impact": ("selection_rate", "0", "ratio", 4),
    "equal_opportunity_difference": ("true_positive_rate", "0", "difference", 9),
}


def aif360() -> Iterator[Fact]:
    truth = read("aif360.json")
    for name, (metric, group, statistic, decimals) in TWENTY.items():
        place = Place("aif360.json", "aif360", ALL if group == ALL else "group", group)
        value = float(Fraction(str(truth["twenty_rows"]["expected"][name])))
        against = REST if statistic else ""
        yield Fact(place, metric, value, decimals, statistic=statistic, against=against)
    for half, by_sex in truth["adult_selection"]["computed_here"].items():
        for sex, value in by_sex.items():
            yield Fact(Place("aif360.json", half, "sex", sex), "selection_rate", value, 9)


SOURCES = (compas_propublica, compas_aequitas, acs_income, selection_rules, ricci_passes,
           ucb_rates, hmda_denials, smclarify, aif360)  # fmt: skip
FACTS = [fact for source in SOURCES for fact in source()] if HERE else []
absent = pytest.mark.skipif(not HERE, reason="the folder 'shared' is not beside the checkout")


@absent
@pytest.mark.parametrize("fact", FACTS, ids=str)
def test_published(fact):
    place = fact.place
    row = rows(place.audit)[fact.statistic, fact.metric, place.attribute, place.group, fact.against]
    ours = getattr(row, fact.column)
    assert ours is not None, row.note
    assert fact.times * ours == pytest.approx(fact.value, abs=0.5 * 10**-fact.decimals + 1e-10)


@pytest.mark.parametrize(
    ("source", "figure"), [(source, figure) for source in NOT_YET for figure in NOT_YET[source]]
)
def test_published_but_not_ours(source, figure):
    pytest.skip(f"{source} {figure}: {NOT_YET[source][figure]}")


@absent
def test_every_published_file_is_reproduced_or_looked_at_elsewhere():
    told = {fact.place.source for fact in FACTS} | ELSEWHERE.keys()
    assert {path.name for path in TRUTH.iterdir()} == told


@absent
def test_scores_and_their_words_cut_compas_alike():
    cut = audited(
        DATA / "compas_two_year" / "compas_two_year.csv", "race", decision="score_text",
        selected=["Medium", "High"], label="two_year_recid", positive=1, outcome="burden",
    )  # fmt: skip
    for m in cut.record.measurements:
        assert m == rows("medium_or_high")["", m.metric, m.attribute, m.group, ""]


@absent
def test_eight_candidates_show_a_ratio_below_four_fifths_and_cannot_tell():
    held = rows("Captain")["ratio", "selection_rate", "Race", "Black", "White"]
    gap = rows("Captain")["difference", "selection_rate", "Race", "Black", "White"]
    assert held.estimate < 0.8
    assert held.lower < 0.8 < held.upper
    assert gap.lower < 0 < gap.upper  # as Fisher's exact test: p = 0.24
    assert held.status == gap.status == "insufficient"


@absent
def test_a_gap_that_turns_round_in_the_departments_is_in_the_crossing():
    of = {g: rows("ucb")["", "selection_rate", "Gender*Dept", f"{g}*A", ""] for g in
          ("Female", "Male")}  # fmt: skip
    whole = {g: rows("ucb")["", "selection_rate", "Gender", g, ""] for g in of}
    assert whole["Female"].upper < whole["Male"].lower
    assert of["Female"].lower > of["Male"].upper
