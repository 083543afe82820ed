"""A few hundred changed inputs; ``make fuzz`` gives ten thousand."""

import pytest

from tests.fuzz.fuzzer import CORPUS, KINDS, changed, fuzz, random, unchanged

QUICK = {"plan": 100, "policy": 80, "audit.json": 40}


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_input_is_an_answer_or_an_error(kind):
    for number in range(QUICK.get(kind, 5)):
        assert fuzz(kind, number) in (0, 1, 2, 3)  # which raises what else was promised


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_is_changed_and_the_same_number_is_the_same_input(kind):
    name = KINDS[kind].changed
    first, again = (
        [changed(name, random.Random(f"{kind} {i}")) for i in range(20)] for _ in range(2)
    )
    assert first == again
    assert len({*first, (CORPUS / name).read_bytes()}) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_itself_is_in_order(kind, tmp_path):
    code, told = unchanged(kind, tmp_path)
    if kind in ("plan", "policy"):  # nothing is wrong with them but that there are no rows
        assert "'rows.csv' does not exist" in told
    else:
        assert code in (0, 3), f"{told}\nmake schema writes the record of the corpus anew"


def test_the_shares_are_of_a_hundred():
    assert sum(kind.share for kind in KINDS.values()) == 100
