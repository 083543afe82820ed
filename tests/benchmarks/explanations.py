"""What explaining costs: beside plain shap on the same rows, and at growing numbers of rows.

The model is histogram gradient boosting behind one-hot encoding, on Adult (Becker and Kohavi 1996)
where the data lie beside the checkout, else on made-up rows of the same shape. More rows than there
are are drawn with replacement, their numbers moved a little. Explaining is everything that reads
the kept rows: attributions, intervals, ranks and checks; scoring is what comes before, over all
rows. Seconds are of the processor, of all threads together: those of a clock say more of what else
runs. Compare ratios within one run.

    python tests/benchmarks/explanations.py --rows 1e4 1e5 1e6 --cap 2000
"""

import argparse
import time
import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

ADULT = Path(__file__).parents[3] / "shared" / "data" / "adult"
NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
LABEL, WEIGHT = "income", "fnlwgt"


def adult() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and rows to audit."""
    if (ADULT / "adult_test.csv").exists():
        return pd.read_csv(ADULT / "adult_train.csv.gz"), pd.read_csv(ADULT / "adult_test.csv")
    rng = np.random.default_rng(0)
    n = 48_842
    made = pd.DataFrame({name: rng.lognormal(3, 0.5, n).round() for name in NUMBERS})
    for name, levels in {"workclass": 8, "marital_status": 7, "occupation": 14, "race": 5}.items():
        made[name] = rng.choice([f"{name} {i}" for i in range(levels)], n)
    made["sex"] = rng.choice(["Female", "Male"], n)
    push = made["age"] / 10 + (made["sex"] == "Male") + rng.logistic(size=n)
    made[LABEL] = np.where(push > push.quantile(0.76), ">50K", "<=50K")
    return made[: n // 3 * 2], made[n // 3 * 2 :]


def drawn(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """The rows themselves, or as many as asked for, drawn from them and moved a little."""
    if count == len(rows):
        return rows
    rng = np.random.default_rng(1)
    taken = rows.iloc[rng.integers(0, len(rows), count)].reset_index(drop=True)
    for name in NUMBERS:
        taken[name] = taken[name] + rng.integers(0, 3, count)
    return taken


def fitted(rows: pd.DataFrame, features: list[str]):
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    text = [name for name in features if name not in NUMBERS]
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text),
        remainder="passthrough",
    )
    boosting = HistGradientBoostingClassifier(random_state=0)
    return make_pipeline(encoder, boosting).fit(rows[features], rows[LABEL])


def plain(model, rows: pd.DataFrame) -> float:
    """Processor seconds that shap takes for the rows alone: no checks, groups or intervals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap

        start = time.process_time()
        explainer = shap.TreeExplainer(model[-1], feature_perturbation="tree_path_dependent")
        explainer.shap_values(model[:-1].transform(rows), check_additivity=False)
    return time.process_time() - start


def measured(model, rows: pd.DataFrame, features: list[str], cap: int) -> dict[str, object]:
    """Score and explain as an audit does, and let shap explain as many of the rows."""
    from auditkit.evidence.gather import gather
    from auditkit.explain.explained import explained
    from auditkit.plan import make_plan

    plan = make_plan(
        {
            "data": {"label": LABEL, "positive": ">50K", "outcome": "benefit"},
            "attributes": {"sex": {}, "race": {}},
            "model": {"features": features},
            "policy": {"use": "minimal"},
            "explain": {"rows": cap},
        }
    )
    start = time.process_time()
    with closing(gather(plan, rows, model, lambda *told: None, None)) as evidence:
        scored = time.process_time()
        found = explained(plan, evidence, lambda *told: None).explanation
        done = time.process_time()
        some = evidence.sample.rows.iloc[: found.rows]
        return {
            "rows": len(rows),
            "explained": found.rows,
            "ended by": found.limited_by,
            "off by / aim": f"{found.half_width:.3g} / {found.half_width_aim:.3g}",
            "scoring s": round(scored - start, 1),
            "explaining s": round(done - scored, 1),
            "plain shap s": round(alone := plain(model, some), 1),
            "ratio": round((done - scored) / alone, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, nargs="*", default=[1e4, 1e5, 1e6])
    parser.add_argument("--cap", type=int, nargs="*", default=[2000])
    given = parser.parse_args()
    learned, audited = adult()
    features = [name for name in learned if name not in (LABEL, WEIGHT)]
    model = fitted(learned, features)
    plain(model, audited[features].iloc[:50])  # shap takes a second to import
    found = [
        measured(model, drawn(audited, int(count)), features, cap)
        for cap in given.cap
        for count in (len(audited), *given.rows)
    ]
    print(pd.DataFrame(found).to_string(index=False))


if __name__ == "__main__":
    main()
