"""A real model's decisions on 332,900 people, against counts made by a second implementation."""

import pandas as pd
import pytest

import auditkit
from auditkit import Attribute


@pytest.fixture(scope="module")
def acs(shared):
    path = shared / "data/acs_income/acs_income.csv.gz"
    return auditkit.audit(
        None, path, label="income_gt_50k", positive=1, decision="pred", outcome="benefit",
        attributes=["RAC1P", "SEX", Attribute("AGEP", bins=[30, 45, 65])], intersections=3,
        policy="minimal",
    )  # fmt: skip


def test_every_count_and_rate_of_the_reference(acs, shared):
    reference = pd.read_csv(shared / "truth/acs_income_reference.csv")
    found = acs.table("measurements").set_index(["metric", "attribute", "group"])
    rates = {"tpr": "true_positive_rate", "fpr": "false_positive_rate"}
    compared = 0
    for line in reference.itertuples():
        attribute, group = line.attribute, str(line.value)
        row = found.loc[("selection_rate", attribute, group)]
        assert (row["n"], row["numerator"]) == (line.n, line.tp + line.fp)
        missed = found.loc[("false_negative_rate", attribute, group)]
        assert (missed["n"], missed["numerator"]) == (line.tp + line.fn, line.fn)
        for column in ("selection_rate", "base_rate", "tpr", "fpr"):
            value = found.loc[(rates.get(column, column), attribute, group), "estimate"]
            assert value == pytest.approx(getattr(line, column), abs=1e-10)
            compared += 1
    assert compared == 4 * 11


def test_every_row_is_in_one_group_of_each_crossing(acs):
    assert acs.record.rows.read == acs.record.rows.used == 332_900
    sizes = acs.table("groups")
    for attribute in ("RAC1P", "RAC1P*SEX", "RAC1P*SEX*AGEP"):
        assert sizes.loc[sizes["attribute"] == attribute, "rows"].sum() == 332_900
    crossed = sizes.query("attribute == 'RAC1P*SEX*AGEP'")
    assert len(crossed) == 9 * 2 * 4
