"""The story says what the record holds: every number, every group, and what nobody could tell."""

import re
from dataclasses import fields, is_dataclass, replace

import pytest

from auditkit.report import story
from auditkit.report.story import gaps, masthead, measures, verdict, words
from auditkit.results import NOT_RECORDED, REST, Disposition, Effect, Outcome, Status

RECORDS = ["record", "explored", "unlabelled", "burdened"]


def texts(part):
    """Every word of a part of the story."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from texts(item)
    elif is_dataclass(part):
        for field in fields(part):
            yield from texts(getattr(part, field.name))


def told(record):
    return "\n".join(texts((story.cover(record), story.sections(record))))


def section(record, name):
    return next(s for s in story.sections(record) if s.id == name)


@pytest.fixture(params=RECORDS)
def any_record(request):
    return request.getfixturevalue(request.param)


# ----------------------------------------------------------------------------------- disposition


@pytest.mark.parametrize("disposition", list(Disposition))
def test_every_disposition_has_words_outside_explore(record, disposition):
    said = story.disposition_words(replace(record, disposition=disposition))
    assert said == verdict.DISPOSITIONS[disposition][2]
    assert "raft" not in said


def test_explore_is_a_draft_whatever_the_disposition(explored):
    forged = replace(explored, disposition=Disposition.READY_FOR_DECISION)
    assert story.disposition_words(forged) == "Draft: no disposition in explore"
    assert story.cover(forged).draft == masthead.DRAFT
    banner = section(forged, "decision").blocks[0]
    assert banner.title == "Draft: no disposition in explore"
    assert banner.tone == "none"


def test_headline_counts_required_checks_as_the_record_does(record):
    required = [c for c in record.checks if c.effect.blocks]
    beyond = sum(c.outcome is Outcome.BREACH for c in required)
    within = sum(c.outcome is Outcome.WITHIN for c in required)
    assert min(beyond, within) > 0
    left = len(required) - beyond - within
    text = story.headline(record)
    assert f"{beyond + within} of {len(required)} required checks could be answered" in text
    assert f"{beyond} beyond the limit, {within} within" in text
    assert f"{left} could not" in text


def test_what_does_not_apply_is_not_a_required_check(record):
    c = record.checks[0]
    gone = replace(record, checks=(replace(c, outcome=Outcome.NOT_APPLICABLE), *record.checks[1:]))
    assert verdict.tally(gone).required == verdict.tally(record).required - 1


def test_a_check_of_two_requirements_counts_once(record):
    again = tuple(replace(c, requirement="I9") for c in record.checks)
    twice = replace(record, checks=(*record.checks, *again))
    assert verdict.tally(twice) == verdict.tally(record)


# ------------------------------------------------------------------------------------- worst off


def test_worst_off_is_the_largest_blocking_breach(record):
    beyond = [
        c
        for c in record.checks
        if c.outcome is Outcome.BREACH and c.effect.blocks and c.statistic == "difference"
    ]
    worst = max(beyond, key=lambda c: abs(c.estimate))
    lead, hundred, whole = story.worst_off_words(record)
    assert words.subject(worst.attribute, worst.group) in lead
    n = next(
        m
        for m in record.measurements
        if (m.metric, m.attribute, m.group) == (worst.metric, worst.attribute, worst.group)
    )
    assert f"about {100 * n.numerator / n.denominator:.0f} were not selected" in hundred
    assert f"+{100 * worst.estimate:.1f} points" in whole


def test_a_small_group_is_never_named_worst_off(record):
    small = {(c.attribute, c.group) for c in record.checks if 0 < c.n < record.policy.floor}
    assert small
    row = verdict.worst_off(record)
    assert (row.check.attribute, row.check.group) not in small


def test_not_even_the_largest_gap_of_a_small_group_is(record):
    def changed(c):
        small = 0 < c.n < record.policy.floor
        calm = Outcome.INDETERMINATE if c.outcome is Outcome.BREACH else c.outcome
        return replace(
            c, outcome=calm, **({"estimate": 0.9, "worse_off": c.group} if small else {})
        )

    row = verdict.worst_off(replace(record, checks=tuple(map(changed, record.checks))))
    assert row.check.n >= record.policy.floor


def test_what_is_shown_comes_before_what_cannot_be_told(record):
    def changed(c):
        if c.check == "selection_ratio" and c.group == "female":
            return replace(c, outcome=Outcome.BREACH, estimate=0.7, worse_off="female")
        calm = Outcome.INDETERMINATE if c.outcome is Outcome.BREACH else c.outcome
        return replace(c, outcome=calm)

    row = verdict.worst_off(replace(record, checks=tuple(map(changed, record.checks))))
    assert (row.check.check, row.check.group) == ("selection_ratio", "female")


def test_where_the_rest_is_worse_off_it_is_said(record):
    rows = [
        r
        for r in verdict.all_rows(record)
        if r.check.worse_off == REST and r.check.group != NOT_RECORDED and r.judged
    ]
    assert {r.worse_off for r in rows} == {"everyone else"}
    favoured = replace(
        record,
        checks=tuple(
            replace(c, outcome=Outcome.BREACH) for c in (r.check for r in rows) if c.effect.blocks
        ),
    )
    assert "everyone else, against" in story.worst_off_words(favoured)[0]


def test_nobody_is_worst_off_where_nobody_could_be_judged(record):
    blind = tuple(
        replace(c, outcome=Outcome.UNDEFINED, estimate=None, lower=None, upper=None)
        for c in record.checks
    )
    assert "No group could be judged" in story.worst_off_words(replace(record, checks=blind))[0]


# ------------------------------------------------------------------------------ verdict sentences


def test_every_verdict_sentence_is_whole(record):
    judged = [r for r in verdict.all_rows(record) if r.judged]
    assert len(judged) > 50
    for row in judged:
        text = gaps.sentence(row, record)
        check = row.check
        assert words.group(check.group) in text
        assert words.attribute(check.attribute) in text
        assert measures.words(check.metric, record.system).name in text
        assert row.gap in text
        assert f"interval {row.interval}" in text
        assert " to " in row.interval
        assert f"limit {row.limit}" in text
        assert f"n {check.n:,}" in text
        assert row.look.phrase in text


def test_verdict_lines_hold_the_same_pieces(record):
    lines = story.verdict_lines(record, most=1000)
    beyond = [line for line in lines if line.tone == "breach"]
    unsure = [line for line in lines if line.tone == "unsure"]
    assert beyond
    assert unsure
    for line in (*beyond, *unsure):
        assert line.what
        assert line.whom
        assert re.search(r"\(.* to .*\)", line.gap)
        assert line.limit.startswith("limit ")
        assert re.fullmatch(r"n [\d,]+", line.n)
    assert [line.symbol for line in lines] == sorted(
        (line.symbol for line in lines), key="▲◆○●".index
    )
    assert lines[-1].whom.endswith("required checks")


def test_a_long_verdict_counts_what_it_leaves_out(record):
    whole = [x for x in story.verdict_lines(record, most=1000) if x.tone == "unsure"]
    cut = [x for x in story.verdict_lines(record, most=3) if x.tone == "unsure"]
    assert cut[:3] == whole[:3]
    assert cut[3].whom.startswith(f"and {len(whole) - 3} more")


def test_every_blocking_breach_is_on_page_1(record):
    page = "\n".join(texts(story.first_page(record)))
    for c in record.checks:
        if c.outcome is Outcome.BREACH and c.effect.blocks:
            assert words.subject(c.attribute, c.group) in page


# --------------------------------------------------------------------------- who was not judged


def test_every_group_without_an_answer_is_on_page_1(record):
    page = "\n".join(texts(section(record, "unknown")))
    lost = [
        c
        for c in record.checks
        if c.effect.blocks
        and (
            c.outcome is Outcome.UNDEFINED
            or (c.outcome is Outcome.INDETERMINATE and c.n < record.policy.floor)
        )
    ]
    assert any(c.n == 0 for c in lost)
    assert any(0 < c.n < record.policy.floor for c in lost)
    for c in lost:
        assert words.group(c.group) in page
        assert words.attribute(c.attribute) in page


def test_a_small_group_is_told_with_k_of_n_and_n_wanted(record):
    c = next(c for c in record.checks if c.group == "<18" and c.check == "missed_need_gap")
    m = next(
        m for m in record.measurements if (m.metric, m.group) == ("false_negative_rate", "<18")
    )
    item = next(i for i in story.unjudged(record) if i.subject == "under 18 (age)")
    assert item.reason.startswith(f"{m.numerator} of {c.n} people recorded as in_need = yes")
    assert f"at least {record.policy.floor}" in item.reason


def test_attributes_without_data_are_named_with_their_reason(record):
    items = {i.subject: i.reason for i in story.unjudged(record) if i.kind == "attribute"}
    assert "not collected" in items["disability"]
    assert "unsafe to collect" in items["ethnicity"]


def test_exclusions_are_counted_once_and_not_recorded_people_named(record):
    page = "\n".join(texts(section(record, "unknown")))
    undecided = record.rows.read - record.rows.used
    assert f"{undecided} people" in page
    assert f"{record.rows.used - record.rows.labelled} people" in page
    unknown = next(g for g in record.groups if g.group == NOT_RECORDED)
    share = f"{100 * unknown.rows / record.rows.read:.1f}"
    assert f"{unknown.rows} people ({share}" in page


def test_missing_evidence_is_told_by_what_is_asked(unlabelled):
    page = "\n".join(texts(section(unlabelled, "unknown")))
    assert "everyone, for the rate missed recorded outcome" in page
    assert "no label column" in page
    assert verdict.tally(unlabelled).answered == 0


# ------------------------------------------------------------------------------------ required text


@pytest.mark.parametrize(
    "needed",
    [
        "Scope: ",
        "relative to recorded labels",
        "What this audit cannot tell you",
        "Smallest detectable gap",
        "This audit does not show that the system treats all groups alike",
        "A person decides",
        "Clopper-Pearson",
        "Wilson",
        "Newcombe",
        "Inference is about the process that decides",
        "numbers that the policy file proposes",
        "another recorded value of",
        "It is not a legal assessment",
        "impartiality by need is not measured",
    ],
)
def test_the_report_says(record, needed):
    assert needed in told(record)


def test_the_number_of_comparisons_and_their_level_are_told(record):
    m = record.policy.hypotheses
    text = told(record)
    assert f"makes {m} comparisons" in text
    assert words.confidence(1 - 0.05 / m) in text


def test_attributions_open_with_what_they_are_not(any_record):
    first = section(any_record, "relies").blocks[0]
    assert first.kind == "caution"
    for phrase in ("not the world", "not causal", "No outcome in this report rests on them"):
        assert phrase in first.text


def test_not_an_input_is_not_no_influence(record):
    text = "\n".join(texts(section(record, "relies")))
    assert "Gender is not an input of the model. That is not the same as no influence" in text
    assert "Age is an input of the model." in text
    assert "Disability: no data" in text


def test_sections_come_in_the_order_of_reading(any_record):
    assert [s.id for s in story.sections(any_record)] == [
        "decision", "unknown", "performance", "disparities", "hidden", "relies", "limits", "method",
        "proof", "tables",
    ]  # fmt: skip


def test_the_tables_state_rates_and_gaps_to_the_rest(record):
    tables = {b.caption: b for b in section(record, "tables").blocks if hasattr(b, "caption")}
    rows = tables["Missed recorded outcome (in_need = yes), by age"].rows
    told_rows = {row[0].text: [cell.text for cell in row] for row in rows}
    for d in record.disparities:
        key = (d.metric, d.attribute, d.against, d.statistic)
        if key == ("false_negative_rate", "age", REST, "difference"):
            row = told_rows.pop(words.group(d.group))
            assert row[1] == f"{d.n:,}"
            assert row[5] == words.Scale("points").value(d.estimate)
            assert row[6] == words.Scale("points").span(d.lower, d.upper)
    assert told_rows == {}


def test_provenance_is_whole(record):
    text = "\n".join(texts(section(record, "proof")))
    digests = record.provenance.digests
    of_one = (getattr(digests, f.name) for f in fields(digests) if f.name != "seeds")
    for said in (*of_one, *digests.seeds, record.date, "Seed"):
        assert said in text
    for version in record.provenance.versions:
        assert version.version in text


# ------------------------------------------------------------------------------------------ words


def test_what_does_not_exist_is_never_a_number(any_record):
    assert not re.search(r"\b(None|nan|NaN|inf)\b", told(any_record))


def test_nothing_is_called_missed_need_without_a_need_column(record):
    titles = {c for c in told(record).splitlines() if "missed need" in c.lower()}
    assert titles <= {"missed need gap, missed need ratio"}  # the policy's own names of its checks


def test_burden_and_benefit_are_worded_apart(record, burdened):
    benefit = measures.words("false_positive_rate", record.system)
    burden = measures.words("false_positive_rate", burdened.system)
    assert "burden" in burden.name
    assert "burden" not in benefit.name
    assert measures.primary(record) == "false_negative_rate"
    assert measures.primary(burdened) == "false_positive_rate"
    assert "Being selected is a burden" in told(burdened)


def test_an_unknown_metric_is_spelled(record):
    said = measures.words("mean_waiting_days", record.system)
    assert said.name == "mean waiting days"
    assert said.sentence == "Mean waiting days."
    other = replace(record.measurements[1], metric="mean_waiting_days", numerator=None)
    more = replace(record, measurements=(*record.measurements, other))
    assert "mean waiting days" in told(more).lower()


def test_every_registered_metric_has_a_sentence(record):
    from auditkit.metrics.registry import metrics

    for metric in metrics():
        assert len(measures.words(metric, record.system).sentence.split()) > 4


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (0.131, 0.05, "+13.1 points"),
        (0.0502, 0.05, "+5.02 points"),
        (-0.04999, 0.05, "−4.999 points"),
        (0.05, 0.05, "+5.0 points"),
        (0.0, 0.05, "0.0 points"),
        (-0.0001, 0.05, "0.0 points"),
        (None, 0.05, "–"),
    ],
)
def test_rounding_never_hides_the_side_of_the_limit(value, limit, text):
    assert words.Scale("points").value(value, limit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.42, "1.42 times"), (1.2502, "1.2502 times"), (0.7999, "0.7999 times"), (None, "–")],
)
def test_ratios_are_told_as_times(value, text):
    assert words.Scale("times").value(value, 1.25) == text


def test_an_interval_without_an_end_says_so():
    assert words.Scale("times").span(1.1, None) == "1.10 to no upper bound"
    assert words.Scale("times").span(None, None) == "–"


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100.0 %"), (0.9999, "over 99.9 %"), (0.0, "0.0 %"), (1e-5, "under 0.1 %")],
)
def test_a_share_that_is_not_whole_is_not_rounded_to_whole(share, text):
    assert words.percent(share).replace(words.THIN, " ") == text


def test_hidden_characters_are_shown_and_other_directions_isolated():
    assert words.name("a\u202eb\x00") == "a\ufffdb\ufffd"
    assert words.name("عائد") == "\u2068عائد\u2069"
    assert words.name("plain") == "plain"


def test_crossed_and_binned_groups_are_read_out():
    assert words.group("female*>=61") == "female × 61 and over"
    assert words.subject("gender*age", "female*<18") == "female × under 18 (gender × age)"
    assert words.group("[0.5,1.5)") == "0.5 to under 1.5"
    assert words.group("[draft]") == "[draft]"


def test_checks_that_only_explain_do_not_hold_back(record):
    explain = tuple(
        replace(c, effect=Effect.EXPLAIN, outcome=Outcome.BREACH) for c in record.checks
    )
    said = story.headline(replace(record, checks=explain))
    assert "No check of this policy can hold the system back" in said


def test_withheld_attributions_say_why(record):
    withheld = replace(
        record,
        explanation=replace(
            record.explanation, status=Status.UNDEFINED, note="off by 0.2 on a row"
        ),
        attributions=(),
        disparity_attributions=(),
    )
    text = "\n".join(texts(section(withheld, "relies")))
    assert "Attributions are withheld: off by 0.2 on a row." in text
