"""Traps of leaks: no message, and no other output, holds what may be one person's."""

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
