"""Need is what the plan declares it to be: without that, nothing is called missed need."""

import pandas as pd
import pytest

import auditkit
from auditkit.errors import PlanError
from auditkit.report.story import unjudged, worst_off_words


@pytest.fixture
def people():
    """60 people in need of each group, of whom 30 and 15 were missed, and 40 who are not."""
    rows = []
    for group, missed in (("a", 30), ("b", 15)):
        rows += [(group, "yes", "no")] * missed + [(group, "yes", "yes")] * (60 - missed)
        rows += [(group, "no", "no")] * 40
    return pd.DataFrame(rows, columns=["g", "in_need", "got"])


def audited(people, **more):
    asked = {"label": "in_need", "positive": "yes", "decision": "got", "outcome": "benefit"}
    return auditkit.audit(None, people, attributes=["g"], policy="icrc", **asked | more)


def test_a_label_that_is_need_is_called_need(people, tmp_path):
    made = audited(people, need="in_need")
    made.report(tmp_path / "made")
    page = (tmp_path / "made" / "report.html").read_text()
    assert "missed need (in_need = yes)" in page
    assert "missed recorded outcome" not in page
    assert "not measured" not in " ".join(item.text for item in unjudged(made.record))


def test_without_it_impartiality_is_not_measured_and_page_one_says_so(people):
    made = audited(people)
    assert unjudged(made.record)[0].text == (
        "impartiality by need: not measured: the recorded outcome is not declared to be need "
        "(data.need)"
    )
    unlabelled = audited(people, label=None, positive=None, selected="yes")
    assert "not measured: no need was recorded" in unjudged(unlabelled.record)[0].text


def test_of_a_burden_nobody_asks_for_need(people):
    found = unjudged(audited(people, outcome="burden").record)
    assert "need" not in {item.kind for item in found}
    with pytest.raises(PlanError, match=r"data\.need says who needs a benefit"):
        audited(people, outcome="burden", need="in_need")


def test_need_changes_words_and_no_number(people):
    one, other = audited(people), audited(people, need="in_need")
    for name in ("measurements", "disparities", "checks", "self_test"):
        assert getattr(one.record, name) == getattr(other.record, name)


@pytest.mark.parametrize("need", ["got", "depth"])
def test_another_column_is_refused_with_what_to_do(people, need):
    with pytest.raises(PlanError, match=f"data.need names '{need}', which is not the label"):
        audited(people, need=need)


def test_the_gap_is_told_in_people(people):
    told = " ".join(worst_off_words(audited(people, need="in_need").record))
    # 50 % against 25 %: 25 points, which are 2,500 of 10,000; Newcombe's interval by hand
    # (Wilson 37.7 to 62.3 and 15.8 to 37.2): 25 -+ sqrt(12.3^2 + 12.2^2), sqrt(12.3^2 + 9.2^2)
    low, high = (round(10_000 * bound) for bound in newcombe(30, 60, 15, 60))
    assert f"about 2,500 more of every 10,000 (95\u202f% interval {low:,} to {high:,})" in told


def newcombe(x1, n1, x2, n2, z=1.959963984540054):
    """Score interval of a difference, written out (Newcombe, 1998, method 10)."""

    def wilson(x, n):
        p, a = x / n, z * z / n
        half = z * (p * (1 - p) / n + a / (4 * n)) ** 0.5
        return (p + a / 2 - half) / (1 + a), (p + a / 2 + half) / (1 + a)

    (l1, u1), (l2, u2), d = wilson(x1, n1), wilson(x2, n2), x1 / n1 - x2 / n2
    return (
        d - ((x1 / n1 - l1) ** 2 + (u2 - x2 / n2) ** 2) ** 0.5,
        d + ((u1 - x1 / n1) ** 2 + (x2 / n2 - l2) ** 2) ** 0.5,
    )
