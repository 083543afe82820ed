"""Policies are data: strict to read, and settled for a risk level before a number is seen."""

import tomllib

import pytest

from auditkit import PolicyError
from auditkit.judge.family import check_metrics
from auditkit.plan import make_plan
from auditkit.policy.schema import read_policy, shipped
from auditkit.results import Effect

HARMLESS = {
    "severity": "none",
    "likelihood": "rare",
    "autonomy": "inform",
    "affects_people": "no",
    "vulnerable": "no",
    "data_class": "none",
    "place": "stable",
    "recourse": "easy",
    "org_legal_reputational": "low",
}


def plan(use="icrc", outcome="benefit", folder=None, **answers):
    return make_plan(
        {
            "data": {"label": "y", "positive": 1, "decision": "d", "outcome": outcome},
            "attributes": {"g": {}},
            "policy": {"use": use, "answers": answers},
        },
        folder=folder,
    )


@pytest.mark.parametrize("name", ["icrc", "minimal"])
@pytest.mark.parametrize("outcome", ["benefit", "burden"])
def test_shipped_policies_are_whole_and_their_metrics_exist(name, outcome):
    policy = read_policy(plan(name, outcome))
    check_metrics(policy)
    assert any(check.effect.blocks for check in policy.checks)


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({}, "high"),
        (HARMLESS, "low"),
        ({**HARMLESS, "severity": "grave"}, "high"),
        ({**HARMLESS, "severity": "serious"}, "low"),
        ({**HARMLESS, "severity": "serious", "recourse": "hard"}, "high"),
        ({**HARMLESS, "severity": "minor", "affects_people": "yes"}, "medium"),
        ({**HARMLESS, "autonomy": "decide", "affects_people": "yes"}, "high"),
        ({**HARMLESS, "autonomy": "rank", "affects_people": "yes"}, "medium"),
        ({**HARMLESS, "data_class": "personal"}, "medium"),
        ({**HARMLESS, "org_legal_reputational": "high"}, "high"),
        ({k: v for k, v in HARMLESS.items() if k != "severity"}, "high"),
    ],
)
def test_risk_level_is_the_worst_case_and_silence_is_the_worst_answer(answers, level):
    assert read_policy(plan(**answers)).level == level


def test_the_level_says_why():
    reason = read_policy(plan(**{**HARMLESS, "severity": "grave"})).level_reason
    assert reason == "High because severity is grave."
    assert "Not answered, so taken as the worst" in read_policy(plan()).level_reason


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"severty": "none"}, "Did you mean 'severity'?"),
        ({"severity": "mild"}, "'mild' is not an answer. Choose one of 'none', 'minor'"),
    ],
)
def test_unknown_answers_are_refused(answers, words):
    with pytest.raises(PolicyError) as error:
        read_policy(plan(**answers))
    assert words in str(error.value)


def test_a_policy_without_levels_asks_nothing():
    with pytest.raises(PolicyError, match="has no risk levels"):
        read_policy(plan("minimal", severity="none"))


@pytest.mark.parametrize(
    ("level_answers", "effect", "limit"),
    [
        ({}, Effect.BLOCK_UNLESS_WITHIN, 0.05),
        ({**HARMLESS, "data_class": "personal"}, Effect.BLOCK_ON_BREACH, 0.10),
        (HARMLESS, Effect.WARN, 0.10),
    ],
)
def test_icrc_settles_missed_need_by_level(level_answers, effect, limit):
    checks = {c.name: c for c in read_policy(plan(**level_answers)).checks}
    assert checks["missed_need_gap"].effect is effect
    assert checks["missed_need_gap"].limit == limit
    assert checks["false_selection_gap"].effect is Effect.EXPLAIN


def test_the_harm_turns_with_the_outcome():
    blocking = {
        outcome: {c.metric for c in read_policy(plan(outcome=outcome)).checks if c.effect.blocks}
        for outcome in ("benefit", "burden")
    }
    assert blocking == {"benefit": {"false_negative_rate"}, "burden": {"false_positive_rate"}}


def broken(tmp_path, old, new):
    text = shipped()["minimal"].read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return plan("mine.toml", folder=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("limit = 0.10", "limt = 0.10", "'checks.selection_gap.limt' is not a key of the policy"),
        ("limit = 0.10", "limit = 1.5", "below 1"),
        ("limit = 0.10", "limit = nan", "finite number"),
        ("limit = 0.10", "limit = -0.1", "greater than 0"),
        ('"selection_gap", "false', '"selction_gap", "false', "Did you mean 'selection_gap'?"),
        ('checks = ["selection_gap", ', "checks = [", "no requirement uses"),
        ('statistic = "difference"', 'statistic = "ratio"', "the limit of a ratio is above 1"),
        ("block_unless_within", "ignore", "effect"),
        ("[inference]", "[inference", "cannot be read as TOML"),
    ],
)
def test_a_bad_policy_is_one_clear_error(tmp_path, old, new, words):
    with pytest.raises(PolicyError) as error:
        read_policy(broken(tmp_path, old, new))
    assert words in str(error.value)


def test_an_unknown_rate_is_refused_before_any_row_is_read(tmp_path):
    policy = read_policy(broken(tmp_path, '"selection_rate"', '"selection_rat"'))
    with pytest.raises(PolicyError, match="Did you mean 'selection_rate'"):
        check_metrics(policy)


def test_an_unknown_policy_names_the_nearest():
    with pytest.raises(PolicyError, match="Did you mean 'icrc'"):
        read_policy(plan("irc"))


@pytest.mark.parametrize("name", ["icrc", "minimal"])
def test_shipped_numbers_say_that_they_are_proposals(name):
    text = shipped()[name].read_text(encoding="utf-8")
    assert "proposal" in text
    assert all("proposal" in r["status"] for r in tomllib.loads(text)["requirements"])
