"""Several classes and one's own metrics, as they are told."""

import re

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.report import html, story
from auditkit.report.story.parts import Bullets, Paragraph, Table
from tests.report.test_story import section, texts
from tests.report.test_wording import BANNED

CLASSES = ["no_action", "refer", "wait"]


def rows(n=3000, groups=("old", "young")):
    """Planted: of old people recorded as wait, 45 % are decided otherwise; of all others 15 %."""
    rng = np.random.default_rng(2)
    need = rng.choice(CLASSES, n)
    age = rng.choice(list(groups), n)
    missed = np.where((age == "old") & (need == "wait"), 0.45, 0.15)
    other = np.where(need == "no_action", "refer", "no_action")
    decided = np.where(rng.random(n) < missed, other, need)
    return pd.DataFrame({"age": age, "need": need, "decided": decided})


def audit(frame, **changes):
    asked = {
        "label": "need", "positive": "refer", "decision": "decided", "outcome": "benefit",
        "attributes": ["age"], "task": "multiclass", "policy": "minimal", **changes,
    }  # fmt: skip
    return auditkit.audit(None, frame, **{k: v for k, v in asked.items() if v is not None})


def recall(y_true, y_pred, sample_weight=None):
    from sklearn.metrics import recall_score

    return recall_score(y_true, y_pred, average="macro", sample_weight=sample_weight)


@pytest.fixture(scope="module")
def made():
    return audit(rows(), metrics={"macro_recall": recall})


def tables(record, name):
    return [b for b in section(record, name).blocks if isinstance(b, Table)]


def test_there_is_no_section_without_classes(record):
    assert not {"classes", "own"} & {s.id for s in story.sections(record)}


def test_the_verdict_reads_one_question_and_that_is_said(made):
    first = section(made.record, "classes").blocks[0]
    assert isinstance(first, Paragraph)
    assert "3 classes: no_action; refer; wait" in first.text
    assert "recorded as need = refer, and who is selected (decided = refer)" in first.text
    assert "nothing in this section changes the verdict" in first.text


def test_the_planted_gap_is_named_first_with_what_was_decided_instead(made):
    bullets = next(b for b in section(made.record, "classes").blocks if isinstance(b, Bullets))
    (gap,) = (
        d for d in made.record.class_disparities
        if (d.class_, d.metric, d.group) == ("wait", "true_positive_rate", "old")
    )  # fmt: skip
    assert bullets.items[0].startswith("Old (age): of ")
    assert "recorded as wait" in bullets.items[0]
    assert f"{abs(gap.difference) * 100:.1f} points" in bullets.items[0]
    assert "most often decided as no_action" in bullets.items[0]


def test_without_a_clear_gap_that_is_said():
    same = rows(n=600, groups=("left",))
    none = audit(pd.concat([same, same.assign(age="right")]))
    told = "\n".join(texts(section(none.record, "classes")))
    assert "no group is clearly decided as recorded less often" in told


def test_classes_are_rows_groups_are_columns_and_the_mean_is_last(made):
    (by_age,) = (t for t in tables(made.record, "classes") if "by age" in t.caption)
    assert [c.name for c in by_age.columns] == ["Class", "old", "young"]
    assert [r[0].text for r in by_age.rows] == [*CLASSES, "mean over the classes"]
    for row in by_age.rows:
        for cell in row[1:]:
            assert re.fullmatch(r"\d+\.\d\s%", cell.text)
            assert "n = " in cell.detail
            assert " to " in cell.detail


def test_a_row_of_the_confusion_adds_up(made):
    (confusion,) = (t for t in tables(made.record, "classes") if "each class" in t.caption)
    for row in confusion.rows:
        shares = [float(cell.text.split("\u202f")[0]) for cell in row[1:]]
        assert sum(shares) == pytest.approx(100, abs=0.15)


def test_many_groups_are_told_in_tables_of_one_width():
    record = audit(rows(groups=tuple("abcdefg"))).record
    told = [t for t in tables(record, "classes") if "by age" in t.caption]
    assert [len(t.columns) - 1 for t in told] == [4, 3]
    assert "(1 of 2)" in told[0].caption


def test_few_people_and_nobody_are_marked():
    frame = rows()
    frame = frame[(frame.age != "old") | (frame.need != "wait") | (frame.index < 100)]
    frame = frame[(frame.age != "old") | (frame.need != "refer")]
    told = "\n".join(texts(section(audit(frame).record, "classes")))
    assert "few: at least 30 wanted" in told
    assert "nobody to count" in told


def test_without_a_label_only_decisions_are_told():
    record = audit(rows(), label=None, positive=None, selected="refer").record
    told = "\n".join(texts(section(record, "classes")))
    assert "out of them: who is selected (decided = refer)" in told
    assert not [t for t in tables(record, "classes") if "by age" in t.caption]


def test_names_of_strangers_are_harmless():
    frame = rows().replace({"wait": "a|b<script>"})
    page = html.page(audit(frame).record)
    assert "<script>" not in page.split("</style>")[1]
    assert "a¦b" in page


def test_own_metrics_are_told_and_their_reasons(made):
    (by_age,) = tables(made.record, "own")
    assert by_age.caption == "Macro recall, by age"
    assert [r[0].text for r in by_age.rows] == ["old", "young"]
    told = "\n".join(texts(section(made.record, "own")))
    assert "nothing in this section changes the verdict" in told

    def fails(y_true, y_pred, sample_weight=None):
        raise RuntimeError("Amal")

    failed = audit(rows(), metrics={"mine": fails}).record
    told = "\n".join(texts(section(failed, "own")))
    assert "the function raises RuntimeError" in told
    assert "Amal" not in told


@pytest.mark.parametrize("banned", BANNED)
def test_no_word_that_promises_too_much(made, banned):
    told = "\n".join(t for name in ("classes", "own") for t in texts(section(made.record, name)))
    assert not re.search(banned, told, re.IGNORECASE)
