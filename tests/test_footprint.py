"""What a model costs to ask: told in the report where the plan wants it, never in the record."""

import json
import time

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import auditkit
from auditkit import footprint as measured
from auditkit.evidence.gather import gather
from auditkit.footprint import footprint
from auditkit.plan import make_plan


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(4)
    n = 400
    rows = pd.DataFrame({"x": rng.normal(size=n), "t": rng.choice(["u", "v"], n)})
    return rows.assign(
        g=rng.choice(["a", "b"], n),
        y=np.where(rows["x"] + rng.normal(size=n) > 0, "yes", "no"),
    )


def plan(*, wanted=True):
    return make_plan(
        {
            "data": {"label": "y", "positive": "yes", "outcome": "benefit"},
            "attributes": {"g": {"column": "g"}},
            "policy": {"use": "minimal"},
            "explain": {"rows": 0},
            "report": {"footprint": wanted},
        }
    )


def told(model, people, **changes):
    asked = plan(**changes)
    return footprint(asked, gather(asked, people, model, lambda *_: None))


class Slow:
    """A model that takes its time: 50 ms a call."""

    classes_ = ("no", "yes")
    feature_names_in_ = ("x",)

    def predict(self, rows):
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
        return np.where(rows["x"] > 0, "yes", "no")


def test_a_slow_model_is_told_as_slow_and_a_smaller_one_beside_it(people):
    found = told(Slow(), people)
    assert 0.05 <= found.model.seconds < 0.5
    assert found.smaller.seconds < found.model.seconds
    assert found.model.size < found.smaller.size  # it holds nothing
    assert (found.from_file, found.apart) == (False, False)
    assert found.audit_seconds > 0


def test_a_large_model_is_told_as_large(people):
    small = LogisticRegression().fit(people[["x"]], people["y"])
    large = RandomForestClassifier(50, random_state=0).fit(people[["x"]], people["y"])
    assert told(large, people).model.size > 100 * told(small, people).model.size


def test_the_size_of_a_file_is_its_own(people, tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(LogisticRegression().fit(people[["x"]], people["y"]), path)
    found = told(path, people)
    assert (found.model.size, found.from_file) == (path.stat().st_size, True)


def test_energy_is_that_which_the_processors_count(people, tmp_path, monkeypatch):
    (tmp_path / "intel-rapl:0").mkdir()
    counter = tmp_path / "intel-rapl:0" / "energy_uj"
    monkeypatch.setattr(measured, "COUNTERS", str(tmp_path))

    class Burns(Slow):
        def predict(self, rows):
            counter.write_text(str(int(counter.read_text()) + 7_000_000))
            return super().predict(rows)

    counter.write_text("0")
    assert told(Burns(), people).model.joules == 7.0
    (tmp_path / "intel-rapl:0").rename(tmp_path / "other")
    monkeypatch.setattr(measured, "COUNTERS", str(tmp_path / "nowhere"))
    assert told(Slow(), people).model.joules is None


def test_a_model_that_decides_alike_for_everybody_has_nothing_beside_it(people):
    class Always(Slow):
        def predict(self, rows):
            return np.full(len(rows), "yes")

    assert told(Always(), people).smaller is None


def test_a_model_in_a_process_of_its_own_is_measured_there(people, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=200, verbose=-1).fit(people[["x"]], people["y"])
    model.booster_.save_model(tmp_path / "m")
    asked = plan().model_copy(
        update={"model": plan().model.model_copy(update={"classes": ("no", "yes")})}
    )
    found = footprint(asked, gather(asked, people, tmp_path / "m", lambda *_: None))
    assert found.apart
    assert found.model.seconds > 0
    assert found.model.memory > 20_000_000


def test_without_being_asked_nothing_is_measured(people):
    assert told(Slow(), people, wanted=False) is None


def test_the_page_tells_it_and_the_record_does_not(people, tmp_path):
    people.to_csv(tmp_path / "rows.csv", index=False)
    skops.io.dump(LogisticRegression().fit(people[["x"]], people["y"]), tmp_path / "m.skops")
    text = (
        '[data]\nsource = "rows.csv"\nlabel = "y"\npositive = "yes"\noutcome = "benefit"\n'
        '[model]\nsource = "m.skops"\n[attributes.g]\n[policy]\nuse = "minimal"\n'
        "[explain]\nrows = 0\n[report]\nfootprint = {}\n"
    )
    records = []
    for wanted in ("true", "false"):
        (tmp_path / "audit.toml").write_text(text.format(wanted))
        made = auditkit.run(tmp_path / "audit.toml")
        files = made.files()
        assert ("What the model costs to ask" in files["report.html"]) == (wanted == "true")
        record = json.loads(files["audit.json"])
        del record["provenance"]  # the plans differ
        records.append(record)
    assert records[0] == records[1]
