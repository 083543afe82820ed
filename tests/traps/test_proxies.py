"""Ways in which a proxy is missed, or one is seen where there is none."""

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import auditkit as ak
from auditkit.explain import proxies
from auditkit.explain.telling import by_one, groups_of, read
from auditkit.report.story.proxies import times
from auditkit.results import TOGETHER


def audited(data, features, **more):
    model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(data[features], data["y"])
    asked = {"label": "y", "positive": "yes", "outcome": "benefit", "policy": "minimal"}
    return ak.audit(model, data, **{**asked, "explain": {"rows": 0}, **more})


def shown(made, attribute):
    table = made.table("proxies")
    return set(table[(table["attribute"] == attribute) & (table["adjusted_p"] <= 0.05)]["feature"])


def test_a_group_that_is_sampled_densely_makes_no_proxy_of_what_it_has(monkeypatch):
    """Three in a hundred live in a camp and are most of those sampled of the majority: in the
    sample, but not among the people, a camp's index goes with the majority.
    """
    rng = np.random.default_rng(1)
    n = 20_000
    data = pd.DataFrame(
        {
            "ethnicity": np.where(rng.random(n) < 0.1, "b", "a"),
            "camp": np.where(rng.random(n) < 0.03, "camp", "town"),
            "rooms": rng.normal(size=n),
            "y": rng.choice(["no", "yes"], n),
        }
    )
    data["index"] = rng.normal(size=n) + 4 * (data["camp"] == "camp")
    seen = {}
    looked = proxies.telling.groups_of

    def spied(sample, contrasts):
        seen[contrasts[0].attribute] = (sample, contrasts)
        return looked(sample, contrasts)

    monkeypatch.setattr(proxies.telling, "groups_of", spied)
    made = audited(data, ["index", "rooms"], attributes=["ethnicity", "camp"])
    assert shown(made, "camp") == {"index", TOGETHER}
    assert shown(made, "ethnicity") == set()
    sample, contrasts = seen["ethnicity"]  # the trap is one: unweighted it would tell
    groups = groups_of(sample, contrasts)
    plain = replace(groups, weight=np.ones(len(groups.of)))
    assert by_one(read(sample.rows["index"]), plain)[0].area > 0.6


def test_a_column_that_says_something_only_by_being_empty():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"displaced": rng.choice(["no", "yes"], 1000), "y": ["no", "yes"] * 500})
    known = rng.random(1000) < np.where(data["displaced"] == "yes", 0.3, 0.9)
    data["land"] = np.where(known, rng.normal(size=1000), np.nan)
    data["rooms"] = rng.normal(size=1000)
    assert shown(audited(data, ["land", "rooms"], attributes=["displaced"]), "displaced") == {
        "land", TOGETHER,
    }  # fmt: skip


def test_two_columns_of_which_neither_tells_alone():
    rng = np.random.default_rng(3)
    left, right = (rng.random((2, 1500)) < 0.5).astype(float)
    data = pd.DataFrame({"left": left, "right": right, "y": ["no", "yes"] * 750})
    data["ethnicity"] = np.where(rng.random(1500) < 0.1, left == right, left != right).astype(str)
    for i in range(8):
        data[f"noise_{i}"] = rng.normal(size=1500)
    features = ["left", "right", *(f"noise_{i}" for i in range(8))]
    made = audited(data, features, attributes=["ethnicity"])
    assert shown(made, "ethnicity") == {TOGETHER}


def test_an_input_that_errs_is_not_said_to_tell_100_times_in_100():
    assert [times(share) for share in (0.5, 0.994, 0.996, 0.99996, 1.0)] == [
        "50", "99", "99.6", "99.9", "100",
    ]  # fmt: skip
