"""Weights, clusters and strata through the whole chain, against sums over the rows themselves."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

import auditkit
from auditkit.inference.design import kish_size

N = 1200


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Households of up to 6 in 2 strata, whose members are alike; weights of several sizes."""
    rng = np.random.default_rng(11)
    house = np.sort(rng.integers(0, 300, N))
    lean = rng.normal(size=300)[house]
    return pd.DataFrame(
        {
            "group": rng.choice(["a", "b", "c"], N, p=[0.5, 0.3, 0.2]),
            "area": np.where(lean > rng.normal(size=N), "north", "south"),
            "need": (lean + rng.normal(size=N) > 0).astype(int),
            "chosen": (lean + rng.normal(size=N) > 0.4).astype(int),
            "weight": rng.choice([1.0, 2.5, 4.25, 0.1], N),
            "house": house,
            "stratum": np.where(house < 120, "one", "two"),
        }
    )


def audited(rows, **design):
    return auditkit.audit(
        None, rows, label="need", positive=1, decision="chosen", outcome="benefit",
        attributes=["group", "area"], intersections=2, policy="minimal", **design,
    )  # fmt: skip


def linearised(rows, members, design):
    """Missed need of those in ``members``: rate, and each row's linearised value."""
    w = rows["weight"].to_numpy() if "weight" in design else np.ones(N)
    among = members & (rows["need"] == 1).to_numpy()
    missed = (rows["chosen"] == 0).to_numpy()
    p = (w * among * missed).sum() / (w * among).sum()
    return p, w * among * (missed - p) / (w * among).sum()


def covariance(rows, z1, z2, design):
    """Between-cluster covariance within strata, written as in a textbook."""
    if not {"cluster", "strata"} & set(design):
        return (z1 * z2).sum()
    unit = rows["house"].to_numpy() if "cluster" in design else np.arange(N)
    stratum = rows["stratum"].to_numpy() if "strata" in design else np.zeros(N)
    total = 0.0
    for h in np.unique(stratum):
        inside = stratum == h
        sums = [pd.Series(z[inside]).groupby(unit[inside]).sum().to_numpy() for z in (z1, z2)]
        total += len(sums[0]) * np.cov(*sums)[0, 1]
    return total


DESIGNS = {
    "weights": {"weight": "weight"},
    "clusters": {"cluster": "house"},
    "strata": {"strata": "stratum", "weight": "weight"},
    "weights and clusters": {"weight": "weight", "cluster": "house"},
    "all": {"weight": "weight", "cluster": "house", "strata": "stratum"},
}


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize(("attribute", "group"), [("group", "b"), ("group*area", "a*north")])
def test_effective_n_and_interval_are_those_of_the_rows(rows, design, attribute, group):
    made = audited(rows, **design)
    found = made.table("measurements").set_index(["metric", "attribute", "group"])
    row = found.loc[("false_negative_rate", attribute, group)]
    label = rows["group"] + "*" + rows["area"] if "*" in attribute else rows["group"]
    own = (label == group).to_numpy()
    p, z = linearised(rows, own, design)
    n = int((own & (rows["need"] == 1)).sum())
    expected = min(n, p * (1 - p) / covariance(rows, z, z, design))
    assert row["n"] == n
    assert row["estimate"] == pytest.approx(p, rel=1e-9)
    assert (n if np.isnan(row["effective_n"]) else row["effective_n"]) == pytest.approx(
        expected, rel=1e-6
    )
    size = expected
    if "cluster" in design:
        df = rows.loc[own & (rows["need"] == 1), "house"].nunique() - 1
        size *= (1.959963985 / student.ppf(0.975, df)) ** 2
    z2 = 1.959963985**2
    middle = (p + z2 / (2 * size)) / (1 + z2 / size)
    half = np.sqrt(z2 * (p * (1 - p) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    assert row["lower"] == pytest.approx(middle - half, rel=1e-6)
    assert row["upper"] == pytest.approx(middle + half, rel=1e-6)


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_a_gap_allows_for_what_group_and_rest_share(rows, design):
    made = audited(rows, **design)
    row = (
        made.table("disparities")
        .query("metric == 'false_negative_rate' and group == 'b' and against == 'rest'")
        .query("statistic == 'difference' and attribute == 'group'")
        .iloc[0]
    )
    own = (rows["group"] == "b").to_numpy()
    (p1, z1), (p2, z2) = (linearised(rows, side, design) for side in (own, ~own))
    variance = covariance(rows, z1 - z2, z1 - z2, design)
    assert row["estimate"] == pytest.approx(p1 - p2, rel=1e-9)
    # both sides are large here, so MOVER is near the normal interval
    assert row["upper"] - row["lower"] == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.06)


def test_equal_weights_give_the_audit_without_weights(rows):
    plain, weighted = audited(rows), audited(rows.assign(weight=3.5), weight="weight")
    for name in ("checks", "disparities"):
        left, right = plain.table(name), weighted.table(name)
        assert left.drop(columns="note").equals(right.drop(columns="note"))
    drop = ["numerator", "denominator"]
    left, right = plain.table("measurements"), weighted.table("measurements")
    assert left.drop(columns=drop).equals(right.drop(columns=drop))


def test_every_row_its_own_cluster_gives_nearly_the_audit_without_clusters(rows):
    alone = rows.assign(house=np.arange(N))
    plain = audited(rows).table("measurements")
    clustered = audited(alone, cluster="house").table("measurements")
    large = plain["n"] >= 100  # with fewer, t at n - 1 is wider than the normal interval
    rates = plain["numerator"].notna()
    assert np.allclose(plain["lower"][large & rates], clustered["lower"][large & rates], atol=2e-3)
    assert (clustered["lower"] <= plain["lower"] + 1e-9)[rates].all()


def test_a_model_gives_the_design_that_a_column_of_its_decisions_gives(rows):
    from sklearn.linear_model import LogisticRegression

    rows = rows.assign(x=rows["house"] / 300)
    model = LogisticRegression().fit(rows[["x"]], rows["need"])
    rows = rows.assign(chosen=model.predict(rows[["x"]]))
    design = DESIGNS["all"]
    column = audited(rows, **design).table("checks")
    scored = auditkit.audit(
        model, rows, label="need", positive=1, outcome="benefit", explain={"rows": 0},
        attributes=["group", "area"], intersections=2, policy="minimal", **design,
    ).table("checks")  # fmt: skip
    pd.testing.assert_frame_equal(column, scored)


def test_the_order_of_rows_changes_nothing(rows):
    shuffled = rows.sample(frac=1, random_state=5).reset_index(drop=True)
    one, other = (audited(r, **DESIGNS["all"]).record for r in (rows, shuffled))
    assert one.measurements == other.measurements
    assert one.checks == other.checks
    assert one.provenance.digests == other.provenance.digests


def test_with_few_clusters_nothing_is_within(rows):
    few = rows.assign(house=rows["house"] % 7)
    outcomes = audited(few, cluster="house").table("checks")
    assert "within" not in set(outcomes["outcome"])
    assert outcomes["note"].str.contains("7 clusters, at least 8 wanted").any()


def test_the_floor_reads_the_effective_size():
    # 60 in need in each group, in 20 households whose members are alike: 20 people's worth
    house = np.repeat(np.arange(80), 3)
    rows = pd.DataFrame(
        {
            "group": np.repeat(["a", "b"], 120),
            "need": np.tile(np.repeat([1, 0], 60), 2),
            "chosen": (house % 3 == 0).astype(int),
            "house": house,
        }
    )
    made = auditkit.audit(
        None, rows, label="need", positive=1, decision="chosen", outcome="benefit",
        attributes=["group"], policy="minimal", cluster="house",
    ).table("measurements")  # fmt: skip
    row = made.query("metric == 'false_negative_rate' and group == 'a'").iloc[0]
    assert (row["n"], row["status"]) == (60, "insufficient")
    assert row["effective_n"] == pytest.approx(19.75, abs=0.3)
    assert "60 rows tell no more than" in row["note"]


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("weight", [-1.0], "3 of 1200 values are negative"),
        ("weight", [np.nan], "3 of 1200 values are missing"),
        ("weight", [np.inf], "3 of 1200 values are not finite numbers"),
        ("house", [None], "3 rows have none"),
        ("stratum", [None], "3 rows have none"),
    ],
)
def test_a_broken_design_is_one_clear_error(rows, column, values, words):
    broken = rows.astype({"house": object})
    broken.loc[:2, column] = values * 3
    role = {"weight": "weight", "house": "cluster", "stratum": "strata"}[column]
    with pytest.raises(auditkit.DataError) as caught:
        audited(broken, **{role: column})
    assert len(caught.value.problems) == 1
    assert words in str(caught.value)
    assert f"'{column}'" in str(caught.value)


def test_a_cluster_in_two_strata_is_refused(rows):
    rows = rows.assign(stratum=np.where(np.arange(N) % 2, "one", "two"))
    with pytest.raises(auditkit.DataError, match="clusters lie in more than one stratum"):
        audited(rows, cluster="house", strata="stratum")


@pytest.mark.parametrize("name", ["y", "d", "n", "a0"])
def test_a_cluster_may_have_any_name(rows, name):
    from sklearn.linear_model import LogisticRegression

    rows = rows.assign(x=rows["house"] / 300)
    model = LogisticRegression().fit(rows[["x"]], rows["need"])
    asked = {
        "label": "need", "positive": 1, "outcome": "benefit", "explain": {"rows": 0},
        "attributes": ["group"], "policy": "minimal",
    }  # fmt: skip
    expected = auditkit.audit(model, rows, cluster="house", **asked).record.checks
    renamed = rows.rename(columns={"house": name})
    assert auditkit.audit(model, renamed, cluster=name, **asked).record.checks == expected


class TestKishSize:
    @pytest.mark.parametrize(
        ("weights", "size"),
        [
            ([1, 1, 1, 1], 4),
            ([10, 1], 121 / 101),
            ([3, 2, 1], 36 / 14),
            ([5, 0, 0], 1),
            ([0, 0], 0),
            ([], 0),
        ],
    )
    def test_by_hand(self, weights, size):
        w = np.array(weights, dtype=float)
        assert kish_size(w.sum(), (w**2).sum(), len(w)) == pytest.approx(size)

    def test_equal_weights_are_all_people_to_the_last_digit(self):
        w = np.full(30, 0.1)
        assert w.sum() ** 2 / (w**2).sum() != 30
        assert kish_size(w.sum(), (w**2).sum(), 30) == 30.0

    def test_weights_that_are_only_nearly_equal_tell_less(self):
        w = np.resize([1.0, 1.001], 1000)
        size = kish_size(w.sum(), (w**2).sum(), 1000)
        assert size < 1000
        assert size == pytest.approx(1000 / (1 + np.var(w) / w.mean() ** 2), rel=1e-12)

    def test_never_more_than_all(self):
        assert kish_size([10.0, 1e-300], [9.0, 0.0], [8, 2]).tolist() == [8.0, 0.0]
