"""How wrong labels would have to be, against every way to get them wrong in small tables."""

import itertools

import numpy as np
import pandas as pd
import pytest

from auditkit.label_error import Cells, _Sides
from auditkit.report.story import sections
from tests.test_unrecorded import audit, people

FNR, FPR = "false_negative_rate", "false_positive_rate"


def table(cells):
    """Make rows from (missed, found, others not chosen, others chosen) by group."""
    rows = {}
    for group, (fn, tp, tn, fp) in cells.items():
        rows |= {(group, 1, 0): fn, (group, 1, 1): tp, (group, 0, 0): tn, (group, 0, 1): fp}
    return people(rows)


def errors(made, error):
    found = made.table("label_error").query("error == @error")
    return found.set_index(["metric", "attribute", "group"])


def beyond(gap, limit=0.1):
    return abs(gap) > limit + 1e-9


def rate(metric, fn, tp, tn, fp):
    hit, n = (fn, fn + tp) if metric == FNR else (fp, fp + tn)
    return hit / n if n > 0 else None


def every_flip(fn, tp, tn, fp):
    """Flip each possible number of labels in each cell: flips, and the four cells after them."""
    # a person keeps the decision: missed <-> others not chosen, found <-> others chosen
    for a, b in itertools.product(range(-fn, tn + 1), range(-tp, fp + 1)):
        yield abs(a) + abs(b), (fn + a, tp + b, tn - a, fp - b)


def fewest_by_hand(metric, own, rest):
    """Try every flip of either side; the fewest after which the answer is another one."""
    sides = []
    for side in (own, rest):
        best = {}
        for k, cells in every_flip(*side):
            value = rate(metric, *cells)
            if value is not None:
                best[value] = min(k, best.get(value, k))
        sides.append(best)
    now = beyond(rate(metric, *own) - rate(metric, *rest))
    found = [
        k + j
        for (p, k), (q, j) in itertools.product(sides[0].items(), sides[1].items())
        if beyond(p - q) != now
    ]
    return min(found, default=None)


@pytest.mark.parametrize("seed", range(12))
def test_the_fewest_wrong_labels_are_those_of_every_flip(seed):
    rng = np.random.default_rng(seed)
    own, rest = (tuple(int(x) for x in rng.integers(0, 7, 4) + (seed % 2)) for _ in range(2))
    found = errors(audit(table({"a": own, "b": rest})), "any")
    for metric in (FNR, FPR):
        if None in (rate(metric, *own), rate(metric, *rest)):
            assert found.loc[(metric, "group", "a"), "status"] == "undefined"
            continue
        expected = fewest_by_hand(metric, own, rest)
        row = found.loc[(metric, "group", "a")]
        assert row["labels"] == expected if expected is not None else pd.isna(row["labels"])
        assert row["labels_of"] == sum(own) + sum(rest)


@pytest.mark.parametrize("up", [True, False])
def test_the_furthest_rate_after_some_flips_is_that_of_every_flip(up):
    rng = np.random.default_rng(3)
    for _ in range(40):
        cells = tuple(rng.integers(0, 7, 4).tolist())
        if not sum(cells[:2]):
            continue
        furthest = max if up else min
        flips = [(k, rate(FNR, *after)) for k, after in every_flip(*cells)]
        side = _Sides.of([Cells(*cells)])
        every = np.arange(float(sum(side.flips(up))[0, 0]) + 1)
        for most, found in enumerate(side.reach(every[None], up)[0].tolist()):
            within = [value for k, value in flips if k <= most and value is not None]
            assert found == pytest.approx(furthest(within)), (cells, most)


def test_many_people_are_searched_as_few_are():
    """More flips than a grid holds: a table times 1,000 needs about 1,000 times as many."""
    own, rest = (20, 80, 70, 30), (21, 79, 70, 30)
    few = errors(audit(table({"a": own, "b": rest})), "any").loc[(FNR, "group", "a")]
    cells = {"a": tuple(1000 * x for x in own), "b": tuple(1000 * x for x in rest)}
    many = errors(audit(table(cells)), "any").loc[(FNR, "group", "a")]
    assert sum(cells["a"][1:3]) > 4096
    assert 1000 * (few["labels"] - 1) <= many["labels"] <= 1000 * few["labels"]


def test_the_arithmetic_of_flips_by_hand():
    """15 of 100 and 10 of 100 are missed; the limit is 10 points.

    If six of those missed in b were not in need, 15 of 100 stand against 4 of 94: 10.7 points. With
    five it is 5 of 95, 9.7 points; with five more missed in a, 20 of 105 against 10 of 100, 9.0.
    """
    own, rest = (15, 85, 400, 20), (10, 90, 400, 20)
    expected = fewest_by_hand(FNR, (15, 85, 40, 20), (10, 90, 40, 20))
    row = errors(audit(table({"a": own, "b": rest})), "any").loc[(FNR, "group", "a")]
    assert row["labels"] == expected == 6
    assert row["share"] == pytest.approx(6 / 1040)


# --------------------------------------------------------------- errors unrelated to the decision


def recorded(true, false_yes=0.0, missed_yes=0.0):
    """Record true cells with errors that are unrelated to the decision; expected counts."""
    fn, tp, tn, fp = true
    kept, wrong = 1 - missed_yes, 1 - false_yes
    return (
        kept * fn + false_yes * tn,
        kept * tp + false_yes * fp,
        wrong * tn + missed_yes * fn,
        wrong * fp + missed_yes * tp,
    )


def test_incomplete_recording_moves_no_missed_rate():
    """A share of the truly positive is recorded negative, whatever was decided: the rate stays."""
    true = (30, 70, 240, 60)
    for share in (0.1, 0.5, 0.9):
        assert rate(FNR, *recorded(true, missed_yes=share)) == pytest.approx(rate(FNR, *true))
        assert rate(FPR, *recorded(true, missed_yes=share)) != pytest.approx(rate(FPR, *true))


def test_the_rate_without_error_is_the_true_one():
    for true, f in itertools.product([(30, 70, 240, 60), (5, 5, 80, 10)], (0.0, 0.05, 0.2)):
        fn, tp, tn, fp = recorded(true, false_yes=f)
        cells = Cells(fn, tp, tn, fp)
        assert cells.without(f / (1 - f)) == pytest.approx(rate(FNR, *true))
        assert cells.wrong(f / (1 - f)) == pytest.approx(f * (true[2] + true[3]))
        assert 0 <= f / (1 - f) <= cells.most


def pairs_of_tables():
    """Draw some tables; in the last three the fewest errors exhaust one side and use the other."""
    rng = np.random.default_rng(0)
    drawn = [[tuple(rng.integers(4, 60, 4).tolist()) for _ in range(2)] for _ in range(8)]
    both = [
        [(57, 5, 47, 2), (55, 10, 20, 44)],
        [(49, 6, 27, 59), (29, 3, 39, 1)],
        [(8, 1, 56, 32), (53, 2, 39, 1)],
    ]
    return drawn + both


@pytest.mark.parametrize(("own", "rest"), pairs_of_tables())
def test_no_cheaper_error_on_a_grid_crosses_the_limit(own, rest):
    """Try error of either side, and of both, in small steps."""
    row = errors(audit(table({"a": own, "b": rest})), "unrelated").loc[(FNR, "group", "a")]
    steps = []
    for cells in (Cells(*own), Cells(*rest)):
        phi = np.linspace(0, cells.most, 601)
        n = cells.hit + cells.miss - phi * (cells.other_hit + cells.other_miss)
        keep = n > 1e-6
        value = (cells.hit - phi * cells.other_hit)[keep] / n[keep]
        steps.append((value, (phi * (cells.other_hit + cells.other_miss))[keep]))
    gaps = steps[0][0][:, None] - steps[1][0][None]
    cost = steps[0][1][:, None] + steps[1][1][None]
    now = beyond(gaps[0, 0])
    crossed = (np.abs(gaps) > 0.1 + 1e-9) != now
    if not crossed.any():
        assert pd.isna(row["labels"])
        assert row["note"] == "no such error moves the gap across its limit"
        return
    step = max(s[1][1] for s in steps)
    assert row["labels"] <= cost[crossed].min() + 1e-6
    assert row["labels"] >= cost[crossed].min() - 2 * step


def test_the_false_selection_rate_is_moved_by_the_reverse_error():
    """Its people are those recorded negative, so what moves it is need that was not recorded."""
    own, rest = (40, 60, 250, 50), (30, 70, 260, 40)
    row = errors(audit(table({"a": own, "b": rest})), "unrelated").loc[(FPR, "group", "a")]
    mine, others = Cells(50, 250, 60, 40), Cells(40, 260, 70, 30)
    costs = [
        mine.wrong(phi)
        for edge in (0.1, -0.1)
        if (phi := mine.phi_at(others.rate + edge)) is not None
    ] + [
        others.wrong(phi)
        for edge in (0.1, -0.1)
        if (phi := others.phi_at(mine.rate - edge)) is not None
    ]
    assert row["labels"] == pytest.approx(min(costs))


# ------------------------------------------------------------------------------------ what is told


def test_rates_without_a_recorded_outcome_have_no_rows():
    made = audit(table({"a": (10, 30, 40, 10), "b": (12, 30, 40, 10)}))
    assert set(made.table("label_error")["metric"]) == {FNR, FPR}
    bare = audit(table({"a": (10, 30, 40, 10), "b": (12, 30, 40, 10)}), label=None, positive=None,
                 selected=1)  # fmt: skip
    assert bare.record.label_error == ()


def test_weighted_people_are_not_counted_one_by_one():
    rows = table({"a": (10, 30, 40, 10), "b": (12, 30, 40, 10)}).assign(weight=2.0)
    found = audit(rows, weight="weight").table("label_error")
    assert set(found["status"]) == {"not_applicable"}
    assert found["labels"].isna().all()
    assert found["note"].str.contains("weighted").all()


def test_nobody_to_count_has_no_number():
    made = audit(table({"a": (0, 0, 40, 10), "b": (12, 30, 40, 10), "c": (9, 30, 40, 10)}))
    rows = made.table("label_error").query("metric == @FNR and group == 'a'")
    assert set(rows["status"]) == {"undefined"}
    assert rows["labels"].isna().all()


def test_it_follows_the_checks_that_were_judged():
    made = audit(table({"a": (10, 30, 40, 10), "b": (12, 30, 40, 10)}), policy="icrc")
    told = made.table("label_error")
    judged = made.table("checks").query("statistic == 'difference'").set_index(["check", "group"])
    for row in told.itertuples():
        assert row.limit == judged.loc[(row.check, row.group), "limit"]
        assert row.outcome == judged.loc[(row.check, row.group), "outcome"]


def told(made):
    return " ".join(str(section) for section in sections(made.record))


def test_the_report_tells_both_kinds_and_what_does_not_move():
    made = audit(table({"a": (15, 85, 400, 20), "b": (10, 90, 400, 20)}))
    text = told(made)
    assert "If recorded outcomes are wrong" in text
    assert "Cell(text='6', tone='', detail='0.6" in text
    assert "stays between the lowest and the highest of their rates" in text


def test_the_report_says_why_nothing_is_counted_with_weights():
    rows = table({"a": (10, 30, 40, 10), "b": (12, 30, 40, 10)}).assign(weight=2.0)
    text = told(audit(rows, weight="weight"))
    assert "was not counted: people are weighted" in text
    assert "Unrelated to the decision" not in text
