"""Traps of leaks: no message, and no other output, holds what may be one person's."""

import re

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError, ModelError

N = 600


@pytest.fixture
def people():
    return pd.DataFrame(
        {
            "name": [f"Person {i // 2}{' ' * (i % 2)}" for i in range(N)],
            "score": np.linspace(0.0123, 0.9876, N),
            "need": ["yes", "no"] * 300,
            "d": ["yes", "no"] * 300,
            "sex": ["f", "m", "m"] * 200,
        }
    )


def message(data, **changes):
    asked = {
        "label": "need",
        "positive": "yes",
        "decision": "d",
        "outcome": "benefit",
        "attributes": ["sex"],
        "policy": "minimal",
    }
    with pytest.raises(DataError) as caught:
        auditkit.audit(None, data, **{**asked, **changes})
    return str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"attributes": ["name"]},
        {"label": "name"},
        {"decision": "name"},
        {"decision": "name", "selected": "yes"},
        {"attributes": [auditkit.Attribute("name", reference="nobody")]},
        {"attributes": [auditkit.Attribute("name", merge={"x": ["y"]})]},
    ],
)
def test_a_column_of_names_is_refused_without_a_name(people, changes):
    told = message(people, **changes)
    assert "Person" not in told
    assert "'name'" in told
    assert "600" in told
    assert len(told) < 600


def test_an_identifier_is_the_first_and_only_thing_told_of_a_column(people):
    starred = people.assign(name=[f"Person*{i}" for i in range(N)])
    told = message(starred, attributes=["name"])
    assert "looks like an identifier" in told
    assert told.count("'name'") == 1


def test_scores_of_people_are_not_quoted(people):
    told = message(people, decision="score")
    assert "probabilities or scores" in told
    assert "0.0" not in told.replace("above = 0.5", "")
    told = message(people, attributes=["score"])
    assert "600 different numbers" in told
    assert "0.98" not in told


def test_of_values_that_look_alike_three_are_told(people):
    words = [f"{'aA'[i % 2]}{chr(98 + i // 2 % 10)}" for i in range(N)]
    told = message(people.assign(g=words), attributes=["g"])
    assert "7 more sets of such values" in told
    assert told.count("merge = ") == 3


def test_the_first_row_of_a_file_without_a_header_is_not_listed(people, tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f"Fatima {i},{i},f,yes,no" for i in range(50)]
    path.write_text("\n".join(lines), encoding="utf-8")
    told = message(path)
    assert "Column 'sex' is not in the data" in told
    assert "Fatima" not in told


def test_a_model_file_and_its_failure_tell_no_cell(people):
    class Leaking:
        classes_ = np.array(["no", "yes"])
        feature_names_in_ = np.array(["name"])

        def predict(self, rows):
            return [float(f"O'Bri\"en {rows.name.iloc[0]}")]

    with pytest.raises(ModelError) as caught:
        auditkit.audit(
            Leaking(), people, label="need", positive="yes", outcome="benefit", attributes=["sex"]
        )
    assert "Person" not in str(caught.value)
    assert "Bri" not in str(caught.value)


def test_one_stray_cell_is_not_quoted():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"y": rng.choice(["yes", "no"], 400), "d": rng.choice(["yes", "no"], 400)})
    rows = rows.assign(g=rng.choice(["a", "b"], 400))
    rows.loc[3, "y"] = "Amina Yusuf, Block 4"
    with pytest.raises(auditkit.DataError) as caught:
        auditkit.audit(
            None, rows, label="y", positive="yes", decision="d", outcome="benefit",
            attributes=["g"], policy="minimal",
        )  # fmt: skip
    assert "'no' in" in str(caught.value)
    assert "Amina" not in str(caught.value)


@pytest.mark.parametrize("weight", [None, "w"])
def test_where_scores_are_cut_no_score_of_anybody_is_told(weight):
    """The inferred cut, the last place of a budget and the ends of bands had been people's own."""
    rng = np.random.default_rng(5)
    score = rng.random(400) ** 1.1
    data = pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], 400),
            "s": score,
            "need": np.where(rng.random(400) < score, "yes", "no"),
            "d": np.where(score > 0.5, "yes", "no"),
            "w": rng.random(400) + 0.5,
        }
    )
    made = auditkit.audit(
        None, data, label="need", positive="yes", decision="d", score="s", quota=60,
        outcome="benefit", attributes=["g"], policy="icrc", weight=weight,
    )  # fmt: skip
    assert (made.record.system.cut_basis, made.record.system.cut) == ("inferred", 0.5)
    own = {f"{value:.{digits}g}" for value in score for digits in (6, 10)}
    assert not own & {f"{b.cut:.10g}" for b in made.record.budgets}
    page = made.files()["report.html"]
    assert not own & set(re.findall(r"\d+\.\d+", page))
    told = made.record.calibration
    assert not own & {f"{end:.10g}" for row in told for end in (row.low, row.high)}
    chosen = data["s"] > made.record.system.cut
    assert (chosen == (data["d"] == "yes")).all()
    for budget in made.record.budgets:
        if budget.attribute == "(all)":
            above = data["w"][data["s"] > budget.cut].sum()
            if weight is None:
                assert (data["s"] >= budget.cut).sum() == budget.places
            else:  # one person has the rest of the places
                assert 0 < budget.places - above < data["w"].max()
    bands = [row for row in told if row.group == "(all)" and row.band.isdigit()]
    for band in bands:
        assert data["s"].between(band.low, band.high).sum() == band.n


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("s", [-2.34567, 0.2, 0.4, 1.76543], "2 of them lie outside 0 to 1"),
        ("w", [1.23456e77, 1.0, 1.0, 1.0], "weights of 1e+60 or more"),
        ("w", [1.23456e-77, 1e-79, 0, 0], "no weight above 1e-60"),
        ("n", [1.23456e77, 1.0, 2.0, 3.0], "beyond 1e+60"),
        ("n", [1.23456e-77, 0, 0, 0], "no number beyond 1e-60"),
        ("n", [98765432.125, 98765432.25, 98765432.5, 98765432.75], "differ too little"),
    ],
)
def test_no_extreme_is_quoted_because_it_is_one_persons(column, values, words):
    data = pd.DataFrame({"g": list("abab"), "d": [1, 0, 1, 0], column: values})
    asked = {"s": "score", "w": "weight", "n": "need"}[column]
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        auditkit.audit(
            None, data, decision="d", selected=1, outcome="benefit", attributes=["g"],
            policy="minimal", **{asked: column},
        )  # fmt: skip
    assert not re.search(r"34567|76543|23456|8765432", str(caught.value))


@pytest.mark.parametrize("size", [1.23456e77, 1.23456e-77])
def test_no_extreme_amount_is_quoted(size):
    data = pd.DataFrame({"g": list("abab"), "y": np.arange(4) * size, "d": np.arange(4) * size})
    with pytest.raises(DataError, match=r"whose squares cannot|squares so small cannot") as caught:
        auditkit.audit(
            None, data, task="regression", label="y", decision="d", outcome="benefit",
            attributes=["g"], policy="minimal", stage="explore",
        )  # fmt: skip
    assert not re.search(r"23456|7037|469", str(caught.value))
