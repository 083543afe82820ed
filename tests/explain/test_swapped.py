"""What goes of a gap where some inputs are alike for everybody."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import ModelError
from auditkit.evidence.sample import Contrast, Sample
from auditkit.explain import swapped


def sampled(rows, mine):
    """Make a sample in which every row stands for itself."""
    mine = np.asarray(mine)
    contrasts = tuple(
        Contrast("ethnicity", group, np.array([group == "a", group == "b"]),
                 np.array([group != "a", group != "b"]))
        for group in "ab"
    )  # fmt: skip
    counts = np.array([(~mine).sum(), mine.sum()])
    return Sample(rows, mine.astype(np.int64), counts, np.zeros(2), contrasts)


def asked(function):
    return SimpleNamespace(output=function, unit="margin")


def test_by_hand():
    """Of a model x z, with x of the others drawn: what is left is their mean x times z."""
    rows = pd.DataFrame({"x": [1.0, 1.0] * 10 + [3.0, 5.0] * 10, "z": [2.0] * 20 + [4.0] * 20})
    seen = []

    def product(frame):
        seen.append(frame)
        return (frame["x"] * frame["z"]).to_numpy()

    found = swapped.gone(asked(product), sampled(rows, [False] * 20 + [True] * 20), ["x"], 1)
    others = seen[0]["x"].iloc[40:]
    assert len(others) == swapped.OTHERS
    # mean output is 2 in a and 16 in b
    gap, left = 16 - 2, others.mean() * (4 - 2)
    assert found["ethnicity", "b"].estimate == pytest.approx(gap - left)
    assert found["ethnicity", "a"].estimate == pytest.approx(left - gap)
    # of b the outputs less what is left vary by x alone, 3 z and 5 z: sd 4; of a not at all
    people = 1.959964 * np.sqrt(4**2 / 19)
    draw = 2.093024 * (4 - 2) * others.std(ddof=1) / np.sqrt(swapped.OTHERS)
    b = found["ethnicity", "b"]
    assert b.upper - b.estimate == pytest.approx(np.hypot(people, draw), rel=1e-6)


def test_of_inputs_that_add_up_it_does_not_matter_who_the_others_are():
    rng = np.random.default_rng(2)
    mine = rng.random(300) < 0.4
    rows = pd.DataFrame({"x": rng.normal(size=300) + mine, "z": rng.normal(size=300)})
    told = [
        swapped.gone(
            asked(lambda f: (2 * f["x"] - f["z"]).to_numpy()), sampled(rows, mine), ["x"], s
        )
        for s in (1, 2)
    ]
    known = 2 * (rows["x"][mine].mean() - rows["x"][~mine].mean())
    one, two = (of["ethnicity", "b"] for of in told)
    assert one.estimate == pytest.approx(known)
    assert (one.lower, one.upper) == pytest.approx((two.lower, two.upper))


def test_intervals_hold_the_truth_where_inputs_go_together():
    """A model x z + x + z / 2 whose inputs go with the group, in at least 138 of 150 intervals.

    Without what hangs on who the others are it would be about 133.
    """

    def people(rng, n):
        mine = rng.random(n) < 0.3
        x, z = rng.normal(size=n) + mine, rng.normal(size=n) + 0.5 * mine + 0.3
        return pd.DataFrame({"x": x, "z": z}), mine

    def output(f):
        return (f["x"] * f["z"] + f["x"] + f["z"] / 2).to_numpy()

    # E x is .3, E z .8 in the group and .3 in the rest, E x 1 and 0
    gap = (1 * 0.8 + 1 + 0.4) - (0 * 0.3 + 0 + 0.15)
    true, held = gap - (0.3 + 0.5) * 0.5, 0
    for seed in range(150):
        rows, mine = people(np.random.default_rng(seed), 600)
        found = swapped.gone(asked(output), sampled(rows, mine), ["x"], seed)["ethnicity", "b"]
        held += found.lower <= true <= found.upper
    assert 138 <= held < 150


@pytest.mark.parametrize("answer", [np.nan, None])
def test_a_model_that_gives_nothing_on_rows_of_two_people(answer):
    def careful(frame):
        if (frame["x"] == frame["z"]).all():
            return frame["x"].to_numpy()
        if answer is None:
            raise ModelError("these two always agree")
        return np.full(len(frame), answer)

    x = np.arange(60.0)
    rows = pd.DataFrame({"x": x, "z": x})
    assert swapped.gone(asked(careful), sampled(rows, x > 30), ["x"], 0) is None


def test_of_few_people_nothing_is_told():
    rows = pd.DataFrame({"x": np.arange(50.0), "z": 1.0})
    found = swapped.gone(
        asked(lambda f: f["x"].to_numpy()), sampled(rows, np.arange(50) < 5), ["x"], 0
    )
    assert found["ethnicity", "b"] == swapped.Gone(None, None, None)
