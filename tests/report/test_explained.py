"""What the report says of the order of the inputs and of how far the attributions hold."""

from dataclasses import replace

import pytest

from auditkit.report import figures, story
from auditkit.report.story import quality_of_explanation as told
from auditkit.report.story import words
from auditkit.report.story.parts import Bullets, Table
from auditkit.results import ALL, DisparityAttribution, Response, Status


def relies(record):
    return next(s for s in story.sections(record) if s.id == "relies")


def bullets(record):
    found = [b for b in relies(record).blocks if isinstance(b, Bullets)]
    return "\n".join(item for block in found for item in block.items)


def captioned(record, start):
    return next(
        b for b in relies(record).blocks if isinstance(b, Table) and b.caption.startswith(start)
    )


def told_of(record, measure, **changes):
    rows = tuple(
        replace(q, **changes) if q.measure == measure else q for q in record.explanation_quality
    )
    return bullets(replace(record, explanation_quality=rows))


def test_ties_are_the_same_in_words_table_and_figure(record):
    assert "distance_to_market_km (2–3), income_estimate (2–3)" in bullets(record)
    assert "household_size (1)" in bullets(record)
    assert "Inputs with a range of ranks are ties" in bullets(record)
    rows = {row[0].text: row[1].text for row in captioned(record, "Size of each input").rows}
    ranked = told.everyone(record)
    assert rows == {words.name(a.feature): told.rank(a) for a in ranked}
    assert list(rows.values())[:4] == ["1", "2–3", "2–3", "4"]
    figure = figures.attributions(record, "age")
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert [t for t in drawn if t.startswith("rank ")] == [
        f"rank {told.rank(a)}" for a in ranked[:8]
    ]


def test_without_ties_none_are_spoken_of(record):
    sure = tuple(
        replace(a, rank_low=i, rank_high=i)
        for i, a in enumerate((a for a in record.attributions if a.attribute == ALL), 1)
    )
    assert "ties" not in bullets(replace(record, attributions=sure))


def test_inputs_told_as_one_are_named_with_their_association(record):
    assert "livestock and goats go together (association 0.93" in bullets(record)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.97, "much the same order"), (0.7, "a similar order"), (0.2, "another order")],
)
def test_how_steady_and_how_alike_is_put_in_words(record, value, said):
    again = told_of(record, "stability", estimate=value)
    assert f"in {said}" in again
    assert f"at least {value:.2f}" in again
    shuffled = told_of(record, "agreement", estimate=value)
    assert f"puts the inputs in {said}" in shuffled
    assert (told.SHUFFLING in shuffled) == (value < told.ALIKE)


def test_the_input_that_shuffling_puts_first_is_named_with_its_rank(record):
    assert "It puts distance_to_market_km first, which attributions put at rank 2–3." in bullets(
        record
    )


def test_the_group_that_is_told_least_is_named_where_intervals_are_apart(record):
    said = bullets(record)
    assert "household_size, distance_to_market_km, income_estimate, shelter_type and phone" in said
    assert "to within 0.2 on average, in log-odds" in said
    assert "They tell least for 61 and over (age): off by 0.41 on average, against 0.2 for" in said
    level = told_of(record, "fidelity", estimate=0.2, lower=0.1, upper=0.3)
    assert "They tell least" not in level


def test_the_table_of_groups_has_what_is_said(record):
    rows = {row[0].text: row for row in captioned(record, "How well the attributions tell").rows}
    assert rows["61 and over (age)"][2].text == "0.4100"
    assert rows["61 and over (age)"][3].text == "0.3600 to 0.4600"
    few = "fewer than 10 rows are explained"
    unsaid = {"estimate": None, "lower": None, "upper": None, "note": few}
    rows = tuple(
        replace(q, **unsaid) if q.group == ">=61" else q for q in record.explanation_quality
    )
    other = captioned(replace(record, explanation_quality=rows), "How well the attributions tell")
    (row,) = [row for row in other.rows if row[0].detail]
    assert (row[0].text, row[0].detail) == ("61 and over (age)", few)
    assert row[2].text == row[3].text == row[4].text == words.DASH


def test_what_cannot_be_told_says_why(record):
    why = {"estimate": None, "note": "the method has neither a background nor a seed"}
    said = told_of(record, "stability", status=Status.NOT_APPLICABLE, **why)
    assert "Other backgrounds and seeds: the method has neither" in said
    why["note"] = "the model fails when an input is shuffled"
    said = told_of(record, "agreement", status=Status.UNDEFINED, **why)
    assert "cannot be told: the model fails when an input is shuffled" in said
    cells = captioned(
        replace(
            record,
            explanation_quality=tuple(
                replace(q, status=Status.UNDEFINED, **why) if q.measure == "permutation" else q
                for q in record.explanation_quality
            ),
        ),
        "Size of each input",
    )
    assert {row[-1].text for row in cells.rows} == {words.DASH}
    assert {row[-1].detail for row in cells.rows} == {why["note"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"limited_by": "all"}, "Every row is explained"),
        ({"limited_by": "precision"}, "0.011: it is met."),
        ({"limited_by": "cap"}, "the plan's cap on explained rows (rows, under [explain])"),
        ({"limited_by": "work"}, "beyond the work that this method is allowed"),
    ],
)
def test_what_ended_the_explaining_is_told(record, changes, said):
    text = told.enough(replace(record.explanation, **changes))
    assert said in text
    assert ("About 6,800 rows would be needed" in text) == (changes["limited_by"] in told.ENDED)
    if changes["limited_by"] != "all":
        assert "by up to 0.06 (95 %; the furthest for 61 and over (age))" in text


def test_without_explanation_there_is_nothing(unlabelled):
    assert told.order(unlabelled) == told.relied(unlabelled) == ()
    assert told.enough(unlabelled.explanation) == ""


def response(feature, **ways):
    numbers = {"rises": 0, "falls": 0, "both": 0, "steady": 0, **ways}
    return Response(
        feature=feature, attribute=ALL, group=ALL, points=9, n=200, **numbers, loses=0,
        loses_lower=None, loses_upper=None, unanswered=0, failed=0, near=None,
        before=None, after=None, step=None, step_lower=None, step_upper=None,
        unit="log-odds", status=Status.OK,
    )  # fmt: skip


def test_directions_are_said_of_the_first_inputs_that_are_numbers(record):
    asked = (
        response("household_size", rises=198, both=2),
        response("income_estimate", falls=150, steady=50),
        response("distance_to_market_km", rises=100, falls=100),
    )
    text = bullets(replace(record, responses=asked))
    assert "more household_size raises it; more income_estimate lowers it" in text
    assert "more distance_to_market_km does either, from row to row" in text
    assert "Of the numbers among them" not in bullets(replace(record, responses=()))


def test_inputs_that_move_nothing_are_named(record):
    idle = tuple(
        replace(a, mean_abs=1e-17) if a.feature == "household_size" else a
        for a in record.attributions
    )
    text = bullets(replace(record, attributions=idle))
    assert "Inputs that nothing is attributed to, on any explained row: household_size." in text
    assert "nothing is attributed to" not in bullets(record)


def test_gaps_are_said_in_words_where_they_are_sure(record):
    def of(feature, contribution, lower, upper):
        return DisparityAttribution(
            "age", ">=61", "rest", feature, contribution, lower, upper, "log-odds"
        )

    rows = (of("assets", -0.5, -0.6, -0.4), of("food", -0.25, -0.3, -0.2), of("water", 0.1, -1, 1),
            of("(sampling)", 0.05, -0.1, 0.1))  # fmt: skip
    text = bullets(replace(record, disparity_attributions=rows))
    assert (
        "61 and over (age): mean output lies −0.6 from everyone else's, −0.5 through assets and "
        "−0.25 through food."
    ) in text
    unsure = (of("assets", -0.5, -0.6, 0.4), of("(sampling)", None, None, None))
    assert "No input is shown to carry a gap" in bullets(
        replace(record, disparity_attributions=unsure)
    )
