"""True of every metric of scores, on any people; no metric is named."""

import math
from functools import partial

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auditkit
from auditkit.metrics.registry import score_metrics

law = partial(settings, deadline=None, derandomize=True, database=None)
SCORE = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5, 0.9, 1.0, None])
TIMES = st.sampled_from([1, 1, 2, 7, 40])


def people(groups="abc"):
    """Draw cells of group, recorded outcome and score, each with the times it occurs."""
    outcome = st.sampled_from(["yes", "no", None])
    cell = st.tuples(st.sampled_from([*groups, None]), outcome, SCORE)
    sure = [((g, "yes", 0.25), 1) for g in groups] + [((groups[0], "no", 0.5), 1)]
    return st.lists(st.tuples(cell, TIMES), max_size=10).map(lambda more: [*sure, *more])


def audited(rows, **given_):
    frame = pd.DataFrame([cell for cell, n in rows for _ in range(n)], columns=["g", "y", "s"])
    frame = frame.astype({"g": object, "y": object}).assign(d="no")
    frame.loc[0, "d"] = "yes"
    made = auditkit.audit(
        None, frame, **{"decision": "d", "selected": "yes", "label": "y", "positive": "yes",
                        "score": "s", "outcome": "benefit", "attributes": ["g"],
                        "policy": "minimal", **given_},
    )  # fmt: skip
    out = {}
    for m in made.record.measurements:
        out["measurement", m.metric, m.group] = m
    for d in made.record.disparities:
        out["disparity", d.metric, d.group, d.against, d.statistic] = d
    return {place: row for place, row in out.items() if place[1] in score_metrics()}


@law(max_examples=20)
@given(people())
def test_an_estimate_lies_in_its_interval_and_no_number_has_a_reason(rows):
    for place, row in audited(rows).items():
        assert (row.status == "undefined") == (row.estimate is None)
        assert (row.status == "ok") == (row.note == "")
        if row.estimate is None:
            assert row.lower is row.upper is None
        elif row.lower is not None:
            assert row.lower - 1e-9 <= row.estimate <= row.upper + 1e-9, place
            assert math.isfinite(row.estimate)


@law(max_examples=20)
@given(people())
def test_everybody_twice_changes_no_estimate_and_widens_no_interval(rows):
    once, twice = audited(rows), audited([(cell, 2 * n) for cell, n in rows])
    for place, row in once.items():
        assert row.estimate == pytest.approx(twice[place].estimate, abs=1e-9), place
        if row.lower is not None:
            assert twice[place].lower >= row.lower - 1e-9
            assert twice[place].upper <= row.upper + 1e-9


@law(max_examples=20)
@given(people("ab"))
def test_two_groups_differ_by_the_same_in_opposite_directions(rows):
    made = audited(rows)
    for place, row in made.items():
        if place[0] == "disparity" and place[2] == "a" and row.estimate is not None:
            other = made["disparity", place[1], "b", *place[3:]]
            assert row.estimate == pytest.approx(-other.estimate, abs=1e-9)
            if row.lower is not None:
                assert row.lower == pytest.approx(-other.upper, abs=1e-9)
            assert (row.worse_off == "a") == (other.worse_off == "rest")


@law(max_examples=15)
@given(people())
def test_equal_groups_do_not_differ(rows):
    same = [((g, *cell[1:]), n) for g in "abc" for cell, n in rows]
    for place, row in audited(same).items():
        if place[0] == "disparity" and row.estimate is not None:
            assert row.estimate == pytest.approx(0, abs=1e-9)


@law(max_examples=15)
@given(people())
def test_counts_are_the_same_people_as_rows(rows):
    """A row that stands for n people is n rows."""
    plain = audited(rows)
    frame = [((*cell,), 1) for cell, _ in rows]
    table = pd.DataFrame([cell for cell, _ in frame], columns=["g", "y", "s"])
    table = table.astype({"g": object, "y": object}).assign(n=[n for _, n in rows], d="no")
    table.loc[0, "d"] = "yes"
    made = auditkit.audit(
        None, table, decision="d", selected="yes", label="y", positive="yes", score="s", count="n",
        outcome="benefit", attributes=["g"], policy="minimal",
    )  # fmt: skip
    for m in made.record.measurements:
        if m.metric in score_metrics():
            assert m == plain["measurement", m.metric, m.group]
