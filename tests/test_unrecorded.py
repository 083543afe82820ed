"""What people without a recorded group could change, against every way to place them."""

import itertools

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Disposition, PlanError
from auditkit.evidence.gather import gather
from auditkit.inference.gates import gap_bounds, ratio_bounds
from auditkit.measure import tallied
from auditkit.metrics.registry import metrics
from auditkit.plan import make_plan
from auditkit.report.story import sections
from auditkit.results import NOT_RECORDED
from auditkit.unrecorded import corners
from tests.test_policy import HARMLESS

RATES = ("selection_rate", "false_negative_rate", "false_positive_rate")
MEDIUM = {**HARMLESS, "data_class": "personal"}


def audit(data, **changes):
    asked = {
        "decision": "chosen",
        "label": "need",
        "positive": 1,
        "outcome": "benefit",
        "attributes": ["group"],
        "policy": "minimal",
        "stage": "sandbox",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def bounds(made):
    return made.table("unknown_bounds").set_index(["metric", "attribute", "group"])


def people(cells):
    """Make rows of (group, need, chosen): count."""
    parts = [
        pd.DataFrame([key] * n, columns=["group", "need", "chosen"]) for key, n in cells.items()
    ]
    return pd.concat(parts, ignore_index=True)


def in_need(missed, wrong=(50, 500)):
    """Make rows from (missed, in need) by group, and false selections that are the same for all."""
    cells = {}
    for group, (x, n) in missed.items():
        cells |= {(group, 1, 0): x, (group, 1, 1): n - x}
        if group is not None:
            cells |= {(group, 0, 1): wrong[0], (group, 0, 0): wrong[1] - wrong[0]}
    return people(cells)


# ------------------------------------------------------------------------- every way to place them


def gap(rows, metric, member):
    """Compute group minus rest over rows that all have a group, from the rows themselves."""
    among, hit = {
        "selection_rate": (rows["need"] >= 0, rows["chosen"] == 1),
        "false_negative_rate": (rows["need"] == 1, rows["chosen"] == 0),
        "false_positive_rate": (rows["need"] == 0, rows["chosen"] == 1),
    }[metric]
    found = []
    for side in (among & member, among & ~member):
        weight = rows["weight"][side]
        if not weight.sum() > 0:
            return None
        found.append((weight * hit[side]).sum() / weight.sum())
    return found[0] - found[1]


def every_placing(rows, columns):
    """Fill the empty cells of some columns in every way."""
    empty = [(c, i) for c in columns for i in rows.index[rows[c].isna()]]
    levels = {c: sorted(rows[c].dropna().unique()) for c in columns}
    for chosen in itertools.product(*(levels[c] for c, _ in empty)):
        filled = rows.copy()
        for (column, i), level in zip(empty, chosen, strict=True):
            filled.loc[i, column] = level
        yield filled


def small(seed, missing):
    rng = np.random.default_rng(seed)
    n = 26
    rows = pd.DataFrame(
        {
            "group": rng.choice(["a", "b", "c"], n),
            "area": rng.choice(["north", "south"], n),
            "need": rng.integers(0, 2, n),
            "chosen": rng.integers(0, 2, n),
            "weight": rng.choice([1.0, 2.5, 0.25], n),
        }
    )
    for column, many in missing.items():
        rows.loc[rng.choice(n, many, replace=False), column] = None
    return rows


@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("seed", [1, 2])
def test_bounds_are_the_extremes_over_every_way_to_place_the_unknown(seed, weight):
    rows = small(seed, {"group": 5})
    found = bounds(audit(rows, weight=weight))
    if weight is None:
        rows = rows.assign(weight=1.0)
    reached = {}
    for filled in every_placing(rows, ["group"]):
        for metric, group in itertools.product(RATES, "abc"):
            value = gap(filled, metric, filled["group"] == group)
            reached.setdefault((metric, "group", group), []).append(value)
    assert len(found) == len(reached) == 9
    for key, values in reached.items():
        assert found.loc[key, "lowest"] == pytest.approx(min(values)), key
        assert found.loc[key, "highest"] == pytest.approx(max(values)), key
        assert found.loc[key, "lowest"] <= found.loc[key, "estimate"] <= found.loc[key, "highest"]


@pytest.mark.parametrize("weight", [None, "weight"])
def test_a_crossed_row_is_only_placed_where_its_recorded_part_allows(weight):
    """A woman of unknown area is no man of the north, but one of his rest."""
    rows = small(5, {"group": 2, "area": 4})
    found = bounds(audit(rows, attributes=["group", "area"], intersections=2, weight=weight))
    if weight is None:
        rows = rows.assign(weight=1.0)
    reached = {}
    for filled in every_placing(rows, ["group", "area"]):
        for metric, group, area in itertools.product(RATES, "abc", ("north", "south")):
            member = (filled["group"] == group) & (filled["area"] == area)
            value = gap(filled, metric, member)
            reached.setdefault((metric, "group*area", f"{group}*{area}"), []).append(value)
    told = [key for key in reached if found.loc[key, "status"] == "ok"]
    assert len(told) >= 12
    for key in told:
        assert found.loc[key, "lowest"] == pytest.approx(min(reached[key])), key
        assert found.loc[key, "highest"] == pytest.approx(max(reached[key])), key


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_gate_bound_is_widest_at_the_corners(alpha):
    """Not only the gap: its bounds too, over every way to split the unknown."""
    hits, misses = 6, 9
    a, b = (v.ravel() for v in np.meshgrid(np.arange(hits + 1), np.arange(misses + 1)))
    corner_high, corner_low = (a == hits) & (b == 0), (a == 0) & (b == misses)
    for x1, n1, x0, n0 in [(3, 20, 30, 90), (0, 8, 5, 12), (8, 8, 40, 41), (10, 40, 0, 7)]:
        allocation = x1 + a, n1 + a + b, x0 + hits - a, n0 + hits + misses - a - b
        for form in (gap_bounds, ratio_bounds):
            at = form(*allocation, alpha)
            assert at.upper[corner_high][0] == pytest.approx(at.upper.max())
            assert at.lower[corner_low][0] == pytest.approx(at.lower.min())


@pytest.mark.parametrize(
    "design",
    [{"weight": "weight"}, {"weight": "weight", "strata": "stratum"}, {"cluster": "house"}],
    ids=["weights", "strata", "clusters"],
)
@pytest.mark.parametrize("highest", [True, False])
def test_a_corner_is_the_data_with_everybody_placed_there(design, highest):
    """Rates, effective sizes and correlations are those of rows that are so placed."""
    rng = np.random.default_rng(4)
    n = 900
    house = np.sort(rng.integers(0, 250, n))
    lean = rng.normal(size=250)[house]
    rows = pd.DataFrame(
        {
            "group": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]).astype(object),
            "need": (lean + rng.normal(size=n) > 0).astype(int),
            "chosen": (lean + rng.normal(size=n) > 0.4).astype(int),
            "weight": rng.choice([1.0, 2.5, 4.25, 0.1], n),
            "house": house,
            "stratum": np.where(house < 120, "one", "two"),
        }
    )
    rows.loc[rng.choice(n, 90, replace=False), "group"] = None
    metric = metrics()["false_negative_rate"]

    def table(data):
        asked = {"label": "need", "positive": 1, "decision": "chosen", "outcome": "benefit"}
        plan = make_plan({"data": {**asked, **design}, "attributes": {"group": {}}})
        return gather(plan, data, None, lambda *_: None).groups

    groups = table(rows)
    found = corners(groups, metric)
    side = found.highest if highest else found.lowest
    i = groups.names.index(("group", "b"))
    joins = rows["group"].isna() & ((rows["chosen"] == 0) == highest)
    placed = rows.assign(
        group=rows["group"].mask(joins, "b").mask(rows["group"].isna() & ~joins, "c")
    )
    told = table(placed)
    expected = tallied(told, metric)
    at = told.names.index(("group", "b"))
    for made, wanted in ((side.own, expected.own), (side.rest, expected.rest)):
        for name in ("x", "n", "people", "effective"):
            assert getattr(made, name)[i] == pytest.approx(getattr(wanted, name)[at]), name
        assert made.df[i] <= wanted.df[at]
    assert side.rho[i] == pytest.approx(expected.rho[at])


def test_equal_weights_bound_as_no_weights_do():
    rows = small(7, {"group": 6})
    plain = audit(rows).record.unknown_bounds
    assert audit(rows.assign(weight=3.5), weight="weight").record.unknown_bounds == plain


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("seed", [1, 3])
def test_a_declared_share_bounds_as_every_placing_that_keeps_it(seed, share):
    rows = small(seed, {"group": 5})
    capped = auditkit.Attribute(
        "group", unrecorded_at_most={"b": share}, unrecorded_reason="Known."
    )
    found, free = (bounds(audit(rows, attributes=[a])) for a in (capped, "group"))
    rows = rows.assign(weight=1.0)
    hidden = rows["group"].isna()
    for metric in RATES:
        reached = [
            gap(filled, metric, filled["group"] == "b")
            for filled in every_placing(rows, ["group"])
            if (filled["group"][hidden] == "b").sum() <= np.ceil(5 * share)
        ]
        key = (metric, "group", "b")
        assert found.loc[key, "lowest"] == pytest.approx(min(reached)), key
        assert found.loc[key, "highest"] == pytest.approx(max(reached)), key
        for other in "ac":  # nothing is concluded for them
            key = (metric, "group", other)
            pd.testing.assert_series_equal(found.loc[key], free.loc[key])


@pytest.mark.parametrize("most", [0, 4, 8, 15])
def test_a_gate_bound_is_widest_at_the_corners_of_a_declared_share(most):
    hits, misses = 6, 9
    a, b = (v.ravel() for v in np.meshgrid(np.arange(hits + 1), np.arange(misses + 1)))
    allowed = a + b <= most
    a, b = a[allowed], b[allowed]
    high, low = (a == min(hits, most)) & (b == 0), (a == 0) & (b == min(misses, most))
    for x1, n1, x0, n0 in [(3, 20, 30, 90), (0, 8, 5, 12), (8, 8, 40, 41), (10, 40, 0, 7)]:
        allocation = x1 + a, n1 + a + b, x0 + hits - a, n0 + hits + misses - a - b
        for form in (gap_bounds, ratio_bounds):
            at = form(*allocation, 0.044)
            assert at.upper[high][0] == pytest.approx(at.upper.max())
            assert at.lower[low][0] == pytest.approx(at.lower.min())


# ------------------------------------------------------------------------------------ by hand


def test_the_arithmetic_of_one_group():
    """Of a 10 of 40 are missed, of its rest 20 of 60; of 10 unknown in need, 4 are missed.

    Highest: 14 of 44 against 20 of 66. Lowest: 10 of 46 against 24 of 64.
    """
    made = audit(in_need({"a": (10, 40), "b": (20, 60), None: (4, 10)}))
    row = bounds(made).loc[("false_negative_rate", "group", "a")]
    assert row["estimate"] == pytest.approx(10 / 40 - 20 / 60)
    assert row["highest"] == pytest.approx(14 / 44 - 20 / 66)
    assert row["lowest"] == pytest.approx(10 / 46 - 24 / 64)
    assert (row["unknown"], row["limit"], row["against"]) == (10, 0.1, "rest")
    assert ("false_positive_rate", "group", "a") not in bounds(made).index, "all are known there"
    assert NOT_RECORDED not in set(made.table("unknown_bounds")["group"])


def test_the_arithmetic_of_a_declared_share():
    """Of 10 unknown in need, 4 missed, at most a fifth are of a: 2.

    Highest: 12 of 42 against 22 of 68. Lowest: 10 of 42 against 24 of 68.
    """
    known = auditkit.Attribute("group", unrecorded_at_most={"a": 0.2}, unrecorded_reason="Census.")
    made = audit(in_need({"a": (10, 40), "b": (20, 60), None: (4, 10)}), attributes=[known])
    row = bounds(made).loc[("false_negative_rate", "group", "a")]
    assert row["highest"] == pytest.approx(12 / 42 - 22 / 68)
    assert row["lowest"] == pytest.approx(10 / 42 - 24 / 68)
    share = made.table("declared_shares").iloc[0].to_dict()
    assert share == {"attribute": "group", "group": "a", "at_most": 0.2, "unknown": 10,
                     "reason": "Census."}  # fmt: skip


def test_nothing_missing_has_no_rows():
    assert audit(in_need({"a": (10, 40), "b": (20, 60)})).record.unknown_bounds == ()


def test_a_gap_that_is_undefined_has_no_bounds():
    made = audit(in_need({"a": (0, 0), "b": (20, 60), "c": (20, 60), None: (4, 10)}))
    row = bounds(made).loc[("false_negative_rate", "group", "a")]
    assert row["status"] == "undefined"
    assert row[["estimate", "lowest", "highest"]].isna().all()
    assert "no rows of the group" in row["note"]


def test_counts_alone_are_bounded_too():
    """A wide table of counts with people of no group says what rows say."""
    cells = {"a": (30, 5, 10, 55), "b": (40, 6, 20, 34), "": (6, 0, 4, 0)}
    wide = pd.DataFrame(
        [("group", g or None, *c) for g, c in cells.items()],
        columns=["attribute", "group", "tp", "fp", "fn", "tn"],
    )
    made = auditkit.audit(None, wide, outcome="benefit", attributes=["group"], policy="minimal")
    row = bounds(made).loc[("false_negative_rate", "group", "a")]
    assert row["highest"] == pytest.approx(14 / 44 - 20 / 66)
    assert row["lowest"] == pytest.approx(10 / 46 - 24 / 64)


# ------------------------------------------------------------------------------------ verdicts

SURE = {"a": (600, 3000), "b": (610, 3000)}


def checks(made, name="missed_need_gap"):
    return made.table("checks").query("check == @name").set_index("group")


class TestHighRisk:
    def test_without_the_unknown_it_is_within_and_with_them_it_is_not(self):
        known = audit(in_need(SURE), policy="icrc")
        assert set(checks(known)["outcome"]) == {"within"}
        assert known.disposition is Disposition.READY_FOR_DECISION
        made = audit(in_need({**SURE, None: (120, 600)}), policy="icrc")
        found = checks(made)
        assert found["outcome"][["a", "b"]].tolist() == ["indeterminate"] * 2
        assert made.disposition is Disposition.NOT_READY
        assert found["unknown"][["a", "b"]].tolist() == [600, 600]
        assert (
            "not shown to be within with the 600 people whose group is not recorded counted in the "
            "worst way; within without them" in found["note"]["a"]
        )
        assert bounds(made).loc[("false_negative_rate", "group"), "could_change"].all()

    @pytest.mark.parametrize("group", ["a", "b"])
    def test_the_bounds_that_are_told_reach_beyond_the_limit(self, group):
        """Picture and verdict agree whichever side the unknown people push it over."""
        row = checks(audit(in_need({**SURE, None: (20, 600)}), policy="icrc")).loc[group]
        assert row["outcome"] == "indeterminate"
        assert row["upper"] > row["limit"] or row["lower"] < -row["limit"]

    def test_the_bar_reaches_beyond_the_limit_on_the_other_side_of_the_gap_too(self):
        """The group is missed a little more; unknown people could make it be missed far less."""
        made = audit(in_need({"a": (610, 3000), "b": (6000, 30000), None: (0, 900)}), policy="icrc")
        row = checks(made).loc["a"]
        assert row["outcome"] == "indeterminate"
        assert row["estimate"] > 0
        assert row["upper"] < row["limit"]
        assert row["lower"] < -row["limit"]
        assert row["level_lower"] == pytest.approx(1 - 0.044)

    def test_a_few_unknown_people_leave_it_within_and_the_note_says_so(self):
        made = audit(in_need({**SURE, None: (2, 10)}), policy="icrc")
        row, known = checks(made).loc["a"], checks(audit(in_need(SURE), policy="icrc")).loc["a"]
        assert row["outcome"] == "within"
        assert "within even with the 10 people whose group is not recorded" in row["note"]
        assert row["lower"] < known["lower"]
        assert row["upper"] > known["upper"]
        assert row["estimate"] == known["estimate"]

    def test_all_that_the_bounds_allow_is_where_the_answer_turns(self):
        """Add unknown people one by one: it turns where the corner's own bounds cross the limit."""
        turned = None
        for n in range(0, 200, 20):
            made = audit(in_need({**SURE, None: (n, n)}), policy="icrc")
            expected = gap_bounds(610 + n, 3000 + n, 600, 3000, 0.05).upper < 0.05
            assert (checks(made)["outcome"]["b"] == "within") == bool(expected)
            turned = turned or (None if expected else n)
        assert turned

    def test_the_small_rate_rule_is_judged_at_the_corners_too(self):
        few = {"a": (40, 4000), "b": (40, 4000)}
        known = audit(in_need(few), policy="icrc")
        made = audit(in_need({**few, None: (100, 100)}), policy="icrc")
        assert set(checks(known, "missed_need_ratio")["outcome"]) == {"within"}
        found = checks(made, "missed_need_ratio")
        assert found["outcome"]["a"] == "indeterminate"

    def test_a_breach_stays_a_breach(self):
        apart = {"a": (900, 3000), "b": (600, 3000)}
        known = checks(audit(in_need(apart), policy="icrc"))
        made = audit(in_need({**apart, None: (400, 800)}), policy="icrc")
        found = checks(made)
        assert found["outcome"]["a"] == found["outcome"]["b"] == "breach"
        for column in ("estimate", "upper"):
            assert found[column]["a"] == known[column]["a"]
        assert found["unknown"].isna().all()
        assert bounds(made).loc[("false_negative_rate", "group", "a"), "could_change"]

    def test_the_unknown_are_never_counted_twice_among_themselves(self):
        """The row of the people not recorded is held against everybody recorded, as ever."""
        made = audit(in_need({**SURE, None: (120, 600)}), policy="icrc")
        row = checks(made).loc[NOT_RECORDED]
        assert row["outcome"] == "within"
        assert pd.isna(row["unknown"])


THREE = {**SURE, "c": (6100, 30000)}


class TestDeclaredShares:
    """Of three groups the third is so large that nobody not recorded moves it far."""

    def made(self, rows, **shares):
        known = auditkit.Attribute(
            "group", unrecorded_at_most=shares, unrecorded_reason="The register of the camp says so"
        )
        return audit(in_need(rows), policy="icrc", attributes=[known])

    def test_an_all_clear_that_rests_on_one_says_so_everywhere(self):
        free = audit(in_need({**THREE, None: (180, 900)}), policy="icrc")
        assert set(checks(free)["outcome"][["a", "b"]]) == {"indeterminate"}
        made = self.made({**THREE, None: (180, 900)}, a=0.02, b=0.02)
        row = checks(made).loc["a"]
        assert (row["outcome"], row["declared_share"], row["unknown"]) == ("within", 0.02, 900)
        assert "at most 2.0% of those not recorded are of this group" in row["note"]
        assert made.disposition is Disposition.READY_FOR_DECISION
        assert (
            "only if what the plan declares of people not recorded is true"
            in (made.record.reasons[0])
        )
        assert "4 required checks within the limit would not be without what the plan" in repr(made)
        text = told(made)
        assert "The plan declares that of 900 people without a recorded group at most" in text
        assert "because: The register of the camp says so." in text
        assert "answers within the limit would not be without it" in text

    def test_one_for_one_group_clears_no_other(self):
        found = checks(self.made({**THREE, None: (180, 900)}, a=0.02))
        assert found["outcome"]["a"] == "within"
        assert found["outcome"]["b"] == "indeterminate"
        assert pd.isna(found["declared_share"]["b"])

    def test_where_nothing_rests_on_it_nothing_is_said_to(self):
        made = self.made({**THREE, None: (2, 10)}, a=0.5, b=1.0)
        assert set(checks(made)["outcome"][["a", "b"]]) == {"within"}
        assert checks(made)["declared_share"].isna().all()
        assert "declares" not in " ".join(made.record.reasons)
        assert "No answer rests on it" in told(made)

    def test_a_wide_one_is_no_way_around(self):
        made = self.made({**THREE, None: (180, 900)}, a=0.9, b=0.9)
        assert set(checks(made)["outcome"][["a", "b"]]) == {"indeterminate"}
        assert made.disposition is Disposition.NOT_READY

    def test_crossings_stay_at_their_widest(self):
        rows = in_need({**THREE, None: (180, 900)})
        rows["area"] = np.where(np.arange(len(rows)) % 2, "north", "south")
        known = auditkit.Attribute(
            "group", unrecorded_at_most={"a": 0.0, "b": 0.0}, unrecorded_reason="None are."
        )
        capped, free = (
            bounds(audit(rows, policy="icrc", attributes=[a, "area"], intersections=2))
            for a in (known, "group")
        )
        crossed = [key for key in free.index if "*" in key[1]]
        assert crossed
        for column in ("lowest", "highest"):
            assert capped.loc[crossed, column].equals(free.loc[crossed, column])

    def test_a_record_with_them_is_read_back_as_it_was(self, tmp_path):
        made = self.made({**THREE, None: (30, 150)}, a=0.1)
        assert auditkit.load(made.report(tmp_path / "out")).record == made.record


@pytest.mark.parametrize(
    ("attribute", "more", "words"),
    [
        ({"unrecorded_at_most": {"a": 0.5}}, {}, "unrecorded_at_most and unrecorded_reason go"),
        ({"unrecorded_reason": "Known."}, {}, "unrecorded_at_most and unrecorded_reason go"),
        ({"unrecorded_at_most": {"a": 1.5}}, {}, "less than or equal to 1 (got 1.5)"),
        ({"unrecorded_at_most": {"q": 0.5}, "unrecorded_reason": "Known."}, {},
         "names 'q', which is no group of it"),
        ({"unrecorded_at_most": {"a": 0.02, "b": 0.02}, "unrecorded_reason": "Known."}, {},
         "leaves room for 4.0% of the people not recorded"),
        ({"unrecorded_at_most": {"a": 0.5}, "unrecorded_reason": "Known."}, {"weight": "w"},
         "data.weight says that these were not"),
        ({"unrecorded_at_most": {"a": 0.5}, "unrecorded_reason": "Known.",
          "state": "not_collected"}, {}, "the state is 'not_collected'"),
    ],
)  # fmt: skip
def test_a_share_that_cannot_be_heeded_is_one_clear_error(attribute, more, words):
    rows = in_need({**SURE, None: (3, 10)}).assign(w=1.0)
    with pytest.raises(PlanError) as error:
        audit(rows, attributes=[auditkit.Attribute("group", **attribute)], **more)
    assert words in str(error.value)


def test_a_group_without_people_makes_no_room_for_those_not_recorded():
    rows = in_need({**SURE, None: (3, 10)}).assign(age=lambda d: d["group"].map({"a": 20, "b": 40}))
    known = {"unrecorded_at_most": {"<30": 0.02, "[30,60)": 0.02}, "unrecorded_reason": "Known."}
    with pytest.raises(PlanError, match="leaves room for 4"):
        audit(rows, attributes=[auditkit.Attribute("age", bins=[30, 60], **known)])


def test_at_medium_risk_the_outcome_stays_and_the_table_tells_what_could_change():
    rows = in_need({**SURE, None: (700, 1200)})
    made = audit(rows, policy="icrc", answers=MEDIUM)
    assert checks(made)["outcome"]["a"] == "within"
    assert checks(made)["note"]["a"] == ""
    row = bounds(made).loc[("false_negative_rate", "group", "a")]
    assert row["highest"] > row["limit"] > row["estimate"]
    assert row["could_change"]


def test_a_breach_that_no_placing_undoes_could_not_change():
    made = audit(in_need({"a": (2000, 3000), "b": (600, 3000), None: (5, 10)}), policy="icrc")
    row = bounds(made).loc[("false_negative_rate", "group", "a")]
    assert not row["could_change"]
    assert row["lowest"] > row["limit"]


# ---------------------------------------------------------------------------------- as it is told


def told(made):
    return " ".join(str(section) for section in sections(made.record))


def test_the_report_says_what_could_change_and_that_not_all_ends_can_meet():
    text = told(audit(in_need({**SURE, None: (120, 600)}), policy="icrc"))
    assert "not all groups can be at theirs at once" in text
    assert "within the limit without the unknown people" in text
    assert "2 of 2 answers hang on who they are" in text
    assert "For 4 checks it could be enough to record more people's groups" in text


def test_the_report_says_when_nothing_is_missing():
    text = told(audit(in_need(SURE), policy="icrc"))
    assert "no such gap hangs on unknown people" in text
    assert "hang on who they are" not in text
    assert "it could be enough" not in text


def test_a_record_with_bounds_is_read_back_as_it_was(tmp_path):
    made = audit(in_need({**SURE, None: (120, 600)}), policy="icrc")
    assert auditkit.load(made.report(tmp_path / "out")).record == made.record
